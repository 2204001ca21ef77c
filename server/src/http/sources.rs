//! Where clients of others send, answered as those clients expect.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::api::{Operation, post};
use super::caller::{Allowed, Ingest};
use super::problem::Problem;
use super::revenium::refused;
use super::state::App;
use super::{events, langfuse, otlp};
use crate::access::Permission;
use crate::wire::source::Source;

const JSON: [&str; 1] = ["application/json"];
/// The media types of OTLP.
const OTLP: [&str; 2] = ["application/json", "application/x-protobuf"];

/// The routes under the names that clients of others know, so that only their base address changes.
pub(super) fn operations() -> Vec<Operation> {
    let export = |operation: Operation| {
        operation
            .needs(Permission::Ingest)
            .takes("OtlpRequest", &OTLP)
            .gives_as(200, "taken, but for what is said to be refused", "OtlpResponse", &OTLP)
            .fails_as("OtlpStatus", &OTLP)
    };
    let logged = |operation: Operation| {
        operation
            .needs(Permission::Ingest)
            .takes("Any", &JSON)
            .gives(200, "at least one is stored, now or before", "Receipt")
            .gives(422, "none is stored", "Receipt")
    };
    let metered = |operation: Operation| {
        operation
            .needs(Permission::Ingest)
            .takes("Any", &JSON)
            .gives(201, "stored, now or before", "Metered")
            .fails_as("ReveniumError", &JSON)
    };
    vec![
        export(post("/v1/traces", "Export spans of OTLP", otlp::traces)),
        export(post("/v1/logs", "Export log records of OTLP", otlp::logs)),
        export(post("/v1/metrics", "Export metrics of OTLP, which are not kept", otlp::metrics)),
        export(post("/api/public/otel/v1/traces", "Export spans where Langfuse takes them", otlp::traces)),
        export(post("/v1/otel/v1/traces", "Export spans where Portkey takes them", otlp::traces)),
        post("/api/public/ingestion", "Store a batch of Langfuse's", langfuse::post)
            .needs(Permission::Ingest)
            .takes("Any", &JSON)
            .gives(207, "what became of each object", "LangfuseReceipt"),
        post("/api/v1/events", "Store CloudEvents as OpenMeter takes them", cloud_events)
            .needs(Permission::Ingest)
            .takes("Any", &["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"])
            .gives_nothing(204, "all are stored, now or before"),
        logged(post("/oai/v1/log", "Log a call as Helicone takes it", helicone)),
        logged(post("/anthropic/v1/log", "Log a call as Helicone takes it", helicone)),
        logged(post("/custom/v1/log", "Log a call as Helicone takes it", helicone)),
        metered(post("/meter/v2/ai/{kind}", "Meter a call as Revenium does", revenium)),
        metered(post("/meter/v2/tool/events", "Meter a tool as Revenium does", revenium_tool)),
    ]
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
