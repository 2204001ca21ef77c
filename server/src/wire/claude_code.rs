//! Session logs of Claude Code: one JSON object per line.
//!
//! One answer of the model is written as several lines with the same message and request
//! id, the early ones with a placeholder for the output tokens; the last line counts. Usage
//! is in Anthropic's convention: `input_tokens` excludes cache reads and cache writes.

use std::collections::HashMap;

use quipu::{Dimension, Event, Meter, Number, Text, Timestamp, TokenMeter, limits};

use super::json::{self, Kind, Members};
use super::{FieldError, decimal, native};

/// The calls of one session log, collected line by line.
#[derive(Debug, Default)]
pub struct Session {
    calls: Vec<(u64, Event)>,
    by_id: HashMap<Text, usize>,
    /// Lines that are no call: prompts, tool results, summaries, the client's own notices.
    pub skipped: u64,
}

impl Session {
    /// Takes line `number`.
    ///
    /// # Errors
    /// What is wrong with the line, which is then left out.
    pub fn line(&mut self, number: u64, text: &str) -> Result<(), FieldError> {
        let Some(mut event) = call(text)? else {
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

/// The call that a line speaks of, if it speaks of one.
fn call(text: &str) -> Result<Option<Event>, FieldError> {
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
    let mut event = Event { id: Some(id.into()), at: line.time("timestamp")?, ..Event::default() };
    let mut set = |dimension, value: Option<Text>| {
        if let Some(value) = value {
            event.dimensions.insert(dimension, value);
        }
    };
    set(Dimension::SessionId, line.text("sessionId")?);
    set(Dimension::OperationSubtype, (line.get("isSidechain") == Some("true")).then(|| "sidechain".into()));
    set(Dimension::Operation, Some("chat".into()));
    set(Dimension::Agent, Some("claude-code".into()));
    set(Dimension::AgentVersion, line.text("version")?);
    set(Dimension::Provider, Some("anthropic".into()));
    set(Dimension::Model, model);
    set(Dimension::ServiceTier, usage.text("service_tier")?);
    set(Dimension::StopReason, message.text("stop_reason")?.map(stop_reason));
    set(Dimension::Source, Some("claude-code".into()));
    set(Dimension::UsageSource, Some("provider".into()));
    set(Dimension::RequestId, message_id);
    for (key, tag) in [("cwd", "cwd"), ("gitBranch", "git_branch")] {
        if let Some(value) = line.text(key)?
            && !value.is_empty()
            && value.len() <= limits::TAG_VALUE_BYTES
            && !value.chars().any(char::is_control)
        {
            event.tags.insert(tag.into(), value);
        }
    }
    meter(&usage, &mut event)?;
    Ok(Some(event))
}

fn meter(usage: &Object<'_>, event: &mut Event) -> Result<(), FieldError> {
    let written = usage.count("cache_creation_input_tokens")?;
    let split = usage.object("cache_creation")?;
    let (stated_5m, stated_1h) = match &split {
        Some(split) => (split.count("ephemeral_5m_input_tokens")?, split.count("ephemeral_1h_input_tokens")?),
        None => (None, None),
    };
    let split_sum = stated_5m.unwrap_or(0).saturating_add(stated_1h.unwrap_or(0));
    // What is not in the split has the default lifetime of five minutes.
    let rest = written.map_or(0, |written| written.saturating_sub(split_sum));
    let write_5m = (stated_5m.is_some() || written.is_some()).then(|| stated_5m.unwrap_or(0).saturating_add(rest));
    let output = usage.count("output_tokens")?;
    let reasoning = match usage.object("output_tokens_details")? {
        Some(details) => details.count("thinking_tokens")?,
        None => None,
    };
    let mut meters = vec![
        (TokenMeter::Input.into(), usage.count("input_tokens")?),
        (TokenMeter::CacheRead.into(), usage.count("cache_read_input_tokens")?),
        (TokenMeter::CacheWrite5m.into(), write_5m),
        (TokenMeter::CacheWrite1h.into(), stated_1h),
        (TokenMeter::Output.into(), output.map(|output| output.saturating_sub(reasoning.unwrap_or(0)))),
        (TokenMeter::Reasoning.into(), reasoning),
    ];
    if let Some(tools) = usage.object("server_tool_use")? {
        let searches = tools.count("web_search_requests")?.filter(|searches| *searches > 0);
        meters.push((Meter::Named("web_search".into()), searches));
    }
    for (meter, quantity) in meters {
        if let Some(quantity) = quantity {
            event.usage.insert(meter, quantity);
        }
    }
    if written.is_some_and(|written| written < split_sum) || reasoning > output {
        event.numbers.insert(Number::UsageMismatch, 1);
    }
    Ok(())
}

/// Anthropic's words in those of [`Dimension::StopReason`].
fn stop_reason(reason: Text) -> Text {
    match reason.as_str() {
        "end_turn" => "stop".into(),
        "max_tokens" | "model_context_window_exceeded" => "length".into(),
        "tool_use" => "tool_call".into(),
        _ => reason,
    }
}

/// A JSON object whose members are looked up by name; messages name them by their path.
struct Object<'a> {
    path: String,
    members: Members<'a>,
}

impl<'a> Object<'a> {
    fn parse(path: &str, text: &'a str) -> Result<Self, FieldError> {
        Ok(Self { path: path.to_owned(), members: Members::parse(text)? })
    }

    /// The last member of that name that is not null.
    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.members.0.iter().rev().find(|(key, _)| key == name).map(|(_, raw)| *raw);
        found.filter(|raw| Kind::of(raw) != Kind::Null)
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn text(&self, name: &str) -> Result<Option<Text>, FieldError> {
        let text = self.get(name).map(|raw| json::text(&self.path(name), raw)).transpose()?;
        Ok(text.map(|text| Text::from(text.as_ref())))
    }

    fn object(&self, name: &str) -> Result<Option<Self>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        match Kind::of(raw) {
            Kind::Object => Self::parse(&self.path(name), raw).map(Some),
            kind => Err(FieldError::field(&self.path(name), format_args!("is {kind}; expected an object"))),
        }
    }

    fn count(&self, name: &str) -> Result<Option<u64>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let path = self.path(name);
        decimal::count(json::number(&path, raw)?).map(Some).map_err(|problem| FieldError::field(&path, problem))
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, FieldError> {
        self.get(name).map(|raw| native::time(&self.path(name), raw)).transpose()
    }
}

#[cfg(test)]
mod tests {
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
