//! `POST /v1/events`: one event, an array, or one per line.
//!
//! Good events are stored whatever the others are. The answer is 200 when at least one of them is
//! stored, now or before, and 422 when none is; in both cases it names the fate of each.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::store::{Item, Store};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::body;
use super::problem::Problem;
use super::state::{App, scope};
use crate::ingest::assign;
use crate::wire::native;

/// What became of a request.
#[derive(Debug, Default, Serialize)]
struct Answer {
    stored: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
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

pub(super) async fn post(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let workspace = scope(&headers)?.workspace().to_owned();
    let sent = body::receive(&app, &headers, body).await?;
    let answer = app.block(move |store| store_events(store, &sent.unpack()?, &workspace)).await?;
    let none = answer.stored + answer.duplicates == 0 && !answer.items.is_empty();
    let status = if none { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, axum::Json(answer)).into_response())
}

fn store_events(store: &Store, bytes: &[u8], workspace: &str) -> Result<Answer, Problem> {
    let decoded = native::decode(bytes)?;
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(decoded.items.len());
    let mut good = Vec::with_capacity(decoded.items.len());
    for (index, item) in decoded.items.into_iter().enumerate() {
        let admitted = item.map_err(|error| error.to_string()).and_then(|mut event| {
            let id = event.id.as_ref().map(ToString::to_string);
            assign(&mut event, workspace).map_err(|problem| with_id(id, problem)).map(|()| event)
        });
        fates.push(match admitted {
            Ok(event) => {
                good.push(event);
                None
            }
            Err(error) => Some(Fate { index, status: "rejected", id: None, error: Some(error) }),
        });
    }
    let ids: Vec<Option<String>> = good.iter().map(|event| event.id.as_ref().map(ToString::to_string)).collect();
    let receipt = store.append(good)?;
    let mut stored = receipt.items.into_iter().zip(ids);
    let fates = fates.into_iter().enumerate().filter_map(|(index, fate)| {
        fate.or_else(|| stored.next().map(|(item, id)| of_item(index, item, id)))
    });
    let mut answer = Answer { lsn: receipt.lsn, items: fates.collect(), ..Answer::default() };
    answer.ignored = decoded.ignored.fields().map(|(field, times)| (field.to_owned(), times.into())).collect();
    for fate in &answer.items {
        match fate.status {
            "stored" => answer.stored += 1,
            "duplicate" => answer.duplicates += 1,
            "conflict" => answer.conflicts += 1,
            _ => answer.rejected += 1,
        }
    }
    Ok(answer)
}

fn with_id(id: Option<String>, problem: String) -> String {
    id.map_or(problem.clone(), |id| format!("event {id:?}: {problem}"))
}

fn of_item(index: usize, item: Item, sent_id: Option<String>) -> Fate {
    let fate = |status, id: Option<String>, error| Fate { index, status, id, error };
    match item {
        Item::Stored { id } => fate("stored", Some(id.to_string()), None),
        Item::Duplicate { id } => fate("duplicate", Some(id.to_string()), None),
        Item::Conflict { id } => {
            let error = "an event of this id is stored with other content, which stands";
            fate("conflict", Some(id.to_string()), Some(error.to_owned()))
        }
        Item::Rejected(error) => fate("rejected", sent_id, Some(error.to_string())),
    }
}
