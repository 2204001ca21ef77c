//! `POST /v1/traces`, `/v1/logs` and `/v1/metrics`: OTLP over HTTP, as protobuf or JSON.
//!
//! Answers are what exporters' retries are made for: 200 with the number of refused records, 400 for what will
//! never be right, 503 with `Retry-After` whenever the same request may succeed later — a store that
//! cannot write included, for exporters drop what is answered with 500.

mod answer;
mod take;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::body;
use super::caller::{Allowed, Ingest};
use super::problem::Problem;
use super::state::App;
use crate::wire::headers::Headers;
use crate::wire::otlp::{self, Encoding, Signal};

pub(super) use answer::{code as status_code, message};
pub(super) use take::{Context, Taken, Traces, take};

pub(super) async fn traces(app: State<App>, allowed: Allowed<Ingest>, headers: HeaderMap, body: Body) -> Response {
    export(Signal::Traces, app, allowed, headers, body).await
}

pub(super) async fn logs(app: State<App>, allowed: Allowed<Ingest>, headers: HeaderMap, body: Body) -> Response {
    export(Signal::Logs, app, allowed, headers, body).await
}

/// Metrics repeat what spans and log records say; they are read, counted and not kept.
pub(super) async fn metrics(
    State(app): State<App>,
    _allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let counted = async |encoding| {
        let mut sent = body::receive(&app, &headers, body).await?;
        let count = app.store(move |_| Ok(otlp::count_metrics(&sent.unpack()?, encoding)?)).await?;
        app.traces.count_metrics(count);
        Ok(Taken::default())
    };
    answered(Signal::Traces, &headers, counted).await
}

async fn export(
    signal: Signal,
    State(app): State<App>,
    allowed: Allowed<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = async |encoding| {
        let context = Context::new(&app, allowed.caller, &headers);
        let mut sent = body::receive(&app, &headers, body).await?;
        app.store(move |_| take(&context, &sent.unpack()?, encoding, signal)).await
    };
    answered(signal, &headers, taken).await
}

/// Answers in the request's own encoding.
async fn answered(
    signal: Signal,
    headers: &HeaderMap,
    take: impl AsyncFnOnce(Encoding) -> Result<Taken, Problem>,
) -> Response {
    let encoding = match encoding(headers) {
        Ok(encoding) => encoding,
        Err(problem) => return answer::failure(problem, Encoding::Json),
    };
    match take(encoding).await {
        Ok(taken) => answer::success(&taken, signal, encoding),
        Err(problem) => answer::failure(problem, encoding),
    }
}

/// What the request's headers say of its calls.
pub(super) fn said(headers: &HeaderMap) -> Headers {
    Headers::read(headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|stated| stated.to_str().ok()).unwrap_or_default();
    match stated.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Encoding::Json),
        "" | "application/x-protobuf" | "application/protobuf" | "application/octet-stream" => Ok(Encoding::Proto),
        other => {
            let detail = format!("content-type is {other:?}; OTLP is application/x-protobuf or application/json");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}
