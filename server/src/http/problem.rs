//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quipu::{Error, ErrorKind};
use serde_json::{Value as Json, json};

/// Seconds after which a client that was turned away may come back.
const RETRY_AFTER: u64 = 1;

/// Why a request failed.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    /// A further member and its value.
    more: Option<(&'static str, Json)>,
    /// Seconds after which to come back.
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Self { status, detail: detail.into(), more: None, retry_after }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn overloaded(what: &str) -> Self {
        let detail = format!("too many {what} are in flight; nothing of this one was taken, send it again");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "this request met a defect of the server; the store is not harmed")
    }

    /// A query that was given up.
    pub(super) fn too_slow(limit: Duration) -> Self {
        let detail = format!(
            "the query was not done within {} ms; narrow its filter or time range, or group by fewer keys",
            limit.as_millis()
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, detail)
    }

    /// A token that asks too often.
    pub(super) fn too_often(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let detail = format!("this token sends more requests than it may; come back in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Seconds after which to come back, where that may help.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: Json) -> Self {
        self.more = Some((name, value));
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::Overloaded
            | ErrorKind::Poisoned
            | ErrorKind::DurabilityUnknown
            | ErrorKind::Busy
            | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some((name, value)) = self.more {
            body[name] = value;
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
