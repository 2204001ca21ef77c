//! The Vercel AI SDK up to version 6; from 7 on it speaks OpenTelemetry's names.

use super::super::facts::Fact::{self, *};

pub(super) const NAMES: &[(&str, Fact)] = &[
    ("ai.operationId", VercelOperation),
    ("ai.model.provider", Provider),
    ("ai.response.model", ResponseModel),
    ("ai.model.id", RequestModel),
    ("ai.response.id", ResponseId),
    ("ai.usage.inputTokens", Input),
    ("ai.usage.promptTokens", Input),
    ("ai.usage.tokens", Input),
    ("ai.usage.outputTokens", Output),
    ("ai.usage.completionTokens", Output),
    ("ai.usage.inputTokenDetails.cacheReadTokens", CacheRead),
    ("ai.usage.cachedInputTokens", CacheRead),
    ("ai.usage.inputTokenDetails.cacheWriteTokens", CacheWrite),
    ("ai.usage.outputTokenDetails.reasoningTokens", Reasoning),
    ("ai.usage.reasoningTokens", Reasoning),
    ("ai.usage.totalTokens", Total),
    ("ai.response.finishReason", StopReason),
    ("ai.response.msToFirstChunk", FirstChunkMillis),
    ("ai.telemetry.functionId", TaskType),
    ("ai.telemetry.metadata.tags", Labels),
    ("ai.response.providerMetadata", ProviderMetadata),
    ("ai.toolCall.name", ToolName),
];
