//! A source in memory whose parts are real batches, segments and job runs.

use std::sync::Arc;

use quipu_engine::batch::{Batch, BatchBuilder};
use quipu_engine::format::container::Identity;
use quipu_engine::io::{Disk, MemoryDisk};
use quipu_engine::job_run::{self, JobRun};
use quipu_engine::jobs::{JobNumbers, JobOutcomes};
use quipu_engine::price_book::PriceBook;
use quipu_engine::retention::Retention;
use quipu_engine::rollup::{self, Rollup, RollupRun};
use quipu_engine::rows::{CounterRows, Part};
use quipu_engine::segment::{self, Segment};
use quipu_engine::{Error, ErrorKind, Event, Outcome, Result, Timestamp};
use quipu_query::Source;

/// In which form events are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Batch,
    Segment,
    SegmentWithCounters,
    SegmentWithRollups,
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) parts: Vec<Part>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) book: Arc<PriceBook>,
    /// Earlier versions of it.
    pub(crate) books: Vec<Arc<PriceBook>>,
    /// What parts to come keep rollups of, however large.
    pub(crate) rollups: Vec<Rollup>,
}

impl Memory {
    pub(crate) fn with(mut self, events: &[Event], form: Form) -> Self {
        let mut builder = BatchBuilder::default();
        events.iter().for_each(|event| builder.push(event));
        let batch = builder.finish();
        self.parts.push(match form {
            Form::Batch => Part::of(Arc::new(batch)),
            Form::Segment => seal(batch, false, &[]).expect("memory does not fail"),
            Form::SegmentWithCounters => seal(batch, true, &[]).expect("memory does not fail"),
            Form::SegmentWithRollups => seal(batch, true, &self.rollups).expect("memory does not fail"),
        });
        self
    }

    /// The same among rows that corrections hide.
    pub(crate) fn with_hidden(mut self, events: &[Event], hidden: &[Event], form: Form) -> Self {
        let gone = hidden.iter().map(|event| Event { id: Some("gone".into()), ..event.clone() });
        let mixed: Vec<Event> = events.iter().cloned().chain(gone).collect();
        self = self.with(&mixed, form);
        let part = self.parts.last_mut().expect("just added");
        let is_gone = |row: &u32| {
            let event = part.events.event(*row as usize).expect("memory does not fail");
            event.id.as_deref() == Some("gone")
        };
        part.hidden = Arc::new((0..mixed.len() as u32).filter(is_gone).collect());
        self
    }
}

fn seal(batch: Batch, counted: bool, rollups: &[Rollup]) -> Result<Part> {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let (batch, store) = (batch.sorted(), [7; 16]);
    let entry = segment::write(&disk, Identity { store, file: 1 }, &batch)?;
    let events = Arc::new(Segment::open(&*disk, &entry, store)?);
    let mut counters: Option<Arc<dyn CounterRows>> = None;
    if counted {
        let entry = job_run::write(&disk, Identity { store, file: 2 }, &batch)?;
        counters = Some(Arc::new(JobRun::open(&*disk, &entry, store, Arc::clone(&events))?));
    }
    let entry = rollup::write(&disk, Identity { store, file: 3 }, &*events, rollups, usize::MAX)?;
    let rollups = RollupRun::open(&*disk, &entry, store, &events)?.kept().collect();
    Ok(Part { counters, rollups, ..Part::of(events) })
}

fn known(outcome: &Outcome, as_of: Option<Timestamp>) -> bool {
    as_of.is_none_or(|at| outcome.known_at.is_none_or(|known| known <= at))
}

impl Source for Memory {
    fn lsn(&self) -> u64 {
        42
    }

    fn secret(&self) -> [u8; 32] {
        [9; 32]
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn jobs(&self) -> Result<Arc<JobNumbers>> {
        // A store numbers what is sealed once, and goes on from there for its heads.
        let (sealed, heads) = self.parts.split_at(self.parts.len() / 2);
        let names = self.outcomes.iter().map(|outcome| outcome.job_id.as_str());
        let sealed = Arc::new(JobNumbers::of(sealed, names)?);
        JobNumbers::continued(sealed, heads, []).map(Arc::new)
    }

    fn job_outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<JobOutcomes> {
        let (older, newer) = self.outcomes.split_at(self.outcomes.len() / 2);
        let numbers = self.jobs()?;
        let of = |outcomes: &[Outcome]| {
            let then = outcomes.iter().filter(|outcome| known(outcome, as_of));
            let found = JobOutcomes::by_workspace(&numbers, then).into_iter();
            found.filter(|(name, _)| name == workspace).map(|(_, outcomes)| outcomes).next().unwrap_or_default()
        };
        Ok(of(older).and(&of(newer)))
    }

    fn outcome(&self, workspace: &str, job_id: &str, as_of: Option<Timestamp>) -> Result<Option<Outcome>> {
        let of_job =
            self.outcomes.iter().filter(|outcome| outcome.workspace() == workspace && outcome.job_id == job_id);
        Ok(of_job.filter(|outcome| known(outcome, as_of)).max_by_key(|outcome| outcome.revision).cloned())
    }

    fn retention(&self, _: &str) -> Option<&Retention> {
        None
    }

    fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>> {
        let Some(version) = version else { return Ok(Arc::clone(&self.book)) };
        let found = self.books.iter().chain([&self.book]).find(|book| book.version == version);
        found.cloned().ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no price book {version}")))
    }

    fn price_book_known_at(&self, at: Timestamp) -> Result<Arc<PriceBook>> {
        let known = [&self.book].into_iter().chain(self.books.iter().rev()).find(|book| book.known_at <= at);
        Ok(known.cloned().unwrap_or_default())
    }
}
