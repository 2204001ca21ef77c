//! Answers in the request's own encoding.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::encoding;
use serde_json::json;

use super::super::problem::Problem;
use super::Taken;
use crate::wire::otlp::{Encoding, Signal};

/// What protobuf's and JSON's answers are called.
fn content_type(encoding: Encoding) -> HeaderValue {
    HeaderValue::from_static(match encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    })
}

/// 200: everything is stored but what is refused for good, which must not be sent again. Where nothing is, a message is
/// a warning.
pub(super) fn success(taken: &Taken, signal: Signal, encoding: Encoding) -> Response {
    let bytes = match encoding {
        Encoding::Proto => message(taken),
        Encoding::Json if taken.reasons.is_empty() => b"{}".to_vec(),
        Encoding::Json => {
            let name = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
            };
            // 64-bit numbers are texts in JSON.
            let partial = json!({ name: taken.rejected.to_string(), "errorMessage": taken.reasons });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    ([(header::CONTENT_TYPE, content_type(encoding))], bytes).into_response()
}

/// An export response as protobuf; empty when there is nothing to say.
pub(in crate::http) fn message(taken: &Taken) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !taken.reasons.is_empty() {
        let mut partial = Vec::new();
        encoding::int64::encode(1, &i64::try_from(taken.rejected).unwrap_or(i64::MAX), &mut partial);
        encoding::string::encode(2, &taken.reasons, &mut partial);
        encoding::bytes::encode(1, &partial, &mut bytes);
    }
    bytes
}

/// A failure as `google.rpc.Status`.
pub(super) fn failure(problem: Problem, encoding: Encoding) -> Response {
    let status = match problem.status() {
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::INSUFFICIENT_STORAGE => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    };
    let code = code(status);
    let bytes = match encoding {
        Encoding::Proto => {
            let mut bytes = Vec::new();
            encoding::int32::encode(1, &code, &mut bytes);
            encoding::string::encode(2, &problem.detail().to_owned(), &mut bytes);
            bytes
        }
        Encoding::Json => json!({ "code": code, "message": problem.detail() }).to_string().into_bytes(),
    };
    let mut response = (status, [(header::CONTENT_TYPE, content_type(encoding))], bytes).into_response();
    let seconds = problem.retry_after().or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The code of `google.rpc.Status` for an HTTP status.
pub(in crate::http) fn code(status: StatusCode) -> i32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::REQUEST_TIMEOUT => 4,
        status if status.is_server_error() => 14,
        _ => 3,
    }
}
