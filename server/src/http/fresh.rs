//! Reading what one has written, and not reading again what has not changed.
//!
//! A receipt names its LSN; a question may ask to be answered from a state that holds it. An answer
//! names the LSN that it holds at least. Answers to `GET` that are sent whole carry an ETag, the hash of their
//! bytes: the same question may well have another answer at the same LSN, when it counts back from now.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;
use tokio::time::{Instant, sleep};

use super::problem::Problem;
use super::state::App;

/// The header that says how new an answer must be.
pub(super) const MIN_LSN_HEADER: &str = "x-quipu-min-lsn";
/// The header that says how new an answer is at least.
const LSN_HEADER: HeaderName = HeaderName::from_static("x-quipu-lsn");
/// How long an LSN is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) async fn fresh(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    if !app.gate.knows(request.headers()) {
        // Whoever shows no good token learns nothing here; the route says what is wrong.
        return Ok(next.run(request).await);
    }
    let lsn = reach(&app, request.headers()).await?;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned().filter(|_| request.method() == Method::GET);
    let tagged = request.method() == Method::GET;
    let mut response = next.run(request).await;
    response.headers_mut().insert(LSN_HEADER, lsn.into());
    // What is sent piece by piece is not known before the last of it.
    let is_whole = response.body().size_hint().exact().is_some();
    if !tagged || !is_whole || response.status() != StatusCode::OK {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|_| Problem::internal())?;
    let tag = format!("\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
    let same =
        known.is_some_and(|known| known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim() == tag)));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    // Shared caches must ask first: what one token sees, another does not.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, x-api-key, x-quipu-workspace"));
    match same {
        true => {
            parts.headers.remove(header::CONTENT_TYPE);
            Ok((StatusCode::NOT_MODIFIED, parts.headers).into_response())
        }
        false => Ok(Response::from_parts(parts, Body::from(bytes))),
    }
}

/// Waits until the state holds the LSN that is asked for; the LSN that it holds then.
async fn reach(app: &App, headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(MIN_LSN_HEADER) else { return Ok(app.store.snapshot().lsn()) };
    let wanted: u64 =
        value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
            Problem::bad_request(format!("{MIN_LSN_HEADER} is {value:?}; expected the LSN of a receipt"))
        })?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lsn = app.store.snapshot().lsn();
        if lsn >= wanted {
            return Ok(lsn);
        }
        if Instant::now() >= deadline {
            let detail =
                format!("this store holds LSN {lsn} and not yet {wanted}; is it the one that gave the receipt?");
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        }
        sleep(PAUSE).await;
    }
}
