//! CloudEvents as OpenMeter takes them: who used how much of what. One call may be several events,
//! such as one for the input and one for the output; they add up.

use quipu::{Dimension, Event};

use super::call::{Call, identity};
use super::json::Kind;
use super::object::Object;
use super::usage::{self, Convention, Counts};
use super::{FieldError, Ignored};

/// Whether an item is a CloudEvent.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.get("specversion").is_some() && item.get("source").is_some()
}

/// Decodes one event.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let required = |name: &str| item.text(name)?.ok_or_else(|| FieldError::field(name, "is missing"));
    let (id, source, kind) = (required("id")?, required("source")?, required("type")?);
    let version = required("specversion")?;
    if version != "1.0" {
        let found = crate::wire::excerpt(&version);
        return Err(FieldError::field("specversion", format_args!("is {found}; expected \"1.0\"")));
    }
    let mut call = Call::new("cloudevents", ignored);
    call.event.id = Some(identity(&source, &id));
    call.event.at = item.time("time")?;
    // LiteLLM writes the id of the answer and, as subject, the person.
    let litellm = kind.starts_with("litellm");
    if litellm {
        call.set(Dimension::RequestId, &id);
    }
    call.set_some(if litellm { Dimension::SubscriberId } else { Dimension::Tenant }, item.text("subject")?);
    if let Some(data) = item.object("data")? {
        data_of(&data, &mut call)?;
    }
    call.set(Dimension::Status, "ok");
    Ok(call.event)
}

fn data_of(data: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    call.set_some(Dimension::Model, data.text("model")?);
    call.set_some(Dimension::Provider, data.text("provider")?);
    if let Some(tool) = data.text("tool")? {
        call.set(Dimension::Operation, "tool");
        call.set(Dimension::ToolName, &tool);
    }
    call.set(Dimension::Operation, "chat");
    if let Some(cost) = data.text("cost")? {
        call.cost(&cost);
    }
    call.number_some(quipu::Number::DurationMs, data.count("duration_ms")?);
    let tokens = data.count("tokens")?;
    let (counts, convention) = match (tokens, data.text("type")?.as_deref()) {
        (Some(tokens), Some(kind)) => (one_kind(kind, tokens)?, Convention::DISJOINT),
        _ => usage::read(data)?.unwrap_or((Counts { input: tokens, ..Counts::default() }, Convention::OPENAI)),
    };
    let convention = convention.at(call.get(Dimension::Provider));
    counts.apply(convention, &mut call.event);
    const TAKEN: [&str; 11] = [
        "model",
        "provider",
        "tool",
        "cost",
        "duration_ms",
        "tokens",
        "type",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "usage",
    ];
    for (name, raw) in data.members() {
        match Kind::of(raw) {
            _ if TAKEN.contains(&name) => {}
            Kind::Object | Kind::Array => call.ignored.count(name),
            _ => call.attribute(name, &data.text(name)?.unwrap_or_default()),
        }
    }
    Ok(())
}

fn one_kind(kind: &str, tokens: u64) -> Result<Counts, FieldError> {
    let tokens = Some(tokens);
    Ok(match kind {
        "input" | "prompt" => Counts { input: tokens, ..Counts::default() },
        "output" | "completion" => Counts { output: tokens, ..Counts::default() },
        "cached" | "cache_read" => Counts { cache_read: tokens, ..Counts::default() },
        "reasoning" => Counts { reasoning: tokens, ..Counts::default() },
        _ => {
            let found = crate::wire::excerpt(kind);
            let problem = format!("is {found}; expected input, output, cached or reasoning");
            return Err(FieldError::field("data.type", problem));
        }
    })
}
