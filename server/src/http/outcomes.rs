//! `POST /v1/outcomes` and `POST /v1/jobs/{id}/outcome`: what came of jobs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use quipu::store::OutcomeItem;
use quipu::{Error, ErrorKind, Outcome, Store, Text};
use serde_json::{Value as Json, json};

use super::body;
use super::caller::{Allowed, Outcome as Report};
use super::metrics::Metrics;
use super::problem::Problem;
use super::state::App;
use crate::ingest::{self, Admission};
use crate::wire::{Ignored, outcome as wire};

/// The header that makes a retry of a report harmless.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Many outcomes; like events, each has a fate of its own.
pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Report>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let admission = allowed.caller.admission();
    let mut sent = body::receive(&app, &headers, body).await?;
    let metrics = Arc::clone(&app.metrics);
    let (any, answer) = app.store(move |store| store_outcomes(store, &sent.unpack()?, &admission, &metrics)).await?;
    let status = if any { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, axum::Json(answer)).into_response())
}

fn store_outcomes(
    store: &Store,
    bytes: &[u8],
    admission: &Admission,
    metrics: &Metrics,
) -> Result<(bool, Json), Problem> {
    let decoded = wire::decode(bytes)?;
    let job_ids: Vec<Option<Text>> =
        decoded.items.iter().map(|item| item.as_ref().ok().map(|outcome| outcome.job_id.clone())).collect();
    let items = decoded.items.into_iter().map(|item| item.map_err(|error| Error::invalid(error.to_string())));
    let receipt = ingest::outcomes(store, admission, items)?;
    metrics.outcomes(&receipt.items);
    let mut accepted = 0_usize;
    let mut items: Vec<Json> = Vec::with_capacity(job_ids.len());
    for (index, (item, job_id)) in receipt.items.into_iter().zip(job_ids).enumerate() {
        let (status, error) = describe(&item, job_id.as_deref().unwrap_or_default());
        accepted += usize::from(error.is_none());
        let mut fate = json!({ "index": index, "status": status });
        if let Some(job_id) = job_id {
            fate["job_id"] = job_id.as_str().into();
        }
        if let Some(error) = error {
            fate["error"] = error.into();
        }
        items.push(fate);
    }
    let ignored = counts_of(&decoded.ignored);
    let any = accepted > 0 || items.is_empty();
    Ok((any, json!({ "accepted": accepted, "lsn": receipt.lsn, "ignored": ignored, "items": items })))
}

fn describe(item: &OutcomeItem, job_id: &str) -> (&'static str, Option<String>) {
    match item {
        OutcomeItem::Stored => ("stored", None),
        OutcomeItem::Replayed => ("replayed", None),
        OutcomeItem::AlreadyReported(_) => ("already_reported", Some(already(job_id))),
        OutcomeItem::UnknownJob => ("unknown_job", Some(unknown(job_id))),
        OutcomeItem::Rejected(error) => ("rejected", Some(error.to_string())),
    }
}

fn already(job_id: &str) -> String {
    format!("job {job_id:?} has an outcome already, which stands; a `reason` amends it")
}

fn unknown(job_id: &str) -> String {
    format!("there is no job {job_id:?}: no event of it is stored; `create_job` stores it nevertheless")
}

/// One outcome: 200 stored or replayed, 404 without such a job, 409 with the outcome that stands.
/// How often each field was met that says nothing here.
fn counts_of(ignored: &Ignored) -> serde_json::Map<String, Json> {
    ignored.fields().map(|(field, times)| (field.to_owned(), times.into())).collect()
}

pub(super) async fn post_one(
    State(app): State<App>,
    allowed: Allowed<Report>,
    Path(job_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let admission = allowed.caller.admission();
    let key = match headers.get(IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| Problem::bad_request("idempotency-key is not ASCII text"))?;
            Some(Text::from(text))
        }
    };
    let mut sent = body::receive(&app, &headers, body).await?;
    let metrics = Arc::clone(&app.metrics);
    app.store(move |store| {
        let mut ignored = Ignored::default();
        let mut outcome = wire::decode_for(&job_id, &sent.unpack()?, &mut ignored)?;
        match (&outcome.idempotency_key, key) {
            (Some(in_body), Some(in_header)) if *in_body != in_header => {
                return Err(Problem::bad_request("idempotency_key differs between header and body"));
            }
            (None, header) => outcome.idempotency_key = header,
            _ => {}
        }
        store_one(store, outcome, &ignored, &admission, &metrics)
    })
    .await
}

fn store_one(
    store: &Store,
    outcome: Outcome,
    ignored: &Ignored,
    admission: &Admission,
    metrics: &Metrics,
) -> Result<Response, Problem> {
    let job_id = outcome.job_id.clone();
    let receipt = ingest::outcomes(store, admission, [Ok(outcome)])?;
    metrics.outcomes(&receipt.items);
    let done = |status: &str| {
        let ignored = counts_of(ignored);
        axum::Json(json!({ "status": status, "job_id": job_id.as_str(), "lsn": receipt.lsn, "ignored": ignored }))
            .into_response()
    };
    match receipt.items.into_iter().next() {
        Some(OutcomeItem::Stored) => Ok(done("stored")),
        Some(OutcomeItem::Replayed) => Ok(done("replayed")),
        Some(OutcomeItem::AlreadyReported(stored)) => {
            let stored = serde_json::to_value(wire::Native(&stored)).unwrap_or_default();
            Err(Problem::new(StatusCode::CONFLICT, already(&job_id)).with("stored", stored))
        }
        Some(OutcomeItem::UnknownJob) => Err(Problem::new(StatusCode::NOT_FOUND, unknown(&job_id))),
        Some(OutcomeItem::Rejected(error)) if error.kind() == ErrorKind::NotFound => {
            Err(Problem::new(StatusCode::NOT_FOUND, error.to_string()))
        }
        Some(OutcomeItem::Rejected(error)) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())),
        None => Err(Problem::internal()),
    }
}
