//! What a provider's answer says of the call: model, usage, why it stopped, what it cost.

use std::borrow::Cow;

use quipu::{Dimension, Number, Timestamp};

use super::super::call::Call;
use super::super::json::Kind;
use super::super::object::Object;
use super::super::usage::{self, Convention, Counts};
use super::super::{FieldError, decimal};
use super::stream;

/// The facts of one answer; those of a stream are gathered from its events.
#[derive(Debug, Default)]
pub(in crate::wire) struct Answer {
    pub(in crate::wire) counts: Option<(Counts, Convention)>,
    pub(in crate::wire) id: Option<String>,
    pub(in crate::wire) model: Option<String>,
    /// Who answered, where the answer's form tells.
    pub(in crate::wire) provider: Option<&'static str>,
    operation: Option<&'static str>,
    stop_reason: Option<String>,
    service_tier: Option<String>,
    region: Option<String>,
    /// USD as the provider itself charged them.
    cost: Option<String>,
    latency_ms: Option<u64>,
    created: Option<Timestamp>,
    failed: bool,
}

impl Answer {
    /// Reads a recorded answer: a document, or the text of a stream.
    ///
    /// # Errors
    /// The count that is none.
    pub(in crate::wire) fn read(path: &str, body: &str) -> Result<Self, FieldError> {
        let mut answer = Self::default();
        for document in stream::documents(body) {
            // The last line of a stream may be cut off; the ones before it count.
            if let Ok(document) = Object::parse(path, &document) {
                answer.absorb(&document)?;
            }
        }
        Ok(answer)
    }

    fn absorb(&mut self, document: &Object<'_>) -> Result<(), FieldError> {
        self.facts(document)?;
        for name in ["response", "message", "delta", "interaction", "x_groq", "metadata"] {
            if let Some(inner) = document.object_if(name)? {
                self.facts(&inner)?;
            }
        }
        Ok(())
    }

    fn facts(&mut self, document: &Object<'_>) -> Result<(), FieldError> {
        let text = |name| document.text(name).ok().flatten().map(Cow::into_owned);
        let set = |slot: &mut Option<String>, value: Option<String>| {
            if value.is_some() {
                *slot = value;
            }
        };
        if document.get("type").is_none_or(|kind| !kind.contains("block")) {
            set(&mut self.id, text("id").or(text("responseId")).or(text("response_id")));
        }
        set(&mut self.model, text("model").or(text("modelVersion")).map(without_folder));
        set(&mut self.service_tier, text("service_tier"));
        set(&mut self.stop_reason, stop_reason(document));
        self.created = self.created.or_else(|| created(document));
        self.failed |= document.get("error").is_some_and(|error| Kind::of(error) == Kind::Object);
        if let Some(object) = document.text("object").ok().flatten() {
            self.object(&object);
        }
        if document.get("object").is_none() && document.array("data").is_ok_and(|data| is_image(&data)) {
            (self.operation, self.provider) = (Some("image"), self.provider.or(Some("openai")));
        }
        if document.get("type") == Some("\"message\"") {
            self.provider = Some("anthropic");
        }
        if let Some(tier) = document.object_if("serviceTier")? {
            set(&mut self.service_tier, tier.text("type")?.map(Cow::into_owned));
        }
        if let Some(metrics) = document.object_if("metrics")? {
            self.latency_ms = metrics.count("latencyMs").ok().flatten().or(self.latency_ms);
        }
        for name in ["usage", "usageMetadata", "amazon-bedrock-invocationMetrics", "meta"] {
            if let Some(usage) = document.object_if(name)? {
                self.usage(name, &usage)?;
            }
        }
        self.flat_usage(document)
    }

    /// What an object calls itself, in OpenAI's terms.
    fn object(&mut self, object: &str) {
        let operation = match object {
            "chat.completion" | "chat.completion.chunk" | "response" => "chat",
            "text_completion" => "completion",
            "list" | "embedding" => "embedding",
            _ => return,
        };
        self.operation = Some(operation);
        self.provider = self.provider.or(Some("openai"));
    }

    fn usage(&mut self, name: &str, usage: &Object<'_>) -> Result<(), FieldError> {
        let text = |name| usage.text(name).ok().flatten().map(Cow::into_owned);
        self.service_tier = text("service_tier").or(text("serviceTier")).or(self.service_tier.take());
        if name == "usageMetadata" {
            self.provider = Some("google");
            self.service_tier = text("trafficType").or(self.service_tier.take());
        }
        if usage.has_any(&["inputTokens", "inputTokenCount"]) {
            self.provider = Some("aws-bedrock");
        }
        self.region =
            text("inference_geo").filter(|geo| geo != "not_available" && geo != "global").or(self.region.take());
        self.charged(usage)?;
        let Some((counts, convention)) = usage::read(usage)? else { return Ok(()) };
        self.count(counts, convention);
        Ok(())
    }

    /// OpenRouter and xAI say what they charged; with a key of one's own the provider's bill comes on top.
    fn charged(&mut self, usage: &Object<'_>) -> Result<(), FieldError> {
        if let Some(cost) = usage.usd("cost").ok().flatten() {
            let details = usage.object_if("cost_details")?.filter(|_| usage.get("is_byok") == Some("true"));
            let upstream = details.and_then(|details| details.usd("upstream_inference_cost").ok().flatten());
            self.cost = Some((cost + upstream.unwrap_or(quipu::PicoUsd::ZERO)).to_string());
            if usage.has_any(&["cost_details", "is_byok"]) {
                self.provider = Some("openrouter");
            }
        }
        if let Some(ticks) = usage.count("cost_in_usd_ticks").ok().flatten() {
            self.cost = Some(format!("{ticks}e-10"));
        }
        Ok(())
    }

