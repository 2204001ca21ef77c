//! Langfuse's SDK over OTLP.

use super::super::facts::Fact::{self, *};

pub(super) const NAMES: &[(&str, Fact)] = &[
    ("langfuse.observation.type", LangfuseType),
    ("langfuse.observation.model.name", ResponseModel),
    ("langfuse.observation.usage_details", UsageJson),
    ("langfuse.observation.cost_details", CostJson),
    ("langfuse.observation.completion_start_time", FirstChunkAt),
    ("langfuse.observation.level", Level),
    ("langfuse.observation.status_message", StatusMessage),
    ("langfuse.observation.prompt.name", PromptName),
    ("langfuse.observation.prompt.version", PromptVersion),
    ("langfuse.trace.name", TraceName),
    ("langfuse.trace.tags", Labels),
    ("langfuse.user.id", User),
    ("langfuse.session.id", Session),
    ("langfuse.environment", Environment),
    ("langfuse.version", PromptVersion),
];
