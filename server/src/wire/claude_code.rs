//! Session logs of Claude Code: one JSON object per line.
//!
//! One answer of the model is written as several lines with the same message and request
//! id, the early ones with a placeholder for the output tokens; the last line counts. Usage
//! is in Anthropic's convention: `input_tokens` excludes cache reads and cache writes.

use std::collections::HashMap;

use quipu::{Dimension, Event, Text};

use super::call::Call;
use super::object::Object;
use super::usage::{self, Convention};
use super::{FieldError, Ignored};

/// The calls of one session log, collected line by line.
#[derive(Debug, Default)]
pub struct Session {
    calls: Vec<(u64, Event)>,
    by_id: HashMap<Text, usize>,
    /// Lines that are no call, such as prompts, tool results, summaries and the client's own notices, and those of a call
    /// that later ones of it take the place of.
    pub skipped: u64,
    /// What was read but has no place in a call.
    pub ignored: Ignored,
}

impl Session {
    /// Takes line `number`.
    ///
    /// # Errors
    /// What is wrong with the line, which is then left out.
    pub fn line(&mut self, number: u64, text: &str) -> Result<(), FieldError> {
        let Some(mut event) = call(text, &mut self.ignored)? else {
            self.skipped += 1;
            return Ok(());
        };
        let id = event.id.clone().unwrap_or_default();
        match self.by_id.get(&id) {
            Some(at) => {
                let (first_line, first) = &self.calls[*at];
                // The call began when its first line was written.
                event.at = first.at;
                self.calls[*at] = (*first_line, event);
                self.skipped += 1;
            }
            None => {
                self.by_id.insert(id, self.calls.len());
                self.calls.push((number, event));
            }
        }
        Ok(())
    }

    /// The calls in the order they began, with the line of each.
    pub fn into_calls(self) -> Vec<(u64, Event)> {
        self.calls
    }
}

/// Whether an object is a line of a session log; most lines are no calls.
pub(super) fn recognises(line: &Object<'_>) -> bool {
    line.get("type").is_some() && line.has_any(&["sessionId", "leafUuid", "messageId", "uuid"])
}

/// The call that a line speaks of, if it speaks of one.
fn call(text: &str, ignored: &mut Ignored) -> Result<Option<Event>, FieldError> {
    let line = Object::parse("", text)?;
    if line.text("type")?.as_deref() != Some("assistant") {
        return Ok(None);
    }
    let Some(message) = line.object("message")? else { return Ok(None) };
    let Some(usage) = message.object("usage")? else { return Ok(None) };
    let model = message.text("model")?;
    if model.as_deref() == Some("<synthetic>") {
        return Ok(None);
    }
    let message_id = message.text("id")?;
    let request_id = line.text("requestId")?;
    let id = match (&message_id, &request_id) {
        (Some(message), Some(request)) => format!("claude-code:{message}:{request}"),
        (Some(message), None) => format!("claude-code:{message}"),
        (None, _) => match line.text("uuid")? {
            Some(uuid) => format!("claude-code:{uuid}"),
            None => return Err(FieldError::field("message.id", "is missing, and uuid too")),
        },
    };
    let mut call = Call::new("claude-code", ignored);
    call.event.id = Some(id.into());
    call.event.at = line.time("timestamp")?;
    call.set_some(Dimension::SessionId, line.text("sessionId")?);
    call.set_some(Dimension::OperationSubtype, (line.get("isSidechain") == Some("true")).then_some("sidechain"));
    call.set(Dimension::Operation, "chat");
    call.set(Dimension::Agent, "claude-code");
    call.set_some(Dimension::AgentVersion, line.text("version")?);
    call.set(Dimension::Provider, "anthropic");
    call.set_some(Dimension::Model, model);
    call.set_some(Dimension::ServiceTier, usage.text("service_tier")?);
    call.set_some(Dimension::StopReason, message.text("stop_reason")?);
    call.set(Dimension::UsageSource, "provider");
    call.set_some(Dimension::RequestId, message_id);
    for (key, tag) in [("cwd", "cwd"), ("gitBranch", "git_branch")] {
        if let Some(value) = line.text(key)? {
            call.tag(tag, &value);
        }
    }
    if let Some((counts, _)) = usage::read(&usage)? {
        counts.apply(Convention::ANTHROPIC, &mut call.event);
    }
    Ok(Some(call.event))
}

#[cfg(test)]
mod tests {
    use quipu::TokenMeter;

    use super::*;

    fn line(extra: &str, usage: &str) -> String {
        format!(
            r#"{{"type":"assistant","sessionId":"s","version":"2.0.1","timestamp":"2026-01-31T08:00:00.5Z"{extra},
                "requestId":"req_1","message":{{"id":"msg_1","model":"claude-x","stop_reason":"tool_use","usage":{usage}}}}}"#
        )
    }

    fn calls(lines: &[String]) -> Vec<(u64, Event)> {
        let mut session = Session::default();
        for (number, line) in (1..).zip(lines) {
            session.line(number, line).expect("a readable line");
        }
        session.into_calls()
    }

    #[test]
    fn the_last_line_of_a_call_counts_and_the_first_says_when_it_began() {
        let later = line("", r#"{"input_tokens":4,"output_tokens":90}"#).replace("08:00:00.5", "08:00:07");
        let calls = calls(&[line("", r#"{"input_tokens":4,"output_tokens":1}"#), later]);
        assert_eq!(calls.len(), 1);
        let (number, event) = &calls[0];
        assert_eq!((*number, event.quantity(TokenMeter::Output)), (1, 90));
        assert_eq!(event.at.map(|at| at.to_string()).as_deref(), Some("2026-01-31T08:00:00.5Z"));
        assert_eq!(event.id.as_deref(), Some("claude-code:msg_1:req_1"));
    }

    #[test]
    fn cache_writes_are_split_by_lifetime_and_the_rest_is_five_minutes() {
        let usage = r#"{"input_tokens":1,"cache_creation_input_tokens":100,"cache_read_input_tokens":7,"output_tokens":2,
                       "cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":60}}"#;
        let (_, event) = &calls(&[line(r#","isSidechain":true"#, usage)])[0];
        assert_eq!(event.quantity(TokenMeter::CacheWrite5m), 40);
        assert_eq!(event.quantity(TokenMeter::CacheWrite1h), 60);
        assert_eq!(event.quantity(TokenMeter::CacheRead), 7);
        assert_eq!(event.get(Dimension::OperationSubtype), Some("sidechain"));
        assert_eq!(event.get(Dimension::StopReason), Some("tool_call"));
    }

    #[test]
    fn other_lines_are_no_calls_and_bad_ones_name_the_field() {
        let mut session = Session::default();
        for other in [r#"{"type":"user","message":{"usage":1}}"#, r#"{"type":"summary"}"#] {
            session.line(1, other).expect("a readable line");
        }
        assert_eq!((session.skipped, session.calls.len()), (2, 0));
        let bad = session.line(3, &line("", r#"{"input_tokens":-1}"#)).expect_err("a negative count");
        assert_eq!(bad.field.as_deref(), Some("message.usage.input_tokens"));
        assert!(session.line(4, "{").expect_err("half a line").message.contains("broken JSON"));
    }
}
