//! What came of a job, reported in Revenium's words.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use quipu::Outcome;
use quipu::store::OutcomeItem;
use serde_json::{Map, Value, json};

use super::super::body;
use super::super::caller::{Allowed, Outcome as Report};
use super::super::problem::Problem;
use super::super::state::App;
use super::answered;
use crate::ingest;
use crate::wire::{Ignored, outcome as wire};

/// Members that have no field of their own; they are kept with the metadata.
const BESIDE: [&str; 3] = ["outcomeReason", "reportedBy", "metrics"];

pub(super) async fn report(
    State(app): State<App>,
    allowed: Allowed<Report>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let admission = allowed.caller.admission();
    let reported = async {
        let mut sent = body::receive(&app, &headers, body).await?;
        let metrics = Arc::clone(&app.metrics);
        app.store(move |store| {
            let outcome = read(&id, &sent.unpack()?)?;
            let stored = ingest::outcomes(store, &admission, [Ok(outcome)])?.items;
            metrics.outcomes(&stored);
            answer(stored, &id)
        })
        .await
    };
    answered(reported.await, &uri)
}

/// The outcome that a body states.
fn read(id: &str, body: &[u8]) -> Result<Outcome, Problem> {
    let mut members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body is not an object: {error}")))?;
    let given = |members: &Map<String, Value>, name: &str| members.get(name).is_some_and(|value| !value.is_null());
    if given(&members, "outcomeValue") && !given(&members, "outcomeType") {
        return Err(Problem::bad_request("outcomeValue is given without outcomeType"));
    }
    let mut kept = match members.remove("metadata") {
        Some(Value::String(text)) => serde_json::from_str::<Map<String, Value>>(&text)
            .map_err(|_| Problem::bad_request("metadata is not a text that holds a JSON object"))?,
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    kept.extend(BESIDE.into_iter().filter_map(|name| Some((name.to_owned(), members.remove(name)?))));
    if !kept.is_empty() {
        members.insert("metadata".into(), Value::Object(kept));
    }
    Ok(wire::decode_for(id, Value::Object(members).to_string().as_bytes(), &mut Ignored::default())?)
}

fn answer(items: Vec<OutcomeItem>, id: &str) -> Result<Value, Problem> {
    match items.into_iter().next() {
        Some(OutcomeItem::Stored | OutcomeItem::Replayed) => {
            Ok(json!({ "id": id, "agenticJobId": id, "status": "OK" }))
        }
        Some(OutcomeItem::AlreadyReported(_)) => {
            let detail = format!("job {id:?} has an outcome already, which stands: the first report is immutable");
            Err(Problem::new(StatusCode::CONFLICT, detail))
        }
        Some(OutcomeItem::UnknownJob) => {
            let detail = format!("there is no job {id:?}: no event of it is stored");
            Err(Problem::new(StatusCode::NOT_FOUND, detail))
        }
        Some(OutcomeItem::Rejected(error)) => Err(Problem::bad_request(error.to_string())),
        None => Err(Problem::internal()),
    }
}

/// Puts an outcome's metadata back as it was sent.
pub(super) fn echo(outcome: &Outcome, job: &mut Value) {
    let metadata = outcome.metadata.as_deref().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    let Some(mut metadata) = metadata else { return };
    for name in BESIDE {
        if let Some(value) = metadata.remove(name) {
            job[name] = value;
        }
    }
    if !metadata.is_empty() {
        // The interface keeps an object as a text.
        job["metadata"] = Value::Object(metadata).to_string().into();
    }
}
