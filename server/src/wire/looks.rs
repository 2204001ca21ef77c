//! What an item of JSON looks like, for saying what a file is that was read as something else.

use super::object::Object;
use super::source::Source;
use super::{claude_code, codex};

/// What an item looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A call as this source writes it.
    Source(Source),
    /// An outcome in Quipu's own form.
    Outcome,
    /// A line of a session log of Claude Code.
    ClaudeCode,
    /// A line of a session log of the Codex CLI.
    Codex,
    /// An export request of OTLP.
    Otlp,
}

impl Look {
    /// What an item looks like; `None` when it is no object, or none that is known.
    pub fn of(text: &str) -> Option<Self> {
        let item = Object::parse("", text).ok()?;
        if item.has_any(&["resourceSpans", "resourceLogs", "resourceMetrics"]) {
            return Some(Self::Otlp);
        }
        if codex::recognises(&item) {
            return Some(Self::Codex);
        }
        if claude_code::recognises(&item) {
            return Some(Self::ClaudeCode);
        }
        match Source::of(&item) {
            Source::Native if item.has_any(&["usage", "model", "trace_id", "reported_cost"]) => {
                Some(Self::Source(Source::Native))
            }
            Source::Native if item.has_any(&["job_id", "jobId"]) && item.has_any(&["status", "executionStatus"]) => {
                Some(Self::Outcome)
            }
            Source::Native if item.get("id").is_some() && item.get("at").is_some() => {
                Some(Self::Source(Source::Native))
            }
            Source::Native => None,
            source => Some(Self::Source(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_look_like_what_they_are_and_others_like_nothing() {
        for (text, look) in [
            (r#"{"id": "a", "usage": {"input": 1}}"#, Some(Look::Source(Source::Native))),
            (r#"{"id": "a", "at": 1}"#, Some(Look::Source(Source::Native))),
            (r#"{"job_id": "j", "status": "SUCCESS"}"#, Some(Look::Outcome)),
            (r#"{"type": "summary", "leafUuid": "u"}"#, Some(Look::ClaudeCode)),
            (r#"{"type": "session_meta", "payload": {"id": "s"}}"#, Some(Look::Codex)),
            (r#"{"resourceSpans": [{}]}"#, Some(Look::Otlp)),
            (r#"{"litellm_call_id": "c"}"#, Some(Look::Source(Source::LiteLlm))),
            (r#"{"name": "anything"}"#, None),
            ("[1]", None),
            ("root:x:0:0", None),
        ] {
            assert_eq!(Look::of(text), look, "{text}");
        }
    }
}
