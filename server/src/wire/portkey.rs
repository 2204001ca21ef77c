//! Portkey's log export: one call per line. There is no cache split, and the cost is in US cents.

use quipu::money::div_half_even;
use quipu::{Dimension, Event, Number, PicoUsd};

use super::call::{Call, identity};
use super::json::Kind;
use super::object::Object;
use super::usage::{Convention, Counts};
use super::{FieldError, Ignored};

/// Whether an item is one of Portkey's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.has_any(&["ai_org", "ai_provider"]) && item.has_any(&["ai_model", "req_units"])
}

/// Decodes one call.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let Some(id) = item.text("id")? else { return Err(FieldError::field("id", "is missing")) };
    let mut call = Call::new("portkey", ignored);
    call.event.id = Some(identity("portkey", &id));
    call.event.at = item.time("created_at")?;
    call.number_some(Number::DurationMs, item.count("response_time")?);
    call.flag(Number::Streaming, item.flag("stream_mode")?);
    call.number_some(Number::RetryDepth, item.count("retry_success_count")?);
    for (name, dimension) in [
        ("trace_id", Dimension::TraceId),
        ("span_id", Dimension::SpanId),
        ("parent_span_id", Dimension::ParentId),
        ("ai_org", Dimension::Provider),
        ("ai_provider", Dimension::Provider),
        ("ai_model", Dimension::Model),
        ("config", Dimension::Config),
        ("virtual_key", Dimension::Credential),
        ("_user", Dimension::SubscriberId),
        ("_environment", Dimension::Environment),
        ("_organisation", Dimension::Tenant),
    ] {
        call.set_some(dimension, item.text(name)?);
    }
    call.set(Dimension::Operation, "chat");
    let code = item.count("response_status_code")?;
    let succeeded = item.flag("is_success")?.unwrap_or_else(|| code.is_none_or(|code| code < 400));
    call.outcome(if succeeded { "ok" } else { "error" }, code);
    tokens(&item, &mut call)?;
    attribution(&item, &mut call)?;
    Ok(call.event)
}

fn tokens(item: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    if let Some(cents) = item.usd("cost")? {
        call.cost(&PicoUsd::from_pico(div_half_even(cents.pico(), 100)).to_string());
    }
    if item.text("cache_status")?.is_some_and(|status| status == "hit" || status == "semantic hit") {
        // The gateway answered from its own cache: no provider was asked.
        call.number(Number::GatewayCacheHit, 1);
        return Ok(());
    }
    let counts = Counts {
        input: item.count("req_units")?,
        output: item.count("res_units")?,
        total: item.count("total_units")?,
        ..Counts::default()
    };
    counts.apply(Convention::OPENAI, &mut call.event);
    Ok(())
}

/// Metadata, either an object or two lists of keys and values.
fn attribution(item: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    if let Some(slug) = item.text("prompt_slug")? {
        call.tag("prompt_slug", &slug);
    }
    let Some(metadata) = item.object_if("metadata")? else { return Ok(()) };
    if metadata.members().all(|(name, raw)| matches!(name, "key" | "value") && Kind::of(raw) == Kind::Array) {
        let texts = |name| -> Result<Vec<String>, FieldError> {
            let items = metadata.array(name)?;
            Ok(items
                .into_iter()
                .map(|raw| serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
                .collect())
        };
        for (key, value) in texts("key")?.iter().zip(texts("value")?) {
            call.attribute(key, &value);
        }
        return Ok(());
    }
    for (name, raw) in metadata.members() {
        match Kind::of(raw) {
            Kind::Object | Kind::Array => call.ignored.count(name),
            _ => call.attribute(name, &metadata.text(name)?.unwrap_or_default()),
        }
    }
    Ok(())
}
