//! Langfuse: exports of traces, and the batches of its older SDKs.
//!
//! An export is a trace with its observations, a list of observations, or one per line. Of nested observations
//! that repeat each other's usage one counts, as with spans. A batch holds messages about objects: what they say of
//! one generation is put together, the later word first.

use std::borrow::Cow;
use std::collections::HashMap;

use quipu::{Dimension, Event, Number, Result, Text, Timestamp};

use super::call::{Call, identity};
use super::json::{self, Kind};
use super::object::Object;
use super::otlp::{Memory, Role, Span};
use super::usage::{self, Convention, Counts, Share};
use super::{Decoded, FieldError, Ignored};

/// Decodes a body: an export, or a batch of the ingestion interface.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty or a single broken document.
pub fn decode(body: &[u8]) -> Result<Decoded<Event>> {
    let (mut found, mut ignored, mut errors, mut index) = (Observations::default(), Ignored::default(), Vec::new(), 0);
    json::for_each_item(body, |place, item| {
        if let Err(error) = item.and_then(|text| found.take(text, &mut ignored)) {
            errors.push(Err(error.at(index, place)));
        }
        index += 1;
    })?;
    let mut items: Vec<_> = found.into_calls(&mut ignored).into_iter().map(Ok).collect();
    items.append(&mut errors);
    Ok(Decoded { items, ignored })
}

/// The id of the event of an observation.
pub fn event_id(observation: &str) -> Text {
    identity("langfuse", observation)
}

/// Observations, collected until it can be said which of them count.
#[derive(Debug, Default)]
pub struct Observations {
    spans: Vec<Span>,
}

impl Observations {
    /// Takes a document: an export, an observation or a batch.
    ///
    /// # Errors
    /// Names the field, what was found and what is allowed. The observations before it are taken.
    pub fn take(&mut self, text: &str, ignored: &mut Ignored) -> Result<(), FieldError> {
        document(text, &mut self.spans, ignored)
    }

    /// The calls that count.
    pub fn into_calls(self, ignored: &mut Ignored) -> Vec<Event> {
        Memory::default().decide(self.spans, ignored).events
    }
}

/// Whether an item is one of Langfuse's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.has_any(&["batch", "observations"])
        || (item.get("traceId").is_some() && item.has_any(&["parentObservationId", "usageDetails", "type"]))
}

fn document(text: &str, spans: &mut Vec<Span>, ignored: &mut Ignored) -> Result<(), FieldError> {
    let item = Object::parse("", text)?;
    if item.get("batch").is_some() {
        return batch(&item, spans, ignored);
    }
    let trace = item.object_if("trace")?;
    let about = trace.as_ref().unwrap_or(&item);
    let holder = if item.get("observations").is_some() { &item } else { about };
    if holder.get("observations").is_none() {
        return observation(&Layers::of(item), None, spans, ignored);
    }
    for found in holder.objects("observations")? {
        observation(&Layers::of(found), Some(about), spans, ignored)?;
    }
    Ok(())
}

/// The messages of a batch: those about one object together, those about traces for all objects in them.
fn batch(item: &Object<'_>, spans: &mut Vec<Span>, ignored: &mut Ignored) -> Result<(), FieldError> {
    let mut traces = HashMap::new();
    let mut order = Vec::new();
    let mut objects: HashMap<String, Layers<'_>> = HashMap::new();
    for message in item.objects("batch")? {
        let (Some(kind), Some(body)) = (message.text("type")?, message.object("body")?) else { continue };
        let Some(id) = body.text("id")?.map(Cow::into_owned) else {
            return Err(FieldError::field(&message.path("body.id"), "is missing"));
        };
        if kind == "trace-create" {
            traces.insert(id, body);
        } else if kind.starts_with("generation-") || kind.starts_with("observation-") || kind.starts_with("span-") {
            objects
                .entry(id.clone())
                .or_insert_with(|| {
                    order.push(id);
                    Layers { kind: kind.split('-').next().unwrap_or_default().to_owned(), ..Layers::default() }
                })
                .layers
                .push(body);
        } else {
            ignored.count(&kind);
        }
    }
    for id in order {
        if let Some(layers) = objects.get(&id) {
            let trace = layers.text("traceId")?.and_then(|trace| traces.get(trace.as_ref()));
            observation(layers, trace, spans, ignored)?;
        }
    }
    Ok(())
}

