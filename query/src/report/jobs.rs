//! The list of jobs.

use hashbrown::HashMap;
use quipu_engine::jobs::JobOutcome;
use quipu_engine::{Dimension, Result, Text, Timestamp};

use crate::answer::{Answer, Column};
use crate::filter::{Filter, TextField, TextTest};
use crate::measure::{CostOf, Measure, Statistic, Unit};
use crate::query::{Cohort, CostBasis, Order, Query};
use crate::value::Value;
use crate::view::View;

/// Beyond this many jobs, all are asked for their properties instead of naming each.
const NAMED_JOBS: usize = 10_000;
/// The outcomes of so few jobs are read one by one; for more, all of them are brought into the order of jobs.
const LOOKED_UP_JOBS: usize = 16;

/// What a job is, by its latest event that says so.
pub(crate) const PROPERTIES: [Dimension; 5] =
    [Dimension::JobType, Dimension::JobVersion, Dimension::JobName, Dimension::Tenant, Dimension::Team];

/// One row per job: `job_id`, its [`PROPERTIES`], then measures, then the outcome. Jobs count by their start unless the
/// query says otherwise, as in all reports: one that began in the range of time is whole, and any other is not there.
pub(crate) fn jobs(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let costs = [M::Cost, M::CostOf(CostOf::Tokens), M::CostOf(CostOf::Tools), M::CostOf(CostOf::Human)];
    let effort = [M::ReportedCost, M::Requests, M::Errors, M::Retries, M::TotalTokens, M::Duration(Statistic::Total)];
    let mut query = Query {
        measures: costs.into_iter().chain(effort).chain([M::FirstAt, M::LastAt]).collect(),
        by: vec![Dimension::JobId.into()],
        cohort: Some(query.cohort.unwrap_or(Cohort::JobStart)),
        ..query.clone()
    };
    query = query.filter(Filter::has(Dimension::JobId));
    if query.order.is_empty() {
        let cost = if query.cost_basis == CostBasis::Computed { M::Cost } else { M::ReportedCost };
        query = query.order(Order::descending(cost));
    }
    let mut answer = view.query(&query)?;
    let properties = properties(view, &query, &answer)?;
    let named = answer.rows.iter().map(|row| text(&row[0]).unwrap_or_default());
    let outcomes = outcomes(view, query.outcomes_as_of, &named.collect::<Vec<_>>())?;
    for (row, outcome) in answer.rows.iter_mut().zip(outcomes) {
        let job = text(&row[0]).unwrap_or_default();
        let of_job = properties.get(&job).cloned().unwrap_or_default();
        row.extend(outcome_values(outcome));
        row.splice(1..1, of_job.map(|value| value.map_or(Value::Null, Value::Text)));
    }
    for row in std::iter::once(&mut answer.totals).chain(&mut answer.other) {
        row.extend([Value::Null, Value::Null, Value::Null]);
        row.splice(1..1, PROPERTIES.map(|_| Value::Null));
    }
    let column = |name: &str, unit, is_key| Column { name: name.into(), unit, is_key };
    answer.columns.splice(1..1, PROPERTIES.map(|property| column(property.name(), Unit::None, true)));
    answer.columns.extend([
        column("outcome_status", Unit::None, false),
        column("outcome_type", Unit::None, false),
        column("outcome_value", Unit::Usd, false),
    ]);
    Ok(answer)
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The [`PROPERTIES`] of each job.
type Properties = [Option<Text>; PROPERTIES.len()];

/// Where the events of a job disagree, the latest event that has one decides.
fn properties(view: &View<'_>, query: &Query, jobs: &Answer) -> Result<HashMap<Text, Properties>> {
    let mut query = Query {
        measures: vec![Measure::LastAt],
        by: [Dimension::JobId].into_iter().chain(PROPERTIES).map(Into::into).collect(),
        order: vec![Order::ascending(Measure::LastAt)],
        limit: None,
        after: None,
        having: None,
        compare: None,
        ..query.clone()
    };
    if jobs.rows.len() <= NAMED_JOBS {
        let names = jobs.rows.iter().filter_map(|row| text(&row[0])).collect();
        query = query.filter(Filter::Text(TextField::Dimension(Dimension::JobId), TextTest::In(names)));
    }
    let mut properties: HashMap<Text, Properties> = HashMap::new();
    for row in view.whole(&query)?.rows {
        let of_job = properties.entry(text(&row[0]).unwrap_or_default()).or_default();
        for (property, value) in of_job.iter_mut().zip(&row[1..]) {
            *property = text(value).or_else(|| property.take());
        }
    }
    Ok(properties)
}

/// What came of each of some jobs.
fn outcomes(view: &View<'_>, as_of: Option<Timestamp>, jobs: &[Text]) -> Result<Vec<Option<JobOutcome>>> {
    let (source, workspace) = (view.source(), view.scope().workspace());
    if jobs.len() <= LOOKED_UP_JOBS {
        let outcome = |job: &Text| Ok(source.outcome(workspace, job, as_of)?.as_ref().map(JobOutcome::from));
        return jobs.iter().map(outcome).collect();
    }
    let (numbers, outcomes) = (source.jobs()?, source.job_outcomes(workspace, as_of)?);
    let mut outcomes = outcomes.cursor();
    Ok(jobs.iter().map(|job| numbers.find(job).and_then(|job| outcomes.find(job))).collect())
}

/// Status, type and value; a job without an outcome is pending.
fn outcome_values(outcome: Option<JobOutcome>) -> [Value; 3] {
    let text = |name: &str| Value::Text(name.into());
    match outcome {
        None => [text("PENDING"), Value::Null, Value::Null],
        Some(outcome) => [
            text(outcome.status.name()),
            outcome.kind.map_or(Value::Null, |kind| text(kind.name())),
            outcome.value.map_or(Value::Null, Value::Money),
        ],
    }
}
