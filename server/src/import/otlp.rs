//! Export requests of OTLP in files, as collectors write them.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Stop;
use super::batches::Batches;
use super::documents::each_document;
use super::input::Input;
use crate::wire::otlp::{self, Encoding, Export, Signal};
use crate::wire::{FieldError, Place};

/// Longest file that is one request, in bytes.
const REQUEST_BYTES: u64 = 256 << 20;

/// Requests as JSON; whether they are of traces or of logs, each says itself.
pub(super) fn json(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    each_document(input, taken, batches, |place, text, batches| {
        let signal = if text.contains("\"resourceLogs\"") { Signal::Logs } else { Signal::Traces };
        let export = otlp::read(text.as_bytes(), Encoding::Json, signal);
        let export = export.map_err(|error| FieldError { field: None, message: error.to_string() })?;
        take(export, place, batches);
        Ok(())
    })
}

/// Requests as protobuf.
pub(super) fn proto(
    signal: Signal,
    input: &Input,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
) -> Result<(), Stop> {
    let mut opened = input.open(taken)?;
    let mut bytes = Vec::new();
    let read = opened.reader.by_ref().take(REQUEST_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| opened.failed(0, error))?;
    for (place, request) in (1..).map(Place::Item).zip(requests(&bytes)) {
        batches.summary.read += 1;
        match otlp::read(request, Encoding::Proto, signal) {
            Ok(export) => {
                batches.sighting.confirm();
                take(export, place, batches);
            }
            Err(error) => batches.reject(place, error.to_string()),
        }
        batches.row_done()?;
    }
    Ok(())
}

/// The requests of a file: each behind its length in four bytes, big-endian, as the collector's file exporter
/// writes them; else the file is one request.
fn requests(bytes: &[u8]) -> Vec<&[u8]> {
    let mut requests = Vec::new();
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let Some(request) = usize::try_from(u32::from_be_bytes(*length)).ok().and_then(|length| tail.get(..length))
        else {
            return vec![bytes];
        };
        requests.push(request);
        rest = &tail[request.len()..];
    }
    if rest.is_empty() && !requests.is_empty() { requests } else { vec![bytes] }
}

fn take(mut export: Export, place: Place, batches: &mut Batches<'_>) {
    let mut decided = export.decide(batches.traces);
    // What is handed on is stored before anything that is read later, or the import ends.
    batches.traces.confirm(&decided.settled());
    let told = (decided.events.len() + export.refused.len()) as u64 + decided.repeated;
    batches.summary.skipped += export.records.saturating_sub(told);
    batches.summary.duplicates += decided.repeated;
    for error in &export.refused {
        batches.reject(place, format!("record {}: {}", error.index, error.message));
    }
    for event in decided.events {
        batches.event(place, event, None);
    }
    for correction in decided.corrections {
        batches.correction(place, correction);
    }
    batches.summary.ignored.merge(&export.ignored);
}
