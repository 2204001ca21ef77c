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
        let mut workspaces: Vec<(Text, Table)> = Vec::new();
        let mut known: Vec<(usize, u32, u32, JobOutcome)> = Vec::new();
        let mut last = 0;
        for outcome in revisions {
            let Some(job) = numbers.find(&outcome.job_id) else { continue };
            let name = outcome.workspace();
            if workspaces.get(last).is_none_or(|(known, _)| known != name) {
                last = workspaces.iter().position(|(known, _)| known == name).unwrap_or(workspaces.len());
                if last == workspaces.len() {
                    workspaces.push((name.into(), Table::default()));
                }
            }
            known.push((last, job, outcome.revision, outcome.into()));
        }
        known.sort_unstable_by_key(|(workspace, job, revision, _)| (*workspace, *job, *revision));
        for (at, (workspace, job, _, outcome)) in known.iter().enumerate() {
            // Of the revisions of a job, which stand one behind the other, the last stays.
            if known.get(at + 1).is_none_or(|next| (next.0, next.1) != (*workspace, *job)) {
                workspaces[*workspace].1.push(*job, outcome);
            }
        }
        workspaces.into_iter().map(|(name, table)| (name, Self { tables: vec![Arc::new(table)] })).collect()
    }

    /// The same with newer ones on top.
    #[must_use]
    pub fn and(mut self, newer: &Self) -> Self {
        self.tables.extend(newer.tables.iter().cloned());
        self
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
