//! One job: itself, what it brought in, its calls.

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use quipu::money::div_half_even;
use quipu::{Cancel, Dimension, Event, Number, PicoUsd, Query as Plan, Scope, Store, TokenMeter, View};
use serde_json::{Value, json};

use super::super::caller::{Allowed, Query as MayQuery};
use super::super::problem::Problem;
use super::super::state::App;
use super::jobs::{Job, load};
use super::{amount, answered, page};
use crate::ask;

fn find(store: &Store, scope: &Scope, id: &str, cancel: Cancel) -> Result<Job, Problem> {
    let found = load(store, scope, Some(id), cancel)?.into_iter().next();
    found
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no job {id:?}: no event of it is stored")))
}

pub(super) async fn one(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let scope = allowed.caller.scope;
    answered(app.ask(move |store, cancel| Ok(find(store, &scope, &id, cancel)?.to_json())).await, &uri)
}

pub(super) async fn roi(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let scope = allowed.caller.scope;
    let found = app.ask(move |store, cancel| {
        let job = find(store, &scope, &id, cancel)?;
        let (cost, value) = (job.total_cost(), job.value());
        let body = json!({
            "id": job.id.as_str(),
            "agenticJobId": job.id.as_str(),
            "totalCost": amount(cost),
            "outcomeValue": amount(value),
            "outcomeCurrency": "USD",
            "netValue": amount(cost.zip(value).map(|(cost, value)| value - cost)),
            "roi": cost.zip(value).and_then(|(cost, value)| percent(cost, value)),
        });
        Ok(body)
    });
    answered(found.await, &uri)
}

/// (value − cost) / cost in per cent with four decimals, rounded half-even; nothing where there is no cost.
fn percent(cost: PicoUsd, value: PicoUsd) -> Option<Value> {
    let gain = (value - cost).pico().checked_mul(1_000_000).filter(|_| cost.pico() > 0)?;
    let ten_thousandths = div_half_even(gain, cost.pico());
    let (sign, digits) = (if ten_thousandths < 0 { "-" } else { "" }, ten_thousandths.unsigned_abs());
    serde_json::from_str(&format!("{sign}{}.{:04}", digits / 10_000, digits % 10_000)).ok()
}

pub(super) async fn transactions(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    Path(id): Path<String>,
    uri: Uri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let scope = allowed.caller.scope;
    let found = app.ask(move |store, cancel| {
        let snapshot = store.snapshot();
        let (plan, _) = ask::priced(&snapshot, &Plan::new().cancel(cancel))?;
        let report = View::new(&snapshot, scope).job(&id, &plan)?;
        let total = usize::try_from(report.event_count).unwrap_or(usize::MAX);
        page(&pairs, report.events.iter(), total, |call| transaction(&call.event, call.cost))
    });
    answered(found.await, &uri)
}

/// A call by the names it is metered with.
fn transaction(event: &Event, cost: Option<PicoUsd>) -> Value {
    let text = |dimension| event.get(dimension);
    let written = TokenMeter::ALL.iter().filter(|meter| meter.is_cache_write()).map(|meter| event.quantity(*meter));
    json!({
        "transactionId": event.id.as_deref(),
        "requestTime": event.at.map(|at| at.to_string()),
        "provider": text(Dimension::Provider),
        "model": text(Dimension::Model),
        "operationType": text(Dimension::Operation),
        "taskType": text(Dimension::TaskType),
        "traceId": text(Dimension::TraceId),
        "agent": text(Dimension::Agent),
        "status": text(Dimension::Status),
        "stopReason": text(Dimension::StopReason),
        "inputTokenCount": event.input_tokens(),
        "outputTokenCount": event.total_tokens() - event.input_tokens(),
        "cacheReadTokenCount": event.quantity(TokenMeter::CacheRead),
        "cacheCreationTokenCount": written.sum::<u64>(),
        "reasoningTokenCount": event.quantity(TokenMeter::Reasoning),
        "totalTokenCount": event.total_tokens(),
        "requestDuration": event.number(Number::DurationMs),
        "totalCost": amount(cost.or(event.reported_cost())),
    })
}
