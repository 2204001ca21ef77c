//! Collects what a decoder reads and hands it on in batches.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use quipu::{Correction, Event, Outcome};

use super::Stop;
use super::format::Format;
use super::input::Input;
use super::recognise::Sighting;
use super::summary::{Mark, Summary};
use crate::wire::Place;
use crate::wire::otlp::Memory;

/// Events and outcomes of one file with their places.
pub(super) struct Batch {
    pub(super) file: Arc<str>,
    pub(super) events: Vec<Event>,
    pub(super) event_places: Vec<Place>,
    /// Which revision each event is; empty where each is the only one.
    pub(super) event_revisions: Vec<u64>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) outcome_places: Vec<Place>,
    /// Which revision each outcome is; empty where each is the only one.
    pub(super) outcome_revisions: Vec<u64>,
    pub(super) corrections: Vec<Correction>,
    pub(super) correction_places: Vec<Place>,
}

impl Batch {
    fn new(file: Arc<str>) -> Self {
        Self {
            file,
            events: Vec::new(),
            event_places: Vec::new(),
            event_revisions: Vec::new(),
            outcomes: Vec::new(),
            outcome_places: Vec::new(),
            outcome_revisions: Vec::new(),
            corrections: Vec::new(),
            correction_places: Vec::new(),
        }
    }

    pub(super) fn items(&self) -> u64 {
        (self.events.len() + self.outcomes.len() + self.corrections.len()) as u64
    }
}

pub(super) struct Batches<'a> {
    batch: Batch,
    size: usize,
    sender: &'a SyncSender<Batch>,
    pub(super) summary: &'a mut Summary,
    /// Where the summary stood before this file.
    before: Mark,
    pub(super) sighting: Sighting,
    /// What is known of the traces of all files.
    pub(super) traces: &'a mut Memory,
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        input: &Input,
        size: usize,
        sender: &'a SyncSender<Batch>,
        summary: &'a mut Summary,
        traces: &'a mut Memory,
    ) -> Self {
        let (batch, before) = (Batch::new(input.name().into()), summary.mark());
        let sighting = Sighting::new(Format::Quipu, false);
        Self { batch, size: size.max(1), sender, summary, before, sighting, traces }
    }

    /// An event; of several revisions of it, the highest counts.
    pub(super) fn event(&mut self, place: Place, event: Event, revision: Option<u64>) {
        if self.batch.events.capacity() == 0 {
            self.batch.events.reserve(self.size);
            self.batch.event_places.reserve(self.size);
        }
        self.sighting.confirm();
        self.summary.undated += u64::from(event.at.is_none());
        self.batch.events.push(event);
        self.batch.event_places.push(place);
        self.batch.event_revisions.extend(revision);
    }

    /// An outcome; of several revisions of it, the highest counts.
    pub(super) fn outcome(&mut self, place: Place, outcome: Outcome, revision: Option<u64>) {
        self.sighting.confirm();
        self.batch.outcomes.push(outcome);
        self.batch.outcome_places.push(place);
        self.batch.outcome_revisions.extend(revision);
    }

    pub(super) fn correction(&mut self, place: Place, correction: Correction) {
        self.batch.corrections.push(correction);
        self.batch.correction_places.push(place);
    }

    pub(super) fn reject(&mut self, place: Place, reason: impl Into<String>) {
        self.summary.reject(&self.batch.file, place, reason);
    }

    /// Refuses a file as a whole in which nothing was of its format, in place of every item of it.
    ///
    /// # Errors
    /// What the file is instead, as far as that can be told.
    pub(super) fn recognised(&mut self, input: &Input) -> Result<(), Stop> {
        let foreign = self.sighting.foreign(input).filter(|_| self.summary.has_read_since(&self.before));
        let Some(foreign) = foreign else { return Ok(()) };
        self.summary.go_back(&self.before);
        Err(Stop::File(foreign))
    }

    /// Hands the batch on when it is full. Called between rows, so that a row's event never
    /// comes later than its outcome.
    pub(super) fn row_done(&mut self) -> Result<(), Stop> {
        let lens = [self.batch.events.len(), self.batch.outcomes.len(), self.batch.corrections.len()];
        if lens.iter().all(|len| *len < self.size) {
            return Ok(());
        }
        self.flush()
    }

    /// Hands on what there is.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.items() == 0 {
            return Ok(());
        }
        let next = Batch::new(Arc::clone(&self.batch.file));
        self.sender.send(std::mem::replace(&mut self.batch, next)).map_err(|_| Stop::Sink)
    }
}