    fn count(&mut self, counts: Counts, convention: Convention) {
        let counts = match self.counts.take() {
            // Anthropic states the input when a stream starts and the output when it ends.
            Some((earlier, before)) if before == convention && convention == Convention::ANTHROPIC => {
                counts.or(earlier)
            }
            _ => counts,
        };
        self.counts = Some((counts, convention));
    }

    /// Counts that stand in the document itself: Ollama, and the older models on Bedrock.
    fn flat_usage(&mut self, document: &Object<'_>) -> Result<(), FieldError> {
        let counts = if document.has_any(&["prompt_eval_count", "eval_count"]) {
            Counts {
                input: document.count("prompt_eval_count")?,
                output: document.count("eval_count")?,
                ..Counts::default()
            }
        } else if document.get("inputTextTokenCount").is_some() {
            let results = document.objects("results")?;
            let mut output = document.count("totalOutputTextTokenCount")?;
            for result in &results {
                output = Some(output.unwrap_or(0).saturating_add(result.count("tokenCount")?.unwrap_or(0)));
            }
            Counts { input: document.count("inputTextTokenCount")?, output, ..Counts::default() }
        } else if document.get("generation_token_count").is_some() {
            Counts {
                input: document.count("prompt_token_count")?,
                output: document.count("generation_token_count")?,
                ..Counts::default()
            }
        } else {
            return Ok(());
        };
        self.count(counts, Convention::OPENAI);
        Ok(())
    }

    /// Takes what response headers say where the answer says nothing.
    pub(in crate::wire) fn headers(&mut self, headers: &Object<'_>) -> Result<(), FieldError> {
        if self.counts.is_none() {
            let counts = Counts {
                input: headers.count("x-amzn-bedrock-input-token-count")?,
                output: headers.count("x-amzn-bedrock-output-token-count")?,
                ..Counts::default()
            };
            if !counts.is_empty() {
                self.counts = Some((counts, Convention::ANTHROPIC));
            }
        }
        self.latency_ms = self.latency_ms.or(headers.count("x-amzn-bedrock-invocation-latency")?);
        Ok(())
    }

    /// Adds what the answer says to a call.
    pub(in crate::wire) fn apply(self, call: &mut Call<'_>) {
        call.set_some(Dimension::Provider, self.provider);
        call.set_some(Dimension::RequestId, self.id.as_deref());
        call.set_some(Dimension::Model, self.model.as_deref());
        call.set_some(Dimension::Operation, self.operation);
        call.set_some(Dimension::StopReason, self.stop_reason.as_deref());
        call.set_some(Dimension::ServiceTier, self.service_tier.as_deref());
        call.set_some(Dimension::Region, self.region.as_deref());
        call.span(self.created, None);
        call.number_some(Number::DurationMs, self.latency_ms);
        if let Some(cost) = &self.cost {
            call.cost(cost);
        }
        if self.failed {
            call.outcome("error", None);
        }
        match self.counts {
            Some((counts, convention)) => {
                let convention = convention.at(call.get(Dimension::Provider));
                counts.apply(convention, &mut call.event);
                call.set(Dimension::UsageSource, "provider");
            }
            None => call.number(Number::UsageMissing, 1),
        }
    }
}

/// Whether a list is of images as OpenAI answers them.
fn is_image(data: &[&str]) -> bool {
    let first = data.first().and_then(|item| Object::parse("", item).ok());
    first.is_some_and(|item| item.has_any(&["b64_json", "revised_prompt"]))
}

fn stop_reason(document: &Object<'_>) -> Option<String> {
    const NAMES: [&str; 5] = ["stop_reason", "stopReason", "finish_reason", "finishReason", "done_reason"];
    let direct = document.first_text(&NAMES).ok().flatten();
    let nested = || {
        let lists = ["choices", "candidates"];
        let first = lists.into_iter().find_map(|list| document.array(list).ok()?.first().copied())?;
        Object::parse("", first).ok()?.first_text(&NAMES).ok().flatten()
    };
    // OpenAI's responses have a status, and a reason only where they were cut short.
    let status = || match document.get("object")? {
        "\"response\"" => match document.object_if("incomplete_details").ok()? {
            Some(details) => details.text("reason").ok().flatten(),
            None => document.text("status").ok().flatten().filter(|status| status == "completed"),
        },
        _ => None,
    };
    direct.or_else(nested).or_else(status).map(Cow::into_owned)
}

/// `models/gemini-2.5-pro` is `gemini-2.5-pro`.
fn without_folder(model: String) -> String {
    model.strip_prefix("models/").map(str::to_owned).unwrap_or(model)
}

/// Seconds since 1970, or RFC 3339.
fn created(document: &Object<'_>) -> Option<Timestamp> {
    let text = document.first_text(&["created", "created_at", "createTime"]).ok().flatten()?;
    match decimal::scaled(&text, 6) {
        Ok(micros) => (micros > 0).then(|| Timestamp::from_micros(micros)),
        Err(_) => Timestamp::parse_rfc3339(&text).ok(),
    }
}
