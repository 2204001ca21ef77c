//! `POST /v1/events`: one event, an array, or one per line, in Quipu's own form or that of any other source.
//!
//! Good events are stored whatever the others are. The answer is 200 when at least one of them is
//! stored, now or before, and 422 when none is; in both cases it names the fate of each.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::store::Item;
use quipu::{Error, PicoUsd};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::body;
use super::caller::{Allowed, Caller, Ingest};
use super::otlp::said;
use super::problem::Problem;
use super::state::App;
use crate::ask;
use crate::ingest::{self, Admission};
use crate::wire::headers::Headers;
use crate::wire::source::Source;

/// The headers of an answer about a single event.
const EVENT_ID: &str = "x-quipu-event-id";
const COST: &str = "x-quipu-cost-usd";

/// What became of a request.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    stored: usize,
    duplicates: usize,
    conflicts: usize,
    rejected: usize,
    lsn: u64,
    /// What a single event costs, where all of it has a price.
    #[serde(skip)]
    cost: Option<PicoUsd>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    ignored: Map<String, Json>,
    /// By dimension, how many values were put under `__overflow__`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    coarsened: BTreeMap<&'static str, u64>,
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
    let answer = take(&app, &allowed.caller, &headers, body, None).await?;
    Ok(answer.into_response())
}

/// Stores the events of a body; where nobody says whose it is, the body tells.
///
/// # Errors
/// When the body as a whole cannot be read, or nothing of it was stored.
pub(super) async fn take(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
    source: Option<Source>,
) -> Result<Answer, Problem> {
    let (admission, said) = (caller.admission(), said(headers));
    let mut sent = body::receive(app, headers, body).await?;
    let (desk, workspace) = (app.clone(), caller.scope.workspace().to_owned());
    app.store(move |_| store_events(&desk, &workspace, &sent.unpack()?, source, &said, &admission)).await
}

fn store_events(
    app: &App,
    workspace: &str,
    bytes: &[u8],
    source: Option<Source>,
    said: &Headers,
    admission: &Admission,
) -> Result<Answer, Problem> {
    let store = &app.store;
    let decoded = source.unwrap_or_else(|| Source::detect(bytes)).decode(bytes)?;
    let mut ignored = decoded.ignored;
    let mut items = Vec::with_capacity(decoded.items.len());
    for item in decoded.items {
        items.push(match item {
            Ok(event) if said.is_empty() => Ok(event),
            Ok(event) => Ok(said.apply(event, &mut ignored)),
            Err(error) => Err(Error::invalid(error.to_string())),
        });
    }
    let single = match &items[..] {
        [Ok(event)] => ask::cost_of(&store.snapshot(), event).ok().flatten(),
        _ => None,
    };
    let mut coarsening = app.cardinality.coarsening(store, workspace);
    let receipt = ingest::events(store, admission, items, |event| coarsening.event(event))?;
    let coarsened = coarsening.done;
    app.metrics.events(&receipt.items);
    app.metrics.coarsened(&coarsened);
    app.metrics.ignored(&ignored);
    let mut answer = Answer {
        stored: receipt.stored(),
        duplicates: receipt.duplicates(),
        conflicts: receipt.conflicts(),
        rejected: receipt.rejected(),
        lsn: receipt.lsn,
        cost: single,
        coarsened: coarsened.0,
        ..Answer::default()
    };
    answer.ignored = ignored.fields().map(|(field, times)| (field.to_owned(), times.into())).collect();
    answer.items = receipt.items.into_iter().enumerate().map(|(index, item)| of_item(index, item)).collect();
    Ok(answer)
}

impl Answer {
    /// Whether nothing of what was sent is stored, now or before.
    pub(super) fn is_refused(&self) -> bool {
        self.stored + self.duplicates == 0 && !self.items.is_empty()
    }

    /// The items that are not stored, with why.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.items.iter().filter_map(|fate| Some((fate.index, fate.error.as_deref()?)))
    }

    /// The ids of the items that are stored.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter(|fate| fate.error.is_none()).filter_map(|fate| fate.id.as_deref())
    }
}

impl IntoResponse for Answer {
    /// As JSON; of a single event, the headers say its id and its cost at the current prices.
    fn into_response(self) -> Response {
        let status = if self.is_refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let header = |text: Option<&str>| text.and_then(|text| HeaderValue::from_str(text).ok());
        let single = self.items.len() == 1;
        let id = header(self.ids().next().filter(|_| single));
        let cost = id.as_ref().and_then(|_| header(self.cost.map(|cost| cost.to_string()).as_deref()));
        let mut response = (status, axum::Json(self)).into_response();
        for (name, value) in [(EVENT_ID, id), (COST, cost)] {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
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
