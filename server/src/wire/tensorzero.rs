//! TensorZero's `ModelInference` rows: one call per line. Counts include both kinds of cached tokens.

use quipu::{Dimension, Event, Number, Timestamp};

use super::call::{Call, identity};
use super::json::Kind;
use super::object::Object;
use super::usage::{Convention, Counts, Share};
use super::{FieldError, Ignored};

/// Whether an item is one of TensorZero's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.get("inference_id").is_some() && item.has_any(&["model_provider_name", "model_name"])
}

/// Decodes one row.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let Some(id) = item.text("id")? else { return Err(FieldError::field("id", "is missing")) };
    let mut call = Call::new("tensorzero", ignored);
    call.event.id = Some(identity("tensorzero", &id));
    call.event.at = item.time("timestamp")?.or_else(|| time_of_uuid(&id));
    call.number_some(Number::DurationMs, item.count("response_time_ms")?);
    call.number_some(Number::TtftMs, item.count("ttft_ms")?);
    for (name, dimension) in [
        ("inference_id", Dimension::TraceId),
        ("model_name", Dimension::Model),
        ("model_provider_name", Dimension::Provider),
        ("function_name", Dimension::Feature),
        ("variant_name", Dimension::Variant),
        ("episode_id", Dimension::SessionId),
        ("finish_reason", Dimension::StopReason),
    ] {
        call.set_some(dimension, item.text(name)?);
    }
    call.set(Dimension::Operation, "chat");
    call.outcome("ok", None);
    if let Some(cost) = item.text("cost")? {
        call.cost(&cost);
    }
    if item.flag("cached")? == Some(true) {
        call.number(Number::GatewayCacheHit, 1);
    } else {
        let counts = Counts {
            input: item.count("input_tokens")?,
            output: item.count("output_tokens")?,
            cache_read: item.count("provider_cache_read_input_tokens")?,
            cache_write: item.count("provider_cache_write_input_tokens")?,
            ..Counts::default()
        };
        let inclusive = Convention { reads: Share::Inside, writes: Share::Inside, ..Convention::UNSTATED };
        counts.apply(inclusive.at(call.get(Dimension::Provider)), &mut call.event);
    }
    if let Some(tags) = item.object_if("tags")? {
        for (name, raw) in tags.members() {
            match Kind::of(raw) {
                Kind::Object | Kind::Array => call.ignored.count(name),
                _ => call.attribute(name, &tags.text(name)?.unwrap_or_default()),
            }
        }
    }
    Ok(call.event)
}

/// The milliseconds in a UUID of version 7.
fn time_of_uuid(id: &str) -> Option<Timestamp> {
    let hex: String = id.chars().filter(|c| *c != '-').collect();
    let is_v7 = hex.len() == 32 && hex.as_bytes().get(12) == Some(&b'7');
    let millis = i64::from_str_radix(hex.get(..12)?, 16).ok().filter(|_| is_v7)?;
    Some(Timestamp::from_micros(millis.checked_mul(1_000)?))
}
