//! Log records that tell of calls: OpenTelemetry's details of an inference, and those of coding assistants.

use quipu::{Dimension, Event, Number};

use super::super::call::{Call, identity};
use super::super::usage::{Convention, Counts};
use super::super::{FieldError, Ignored};
use super::facts::{Fact, Facts};
use super::record::{Record, Scope, instant};
use super::span::Span;
use super::value::Value;

/// Takes a log record, if it tells of a call.
pub(super) fn take(
    scope: &Scope<'_>,
    record: &Record<'_>,
    spans: &mut Vec<Span>,
    events: &mut Vec<Event>,
    ignored: &mut Ignored,
) -> Result<(), FieldError> {
    let name = record.facts.text(Fact::EventName).unwrap_or_default();
    let name = name.strip_prefix("claude_code.").unwrap_or(&name);
    let body = record.name.strip_prefix("claude_code.");
    match (name, body) {
        ("gen_ai.client.inference.operation.details", _) if record.trace_id != 0 && record.span_id != 0 => {
            spans.push(Span::read(scope, record, ignored));
        }
        ("api_request", _) | (_, Some("api_request")) => events.push(assistant(scope, record, true, ignored)?),
        ("api_error", _) | (_, Some("api_error")) => events.push(assistant(scope, record, false, ignored)?),
        _ => {}
    }
    Ok(())
}

/// A request of Claude Code's: counts are Anthropic's, and every number may be a text.
fn assistant(
    scope: &Scope<'_>,
    record: &Record<'_>,
    succeeded: bool,
    ignored: &mut Ignored,
) -> Result<Event, FieldError> {
    let facts = &record.facts;
    let (Some(session), Some(sequence)) = (facts.text(Fact::Session), facts.text(Fact::SequenceInSession)) else {
        return Err(FieldError::field("session.id", "or event.sequence is missing, which tell one call from another"));
    };
    let mut call = Call::new("claude-code", ignored);
    call.event.id = Some(identity("claude-code", &format!("{session}:{sequence}")));
    call.event.at = instant(record.start_nanos);
    call.set(Dimension::SessionId, &session);
    call.set(Dimension::Agent, "claude-code");
    call.set(Dimension::Provider, "anthropic");
    call.set(Dimension::Operation, "chat");
    call.set_some(Dimension::SubscriberEmail, facts.text(Fact::UserEmail));
    call.set_some(Dimension::SubscriberId, facts.text(Fact::User));
    let get = |name: &str| facts.unknown.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    call.set_some(Dimension::Model, get("model").and_then(Value::text));
    call.set_some(Dimension::RequestId, get("request_id").and_then(Value::text));
    let mut count = |name: &str| match get(name).map(Value::count) {
        Some(Ok(count)) => count,
        Some(Err(_)) => {
            call.ignored.count(name);
            None
        }
        None => None,
    };
    let counts = Counts {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_write: count("cache_creation_tokens"),
        ..Counts::default()
    };
    let (duration, code, attempt) = (count("duration_ms"), count("status_code"), count("attempt"));
    match counts.is_empty() {
        true => call.number(Number::UsageMissing, 1),
        false => {
            counts.apply(Convention::ANTHROPIC, &mut call.event);
            call.set(Dimension::UsageSource, "provider");
        }
    }
    call.number_some(Number::DurationMs, duration);
    call.outcome(if succeeded { "ok" } else { "error" }, code);
    call.number_some(Number::RetryDepth, attempt.and_then(|attempt| attempt.checked_sub(1)));
    if let Some(cost) = get("cost_usd").and_then(Value::text) {
        call.cost(&cost);
    }
    rest(facts, &mut call);
    Ok(super::span::add_resource(call.event, &super::span::resource(&scope.resource), ignored))
}

/// What else the record says: who it was for becomes fields, the rest tags.
fn rest(facts: &Facts<'_>, call: &mut Call<'_>) {
    const TAKEN: [&str; 11] = [
        "model",
        "request_id",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        "duration_ms",
        "status_code",
        "attempt",
        "cost_usd",
        "error",
    ];
    for (key, value) in facts.pairs.iter().chain(&facts.unknown) {
        if !TAKEN.contains(&key.as_ref()) {
            value.flatten(key, &mut |key, value| call.attribute(key, value));
        }
    }
}