/// What several messages say of one object; the later ones first.
#[derive(Default)]
struct Layers<'a> {
    layers: Vec<Object<'a>>,
    kind: String,
}

impl<'a> Layers<'a> {
    fn of(object: Object<'a>) -> Self {
        Self { layers: vec![object], kind: String::new() }
    }

    fn find<T>(&self, read: impl Fn(&Object<'a>) -> Result<Option<T>, FieldError>) -> Result<Option<T>, FieldError> {
        for layer in self.layers.iter().rev() {
            if let Some(found) = read(layer)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
        self.find(|layer| layer.text(name))
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, FieldError> {
        self.find(|layer| layer.time(name))
    }

    fn object(&self, name: &str) -> Result<Option<Object<'a>>, FieldError> {
        self.find(|layer| layer.object_if(name))
    }
}

fn observation(
    found: &Layers<'_>,
    trace: Option<&Object<'_>>,
    spans: &mut Vec<Span>,
    ignored: &mut Ignored,
) -> Result<(), FieldError> {
    let Some(id) = found.text("id")? else { return Err(FieldError::field("id", "is missing")) };
    let kind = found.text("type")?.map_or_else(|| found.kind.clone(), Cow::into_owned).to_ascii_lowercase();
    let role = match kind.as_str() {
        "generation" | "embedding" => Role::Call,
        "tool" => Role::Tool,
        _ => Role::Container,
    };
    let mut call = Call::new("langfuse", ignored);
    call.event.id = Some(event_id(&id));
    let trace_id = found.text("traceId")?.or(trace.map(|trace| trace.text("id")).transpose()?.flatten());
    let parent = found.text("parentObservationId")?;
    call.set_some(Dimension::TraceId, trace_id.as_deref());
    call.set(Dimension::SpanId, &id);
    call.set_some(Dimension::ParentId, parent.as_deref());
    let (counts, convention) = counts(found)?;
    let bears_tokens = counts.has_tokens();
    if role != Role::Container || bears_tokens {
        describe(found, role, &kind, &mut call)?;
    }
    if bears_tokens {
        let convention = convention.at(call.get(Dimension::Provider));
        counts.apply(convention, &mut call.event);
        call.set(Dimension::UsageSource, "provider");
    } else if role == Role::Call {
        call.number(Number::UsageMissing, 1);
    }
    attribution(found, trace, &mut call)?;
    spans.push(Span::of_ids(trace_id.as_deref(), &id, parent.as_deref(), role, bears_tokens, call.event));
    Ok(())
}

fn describe(found: &Layers<'_>, role: Role, kind: &str, call: &mut Call<'_>) -> Result<(), FieldError> {
    call.span(found.time("startTime")?, found.time("endTime")?);
    let first = found.time("completionStartTime")?;
    call.flag(Number::Streaming, first.map(|_| true));
    call.first_token(first);
    let failed = found.text("level")?.is_some_and(|level| level == "ERROR");
    call.outcome(if failed { "error" } else { "ok" }, None);
    if role == Role::Tool {
        call.set(Dimension::Operation, "tool");
        call.set_some(Dimension::ToolName, found.text("name")?);
        return Ok(());
    }
    call.set(Dimension::Operation, if kind == "embedding" { "embedding" } else { "chat" });
    call.set_some(Dimension::Model, found.text("model")?);
    if let Some(provider) = found.object("metadata")?.map(|metadata| provider_of(&metadata)).transpose()?.flatten() {
        call.set(Dimension::Provider, &provider);
    }
    for (holder, name) in [("costDetails", "total"), ("usage", "totalCost")] {
        if let Some(costs) = found.object(holder)?
            && let Some(cost) = costs.text(name)?
        {
            call.cost(&cost);
        }
    }
    Ok(())
}

fn provider_of(metadata: &Object<'_>) -> Result<Option<String>, FieldError> {
    let Some(attributes) = metadata.object_if("attributes")? else { return Ok(None) };
    Ok(attributes.first_text(&["gen_ai.provider.name", "gen_ai.system"])?.map(Cow::into_owned))
}

fn counts(found: &Layers<'_>) -> Result<(Counts, Convention), FieldError> {
    for name in ["usageDetails", "usage"] {
        if let Some(usage) = found.object(name)? {
            let read = usage_of(&usage)?;
            if !read.0.is_empty() {
                return Ok(read);
            }
        }
    }
    Ok((Counts::default(), Convention::DISJOINT))
}

/// Usage as Langfuse keeps it, from a text that holds its JSON.
///
/// # Errors
/// The count that is none.
pub(super) fn usage_of_json(text: &str) -> Result<(Counts, Convention), FieldError> {
    usage_of(&Object::parse("usage_details", text)?)
}

/// Usage as Langfuse keeps it: buckets that add up, or an object in OpenAI's form as it was passed on.
fn usage_of(usage: &Object<'_>) -> Result<(Counts, Convention), FieldError> {
    if usage.has_any(&["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"])
        && let Some(read) = usage::read(usage)?
    {
        return Ok(read);
    }
    let counts = Counts {
        input: usage.first_count(&["input", "promptTokens"])?,
        output: usage.first_count(&["output", "completionTokens"])?,
        total: usage.first_count(&["total", "totalTokens"])?,
        cache_read: usage.first_count(&[
            "input_cached_tokens",
            "cache_read_input_tokens",
            "input_cache_read",
            "prompt_details.cache_read",
        ])?,
        cache_write: usage.first_count(&[
            "input_cache_creation",
            "input_cache_write",
            "cache_creation_input_tokens",
        ])?,
        write_5m: usage.count("input_cache_creation_5m")?,
        write_1h: usage.count("input_cache_creation_1h")?,
        reasoning: usage.first_count(&[
            "output_reasoning_tokens",
            "output_reasoning",
            "reasoning_tokens",
            "completion_details.reasoning",
        ])?,
        ..Counts::default()
    };
    // OpenInference's names are kept where it was the sender, and it counts in OpenAI's way.
    let share = if usage.has_any(&["prompt_details.cache_read", "completion_details.reasoning"]) {
        Share::Inside
    } else {
        Share::Beside
    };
    let mut counts = counts;
    for (name, into) in [("input_audio", true), ("output_audio", false)] {
        let audio = usage.count(name)?.filter(|audio| *audio > 0);
        let (whole, part) = match into {
            true => (&mut counts.input, &mut counts.audio_input),
            false => (&mut counts.output, &mut counts.audio_output),
        };
        if let Some(audio) = audio {
            *whole = Some(whole.unwrap_or(0).saturating_add(audio));
            *part = Some(audio);
        }
    }
    Ok((counts, Convention { reads: share, writes: share, reasoning: share, ..Convention::DISJOINT }))
}

fn attribution(found: &Layers<'_>, trace: Option<&Object<'_>>, call: &mut Call<'_>) -> Result<(), FieldError> {
    call.set_some(Dimension::Config, found.text("promptName")?);
    call.set_some(Dimension::Variant, found.text("promptVersion")?);
    call.set_some(Dimension::Environment, found.text("environment")?);
    call.set_some(Dimension::Variant, found.text("version")?);
    for layer in found.layers.iter().rev() {
        pairs(layer, call)?;
    }
    let Some(trace) = trace else { return Ok(()) };
    for (name, dimension) in [
        ("name", Dimension::TraceName),
        ("userId", Dimension::SubscriberId),
        ("sessionId", Dimension::SessionId),
        ("environment", Dimension::Environment),
        ("version", Dimension::Variant),
    ] {
        call.set_some(dimension, trace.text(name)?);
    }
    for raw in trace.array("tags")? {
        if let Some(label) = json::scalar("tags", raw)? {
            call.label(&label);
        }
    }
    pairs(trace, call)
}

/// The metadata of an object; what instrumentation put there is not attribution.
fn pairs(holder: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let Some(metadata) = holder.document("metadata")? else { return Ok(()) };
    let Ok(metadata) = Object::parse("metadata", &metadata) else { return Ok(()) };
    for (name, raw) in metadata.members() {
        match Kind::of(raw) {
            Kind::Object | Kind::Array => call.ignored.count(name),
            _ => call.attribute(name, &metadata.text(name)?.unwrap_or_default()),
        }
    }
    Ok(())
}
