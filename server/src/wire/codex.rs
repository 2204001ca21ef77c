//! Session logs of the Codex CLI (`sessions/…/rollout-….jsonl`): one JSON object per line.
//!
//! A `token_count` says what the call before it used, in OpenAI's convention, and what the session used in all; it is
//! written again whenever limits are told of, which the unchanged sum shows. Which session it is stands in the
//! first line, which model answers in the `turn_context` before.

use quipu::{Dimension, Event, Text};

use super::call::{Call, identity};
use super::object::Object;
use super::usage::{Convention, Counts, Share};
use super::{FieldError, Ignored};

/// A session log, read line by line.
#[derive(Debug, Default)]
pub struct Session {
    id: Option<Text>,
    provider: Option<Text>,
    version: Option<Text>,
    branch: Option<Text>,
    folder: Option<Text>,
    model: Option<Text>,
    used: Used,
    calls: u64,
}

/// What a session has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
    total: u64,
}

impl Session {
    /// The call that a line ends, if it ends one.
    ///
    /// # Errors
    /// What is wrong with the line, which is then left out.
    pub fn line(&mut self, text: &str, ignored: &mut Ignored) -> Result<Option<Event>, FieldError> {
        let line = Object::parse("", text)?;
        let Some(payload) = line.object_if("payload")? else { return Ok(None) };
        match line.text("type")?.as_deref() {
            Some("session_meta") => self.begin(&payload)?,
            Some("turn_context") => keep(&mut self.model, &payload, "model")?,
            Some("event_msg") if payload.text("type")?.as_deref() == Some("token_count") => {
                return self.count(&line, &payload, ignored);
            }
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, meta: &Object<'_>) -> Result<(), FieldError> {
        keep(&mut self.id, meta, "id")?;
        keep(&mut self.provider, meta, "model_provider")?;
        keep(&mut self.version, meta, "cli_version")?;
        keep(&mut self.folder, meta, "cwd")?;
        match meta.object_if("git")? {
            Some(git) => keep(&mut self.branch, &git, "branch"),
            None => Ok(()),
        }
    }

    fn count(
        &mut self,
        line: &Object<'_>,
        payload: &Object<'_>,
        ignored: &mut Ignored,
    ) -> Result<Option<Event>, FieldError> {
        let Some(info) = payload.object_if("info")? else { return Ok(None) };
        let total = info.object_if("total_token_usage")?.map(|usage| Used::read(&usage)).transpose()?;
        let last = info.object_if("last_token_usage")?.map(|usage| Used::read(&usage)).transpose()?;
        let used = match (last, total) {
            (_, Some(total)) if total == self.used => return Ok(None),
            (Some(last), _) => last,
            (None, Some(total)) => total.since(self.used),
            (None, None) => return Ok(None),
        };
        let Some(session) = &self.id else {
            return Err(FieldError::field(
                "session_meta",
                "is missing before it, so nobody knows which session this is",
            ));
        };
        self.calls += 1;
        self.used = total.unwrap_or(self.used);
        let place = total.map_or_else(|| format!("call {}", self.calls), |total| total.total.to_string());
        let mut call = Call::new("codex", ignored);
        call.event.id = Some(identity("codex", &format!("{session}:{place}")));
        call.event.at = line.time("timestamp")?;
        call.set(Dimension::SessionId, session);
        call.set(Dimension::Operation, "chat");
        call.set(Dimension::Agent, "codex");
        call.set_some(Dimension::AgentVersion, self.version.as_deref());
        call.set(Dimension::Provider, self.provider.as_deref().unwrap_or("openai"));
        call.set_some(Dimension::Model, self.model.as_deref());
        call.set(Dimension::UsageSource, "provider");
        for (tag, value) in [("cwd", &self.folder), ("git_branch", &self.branch)] {
            call.tag(tag, value.as_deref().unwrap_or_default());
        }
        used.counts().apply(Convention { reasoning: Share::Inside, ..Convention::OPENAI }, &mut call.event);
        Ok(Some(call.event))
    }
}

/// Whether an object is a line of a session log; most lines are no calls.
pub(super) fn recognises(line: &Object<'_>) -> bool {
    line.get("type").is_some() && line.get("payload").is_some()
}

/// Keeps a text of an object where it has one.
fn keep(into: &mut Option<Text>, object: &Object<'_>, name: &str) -> Result<(), FieldError> {
    if let Some(text) = object.text(name)? {
        *into = Some(text.as_ref().into());
    }
    Ok(())
}

impl Used {
    fn read(usage: &Object<'_>) -> Result<Self, FieldError> {
        let count = |name| Ok::<u64, FieldError>(usage.count(name)?.unwrap_or(0));
        Ok(Self {
            input: count("input_tokens")?,
            cached: count("cached_input_tokens")?,
            output: count("output_tokens")?,
            reasoning: count("reasoning_output_tokens")?,
            total: count("total_tokens")?,
        })
    }

