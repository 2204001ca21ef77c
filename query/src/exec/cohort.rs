//! The jobs that count, where not their events but their start or their outcome decides.

use std::sync::atomic::{AtomicI64, Ordering};

use quipu_engine::jobs::{JobNumbers, JobOutcomes};
use quipu_engine::rows::Part;
use quipu_engine::{Dimension, Result, Timestamp};

use super::budget::Budget;
use super::condition::Buffers;
use super::mask::Mask;
use super::predicate::Predicate;
use super::read::{share, threads};
use super::rows::{Rows, Spans};
use crate::pivot::Pivot;
use crate::query::{Cohort, PathChoice, Query};
use crate::scope::Scope;
use crate::source::Source;

/// Of a job that does not count.
const NEVER: i64 = i64::MAX;
/// Blocks that a thread reads at a time.
const BLOCKS: usize = 16;

/// Jobs, each with the instant that puts it into time ranges and buckets, in microseconds.
pub(super) enum JobCohort {
    /// Every job: neither a range nor a bucket of time is asked for.
    Every,
    /// By number; [`NEVER`] for a job that does not count.
    These(Vec<i64>),
}

impl JobCohort {
    /// Whether the jobs that count depend on more than having an event.
    pub(super) fn decides(query: &Query) -> bool {
        let timed = query.since.is_some()
            || query.until.is_some()
            || query.by.iter().any(|pivot| matches!(pivot, Pivot::Time(_)));
        match query.cohort.unwrap_or_default() {
            Cohort::Event => false,
            Cohort::JobStart => timed,
            Cohort::Outcome => true,
        }
    }

    /// The cohort of a query; `None` when events count by themselves.
    pub(super) fn of(
        source: &dyn Source,
        scope: &Scope,
        query: &Query,
        numbers: &JobNumbers,
        outcomes: &JobOutcomes,
    ) -> Result<Option<Self>> {
        let mut jobs = match query.cohort.unwrap_or_default() {
            Cohort::Event => return Ok(None),
            _ if !Self::decides(query) => return Ok(Some(Self::Every)),
            Cohort::JobStart => starts(source, scope, query, numbers)?,
            Cohort::Outcome => {
                let mut instants = vec![NEVER; numbers.len() as usize];
                outcomes.each(|job, outcome| instants[job as usize] = outcome.at.map_or(NEVER, Timestamp::micros));
                instants
            }
        };
        let (since, until) = range(query);
        jobs.iter_mut().filter(|at| **at < since || **at >= until).for_each(|at| *at = NEVER);
        Ok(Some(Self::These(jobs)))
    }

    /// The instant of a job; `None` when it does not count.
    pub(super) fn instant(&self, job: u32) -> Option<i64> {
        match self {
            Self::Every => Some(0),
            Self::These(jobs) => jobs.get(job as usize).copied().filter(|at| *at != NEVER),
        }
    }
}

/// The times at which events can belong to jobs of the cohort: a job has no event before its start.
pub(super) fn event_range(query: &Query) -> (Option<Timestamp>, Option<Timestamp>) {
    match query.cohort.unwrap_or_default() {
        Cohort::Event => (query.since, query.until),
        Cohort::JobStart => (query.since, None),
        Cohort::Outcome => (None, None),
    }
}

fn range(query: &Query) -> (i64, i64) {
    let micros = |at: Option<Timestamp>, open: Timestamp| at.unwrap_or(open).micros();
    (micros(query.since, Timestamp::MIN), micros(query.until, Timestamp::MAX))
}

/// The first event of every job that has one before the end of the range, among all that the scope shows.
fn starts(source: &dyn Source, scope: &Scope, query: &Query, numbers: &JobNumbers) -> Result<Vec<i64>> {
    let all = Query { until: query.until, ..Query::default() };
    let indexed = query.path != PathChoice::Scan;
    let (parts, budget) = (source.parts(), Budget::of(query));
    let starts: Vec<AtomicI64> = (0..numbers.len()).map(|_| AtomicI64::new(NEVER)).collect();
    budget.replace(0, starts.len() * size_of::<i64>())?;
    let predicate = |part: &Part| Predicate::new(scope, &all, part, Rows::Events(&*part.events), indexed);
    let predicates = parts.iter().map(predicate).collect::<Result<Vec<_>>>()?;
    let mut pieces = Vec::new();
    for (at, part) in parts.iter().enumerate().filter(|(at, _)| !predicates[*at].is_never()) {
        let blocks = Rows::Events(&*part.events).blocks();
        pieces.extend((0..blocks).step_by(BLOCKS).map(|first| (at, first..(first + BLOCKS).min(blocks))));
    }
    share(threads(query), pieces.len(), |piece| {
        let (at, blocks) = &pieces[piece];
        let (rows, jobs) = (Rows::Events(&*parts[*at].events), numbers.part(*at));
        let (mut buffers, mut spans, mut codes) = (Buffers::default(), Spans::default(), Vec::new());
        for block in blocks.clone() {
            budget.check_cancelled()?;
            let mask = predicates[*at].mask(rows, block, &mut buffers)?.unwrap_or(Mask::None);
            if mask == Mask::None {
                continue;
            }
            rows.codes(Dimension::JobId, block, &mut codes)?;
            rows.spans(block, &mut spans)?;
            let (mut job, mut first) = (0, NEVER);
            let settle = |job: u32, first: i64| {
                if job != 0 && first != NEVER {
                    starts[jobs.job(job).0 as usize].fetch_min(first, Ordering::Relaxed);
                }
            };
            for (row, (code, at)) in codes.iter().zip(&spans.first).enumerate() {
                if *code != job {
                    settle(job, first);
                    (job, first) = (*code, NEVER);
                }
                if mask.contains(row) {
                    first = first.min(*at);
                }
            }
            settle(job, first);
        }
        Ok(())
    })?;
    Ok(starts.into_iter().map(AtomicI64::into_inner).collect())
}
