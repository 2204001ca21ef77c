//! `POST /v1/events`: one event, an array, or one per line.
//!
//! Good events are stored whatever the others are. The answer is 200 when at least one of them is
//! stored, now or before, and 422 when none is; in both cases it names the fate of each.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::store::Item;
use quipu::{Error, Store};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::body;
use super::caller::{Allowed, Ingest};
use super::metrics::Metrics;
use super::problem::Problem;
use super::state::App;
use crate::ingest::{self, Admission};
use crate::wire::native;

/// What became of a request.
#[derive(Debug, Default, Serialize)]
struct Answer {
    stored: usize,
    duplicates: usize,
    conflicts: usize,
    rejected: usize,
    lsn: u64,
    #[serde(skip_serializing_if = "Map::is_empty")]
    ignored: Map<String, Json>,
    items: Vec<Fate>,
}

/// What became of one event.
#[derive(Debug, Serialize)]
struct Fate {
    index: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let admission = allowed.caller.admission();
    let mut sent = body::receive(&app, &headers, body).await?;
    let metrics = Arc::clone(&app.metrics);
    let answer = app.store(move |store| store_events(store, &sent.unpack()?, &admission, &metrics)).await?;
    let none = answer.stored + answer.duplicates == 0 && !answer.items.is_empty();
    let status = if none { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, axum::Json(answer)).into_response())
}

fn store_events(store: &Store, bytes: &[u8], admission: &Admission, metrics: &Metrics) -> Result<Answer, Problem> {
    let decoded = native::decode(bytes)?;
    let items = decoded.items.into_iter().map(|item| item.map_err(|error| Error::invalid(error.to_string())));
    let receipt = ingest::events(store, admission, items)?;
    metrics.events(&receipt.items);
    let mut answer = Answer {
        stored: receipt.stored(),
        duplicates: receipt.duplicates(),
        conflicts: receipt.conflicts(),
        rejected: receipt.rejected(),
        lsn: receipt.lsn,
        ..Answer::default()
    };
    answer.ignored = decoded.ignored.fields().map(|(field, times)| (field.to_owned(), times.into())).collect();
    answer.items = receipt.items.into_iter().enumerate().map(|(index, item)| of_item(index, item)).collect();
    Ok(answer)
}

fn of_item(index: usize, item: Item) -> Fate {
    let (status, id, error) = match item {
        Item::Stored { id } => ("stored", Some(id), None),
        Item::Duplicate { id } => ("duplicate", Some(id), None),
        Item::Conflict { id } => {
            let error = "an event of this id is stored with other content, which stands";
            ("conflict", Some(id), Some(error.to_owned()))
        }
        Item::Rejected(error) => ("rejected", None, Some(error.to_string())),
    };
    Fate { index, status, id: id.map(String::from), error }
}
