//! Imports: files in, batches of events and outcomes out.
//!
//! Files are streamed, decoded on one thread and stored on another, with a bounded number
//! of batches between them; memory does not grow with the file. A row that cannot be read
//! is refused with its file and place and harms no other. Ids are stable, so that importing
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
mod recognise;
mod revisions;
mod rows;
mod sink;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use quipu::{Error, Result};

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
    /// Bytes read, as they lie in the files; those that are read twice count twice.
    pub bytes: u64,
    /// Bytes that are to be read of all inputs; `None` when the standard input is among them.
    pub total: Option<u64>,
    /// Whether packed data is being checked, before anything of it is taken.
    pub checking: bool,
    /// Events and outcomes handed to the store.
    pub items: u64,
}

/// Batches that may wait between decoding and storing.
const WAITING_BATCHES: usize = 3;

/// How often progress is told while no batch comes.
const TICK: Duration = Duration::from_millis(100);

/// Reads every input and hands batches to `sink`; `progress` is called after each, and now and then in between.
///
/// A file that cannot be read to its end is a [`Summary::failures`] of its own: what came before is stored, and
/// the other files are read. A sink that can store nothing more ends the import: [`Summary::stopped`].
///
/// The checksum of a packed file comes at its end, too late for rows that are stored already, so files are unpacked
/// once to check it before their first row is read.
pub fn import(inputs: &[Input], options: &Options, sink: &mut dyn Sink, mut progress: impl FnMut(Progress)) -> Summary {
    let (taken, checking) = (Arc::new(AtomicU64::new(0)), AtomicBool::new(false));
    let passes = options.map.as_ref().map_or(1, |map| map.passes());
    let total = inputs.iter().map(|input| Some(input.size()? * (passes + u64::from(input.is_packed())))).sum();
    let (sender, receiver) = mpsc::sync_channel::<Batch>(WAITING_BATCHES);
    let mut summary = Summary::default();
    let mut progress = |items| {
        let (bytes, checking) = (taken.load(Ordering::Relaxed), checking.load(Ordering::Relaxed));
        progress(Progress { bytes, total, checking, items });
    };
    let mut items = 0;
    thread::scope(|scope| {
        let decoding = scope.spawn(|| decode_all(inputs, options, sender, &taken, &checking));
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(batch) => {
                    items += batch.items();
                    if let Err(error) = store(batch, sink, &mut summary) {
                        summary.stopped = Some(error);
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress(items);
        }
        // Stops the decoding thread when storing has failed.
        drop(receiver);
        match decoding.join() {
            Ok(decoded) => summary.merge_decoding(decoded),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    progress(items);
    summary
}

fn decode_all(
    inputs: &[Input],
    options: &Options,
    sender: mpsc::SyncSender<Batch>,
    taken: &Arc<AtomicU64>,
    checking: &AtomicBool,
) -> Summary {
    let (mut summary, mut traces) = (Summary::default(), Memory::default());
    for input in inputs {
        let mut batches = Batches::new(input, options.batch, &sender, &mut summary, &mut traces);
        checking.store(true, Ordering::Relaxed);
        let checked = input.check(taken).map_err(Stop::File);
        checking.store(false, Ordering::Relaxed);
        let decoded = checked.and_then(|note| {
            batches.summary.notes.extend(note);
            format::decode(input, options, taken, &mut batches)
        });
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
    let Batch { file, events, event_places, event_revisions, outcomes, outcome_places, outcome_revisions, .. } = batch;
    // Events first: an outcome needs its job.
    if !event_revisions.is_empty() {
        let events = event_places.into_iter().zip(event_revisions).zip(events);
        let events = events.map(|((place, revision), event)| (place, revision, event)).collect();
        revisions::store_events(&file, events, sink, summary)?;
    } else if !events.is_empty() {
        for (place, item) in event_places.into_iter().zip(sink.events(events)?) {
            summary.event(&file, place, item);
        }
    }
    if !batch.corrections.is_empty() {
        for (place, item) in batch.correction_places.into_iter().zip(sink.corrections(batch.corrections)?) {
            summary.correction(&file, place, item);
        }
    }
    if !outcome_revisions.is_empty() {
        let outcomes = outcome_places.into_iter().zip(outcome_revisions).zip(outcomes);
        let outcomes = outcomes.map(|((place, revision), outcome)| (place, revision, outcome)).collect();
        revisions::store_outcomes(&file, outcomes, sink, summary)?;
    } else if !outcomes.is_empty() {
        for (place, item) in outcome_places.into_iter().zip(sink.outcomes(outcomes)?) {
            summary.outcome(&file, place, item);
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
