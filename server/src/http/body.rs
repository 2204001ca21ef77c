//! Bodies of requests: bounded in bytes and in time, as sent and as unpacked.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::Problem;
use super::state::App;

/// Longest body as sent.
pub(super) const ENCODED_BYTES: usize = 16 << 20;
/// Longest body once unpacked.
pub(super) const DECODED_BYTES: usize = 64 << 20;
/// How long a client may take to send its body.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A body as it was sent, with its share of the memory for bodies.
pub(super) struct Sent {
    bytes: axum::body::Bytes,
    packing: Packing,
    _share: OwnedSemaphorePermit,
}

#[derive(Clone, Copy)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

/// Receives a body.
///
/// # Errors
/// 413 too long, 415 unknown encoding, 408 too slow, 503 too many bodies at once.
pub(super) async fn receive(app: &App, headers: &HeaderMap, body: Body) -> Result<Sent, Problem> {
    let packing = packing(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // A body that does not say its length may have any.
    let expected = length.unwrap_or(ENCODED_BYTES as u64);
    if expected > ENCODED_BYTES as u64 {
        return Err(too_long(&format!("has {expected} bytes"), ENCODED_BYTES));
    }
    let kib = u32::try_from(expected / 1024 + 1).unwrap_or(u32::MAX);
    let share =
        Arc::clone(&app.bodies).try_acquire_many_owned(kib).map_err(|_| Problem::overloaded("bytes of requests"))?;
    let received = tokio::time::timeout(TIMEOUT, to_bytes(body, ENCODED_BYTES)).await.map_err(|_| {
        let detail = format!("the body did not arrive within {} seconds", TIMEOUT.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    })?;
    let bytes = received.map_err(|error| {
        // The one error besides the limit is a client that went away, and it reads no answer.
        match std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("length limit")) {
            true => too_long("is longer", ENCODED_BYTES),
            false => Problem::bad_request(format!("the body broke off: {error}")),
        }
    })?;
    Ok(Sent { bytes, packing, _share: share })
}

fn packing(headers: &HeaderMap) -> Result<Packing, Problem> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Packing::None) };
    match value.to_str().map(str::trim).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Packing::None),
        "gzip" | "x-gzip" => Ok(Packing::Gzip),
        "zstd" => Ok(Packing::Zstd),
        _ => {
            let detail = format!("content-encoding {value:?} is not known; allowed are gzip, zstd and identity");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

impl Sent {
    /// The body unpacked. Blocking work.
    ///
    /// # Errors
    /// 413 when it unpacks to too much, 400 when it is damaged.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, Problem> {
        let packed = &self.bytes[..];
        match self.packing {
            Packing::None => Ok(packed.to_vec()),
            Packing::Gzip => bounded(flate2::bufread::MultiGzDecoder::new(packed), "gzip"),
            Packing::Zstd => {
                let damaged = |error: std::io::Error| Problem::bad_request(format!("the zstd body: {error}"));
                bounded(zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?, "zstd")
            }
        }
    }
}

fn bounded(decoder: impl Read, packing: &str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    decoder.take(DECODED_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| {
        Problem::bad_request(format!("the {packing} body is damaged or cut off: {error}; nothing of it was stored"))
    })?;
    match bytes.len() > DECODED_BYTES {
        true => Err(too_long("unpacks to more", DECODED_BYTES)),
        false => Ok(bytes),
    }
}

fn too_long(found: &str, allowed: usize) -> Problem {
    let detail = format!("the body {found}; the longest allowed is {allowed} bytes, send several smaller ones");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
