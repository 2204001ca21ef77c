//! The routes.

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::caller::{Admin, Allowed};
use super::problem::Problem;
use super::state::App;
use super::watch::watch;
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
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(cors(&app.config.cors_origins))
        .layer(from_fn_with_state(app.clone(), watch))
        .with_state(app)
}

/// Whether the process is well: it is not when only a restart helps.
async fn health(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.check()?;
    Ok(Json(json!({ "status": "ok", "lsn": app.store.snapshot().lsn() })))
}

/// Whether requests should be sent here: not while there is too much to do already.
async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.check()?;
    match app.has_room() {
        true => Ok(Json(json!({ "status": "ready" }))),
        false => Err(Problem::overloaded("requests")),
    }
}

async fn metrics(State(app): State<App>, _admin: Allowed<Admin>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.metrics.text(app.store.snapshot().lsn()))
}

/// Which pages of other origins may read answers. Tokens come in headers, never in cookies, so a page can
/// do nothing that its own token does not allow.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    let headers = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, header::IF_NONE_MATCH];
    CorsLayer::new().allow_origin(origins).allow_methods([Method::GET, Method::POST]).allow_headers(headers)
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn not_allowed(uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take this method", uri.path()))
}
