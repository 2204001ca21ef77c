//! `POST /v1/corrections`: later words about events, taken item by item; `GET /v1/events/{id}`: what an event comes to.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::Error;
use quipu::store::CorrectionItem;
use serde_json::{Map, Value, json};

use super::body;
use super::caller::{Allowed, Caller, Ingest, Query as Ask};
use super::problem::Problem;
use super::state::App;
use crate::ingest;
use crate::wire::{correction, native};

/// An event as it was sent, with all that corrections made of it. One that the caller does not see is unknown.
pub(super) async fn event(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let scope = allowed.caller.scope;
    app.ask(move |store, _| {
        let snapshot = store.snapshot();
        let event = ingest::event(&snapshot, &scope, &id)?;
        let Some(event) = event else { return Err(ingest::no_event(&snapshot, &scope, &id)?.into()) };
        serde_json::to_value(native::Native(&event)).map(Json).map_err(|_| Problem::internal())
    })
    .await
}

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = allowed.caller;
    let mut sent = body::receive(&app, &headers, body).await?;
    let desk = app.clone();
    let (any, answer) = app.store(move |_| take(&desk, &sent.unpack()?, &caller)).await?;
    let status = if any { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Json(answer)).into_response())
}

/// Takes the corrections of a body; whether any was good, and what became of each.
fn take(app: &App, bytes: &[u8], caller: &Caller) -> Result<(bool, Value), Problem> {
    let decoded = correction::decode(bytes)?;
    let items = decoded.items.into_iter().map(|item| item.map_err(|error| Error::invalid(error.to_string())));
    let mut items: Vec<_> = items.collect();
    let mut coarsening = app.cardinality.coarsening(&app.store, caller.scope.workspace());
    coarsening.corrections(items.iter_mut().flatten());
    let coarsened = coarsening.done;
    app.metrics.coarsened(&coarsened);
    app.metrics.ignored(&decoded.ignored);
    let receipt = ingest::corrections(&app.store, &caller.admission(), items)?;
    let rejected = receipt.items.iter().filter(|item| matches!(item, CorrectionItem::Rejected(_))).count();
    let any = rejected < receipt.items.len() || receipt.items.is_empty();
    let ignored: Map<String, Value> =
        decoded.ignored.fields().map(|(field, times)| (field.to_owned(), times.into())).collect();
    let (accepted, items) =
        (receipt.items.len() - rejected, receipt.items.iter().enumerate().map(fate).collect::<Vec<_>>());
    let answer = json!({ "accepted": accepted, "rejected": rejected, "lsn": receipt.lsn, "ignored": ignored,
        "coarsened": coarsened.0, "items": items });
    Ok((any, answer))
}

fn fate((index, item): (usize, &CorrectionItem)) -> Value {
    let (status, events) = ingest::told(item);
    let mut fate = json!({ "index": index, "status": status, "events": events });
    if let CorrectionItem::Rejected(error) = item {
        fate["error"] = error.to_string().into();
    }
    if let Some(why) = ingest::why(item) {
        fate["note"] = why.into();
    }
    fate
}
