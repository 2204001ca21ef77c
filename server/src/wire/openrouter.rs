//! OpenRouter's records of generations: what `/api/v1/generation` answers, and lists of it. Answers with usage
//! accounting are read as [provider answers](super::provider).

use quipu::{Dimension, Event, Number};

use super::call::{Call, identity};
use super::object::Object;
use super::usage::{Convention, Counts, Share};
use super::{FieldError, Ignored};

/// Whether an item is one of OpenRouter's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    let inner = item.object_if("data").ok().flatten();
    let record = inner.as_ref().unwrap_or(item);
    record.has_any(&["native_tokens_prompt", "native_tokens_completion"])
}

/// Decodes one record.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let record = item.object_if("data")?.unwrap_or(item);
    let Some(id) = record.text("id")? else { return Err(FieldError::field(&record.path("id"), "is missing")) };
    let mut call = Call::new("openrouter", ignored);
    call.event.id = Some(identity("openrouter", &id));
    call.event.at = record.time("created_at")?;
    call.set(Dimension::RequestId, &id);
    call.set(Dimension::Provider, "openrouter");
    for (name, dimension) in [
        ("model", Dimension::Model),
        ("finish_reason", Dimension::StopReason),
        ("session_id", Dimension::SessionId),
        ("user", Dimension::SubscriberId),
        ("external_user", Dimension::SubscriberId),
    ] {
        call.set_some(dimension, record.text(name)?);
    }
    call.set(Dimension::Operation, "chat");
    call.flag(Number::Streaming, record.flag("streamed")?);
    call.number_some(Number::DurationMs, record.count("generation_time")?);
    call.number_some(Number::TtftMs, record.count("latency")?);
    let cancelled = record.flag("cancelled")? == Some(true);
    call.outcome(if cancelled { "cancelled" } else { "ok" }, None);
    for name in ["total_cost", "usage"] {
        if let Some(cost) = record.text(name)? {
            call.cost(&cost);
        }
    }
    for name in ["provider_name", "upstream_id", "app_id", "origin"] {
        if let Some(value) = record.text(name)? {
            call.tag(name, &value);
        }
    }
    let counts = Counts {
        input: record.first_count(&["native_tokens_prompt", "tokens_prompt"])?,
        output: record.first_count(&["native_tokens_completion", "tokens_completion"])?,
        cache_read: record.count("native_tokens_cached")?,
        reasoning: record.count("native_tokens_reasoning")?,
        ..Counts::default()
    };
    let convention = Convention { reads: Share::Inside, writes: Share::Inside, ..Convention::UNSTATED };
    counts.apply(convention, &mut call.event);
    call.set(Dimension::UsageSource, "provider");
    Ok(call.event)
}
