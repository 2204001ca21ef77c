//! Collects what a decoder reads and hands it on in batches.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use quipu::{Correction, Event, Outcome};

use super::Stop;
use super::input::Input;
use super::summary::Summary;
use crate::wire::otlp::Memory;

/// Events and outcomes of one file with their lines.
pub(super) struct Batch {
    pub(super) file: Arc<str>,
    pub(super) events: Vec<Event>,
    pub(super) event_lines: Vec<u64>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) outcome_lines: Vec<u64>,
    pub(super) corrections: Vec<Correction>,
    pub(super) correction_lines: Vec<u64>,
    /// Whether an event may be a later snapshot of one that is stored.
    pub(super) grows: bool,
}

impl Batch {
    fn new(file: Arc<str>) -> Self {
        Self {
            file,
            events: Vec::new(),
            event_lines: Vec::new(),
            outcomes: Vec::new(),
            outcome_lines: Vec::new(),
            corrections: Vec::new(),
            correction_lines: Vec::new(),
            grows: false,
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
        Self { batch: Batch::new(input.name().into()), size: size.max(1), sender, summary, traces }
    }

    pub(super) fn event(&mut self, line: u64, event: Event) {
        if self.batch.events.capacity() == 0 {
            self.batch.events.reserve(self.size);
            self.batch.event_lines.reserve(self.size);
        }
        self.batch.events.push(event);
        self.batch.event_lines.push(line);
    }

    pub(super) fn outcome(&mut self, line: u64, outcome: Outcome) {
        self.batch.outcomes.push(outcome);
        self.batch.outcome_lines.push(line);
    }

    /// A snapshot of an event: it stands against a smaller one that is stored.
    pub(super) fn snapshot(&mut self, line: u64, event: Event) {
        self.batch.grows = true;
        self.event(line, event);
    }

    pub(super) fn correction(&mut self, line: u64, correction: Correction) {
        self.batch.corrections.push(correction);
        self.batch.correction_lines.push(line);
    }

    pub(super) fn reject(&mut self, line: u64, reason: impl Into<String>) {
        self.summary.reject(&self.batch.file, line, reason);
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
