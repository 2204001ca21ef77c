//! What an import did, in numbers and examples.

use std::fmt;
use std::sync::Arc;

use quipu::Error;
use quipu::store::{CorrectionItem, Item, OutcomeItem};

use crate::wire::{Ignored, Place};

/// What an import did.
#[derive(Debug, Default)]
pub struct Summary {
    /// Rows, lines or items read.
    pub read: u64,
    /// Rows that are not usage: left out by the map's filter, older revisions, lines of other kinds.
    pub skipped: u64,
    /// Events stored.
    pub stored: u64,
    /// Events that were stored before.
    pub duplicates: u64,
    /// Events whose id is stored with other content.
    pub conflicts: u64,
    /// How often an event that was stored before was corrected: it grew, was completed or does not count.
    pub corrected: u64,
    /// Corrections that are kept for events still to come.
    pub corrections_pending: u64,
    /// Outcomes stored.
    pub outcomes_stored: u64,
    /// Outcomes that were stored before.
    pub outcomes_replayed: u64,
    /// Outcomes that a later revision of them amended.
    pub outcomes_amended: u64,
    /// Outcomes of jobs that have another outcome already.
    pub outcomes_already_reported: u64,
    /// Outcomes of jobs that do not exist.
    pub outcomes_unknown_job: u64,
    /// Rows, events and outcomes that were refused.
    pub rejected: u64,
    /// The first refusals, conflicts and unknown jobs.
    pub examples: Vec<Example>,
    /// Fields and columns that were read but have no place in an event.
    pub ignored: Ignored,
    /// Events without a time, which count at the time of their import.
    pub undated: u64,
    /// What is odd about the files, but harms nothing.
    pub notes: Vec<String>,
    /// What stopped the reading of a file before its end; what came before is stored.
    pub failures: Vec<Error>,
    /// Why nothing more could be stored; what is counted is.
    pub stopped: Option<Error>,
}

impl Summary {
    /// Examples that are kept.
    const EXAMPLES: usize = 10_000;

    /// Whether everything that was read is stored, now or before.
    pub fn is_clean(&self) -> bool {
        self.stopped.is_none() && self.failures.is_empty() && self.refused() == 0
    }

    /// How many rows, events and outcomes could have an example.
    pub fn refused(&self) -> u64 {
        self.rejected + self.conflicts + self.outcomes_unknown_job + self.outcomes_already_reported
    }

    /// How many events, outcomes and corrections are stored, now or before.
    pub fn items(&self) -> u64 {
        let events = self.stored + self.duplicates + self.corrected + self.corrections_pending;
        events + self.outcomes_stored + self.outcomes_replayed + self.outcomes_amended
    }

    /// Where decoding stands, to go back to.
    pub(super) fn mark(&self) -> Mark {
        let Self { read, skipped, rejected, .. } = *self;
        Mark { read, skipped, rejected, examples: self.examples.len(), ignored: self.ignored.clone() }
    }

    pub(super) fn has_read_since(&self, mark: &Mark) -> bool {
        self.read > mark.read
    }

    /// Forgets what was told since; nothing was handed on since then.
    pub(super) fn go_back(&mut self, mark: &Mark) {
        (self.read, self.skipped, self.rejected) = (mark.read, mark.skipped, mark.rejected);
        self.examples.truncate(mark.examples);
        self.ignored.clone_from(&mark.ignored);
    }

    pub(super) fn reject(&mut self, file: &Arc<str>, place: Place, reason: impl Into<String>) {
        self.rejected += 1;
        self.example(file, place, || reason.into());
    }

    fn example(&mut self, file: &Arc<str>, place: Place, reason: impl FnOnce() -> String) {
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(Example { file: Arc::clone(file), place, reason: reason() });
        }
    }

    pub(super) fn event(&mut self, file: &Arc<str>, place: Place, item: Item) {
        match item {
            Item::Stored { .. } => self.stored += 1,
            Item::Duplicate { .. } => self.duplicates += 1,
            Item::Conflict { id } => {
                self.conflicts += 1;
                self.example(file, place, || {
                    format!("an event with the id {id:?} and other content is stored already, and stands")
                });
            }
            Item::Rejected(error) => self.reject(file, place, error.to_string()),
        }
    }

    pub(super) fn correction(&mut self, file: &Arc<str>, place: Place, item: CorrectionItem) {
        match item {
            CorrectionItem::Applied { events } => self.corrected += events,
            CorrectionItem::Pending => self.corrections_pending += 1,
            CorrectionItem::Outweighed | CorrectionItem::Unchanged => {}
            CorrectionItem::Rejected(error) => self.reject(file, place, error.to_string()),
        }
    }

    /// A further revision of an event that is stored: the highest of them stands.
    pub(super) fn revision(&mut self, file: &Arc<str>, place: Place, item: CorrectionItem) {
        match item {
            CorrectionItem::Unchanged => self.duplicates += 1,
            CorrectionItem::Pending | CorrectionItem::Outweighed => self.skipped += 1,
            item => self.correction(file, place, item),
        }
    }

    pub(super) fn outcome(&mut self, file: &Arc<str>, place: Place, item: OutcomeItem) {
        match item {
            OutcomeItem::Stored => self.outcomes_stored += 1,
            OutcomeItem::Replayed => self.outcomes_replayed += 1,
            OutcomeItem::AlreadyReported(_) => {
                self.outcomes_already_reported += 1;
                self.example(file, place, || "the job has another outcome already, which stands".into());
            }
            OutcomeItem::UnknownJob => {
                self.outcomes_unknown_job += 1;
                self.example(file, place, || "no event of this job is stored".into());
            }
            OutcomeItem::Rejected(error) => self.reject(file, place, error.to_string()),
        }
    }

    /// Adds what the decoding thread saw.
    pub(super) fn merge_decoding(&mut self, decoding: Self) {
        self.read += decoding.read;
        self.skipped += decoding.skipped;
        self.duplicates += decoding.duplicates;
        self.rejected += decoding.rejected;
        self.examples.extend(decoding.examples);
        self.examples.sort_by(|a, b| (&a.file, a.place).cmp(&(&b.file, b.place)));
        self.examples.truncate(Self::EXAMPLES);
        self.ignored.merge(&decoding.ignored);
        self.undated += decoding.undated;
        self.notes.extend(decoding.notes);
        self.failures.extend(decoding.failures);
    }
}

/// What decoding had told of before a file.
pub(super) struct Mark {
    read: u64,
    skipped: u64,
    rejected: u64,
    examples: usize,
    ignored: Ignored,
}

/// One row that was not stored, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub file: Arc<str>,
    /// Where it stands in the file.
    pub place: Place,
    /// What was found and what is allowed.
    pub reason: String,
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Line(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            place => write!(f, "{}, {place}: {}", self.file, self.reason),
        }
    }
}
