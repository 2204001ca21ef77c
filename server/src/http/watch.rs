//! Every request is counted and timed; what is worth a line is logged.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::accept::Peer;
use super::state::App;

pub(super) async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_name(request.method());
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let response = next.run(request).await;
    let (status, took) = (response.status(), started.elapsed());
    app.metrics.answered(&route, method, status.as_u16(), took);
    let (status, micros) = (status.as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    match status {
        500.. if status == StatusCode::INTERNAL_SERVER_ERROR.as_u16() => {
            tracing::error!(route, method, status, micros, ?peer, "answered");
        }
        500.. => tracing::warn!(route, method, status, micros, ?peer, "answered"),
        _ => tracing::debug!(route, method, status, micros, ?peer, "answered"),
    }
    response
}

/// The method as a label: a client can invent any number of others.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
