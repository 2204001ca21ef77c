//! OpenLLMetry (Traceloop), beyond the names of OpenTelemetry.

use super::super::facts::Fact::{self, *};

pub(super) const NAMES: &[(&str, Fact)] = &[
    ("traceloop.span.kind", TraceloopKind),
    ("llm.request.type", RequestType),
    ("llm.usage.total_tokens", Total),
    ("llm.usage.reasoning_tokens", Reasoning),
    ("llm.usage.cache_read_input_tokens", CacheRead),
    ("llm.usage.cache_creation_input_tokens", CacheWrite),
    ("llm.response.finish_reason", StopReason),
    ("llm.response.stop_reason", StopReason),
    ("llm.is_streaming", Streaming),
    ("traceloop.workflow.name", Workflow),
    ("traceloop.prompt.key", PromptName),
    ("traceloop.prompt.version", PromptVersion),
];
