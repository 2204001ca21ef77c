//! What a span is: a call, a tool, or something around them.

use super::facts::{Fact, Facts};

/// The part a span plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Role {
    /// A call to a model.
    Call,
    /// A call to a tool.
    Tool,
    /// An agent, a chain, a workflow, a request: it counts only if it carries usage that no call inside it does.
    Container,
}

const TOKENS: [Fact; 8] = [
    Fact::Input,
    Fact::Output,
    Fact::CacheRead,
    Fact::CacheWrite,
    Fact::Reasoning,
    Fact::UsageJson,
    Fact::Total,
    Fact::Write5m,
];

/// Whether a span carries usage.
pub(super) fn bears_tokens(facts: &Facts<'_>) -> bool {
    facts.has_any(&TOKENS)
}

/// Whether a span around calls can only repeat what they say: the Vercel AI SDK's outer spans always have inner ones.
pub(super) fn only_repeats(role: Role, facts: &Facts<'_>) -> bool {
    role == Role::Container && facts.get(Fact::VercelOperation).is_some()
}

/// The role, by the most telling of the dialects' own marks.
pub(super) fn of(facts: &Facts<'_>) -> Role {
    let word = |fact| facts.text(fact).map(|text| text.trim().to_ascii_lowercase());
    if let Some(kind) = word(Fact::OpenInferenceKind) {
        return match kind.as_str() {
            "llm" | "embedding" | "reranker" => Role::Call,
            "tool" => Role::Tool,
            _ => Role::Container,
        };
    }
    if let Some(kind) = word(Fact::LangfuseType) {
        return match kind.as_str() {
            "generation" | "embedding" => Role::Call,
            "tool" => Role::Tool,
            _ => Role::Container,
        };
    }
    if let Some(operation) = facts.text(Fact::VercelOperation) {
        return match operation.rsplit('.').next().unwrap_or_default() {
            "doGenerate" | "doStream" | "doEmbed" => Role::Call,
            "toolCall" => Role::Tool,
            _ => Role::Container,
        };
    }
    if let Some(operation) = word(Fact::Operation) {
        return match operation.as_str() {
            "execute_tool" => Role::Tool,
            "invoke_agent" | "create_agent" | "agent_step" | "invoke_workflow" | "plan" => Role::Container,
            _ => Role::Call,
        };
    }
    if facts.get(Fact::RequestType).is_some() {
        return Role::Call;
    }
    match word(Fact::TraceloopKind).as_deref() {
        Some("tool") => Role::Tool,
        Some(_) => Role::Container,
        None if bears_tokens(facts) => Role::Call,
        None => Role::Container,
    }
}
