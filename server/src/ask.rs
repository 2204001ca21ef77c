//! From plans to sheets: what the command line and the routes ask of a store, in one place.

use quipu::store::Snapshot;
use quipu::{
    Column, Dimension, JobReport, Measure, Outcome, PricedEvent, Result, Scope, TraceReport, Unit, Value, View,
};

use crate::plan::{Plan, Report};
use crate::render::{Document, Facts, Sheet};

/// Jobs that are listed when no limit is named.
const JOBS_LISTED: u64 = 20;

/// The names of the sheets about one job.
pub const JOB_SHEETS: [&str; 4] = ["job", "models", "traces", "events"];
/// The names of the sheets about one trace.
pub const TRACE_SHEETS: [&str; 2] = ["trace", "events"];

/// Answers a plan. A query that names no measures asks for `cost`, `requests` and `total_tokens`.
///
/// # Errors
/// As [`View::query`].
pub fn ask(snapshot: &Snapshot, scope: Scope, plan: &Plan) -> Result<Sheet> {
    let view = View::new(snapshot, scope);
    let mut query = plan.query.clone();
    let answer = match plan.report {
        Report::Query => {
            if query.measures.is_empty() {
                query.measures = vec![Measure::Cost, Measure::Requests, Measure::TotalTokens];
            }
            view.query(&query)?
        }
        Report::Jobs => {
            query.limit.get_or_insert(JOBS_LISTED);
            view.jobs(&query)?
        }
        Report::Funnel => view.funnel(&query)?,
        Report::Roi => view.roi(&query)?,
    };
    Ok(Sheet::of_answer(answer, plan.explain))
}

/// Everything about one job.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such job, else as [`View::query`].
pub fn job(snapshot: &Snapshot, scope: Scope, job_id: &str, plan: &Plan) -> Result<Document> {
    let report = View::new(snapshot, scope).job(job_id, &plan.query)?;
    let JobReport { job_id, job_type, job_version, totals, by_model, traces, outcome, events, event_count } = report;
    let mut job = Sheet::of_answer(totals, plan.explain);
    let properties = [("job_id", Some(job_id)), ("job_type", job_type), ("job_version", job_version)];
    let properties = properties.map(|(name, value)| (name, value.map_or(Value::Null, Value::Text)));
    put_before(&mut job, properties.into_iter().chain(of_outcome(outcome.as_ref())));
    let sheets = [job, bare(Sheet::of_answer(by_model, false)), bare(Sheet::of_answer(traces, false))];
    let sheets = sheets.into_iter().chain([of_events(&events, event_count)]);
    Ok(Document(JOB_SHEETS.into_iter().map(String::from).zip(sheets).collect()))
}

/// Everything about one workflow run.
///
/// # Errors
/// As [`job`].
pub fn trace(snapshot: &Snapshot, scope: Scope, trace_id: &str, plan: &Plan) -> Result<Document> {
    let TraceReport { trace_id, totals, events, event_count } =
        View::new(snapshot, scope).trace(trace_id, &plan.query)?;
    let mut trace = Sheet::of_answer(totals, plan.explain);
    put_before(&mut trace, [("trace_id", Value::Text(trace_id))]);
    let sheets = [trace, of_events(&events, event_count)];
    Ok(Document(TRACE_SHEETS.into_iter().map(String::from).zip(sheets).collect()))
}

/// The only row of a sheet gets more columns in front.
fn put_before(sheet: &mut Sheet, properties: impl IntoIterator<Item = (&'static str, Value)>) {
    for (at, (name, value)) in properties.into_iter().enumerate() {
        let unit = if matches!(value, Value::Time(_)) { Unit::Time } else { Unit::None };
        sheet.columns.insert(at, Column { name: name.into(), unit, is_key: false });
        for row in &mut sheet.rows {
            row.insert(at, value.clone());
        }
    }
}

fn of_outcome(outcome: Option<&Outcome>) -> [(&'static str, Value); 4] {
    let text = |text: &str| Value::Text(text.into());
    let kind = outcome.and_then(|outcome| outcome.kind).map_or(Value::Null, |kind| text(kind.name()));
    let at = outcome.and_then(|outcome| outcome.at).map_or(Value::Null, Value::Time);
    let metadata = outcome.and_then(|outcome| outcome.metadata.as_deref()).map_or(Value::Null, text);
    let status = outcome.map_or("PENDING", |outcome| outcome.status.name());
    [("outcome_status", text(status)), ("outcome_type", kind), ("outcome_at", at), ("outcome_metadata", metadata)]
}

/// A sheet whose facts stand beside another one already.
fn bare(sheet: Sheet) -> Sheet {
    let facts = Facts { zone: sheet.facts.zone, ..Facts::default() };
    Sheet { facts, ..sheet }
}

fn of_events(events: &[PricedEvent], count: u64) -> Sheet {
    use Dimension as D;
    const SHOWN: [Dimension; 9] =
        [D::TraceId, D::SpanId, D::ParentId, D::Agent, D::Operation, D::TaskType, D::ToolName, D::Model, D::Status];
    let mut sheet = Sheet::new(&[("at", Unit::Time, false), ("id", Unit::None, false)]);
    let column = |name: &str, unit| Column { name: name.into(), unit, is_key: false };
    sheet.columns.extend(SHOWN.map(|dimension| column(dimension.name(), Unit::None)));
    sheet.columns.extend([
        column("duration_ms", Unit::Milliseconds),
        column("input_tokens", Unit::Tokens),
        column("output_tokens", Unit::Tokens),
        column("cost", Unit::Usd),
        column("reported_cost", Unit::Usd),
    ]);
    sheet.rows = events.iter().map(|event| of_event(event, &SHOWN)).collect();
    if count > events.len() as u64 {
        sheet.facts.notes.push(format!("the first {} of {count} events", events.len()));
    }
    sheet
}

fn of_event(priced: &PricedEvent, shown: &[Dimension]) -> Vec<Value> {
    let event = &priced.event;
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    let (input, total) = (event.input_tokens(), event.total_tokens());
    let mut row = vec![event.at.map_or(Value::Null, Value::Time), text(event.id.as_deref())];
    row.extend(shown.iter().map(|dimension| text(event.get(*dimension))));
    row.extend([
        event.number(quipu::Number::DurationMs).map_or(Value::Null, |ms| Value::Count(ms.into())),
        Value::Count(input.into()),
        Value::Count(total.saturating_sub(input).into()),
        priced.cost.map_or(Value::Null, Value::Money),
        event.reported_cost().map_or(Value::Null, Value::Money),
    ]);
    row
}
