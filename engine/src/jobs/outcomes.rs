//! The newest outcome of each job of a workspace, by the number of the job.

use std::sync::Arc;

use super::JobNumbers;
use crate::money::PicoUsd;
use crate::outcome::{Outcome, OutcomeStatus, OutcomeType};
use crate::schema::Text;
use crate::time::Timestamp;

/// What came of a job, as far as questions about many jobs look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobOutcome {
    /// How it ended.
    pub status: OutcomeStatus,
    /// What it was worth commercially, if anybody said.
    pub kind: Option<OutcomeType>,
    /// What it was worth in money, if anybody said.
    pub value: Option<PicoUsd>,
    /// When it ended.
    pub at: Option<Timestamp>,
}

impl From<&Outcome> for JobOutcome {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { status, kind, value, at, .. } = outcome;
        Self { status: *status, kind: *kind, value: *value, at: *at }
    }
}

/// Values of outcomes are within ±10²⁴.
const NO_VALUE: i128 = i128::MIN;
const NO_TIME: i64 = i64::MIN;

/// Outcomes in the order of the numbers of their jobs, one a job.
#[derive(Debug, Default)]
struct Table {
    jobs: Vec<u32>,
    states: Vec<(OutcomeStatus, Option<OutcomeType>)>,
    values: Vec<i128>,
    at: Vec<i64>,
}

impl Table {
    fn get(&self, at: usize) -> JobOutcome {
        let ((status, kind), value, instant) = (self.states[at], self.values[at], self.at[at]);
        JobOutcome {
            status,
            kind,
            value: (value != NO_VALUE).then(|| PicoUsd::from_pico(value)),
            at: (instant != NO_TIME).then(|| Timestamp::from_micros(instant)),
        }
    }

    fn push(&mut self, job: u32, outcome: &JobOutcome) {
        self.jobs.push(job);
        self.states.push((outcome.status, outcome.kind));
        self.values.push(outcome.value.map_or(NO_VALUE, PicoUsd::pico));
        self.at.push(outcome.at.map_or(NO_TIME, Timestamp::micros));
    }
}

/// The newest outcome of each job of a workspace.
#[derive(Clone, Debug, Default)]
pub struct JobOutcomes {
    /// Later tables win.
    tables: Vec<Arc<Table>>,
}

impl JobOutcomes {
    /// The newest of the revisions that are given for each workspace, jobs by their `numbers`; outcomes of jobs without
    /// a number are left out.
    pub fn by_workspace<'a>(
        numbers: &JobNumbers,
        revisions: impl IntoIterator<Item = &'a Outcome>,
    ) -> Vec<(Text, Self)> {
        let mut newest = NewestOutcomes::default();
        for outcome in revisions {
            numbers.find(&outcome.job_id).into_iter().for_each(|job| newest.add(job, outcome));
        }
        newest.by_workspace()
    }

    /// The same with newer ones on top.
    #[must_use]
    pub fn and(mut self, newer: &Self) -> Self {
        self.tables.extend(newer.tables.iter().cloned());
        self
    }

    /// How many jobs have an outcome.
    pub fn count(&self) -> usize {
        let is_new =
            |at: usize, job: &u32| self.tables[..at].iter().all(|older| older.jobs.binary_search(job).is_err());
        let tables = self.tables.iter().enumerate();
        tables
            .map(
                |(at, table)| {
                    if at == 0 { table.jobs.len() } else { table.jobs.iter().filter(|job| is_new(at, job)).count() }
                },
            )
            .sum()
    }

    /// Looks outcomes up, fastest in the order of numbers.
    pub fn cursor(&self) -> OutcomeCursor<'_> {
        OutcomeCursor { tables: self.tables.iter().rev().map(|table| (&**table, 0)).collect() }
    }

    /// Visits every job that has an outcome; where a job is visited again, that is its newer one.
    pub fn each(&self, mut visit: impl FnMut(u32, JobOutcome)) {
        for table in &self.tables {
            table.jobs.iter().enumerate().for_each(|(at, job)| visit(*job, table.get(at)));
        }
    }
}

/// Finds the newest revision of the outcome of each job among revisions in any order.
#[derive(Debug, Default)]
pub struct NewestOutcomes {
    workspaces: Vec<Text>,
    /// That of the outcome that was added last.
    last: usize,
    /// Workspace, job and revision of each of `outcomes`, and its place.
    revisions: Vec<(u32, u32, u32, u32)>,
    outcomes: Vec<JobOutcome>,
}

impl NewestOutcomes {
    /// Adds a revision of the outcome of a job by the number of the job.
    pub fn add(&mut self, job: u32, outcome: &Outcome) {
        let name = outcome.workspace();
        if self.workspaces.get(self.last).is_none_or(|known| known != name) {
            let known = self.workspaces.iter().position(|known| known == name);
            self.last = known.unwrap_or_else(|| {
                self.workspaces.push(name.into());
                self.workspaces.len() - 1
            });
        }
        let narrow = |at: usize| u32::try_from(at).expect("outcomes are fewer than 2³²");
        self.revisions.push((narrow(self.last), job, outcome.revision, narrow(self.outcomes.len())));
        self.outcomes.push(outcome.into());
    }

    /// The newest outcomes of each workspace.
    pub fn by_workspace(mut self) -> Vec<(Text, JobOutcomes)> {
        self.revisions.sort_unstable();
        let mut tables: Vec<Table> = self.workspaces.iter().map(|_| Table::default()).collect();
        for of_job in self.revisions.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some((workspace, job, _, at)) = of_job.last() {
                tables[*workspace as usize].push(*job, &self.outcomes[*at as usize]);
            }
        }
        let outcomes = tables.into_iter().map(|table| JobOutcomes { tables: vec![Arc::new(table)] });
        self.workspaces.into_iter().zip(outcomes).collect()
    }
}

/// A place among outcomes.
#[derive(Clone, Debug)]
pub struct OutcomeCursor<'a> {
    /// The newest first, each with where the last one was looked for.
    tables: Vec<(&'a Table, usize)>,
}

impl OutcomeCursor<'_> {
    /// The outcome of a job; `None` while it is pending.
    #[inline]
    pub fn find(&mut self, job: u32) -> Option<JobOutcome> {
        self.tables.iter_mut().find_map(|(table, at)| {
            // The next one is mostly the one behind the last.
            while table.jobs.get(*at).is_some_and(|known| *known < job && job - *known < STEPS) {
                *at += 1;
            }
            let from_before = at.checked_sub(1).is_none_or(|before| table.jobs[before] < job);
            if !from_before || table.jobs.get(*at).is_some_and(|known| *known < job) {
                *at = table.jobs.partition_point(|known| *known < job);
            }
            (table.jobs.get(*at) == Some(&job)).then(|| table.get(*at))
        })
    }
}

/// Jobs that are closer than this are walked to.
const STEPS: u32 = 16;
