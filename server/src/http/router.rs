//! The routes.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::problem::Problem;
use super::state::App;
use super::{events, jobs, outcomes, query};

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/v1/events", post(events::post))
        .route("/v1/outcomes", post(outcomes::post))
        .route("/v1/query", post(query::post))
        .route("/v1/jobs", get(query::jobs))
        .route("/v1/jobs/{id}", get(jobs::job))
        .route("/v1/jobs/{id}/outcome", post(outcomes::post_one))
        .route("/v1/traces/{id}", get(jobs::trace))
        .route("/v1/funnel", get(query::funnel))
        .route("/v1/roi", get(query::roi))
        .route("/healthz", get(health))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .with_state(app)
}

async fn health(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.check()?;
    Ok(Json(json!({ "status": "ok", "lsn": app.store.snapshot().lsn() })))
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn not_allowed(uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take this method", uri.path()))
}
