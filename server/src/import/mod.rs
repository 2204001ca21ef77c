//! Imports: files in, batches of events and outcomes out.
//!
//! Files are streamed, decoded on one thread and stored on another, with a bounded number
//! of batches between them; memory does not grow with the file. A row that cannot be read
//! is refused with its file and line and harms no other. Ids are stable, so that importing
//! a file again stores nothing twice.

mod batches;
mod documents;
mod format;
mod identity;
mod input;
mod lines;
pub mod map;
mod mapped;
mod otlp;
mod rows;
mod sink;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use quipu::store::Item;
use quipu::{Correction, Error, Event, Result};

use batches::{Batch, Batches};

pub use format::{Format, price_rows};
pub use input::Input;
pub use map::Map;
pub use mapped::PriceRow;
pub use sink::Sink;
pub use summary::{Example, Summary};

use crate::wire::otlp::Memory;

/// How to read the inputs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format; by default what the map says, else what the file's name says, else native JSON.
    pub format: Option<Format>,
    /// How columns become fields.
    pub map: Option<Arc<Map>>,
    /// Files that a map joins, by the name the map gives them; others are looked for beside the input.
    pub joins: Vec<(String, Input)>,
    /// Events in one batch.
    pub batch: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: None, map: None, joins: Vec::new(), batch: 10_000 }
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read, as they lie in the files.
    pub bytes: u64,
    /// Bytes of all inputs; `None` when the standard input is among them.
    pub total: Option<u64>,
    /// Events and outcomes handed to the store.
    pub items: u64,
}

/// Batches that may wait between decoding and storing.
const WAITING_BATCHES: usize = 3;

/// Reads every input and hands batches to `sink`; `progress` is called after each.
///
/// A file that cannot be read to its end is a [`Summary::failures`] of its own: what came before is stored, and
/// the other files are read. A sink that can store nothing more ends the import: [`Summary::stopped`].
///
/// The checksum of a packed file comes at its end, too late for rows that are stored already, so files are unpacked
/// once to check it before their first row is read.
pub fn import(inputs: &[Input], options: &Options, sink: &mut dyn Sink, mut progress: impl FnMut(Progress)) -> Summary {
    let taken = Arc::new(AtomicU64::new(0));
    let passes = options.map.as_ref().map_or(1, |map| map.passes());
    let total = inputs.iter().map(|input| Some(input.size()? * (passes + u64::from(input.is_packed())))).sum();
    let (sender, receiver) = mpsc::sync_channel::<Batch>(WAITING_BATCHES);
    let (mut summary, mut items) = (Summary::default(), 0);
    thread::scope(|scope| {
        let decoding = scope.spawn(|| decode_all(inputs, options, sender, &taken));
        // The receiver goes with the loop, which stops the decoding thread when storing has failed.
        for batch in receiver {
            items += batch.items();
            if let Err(error) = store(batch, sink, &mut summary) {
                summary.stopped = Some(error);
                break;
            }
            progress(Progress { bytes: taken.load(Ordering::Relaxed), total, items });
        }
        match decoding.join() {
            Ok(decoded) => summary.merge_decoding(decoded),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    progress(Progress { bytes: taken.load(Ordering::Relaxed), total, items });
    summary
}

fn decode_all(inputs: &[Input], options: &Options, sender: mpsc::SyncSender<Batch>, taken: &Arc<AtomicU64>) -> Summary {
    let (mut summary, mut traces) = (Summary::default(), Memory::default());
    for input in inputs {
        let mut batches = Batches::new(input, options.batch, &sender, &mut summary, &mut traces);
        let decoded = input.check(taken).map_err(Stop::File);
        let decoded = decoded.and_then(|()| format::decode(input, options, taken, &mut batches));
        let flushed = batches.flush();
        match decoded.and(flushed) {
            Ok(()) => {}
            Err(Stop::File(error)) => summary.failures.push(error),
            Err(Stop::Sink) => break,
        }
    }
    summary
}

fn store(batch: Batch, sink: &mut dyn Sink, summary: &mut Summary) -> Result<()> {
    // Events first: an outcome needs its job.
    if batch.grows {
        store_snapshots(&batch.file, batch.events, batch.event_lines, sink, summary)?;
    } else if !batch.events.is_empty() {
        let items = sink.events(batch.events)?;
        for (line, item) in batch.event_lines.into_iter().zip(items) {
            summary.event(&batch.file, line, item);
        }
    }
    if !batch.corrections.is_empty() {
        let items = sink.corrections(batch.corrections)?;
        for (line, item) in batch.correction_lines.into_iter().zip(items) {
            summary.correction(&batch.file, line, item);
        }
    }
    if !batch.outcomes.is_empty() {
        let items = sink.outcomes(batch.outcomes)?;
        for (line, item) in batch.outcome_lines.into_iter().zip(items) {
            summary.outcome(&batch.file, line, item);
        }
    }
    Ok(())
}

/// Events of which larger snapshots may come later, and may have come before.
fn store_snapshots(
    file: &Arc<str>,
    events: Vec<Event>,
    lines: Vec<u64>,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<()> {
    let items = sink.events(events.clone())?;
    let (mut grown, mut grown_lines) = (Vec::new(), Vec::new());
    for ((event, line), item) in events.into_iter().zip(lines).zip(items) {
        if matches!(item, Item::Conflict { .. }) {
            grown.push(Correction::grow(event));
            grown_lines.push(line);
        } else {
            summary.event(file, line, item);
        }
    }
    if !grown.is_empty() {
        let items = sink.corrections(grown)?;
        for (line, item) in grown_lines.into_iter().zip(items) {
            summary.snapshot(file, line, item);
        }
    }
    Ok(())
}

/// Why decoding ends before the end of a file.
enum Stop {
    /// The file cannot be read on.
    File(Error),
    /// Nobody takes batches any more; the sink says why.
    Sink,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::File(error)
    }
}