    /// What was used since then.
    fn since(self, then: Self) -> Self {
        Self {
            input: self.input.saturating_sub(then.input),
            cached: self.cached.saturating_sub(then.cached),
            output: self.output.saturating_sub(then.output),
            reasoning: self.reasoning.saturating_sub(then.reasoning),
            total: self.total.saturating_sub(then.total),
        }
    }

    fn counts(self) -> Counts {
        Counts {
            input: Some(self.input),
            cache_read: Some(self.cached),
            output: Some(self.output),
            reasoning: Some(self.reasoning),
            total: Some(self.total).filter(|total| *total > 0),
            ..Counts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use quipu::{Number, TokenMeter};

    use super::*;

    const META: &str = r#"{"timestamp":"2026-01-31T08:00:00Z","type":"session_meta","payload":{"id":"s1","cwd":"/src",
        "cli_version":"0.58.0","model_provider":"openai","git":{"branch":"main"}}}"#;
    const TURN: &str =
        r#"{"timestamp":"2026-01-31T08:00:01Z","type":"turn_context","payload":{"cwd":"/src","model":"gpt-5-codex"}}"#;

    fn usage(of: [u64; 5]) -> String {
        let [input, cached, output, reasoning, total] = of;
        format!(
            r#"{{"input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output},
                "reasoning_output_tokens":{reasoning},"total_tokens":{total}}}"#
        )
    }

    fn counted(info: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-01-31T08:00:09Z","type":"event_msg","payload":{{"type":"token_count","info":{info}}}}}"#
        )
    }

    fn calls(lines: &[String]) -> Vec<Event> {
        let mut session = Session::default();
        let read = |line: &String| session.line(line, &mut Ignored::default()).expect("a readable line");
        lines.iter().filter_map(read).collect()
    }

    #[test]
    fn each_call_counts_once_however_often_it_is_told_of() {
        let first = usage([1000, 600, 50, 20, 1050]);
        let one = counted(&format!(r#"{{"total_token_usage":{first},"last_token_usage":{first}}}"#));
        let both = usage([3000, 2400, 90, 30, 3090]);
        let two = counted(&format!(
            r#"{{"total_token_usage":{both},"last_token_usage":{}}}"#,
            usage([2000, 1800, 40, 10, 2040])
        ));
        let third = counted(&format!(r#"{{"total_token_usage":{}}}"#, usage([3500, 2700, 100, 30, 3600])));
        let lines = [META.into(), TURN.into(), counted("null"), one.clone(), one, two.clone(), two, third];
        let calls = calls(&lines);
        let meters = |event: &Event| {
            [TokenMeter::Input, TokenMeter::CacheRead, TokenMeter::Output, TokenMeter::Reasoning]
                .map(|it| event.quantity(it))
        };
        assert_eq!(
            calls.iter().map(meters).collect::<Vec<_>>(),
            [[400, 600, 30, 20], [200, 1800, 30, 10], [200, 300, 10, 0]]
        );
        let ids: Vec<_> = calls.iter().filter_map(|event| event.id.as_deref()).collect();
        assert_eq!(ids, ["codex:s1:1050", "codex:s1:3090", "codex:s1:3600"]);
        let of = |dimension| calls[0].get(dimension);
        assert_eq!((of(Dimension::Model), of(Dimension::AgentVersion)), (Some("gpt-5-codex"), Some("0.58.0")));
        assert!(calls.iter().all(|event| event.number(Number::UsageMismatch).is_none()));
    }

    #[test]
    fn what_is_wrong_is_named_and_other_lines_are_no_calls() {
        let mut session = Session::default();
        let mut read = |line: &str| session.line(line, &mut Ignored::default());
        let count = counted(&format!(r#"{{"last_token_usage":{}}}"#, usage([1, 0, 1, 0, 2])));
        assert!(read(&count).expect_err("no session").to_string().contains("session_meta"));
        assert!(read("{").expect_err("half a line").message.contains("broken JSON"));
        assert!(read(META).expect("readable").is_none());
        assert!(
            read(r#"{"type":"response_item","payload":{"type":"message","content":[]}}"#).expect("readable").is_none()
        );
        let negative = count.replace("\"output_tokens\":1", "\"output_tokens\":-1");
        let field = read(&negative).expect_err("a negative count").field;
        assert_eq!(field.as_deref(), Some("payload.info.last_token_usage.output_tokens"));
        assert_eq!(read(&count).expect("readable").and_then(|event| event.id).as_deref(), Some("codex:s1:call 1"));
    }
}
