//! Helicone: its webhook, and what its manual logger posts. Both carry the provider's own answer, which has the counts.

use std::borrow::Cow;

use quipu::{Dimension, Event, Number, Timestamp};

use super::call::{Call, identity};
use super::headers::Headers;
use super::object::Object;
use super::provider::Answer;
use super::usage::{Convention, Counts};
use super::{FieldError, Ignored};

/// Whether an item is one of Helicone's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.get("providerRequest").is_some() || (item.get("request_id").is_some() && item.get("response_body").is_some())
}

/// Decodes one call.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    match item.get("providerRequest").is_some() {
        true => logged(&item, text, ignored),
        false => webhook(&item, ignored),
    }
}

fn webhook(item: &Object<'_>, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let Some(id) = item.text("request_id")? else { return Err(FieldError::field("request_id", "is missing")) };
    let mut call = Call::new("helicone", ignored);
    call.event.id = Some(identity("helicone", &id));
    call.set_some(Dimension::Provider, item.text("provider")?);
    let mut answer = match item.document("response_body")? {
        Some(body) => Answer::read("response_body", &body)?,
        None => Answer::default(),
    };
    if let Some(metadata) = item.object_if("metadata")? {
        call.number_some(Number::DurationMs, metadata.count("latencyMs")?);
        if let Some(cost) = metadata.text("cost")? {
            call.cost(&cost);
        }
        let counts = Counts {
            input: metadata.count("promptTokens")?,
            output: metadata.count("completionTokens")?,
            total: metadata.count("totalTokens")?,
            ..Counts::default()
        };
        if answer.counts.is_none() && !counts.is_empty() {
            answer.counts = Some((counts, Convention::OPENAI));
        }
    }
    answer.apply(&mut call);
    call.set_some(Dimension::Model, item.text("model")?);
    if let Some(body) = item.document("request_body")?
        && let Ok(request) = Object::parse("request_body", &body)
    {
        call.set_some(Dimension::RequestedModel, request.text("model")?);
    }
    call.outcome("ok", None);
    Ok(call.event)
}

fn logged(item: &Object<'_>, text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let mut call = Call::new("helicone", ignored);
    let mut answer = Answer::default();
    let mut attribution = Headers::default();
    let mut status = None;
    if let Some(response) = item.object("providerResponse")? {
        status = response.scaled("status", 0)?;
        for name in ["json", "textBody"] {
            if answer.counts.is_none()
                && let Some(body) = response.document(name)?
            {
                answer = Answer::read(&response.path(name), &body)?;
                call.flag(Number::Streaming, (name == "textBody").then_some(true));
            }
        }
        if let Some(headers) = response.object_if("headers")? {
            let pairs = headers.members().filter_map(|(name, _)| Some((name, headers.text(name).ok().flatten()?)));
            let pairs: Vec<(&str, Cow<'_, str>)> = pairs.collect();
            attribution = Headers::read(pairs.iter().map(|(name, value)| (*name, value.as_ref())));
        }
    }
    timing(item, &mut call)?;
    match status {
        Some(-3) => call.outcome("cancelled", None),
        Some(code) => call.outcome(if code < 400 { "ok" } else { "error" }, u64::try_from(code).ok()),
        None => call.outcome("ok", None),
    }
    let id = answer.id.clone().unwrap_or_else(|| blake3::hash(text.as_bytes()).to_hex().to_string());
    call.event.id = Some(identity("helicone", &id));
    let request = item.object("providerRequest")?;
    if let Some(url) = request.as_ref().map(|request| request.text("url")).transpose()?.flatten() {
        call.set_some(Dimension::Provider, ["openai", "anthropic"].into_iter().find(|name| url.contains(name)));
    }
    let request = request.map(|request| request.object_if("json")).transpose()?.flatten();
    if let Some(request) = request {
        if request.text("_type")?.as_deref() == Some("tool") {
            call.set(Dimension::Operation, "tool");
            call.set_some(Dimension::ToolName, request.text("toolName")?);
            return Ok(attribution.apply(call.event, ignored));
        }
        call.set_some(Dimension::RequestedModel, request.text("model")?);
    }
    answer.apply(&mut call);
    Ok(attribution.apply(call.event, ignored))
}

fn timing(item: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let Some(timing) = item.object("timing")? else { return Ok(()) };
    let instant = |name| -> Result<Option<Timestamp>, FieldError> {
        let Some(at) = timing.object(name)? else { return Ok(None) };
        let micros = at.scaled("seconds", 6)?.unwrap_or(0).saturating_add(at.scaled("milliseconds", 3)?.unwrap_or(0));
        Ok(Some(Timestamp::from_micros(micros)))
    };
    call.span(instant("startTime")?, instant("endTime")?);
    call.number_some(
        Number::TtftMs,
        timing.scaled("timeToFirstToken", 0)?.and_then(|millis| u64::try_from(millis).ok()),
    );
    Ok(())
}
