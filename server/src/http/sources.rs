//! Where clients of others send, answered as those clients expect.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::caller::{Allowed, Ingest};
use super::problem::Problem;
use super::revenium::refused;
use super::state::App;
use super::{events, otlp};
use crate::wire::source::Source;

/// The routes under the names that clients of others know, so that only their base address changes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/api/public/otel/v1/traces", post(otlp::traces))
        .route("/v1/otel/v1/traces", post(otlp::traces))
        .route("/api/public/ingestion", post(langfuse))
        .route("/api/v1/events", post(cloud_events))
        .route("/oai/v1/log", post(helicone))
        .route("/anthropic/v1/log", post(helicone))
        .route("/custom/v1/log", post(helicone))
        .route("/meter/v2/ai/{kind}", post(revenium))
        .route("/meter/v2/tool/events", post(revenium_tool))
}

/// `POST /ingest/{source}`: as `/v1/events`, for a source by name.
pub(super) async fn named(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let source: Source =
        source.parse().map_err(|error: quipu::Error| Problem::new(StatusCode::NOT_FOUND, error.to_string()))?;
    Ok(events::take(&app, &allowed.caller, &headers, body, Some(source)).await?.into_response())
}

/// Langfuse's batches: 207 with what became of each object.
pub(super) async fn langfuse(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = events::take(&app, &allowed.caller, &headers, body, Some(Source::Langfuse)).await?;
    let successes: Vec<Value> =
        answer.ids().map(|id| json!({ "id": id.trim_start_matches("langfuse:"), "status": 201 })).collect();
    let errors: Vec<Value> = answer
        .refusals()
        .map(|(index, why)| json!({ "id": index.to_string(), "status": 400, "message": why, "error": why }))
        .collect();
    Ok((StatusCode::MULTI_STATUS, Json(json!({ "successes": successes, "errors": errors }))).into_response())
}

/// CloudEvents: 204, for OpenMeter's client takes nothing else for success.
pub(super) async fn cloud_events(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = events::take(&app, &allowed.caller, &headers, body, Some(Source::CloudEvents)).await?;
    let refusals: Vec<String> = answer.refusals().map(|(index, why)| format!("event {index}: {why}")).collect();
    match refusals.is_empty() {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::bad_request(refusals.join("; "))),
    }
}

/// Helicone's manual logger.
pub(super) async fn helicone(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Ok(events::take(&app, &allowed.caller, &headers, body, Some(Source::Helicone)).await?.into_response())
}

/// Revenium's metering of calls.
pub(super) async fn revenium(
    app: State<App>,
    allowed: Allowed<Ingest>,
    Path(kind): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !matches!(kind.as_str(), "completions" | "audio" | "images" | "video") {
        return refused(&Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path())), &uri);
    }
    metered(app, allowed, uri, headers, body, Source::Native).await
}

/// Revenium's metering of tools.
pub(super) async fn revenium_tool(
    app: State<App>,
    allowed: Allowed<Ingest>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    metered(app, allowed, uri, headers, body, Source::ReveniumTool).await
}

/// 201 with the id, or 400 with Revenium's form of an error.
async fn metered(
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
    source: Source,
) -> Response {
    let answer = match events::take(&app, &allowed.caller, &headers, body, Some(source)).await {
        Ok(answer) => answer,
        Err(problem) => return refused(&problem, &uri),
    };
    if let Some((_, why)) = answer.refusals().next() {
        return refused(&Problem::bad_request(why), &uri);
    }
    let id = answer.ids().next().unwrap_or_default().to_owned();
    let body = json!({ "id": id, "label": id, "resourceType": "metering-event", "signature": "" });
    (StatusCode::CREATED, Json(body)).into_response()
}
