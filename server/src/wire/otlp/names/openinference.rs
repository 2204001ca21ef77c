//! OpenInference (Arize Phoenix and its instrumentors).

use super::super::facts::Fact::{self, *};

pub(super) const NAMES: &[(&str, Fact)] = &[
    ("openinference.span.kind", OpenInferenceKind),
    ("llm.provider", Provider),
    ("llm.system", Provider),
    ("llm.response.model_name", ResponseModel),
    ("llm.model_name", ResponseModel),
    ("embedding.model_name", ResponseModel),
    ("reranker.model_name", ResponseModel),
    ("llm.request.model_name", RequestModel),
    ("llm.token_count.prompt", Input),
    ("llm.token_count.completion", Output),
    ("llm.token_count.total", Total),
    ("llm.token_count.prompt_details.cache_read", CacheRead),
    ("llm.token_count.prompt_details.cache_write", CacheWrite),
    ("llm.token_count.prompt_details.audio", AudioInput),
    ("llm.token_count.completion_details.reasoning", Reasoning),
    ("llm.token_count.completion_details.audio", AudioOutput),
    ("llm.cost.total", Cost),
    ("llm.finish_reason", StopReason),
    ("session.id", Session),
    ("user.id", User),
    ("user.email", UserEmail),
    ("agent.name", Agent),
    ("tool.name", ToolName),
    ("metadata", Metadata),
    ("tag.tags", Labels),
    ("llm.invocation_parameters", InvocationParameters),
    ("embedding.invocation_parameters", InvocationParameters),
    ("output.value", Answer),
];
