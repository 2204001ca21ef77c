//! LiteLLM's OpenTelemetry callback, beyond the names of OpenTelemetry.

use super::super::facts::Fact::{self, *};

pub(super) const NAMES: &[(&str, Fact)] =
    &[("llm.user", User), ("error.code", HttpStatus), ("error.message", StatusMessage)];
