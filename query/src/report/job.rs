//! One job, and one workflow run.

use quipu_engine::{Dimension, Error, ErrorKind, Outcome, Result, Text};

use super::jobs::{PROPERTIES, jobs};
use super::tree::{Branch, tree};
use crate::answer::Answer;
use crate::exec::select::{PricedEvent, only};
use crate::measure::{CostOf, Measure, Statistic};
use crate::query::{Cohort, Order, Query};
use crate::value::Value;
use crate::view::View;

/// How many events a report lists at most; the counts beside them are complete.
pub const EVENTS_LISTED: usize = 10_000;

/// One job in full.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// The job.
    pub job_id: Text,
    /// Its type, version, name, tenant and team, each by its latest event that has one.
    pub properties: Vec<(Dimension, Option<Text>)>,
    /// One row: cost, effort, time, value and ROI.
    pub totals: Answer,
    /// Cost and effort per model.
    pub by_model: Answer,
    /// Its workflow runs in the order of time.
    pub traces: Answer,
    /// What came of it; `None` while it is pending. Then there are events; a job may have an outcome alone.
    pub outcome: Option<Outcome>,
    /// Its first [`EVENTS_LISTED`] events in the order of time.
    pub events: Vec<PricedEvent>,
    /// How many events it has.
    pub event_count: u64,
}

/// One workflow run in full.
#[derive(Clone, Debug)]
pub struct TraceReport {
    /// The workflow run.
    pub trace_id: Text,
    /// One row: cost, effort and time.
    pub totals: Answer,
    /// Its first [`EVENTS_LISTED`] events in the order of time; `parent_id` names the span that
    /// made the call of `span_id`.
    pub events: Vec<PricedEvent>,
    /// The same events, each below the one that called it.
    pub tree: Vec<Branch>,
    /// How many events it has.
    pub event_count: u64,
}

/// What a job, a trace and a model of a job have cost and done.
fn effort() -> Vec<Measure> {
    use Measure as M;
    vec![M::Cost, M::ReportedCost, M::Requests, M::Errors, M::Retries, M::InputTokens, M::OutputTokens, M::TotalTokens]
}

/// A query whose groups a report chooses itself: only its events, prices and paths are kept.
fn all_of(query: Query) -> Query {
    Query {
        by: Vec::new(),
        order: Vec::new(),
        limit: None,
        after: None,
        having: None,
        compare: None,
        fill: None,
        cohort: None,
        ..query
    }
}

pub(crate) fn job(view: &View<'_>, job_id: &str, query: &Query) -> Result<JobReport> {
    use Measure as M;
    let is_whole = query.filter.is_none() && query.since.is_none() && query.until.is_none();
    let query = all_of(only(query, Dimension::JobId, job_id));
    let ask = |by: Option<Dimension>, more: &[Measure], order: Option<Order>| {
        let by = by.into_iter().map(Into::into).collect();
        let measures = effort().into_iter().chain(more.iter().cloned()).collect();
        view.whole(&Query { measures, by, order: order.into_iter().collect(), ..query.clone() })
    };
    let (events, event_count) = view.events(&query, EVENTS_LISTED)?;
    let by_time = Order::ascending(M::FirstAt);
    let outcome = view.source().outcome(view.scope().workspace(), job_id, query.outcomes_as_of)?;
    // Whom a job without an event belongs to is known to nobody but the workspace.
    let has_outcome_alone = outcome.is_some() && is_whole && view.scope().is_whole_workspace();
    if event_count == 0 && !has_outcome_alone {
        return Err(not_found("job", job_id));
    }
    let list = jobs(view, &Query { cohort: Some(Cohort::Event), ..query.clone() })?;
    let property = |column: usize| match list.rows.first().map(|row| &row[column]) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let parts = [CostOf::Tokens, CostOf::Tools, CostOf::Human].map(M::CostOf);
    let time = [M::Duration(Statistic::Total), M::FirstAt, M::LastAt, M::Elapsed];
    let whole: Vec<Measure> = parts.into_iter().chain(time.clone()).chain([M::Value, M::Roi]).collect();
    let mut totals = ask(None, &whole, None)?;
    if let (0, Some(outcome)) = (event_count, &outcome) {
        let value = totals.columns.iter().position(|column| column.name == M::Value.to_string());
        let worth = outcome.value.map_or(Value::Null, Value::Money);
        value.into_iter().for_each(|at| totals.rows.iter_mut().for_each(|row| row[at] = worth.clone()));
        totals.notes = vec!["no event of this job is stored: it has an outcome alone".into()];
    }
    Ok(JobReport {
        job_id: job_id.into(),
        properties: PROPERTIES.into_iter().enumerate().map(|(at, dimension)| (dimension, property(at + 1))).collect(),
        totals,
        by_model: ask(Some(Dimension::Model), &[], None)?,
        traces: ask(Some(Dimension::TraceId), &time, Some(by_time))?,
        outcome,
        events,
        event_count,
    })
}

pub(crate) fn trace(view: &View<'_>, trace_id: &str, query: &Query) -> Result<TraceReport> {
    let query = Query {
        measures: effort().into_iter().chain([Measure::FirstAt, Measure::LastAt]).collect(),
        ..all_of(only(query, Dimension::TraceId, trace_id))
    };
    let (events, event_count) = view.events(&query, EVENTS_LISTED)?;
    if event_count == 0 {
        return Err(not_found("trace", trace_id));
    }
    let (totals, tree) = (view.whole(&query)?, tree(&events));
    Ok(TraceReport { trace_id: trace_id.into(), totals, events, tree, event_count })
}

fn not_found(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no event of {what} {id:?} passes the filter and the time range"))
}
