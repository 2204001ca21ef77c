//! One word for one thing: providers, stop reasons and operations as events spell them.

use std::borrow::Cow;

/// Whether a text is one of the ways to say nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "" | "None" | "null" | "undefined" | "unattributed")
}

/// Who bills, as part of the price class; a name that is not known is only lower-cased.
///
/// The Vercel AI SDK appends the kind of endpoint (`openai.chat`), which is cut off.
pub(super) fn provider(name: &str) -> Cow<'_, str> {
    let lower = lower(name.trim());
    let known = match lower.as_ref() {
        "gcp.gemini" | "gemini" | "google_genai" | "google" | "google.generative-ai" | "google_ai_studio" => "google",
        "gcp.vertex_ai" | "vertex_ai" | "vertexai" | "vertex" | "google.vertex" | "gcp.gen_ai" => "google-vertex",
        "aws.bedrock" | "aws" | "amazon" | "bedrock" | "bedrock_converse" | "amazon-bedrock" => "aws-bedrock",
        "az.ai.openai" | "azure.ai.openai" | "azure" | "azure_openai" => "azure-openai",
        "az.ai.inference" | "azure.ai.inference" | "azure_ai" => "azure-ai",
        "mistral_ai" | "mistralai" => "mistral",
        "x_ai" | "xai" => "xai",
        "together_ai" | "togetherai" => "together",
        "moonshot_ai" | "moonshotai" => "moonshot",
        "ibm.watsonx.ai" => "watsonx",
        _ => "",
    };
    if !known.is_empty() {
        return Cow::Borrowed(known);
    }
    match lower.split_once('.') {
        // `anthropic.messages`, `amazon-bedrock.converse`: the part before the dot is a provider of its own.
        Some((head, _)) if !head.is_empty() => Cow::Owned(provider(head).into_owned()),
        _ => lower,
    }
}

/// Why the model stopped; a word that is not known is only lower-cased.
pub(super) fn stop_reason(reason: &str) -> Cow<'_, str> {
    let lower = lower(reason.trim());
    let known = match lower.as_ref() {
        "stop" | "end_turn" | "end" | "complete" | "completed" | "finish" | "finished" | "eos" => "stop",
        "length" | "max_tokens" | "max_output_tokens" | "token_limit" | "model_context_window_exceeded" => "length",
        "tool_calls" | "tool-calls" | "tool_call" | "tool_use" | "function_call" | "end_sequence" => "tool_call",
        "content_filter" | "content_filtered" | "content-filter" | "guardrail_intervened" | "safety" => {
            "content_filter"
        }
        "stop_sequence" => "stop_sequence",
        "timeout" => "timeout",
        "cost_limit" | "completion_limit" => "other",
        _ => return lower,
    };
    Cow::Borrowed(known)
}

/// What was asked of the model; a word that is not known is only lower-cased.
///
/// Gateways write the name of the function they were called by (`acompletion`), Revenium the kind of
/// call (`EMBED`).
pub(super) fn operation(name: &str) -> Cow<'_, str> {
    let lower = lower(name.trim());
    let known = match lower.as_ref() {
        "chat"
        | "completion"
        | "acompletion"
        | "generate_content"
        | "agenerate_content"
        | "anthropic_messages"
        | "responses"
        | "aresponses"
        | "message"
        | "llm"
        | "invoke_agent"
        | "generate_content_stream" => "chat",
        "text_completion" | "atext_completion" => "completion",
        "embeddings" | "embedding" | "aembedding" | "embed" => "embedding",
        "rerank" | "arerank" | "reranker" => "rerank",
        "image" | "image_generation" | "aimage_generation" | "image_edit" | "aimage_edit" => "image",
        "speech" | "aspeech" | "transcription" | "atranscription" | "audio" => "audio",
        "tool" | "tool_call" | "execute_tool" | "mcp" | "call_mcp_tool" => "tool",
        _ => return lower,
    };
    Cow::Borrowed(known)
}

/// The service tier in lower case. What costs the standard price is known to the price book under all its names.
pub(super) fn service_tier(tier: &str) -> Cow<'_, str> {
    let lower = lower(tier.trim());
    match lower.as_ref() {
        "on_demand_flex" => Cow::Borrowed("flex"),
        "on_demand_priority" => Cow::Borrowed("priority"),
        _ => lower,
    }
}

pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_spellings_are_one_word() {
        for (name, expected) in [
            ("OpenAI", "openai"),
            ("openai.chat", "openai"),
            ("anthropic.messages", "anthropic"),
            ("gcp.vertex_ai", "google-vertex"),
            ("google.generative-ai", "google"),
            ("amazon-bedrock", "aws-bedrock"),
            ("AZURE", "azure-openai"),
            ("somebody-new", "somebody-new"),
        ] {
            assert_eq!(provider(name), expected, "{name}");
        }
        assert_eq!((stop_reason("END_TURN"), stop_reason("tool-calls")), ("stop".into(), "tool_call".into()));
        assert_eq!((operation("aembedding"), operation("EMBED")), ("embedding".into(), "embedding".into()));
        assert_eq!((service_tier("default"), service_tier("ON_DEMAND_FLEX")), ("default".into(), "flex".into()));
        assert!(is_nothing(" None ") && !is_nothing("nothing"));
    }
}
