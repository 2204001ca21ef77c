//! `GET /v1/jobs/{id}`, `GET /v1/traces/{id}` and `GET /v1/coverage`: answers of several sheets.

use axum::Json;
use axum::extract::{Path, Query, State};

use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::query::{Pairs, asked, plan_of};
use super::state::App;
use crate::ask;
use crate::render::Document;

pub(super) async fn job(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(job_id): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Document>, Problem> {
    let plan = plan_of(&pairs)?;
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, plan, cancel)?;
        Ok(Json(ask::job(&store.snapshot(), scope, &job_id, &plan)?))
    })
    .await
}

pub(super) async fn trace(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(trace_id): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Document>, Problem> {
    let plan = plan_of(&pairs)?;
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, plan, cancel)?;
        Ok(Json(ask::trace(&store.snapshot(), scope, &trace_id, &plan)?))
    })
    .await
}

pub(super) async fn coverage(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Query(pairs): Pairs,
) -> Result<Json<Document>, Problem> {
    let plan = plan_of(&pairs)?;
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, plan, cancel)?;
        Ok(Json(ask::coverage(&store.snapshot(), scope, &plan)?))
    })
    .await
}
