//! `POST /api/public/ingestion`: the batches of Langfuse's older clients.
//!
//! What such a client says of one object comes in several messages, often in several batches: that a call began, and
//! later what it used. Of what is stored of an object, a later message makes the next version; of two versions the one
//! of the later message stands, whichever came first.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::store::{CorrectionItem, Item};
use quipu::{Correction, Dimension, Event, Number, Result as QuipuResult, Scope, Store, Text, Timestamp};
use serde_json::{Value, json};

use super::body;
use super::caller::{Allowed, Caller, Ingest};
use super::otlp::said;
use super::problem::Problem;
use super::state::App;
use crate::ingest;
use crate::wire::headers::Headers;
use crate::wire::langfuse;

/// 207 with what became of each object.
pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut sent = body::receive(&app, &headers, body).await?;
    let (desk, caller, said) = (app.clone(), allowed.caller, said(&headers));
    let answer = app.store(move |_| take(&desk, &caller, &said, &sent.unpack()?)).await?;
    Ok((StatusCode::MULTI_STATUS, Json(answer)).into_response())
}

fn take(app: &App, caller: &Caller, headers: &Headers, bytes: &[u8]) -> Result<Value, Problem> {
    let mut batch: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::bad_request(format!("broken JSON: {error}")))?;
    let mut fates = Fates::default();
    let overtaken = store(app, caller, headers, batch.clone(), &mut fates)?;
    if !overtaken.is_empty() {
        // Another batch was the first to speak of them, a moment ago: what this one says makes their next version.
        messages(&mut batch)?.retain(|message| {
            message["type"] == "trace-create"
                || message["body"]["id"].as_str().is_some_and(|id| overtaken.contains(&langfuse::event_id(id)))
        });
        for id in store(app, caller, headers, batch, &mut fates)? {
            fates.refused(named(&id), "it is stored with other content, which stands");
        }
    }
    Ok(json!({ "successes": fates.successes, "errors": fates.errors }))
}

/// Stores what a batch says; the ids of what was stored meanwhile with other content.
fn store(
    app: &App,
    caller: &Caller,
    headers: &Headers,
    mut batch: Value,
    fates: &mut Fates,
) -> Result<Vec<Text>, Problem> {
    let (scope, admission) = (&caller.scope, caller.admission());
    let known = begin(&app.store, scope, messages(&mut batch)?)?;
    let mut decoded = langfuse::decode(batch.to_string().as_bytes())?;
    let (mut events, mut corrections) = (Vec::new(), Vec::new());
    for item in decoded.items {
        let event = match item {
            Ok(event) => headers.apply(event, &mut decoded.ignored),
            Err(error) => {
                fates.refused(error.index.to_string(), &error.to_string());
                continue;
            }
        };
        match event.id.as_deref().and_then(|id| known.get(id)) {
            Some((stored, said)) => corrections.push(version(event, stored, *said)),
            None => events.push(Ok(event)),
        }
    }
    let mut coarsening = app.cardinality.coarsening(&app.store, scope.workspace());
    coarsening.corrections(&mut corrections);
    app.metrics.ignored(&decoded.ignored);
    let ids = |correction: &Correction| match &correction.target {
        quipu::correction::Target::Event(id) | quipu::correction::Target::Trace(id) => id.to_string(),
    };
    let corrected: Vec<String> = corrections.iter().map(ids).collect();
    let (receipt, later) =
        ingest::events_with(&app.store, &admission, events, corrections, |event| coarsening.event(event))?;
    app.metrics.coarsened(&coarsening.done);
    app.metrics.events(&receipt.items);
    let mut overtaken = Vec::new();
    for (index, item) in receipt.items.into_iter().enumerate() {
        match item {
            Item::Stored { id } | Item::Duplicate { id } => fates.stored(&id),
            Item::Conflict { id } => overtaken.push(id),
            Item::Rejected(error) => fates.refused(index.to_string(), &error.to_string()),
        }
    }
    for (id, item) in corrected.iter().zip(later.items) {
        match item {
            CorrectionItem::Rejected(error) => fates.refused(named(id), &error.to_string()),
            _ => fates.stored(id),
        }
    }
    Ok(overtaken)
}

/// The messages of a batch.
fn messages(batch: &mut Value) -> Result<&mut Vec<Value>, Problem> {
    let messages = batch.get_mut("batch").and_then(Value::as_array_mut);
    messages.ok_or_else(|| Problem::bad_request("a batch is an object with an array of messages under `batch`"))
}

/// What became of objects, in Langfuse's words.
#[derive(Default)]
struct Fates {
    successes: Vec<Value>,
    errors: Vec<Value>,
}

impl Fates {
    fn stored(&mut self, id: &str) {
        self.successes.push(json!({ "id": named(id), "status": 201 }));
    }

    fn refused(&mut self, id: String, why: &str) {
        self.errors.push(json!({ "id": id, "status": 400, "message": why, "error": why }));
    }
}

/// The object's own id.
fn named(id: &str) -> String {
    id.trim_start_matches("langfuse:").to_owned()
}

/// The objects of a batch that are stored already, by their events' ids, with when the latest message about each was
/// written. What is stored of them becomes the first message about them.
fn begin(store: &Store, scope: &Scope, messages: &mut Vec<Value>) -> QuipuResult<BTreeMap<String, (Event, u64)>> {
    let mut said: BTreeMap<String, u64> = BTreeMap::new();
    for message in messages.iter().filter(|message| message["type"] != "trace-create") {
        let Some(id) = message["body"]["id"].as_str() else { continue };
        let at = message["timestamp"].as_str().and_then(|at| Timestamp::parse_rfc3339(at).ok());
        let micros = at.and_then(|at| u64::try_from(at.micros()).ok()).unwrap_or(0);
        let latest = said.entry(id.to_owned()).or_default();
        *latest = micros.max(*latest);
    }
    let (snapshot, mut known, mut first) = (store.snapshot(), BTreeMap::new(), Vec::new());
    for (id, said) in said {
        let event_id = langfuse::event_id(&id);
        let Some(event) = ingest::event(&snapshot, scope, &event_id)? else { continue };
        let kind = if event.get(Dimension::Operation) == Some("tool") { "tool" } else { "generation" };
        first.push(json!({ "id": "stored", "type": "observation-create", "body": {
            "id": id, "type": kind, "startTime": event.at.map(|at| at.to_string()),
            "traceId": event.get(Dimension::TraceId), "parentObservationId": event.get(Dimension::ParentId) } }));
        known.insert(event_id.to_string(), (event, said));
    }
    messages.splice(0..0, first);
    Ok(known)
}

/// What is now known of an object: what its messages say, and for the rest what is stored.
fn version(mut event: Event, stored: &Event, said: u64) -> Correction {
    if event.usage.is_empty() && !stored.usage.is_empty() {
        event.usage = stored.usage.clone();
        event.numbers.remove(&Number::UsageMissing);
    }
    for (dimension, value) in stored.dimensions.iter() {
        if event.get(*dimension).is_none() {
            event.dimensions.insert(*dimension, value.clone());
        }
    }
    for (number, value) in stored.numbers.iter() {
        let of_usage = *number == Number::UsageMissing && !event.usage.is_empty();
        if event.number(*number).is_none() && !of_usage {
            event.numbers.insert(*number, *value);
        }
    }
    for (key, value) in stored.tags.iter() {
        if event.tags.get(key).is_none() {
            event.tags.insert(key.clone(), value.clone());
        }
    }
    event.at = event.at.or(stored.at);
    Correction::replace(said.max(1), event)
}
