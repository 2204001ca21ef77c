//! The jobs that count, where not their events but their start or their outcome decides.

use hashbrown::HashMap;
use quipu_engine::{Dimension, Result, Text, Timestamp};

use super::keys::KeyValue;
use super::run::Run;
use super::tally::Outcomes;
use crate::filter::Filter;
use crate::measure::Measure;
use crate::pivot::Pivot;
use crate::query::{Cohort, Query};
use crate::scope::Scope;
use crate::source::Source;

/// Jobs, each with the instant that puts it into time ranges and buckets, in microseconds.
pub(super) enum JobCohort {
    /// Every job: neither a range nor a bucket of time is asked for.
    Every,
    /// These.
    These(HashMap<Text, i64>),
}

impl JobCohort {
    /// The cohort of a query; `None` when events count by themselves.
    pub(super) fn of(source: &dyn Source, scope: &Scope, query: &Query, outcomes: &Outcomes) -> Result<Option<Self>> {
        let timeless = query.since.is_none()
            && query.until.is_none()
            && !query.by.iter().any(|pivot| matches!(pivot, Pivot::Time(_)));
        let jobs = match query.cohort.unwrap_or_default() {
            Cohort::Event => return Ok(None),
            Cohort::JobStart if timeless => return Ok(Some(Self::Every)),
            Cohort::JobStart => starts(source, scope, query)?,
            Cohort::Outcome => {
                let at = |(job, outcome): (&String, &quipu_engine::Outcome)| Some((job.into(), outcome.at?.micros()));
                outcomes.iter().filter_map(at).collect()
            }
        };
        let (since, until) = range(query);
        let within = |at: i64| since <= at && at < until;
        Ok(Some(Self::These(jobs.into_iter().filter(|(_, at)| within(*at)).collect())))
    }

    /// The instant of a job; `None` when it does not count.
    pub(super) fn instant(&self, job: &str) -> Option<i64> {
        match self {
            Self::Every => Some(0),
            Self::These(jobs) => jobs.get(job).copied(),
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

/// The first event of every job that has one before the end of the range.
fn starts(source: &dyn Source, scope: &Scope, query: &Query) -> Result<HashMap<Text, i64>> {
    let all = Query {
        measures: vec![Measure::FirstAt],
        by: vec![Dimension::JobId.into()],
        filter: Some(Filter::has(Dimension::JobId)),
        until: query.until,
        path: query.path,
        threads: query.threads,
        memory: query.memory,
        cancel: query.cancel.clone(),
        ..Query::default()
    };
    let run = Run::new(source, scope, &all, None)?;
    let name = |group: usize| match run.groups.key_values(group).next() {
        Some(KeyValue::Text(job)) => Some(job.clone()),
        _ => None,
    };
    Ok((0..run.groups.len()).filter_map(|group| Some((name(group)?, run.groups.sums[group].first))).collect())
}
