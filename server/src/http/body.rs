//! Bodies of requests: bounded in bytes and in time, as sent and as unpacked.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::problem::Problem;
use super::state::App;
use crate::config::Limits;

/// How long a body may come slower than its rate at first, while the connection finds its speed.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes by which the place of a body of unknown length grows at least.
const STEP: u64 = 256 * 1024;
/// What a body may unpack to whatever its ratio: small ones are often very regular.
const UNSUSPICIOUS: u64 = 1 << 20;

/// A body as it was sent, with its share of the memory for bodies.
pub(super) struct Sent {
    bytes: Vec<u8>,
    packing: Packing,
    unpacked: u64,
    ratio: u64,
    _share: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
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
    let (packing, config) = (packing(headers)?, app.config());
    let limits = &config.limits;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length.filter(|length| *length > limits.body_bytes) {
        return Err(too_long(&format!("has {length} bytes"), limits.body_bytes));
    }
    let mut share = share(app, length.unwrap_or(0))?;
    let expected = usize::try_from(length.unwrap_or(0)).unwrap_or(0);
    let bytes = collect(body, limits, expected, |bytes| {
        // A body that does not say its length has its place as it comes.
        let beyond = (bytes as u64).saturating_sub(share.num_permits() as u64 * 1024);
        if beyond > 0 {
            share.merge(self::share(app, beyond.max(STEP))?);
        }
        Ok(())
    })
    .await?;
    app.metrics.received(bytes.len());
    Ok(Sent { bytes, packing, unpacked: limits.unpacked_bytes, ratio: limits.unpacked_ratio, _share: share })
}

/// A place in the memory for bodies.
fn share(app: &App, bytes: u64) -> Result<OwnedSemaphorePermit, Problem> {
    let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    Arc::clone(&app.bodies).try_acquire_many_owned(kib).map_err(|_| app.overloaded("bytes of requests"))
}

/// Reads a body to its end, at the least rate at least; for every length that it comes to, a place is made.
async fn collect(
    mut body: Body,
    limits: &Limits,
    expected: usize,
    mut make_place: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Vec<u8>, Problem> {
    let (started, mut bytes) = (Instant::now(), Vec::with_capacity(expected));
    loop {
        let earned = Duration::from_millis((bytes.len() as u64).saturating_mul(1000) / limits.body_rate.max(1));
        let patience = limits.body.min(GRACE.saturating_add(earned));
        let frame = timeout_at(started + patience, body.frame()).await.map_err(|_| {
            let (got, rate, all) = (bytes.len(), limits.body_rate, limits.body.as_secs());
            let detail =
                format!("{got} bytes of the body came in time; it must come at {rate} bytes/s and within {all} s");
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        })?;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|error| Problem::bad_request(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if (bytes.len() + data.len()) as u64 > limits.body_bytes {
            return Err(too_long("is longer", limits.body_bytes));
        }
        make_place(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
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
    pub(super) fn unpack(&mut self) -> Result<Vec<u8>, Problem> {
        if self.packing == Packing::None {
            return match self.bytes.len() as u64 > self.unpacked {
                true => Err(too_long("is longer", self.unpacked)),
                false => Ok(std::mem::take(&mut self.bytes)),
            };
        }
        let packed = &self.bytes[..];
        match self.packing {
            Packing::Zstd => {
                let damaged = |error: std::io::Error| Problem::bad_request(format!("the zstd body: {error}"));
                self.bounded(zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?, "zstd")
            }
            _ => self.bounded(flate2::bufread::MultiGzDecoder::new(packed), "gzip"),
        }
    }

    fn bounded(&self, decoder: impl Read, packing: &str) -> Result<Vec<u8>, Problem> {
        let by_ratio = (self.bytes.len() as u64).saturating_mul(self.ratio).max(UNSUSPICIOUS);
        let most = self.unpacked.min(by_ratio);
        let mut bytes = Vec::new();
        decoder.take(most + 1).read_to_end(&mut bytes).map_err(|error| {
            Problem::bad_request(format!("the {packing} body is damaged or cut off: {error}; nothing of it was stored"))
        })?;
        match bytes.len() as u64 > most {
            true if most < self.unpacked => {
                let detail = format!("the body unpacks to more than {} times its size; the most allowed", self.ratio);
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
            }
            true => Err(too_long("unpacks to more", most)),
            false => Ok(bytes),
        }
    }
}

fn too_long(found: &str, allowed: u64) -> Problem {
    let detail = format!("the body {found}; the longest allowed is {allowed} bytes, send several smaller ones");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
