//! The attribute names of each dialect. Of two names for one thing, the one further up counts.

mod genai;
mod langfuse;
mod litellm;
mod openinference;
mod openllmetry;
mod vercel;

use super::facts::Fact;

/// Every dialect's table, the best first.
pub(super) const TABLES: [&[(&str, Fact)]; 6] =
    [langfuse::NAMES, genai::NAMES, openllmetry::NAMES, openinference::NAMES, vercel::NAMES, litellm::NAMES];

/// Names that start like this carry a pair of free metadata.
pub(super) const PREFIXES: [&str; 5] = [
    "traceloop.association.properties.",
    "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
    "ai.telemetry.metadata.",
    "metadata.",
];

/// Prompts and answers: never kept, whoever sends them.
pub(super) fn is_content(key: &str) -> bool {
    const CONTENT: [&str; 17] = [
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.input",
        "gen_ai.output",
        "gen_ai.system_instructions",
        "gen_ai.tool.",
        "llm.input_messages",
        "llm.output_messages",
        "llm.prompts",
        "llm.tools",
        "embedding.embeddings",
        "input.",
        "traceloop.entity.",
        "langfuse.observation.input",
        "langfuse.observation.output",
        "ai.prompt",
        "pydantic_ai.all_messages",
    ];
    CONTENT.iter().any(|prefix| key.starts_with(prefix))
}

/// Names of instrumentation: what they say beyond the tables is about code, transport and machines.
/// They are counted, where an application's own attributes become tags.
pub(super) fn is_technical(key: &str) -> bool {
    const TECHNICAL: [&str; 42] = [
        "gen_ai.",
        "llm.",
        "openinference.",
        "ai.",
        "langfuse.",
        "traceloop.",
        "logfire.",
        "pydantic_ai.",
        "openai.",
        "anthropic.",
        "tensorzero.",
        "retrieval.",
        "reranker.",
        "embedding.",
        "message.",
        "output.",
        "hidden_params",
        "model_request_parameters",
        "http.",
        "url.",
        "server.",
        "client.",
        "network.",
        "net.",
        "peer.",
        "rpc.",
        "db.",
        "messaging.",
        "error",
        "exception.",
        "code.",
        "thread.",
        "otel.",
        "telemetry.",
        "process.",
        "os.",
        "host.",
        "container.",
        "k8s.",
        "cloud.",
        "service.instance.",
        "event.",
    ];
    TECHNICAL.iter().any(|prefix| key.starts_with(prefix))
}
