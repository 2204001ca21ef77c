//! From plans to sheets: what the command line and the routes ask of a store, in one place.

mod coarsened;
mod outcome;
mod prices;
mod runaways;
mod versions;

use std::sync::Arc;

use quipu::coarse::OVERFLOW;
use quipu::price::{PriceClass, Pricer, PromptSize};
use quipu::store::Snapshot;
use quipu::{
    Answer, Branch, Column, CostBasis, Dimension, Error, Event, JobReport, Measure, Number, Outcome, PicoUsd,
    PriceBook, PriceChoice, PricedEvent, Query, Result, Scope, Timestamp, TraceOrder, TraceReport, Unit, Value, View,
    Warning,
};

use crate::gaps;
use crate::plan::{Plan, Report, now};
use crate::prices::{default_book, name};
use crate::render::{Document, Facts, Sheet, TREE, dollars};

pub use coarsened::LABELS;
pub use outcome::revisions;
pub use prices::{price_diff, price_versions, rates_of_book};
pub use runaways::{Alarms, RULE_PARAMETERS, alarms, groups_of, of_alarms, runaways, set_rule};
pub use versions::{VERSION_PARAMETERS, VersionsText, versions};

/// Jobs that are listed when no limit is named.
const JOBS_LISTED: u64 = 20;

/// Values that are listed when no limit is named.
const VALUES_LISTED: u64 = 50;

/// The measures that are made of what jobs cost.
const OF_JOB_COSTS: [Measure; 6] = [
    Measure::JobCost,
    Measure::Roi,
    Measure::MeanRoi,
    Measure::CostPerJob,
    Measure::CostPerSuccess,
    Measure::CostPerConversion,
];

/// The names of the sheets about one job.
pub const JOB_SHEETS: [&str; 4] = ["job", "models", "traces", "events"];
/// The names of the sheets about one trace.
pub const TRACE_SHEETS: [&str; 4] = ["trace", TREE, "gaps", "events"];

/// The names of the sheets about coverage.
pub const COVERAGE_SHEETS: [&str; 4] = ["warnings", "retries", "routing", "fields"];

/// Answers a plan. A query that names no measures asks for `cost`, `requests` and `total_tokens`.
///
/// # Errors
/// As [`View::query`].
pub fn ask(snapshot: &Snapshot, scope: Scope, plan: &Plan) -> Result<Sheet> {
    if plan.report == Report::Gaps {
        return gaps::by_source(snapshot, scope, plan);
    }
    let view = View::new(snapshot, scope);
    let (mut query, prices) = priced(snapshot, &plan.query)?;
    let answer = match plan.report {
        Report::Query | Report::Gaps => {
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
        Report::Reconcile => view.reconcile(&query)?,
        Report::Traces | Report::LongestTraces => {
            query.limit.get_or_insert(JOBS_LISTED);
            let longest = plan.report == Report::LongestTraces;
            view.traces(&query, if longest { TraceOrder::Longest } else { TraceOrder::Query })?
        }
        Report::Rates => view.rates(&query)?,
        Report::JobTypes => view.job_types(&query)?,
        Report::Dimensions => view.dimensions(&query)?,
        Report::Values => values(&view, query.clone(), plan.prefix.as_deref().unwrap_or_default())?,
    };
    let hint = reported_hint(&view, &query, &answer)?;
    let mut sheet = stated(Sheet::of_answer(answer, plan.explain), &query, &prices);
    sheet.facts.notes.extend(hint);
    sheet.select(&plan.columns)
}

fn values(view: &View<'_>, mut query: Query, prefix: &str) -> Result<Answer> {
    let [key] = query.by.as_slice() else {
        return Err(Error::invalid("the values of one key are listed: name one dimension, number or tag.KEY"));
    };
    let key = key.clone();
    query.limit.get_or_insert(VALUES_LISTED);
    view.values(&query, &key, prefix)
}

/// What to do about a cost that lacks something, or all, where events say themselves what they cost.
fn reported_hint(view: &View<'_>, query: &Query, answer: &Answer) -> Result<Option<String>> {
    let asks_for = |measure: &Measure| answer.columns.iter().any(|column| column.name == measure.to_string());
    let of_jobs = answer.cost_basis == CostBasis::Computed && OF_JOB_COSTS.iter().any(asks_for);
    let of_events = asks_for(&Measure::Cost) && !asks_for(&Measure::ReportedCost);
    if !(of_jobs || of_events) || answer.unpriced.is_empty() && !computed_to_nothing(answer) {
        return Ok(None);
    }
    let measures = vec![Measure::ReportedCost];
    let totals = Query {
        measures,
        by: Vec::new(),
        order: Vec::new(),
        limit: None,
        after: None,
        having: None,
        compare: None,
        fill: None,
        ..query.clone()
    };
    let reported = match view.whole(&totals)?.totals.into_iter().next() {
        Some(Value::Money(reported)) if reported != PicoUsd::ZERO => reported,
        _ => return Ok(None),
    };
    let how = if of_jobs { "--cost reported makes ROI and costs per job of it" } else { "the measure reported_cost" };
    Ok(Some(format!("the events themselves report a cost, of {} in all: {how}", dollars(reported))))
}

/// Whether no cost came of the events as a whole, though the question is about costs.
fn computed_to_nothing(answer: &Answer) -> bool {
    let costs = OF_JOB_COSTS.iter().chain([&Measure::Cost]).map(Measure::to_string).collect::<Vec<_>>();
    let mut totals = answer.columns.iter().zip(&answer.totals).filter(|(column, _)| costs.contains(&column.name));
    totals.all(|(_, total)| match total {
        Value::Ratio(ratio) => ratio.numerator() == 0,
        total => matches!(total, Value::Null | Value::Money(PicoUsd::ZERO)),
    })
}

/// The query with the prices that it means, and how to name them: a store without prices of its own
/// is asked with the book inside this program.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such version.
pub fn priced(snapshot: &Snapshot, query: &Query) -> Result<(Query, String)> {
    let book = price_book(snapshot, &query.prices)?;
    let name = name(&book);
    Ok((Query { prices: PriceChoice::Book(book), ..query.clone() }, name))
}

/// The sheet with the prices and the assumptions behind it.
pub fn stated(sheet: Sheet, query: &Query, prices: &str) -> Sheet {
    let mut sheet = sheet.priced_by(prices);
    sheet.facts.outcomes_as_of = query.outcomes_as_of.map(|at| at.to_string());
    if sheet.facts.price_book.is_some() && !query.what_if.is_nothing() {
        sheet.facts.what_if = Some(query.what_if.to_string());
        if let PriceChoice::Book(book) = &query.prices {
            sheet.facts.notes.extend(Pricer::new(book).assuming(&query.what_if).doubt());
        }
    }
    sheet
}

/// What events lack, what looks wrong in them, and what could be saved.
///
/// # Errors
/// As [`View::query`].
pub fn coverage(snapshot: &Snapshot, scope: Scope, plan: &Plan) -> Result<Document> {
    let (query, prices) = priced(snapshot, &plan.query)?;
    let view = View::new(snapshot, scope);
    let report = view.coverage(&query)?;
    let mut warnings =
        Sheet::new(&[("code", Unit::None, true), ("field", Unit::None, true), ("message", Unit::None, false)]);
    let text = |text: &str| Value::Text(text.into());
    let row = |warning: &Warning| vec![text(warning.code), text(warning.field), text(&warning.message)];
    warnings.rows = report.warnings.iter().map(row).collect();
    for (pivot, events) in coarsened::coarsened(snapshot, &view, &query)? {
        let message = format!(
            "{events} events are under {OVERFLOW}, for {pivot} had too many different values: an id may have got into it"
        );
        warnings.rows.push(vec![text("values_put_together"), text(&pivot.to_string()), text(&message)]);
    }
    let fields = stated(Sheet { totals: None, ..Sheet::of_answer(report.fields, plan.explain) }, &query, &prices);
    let notes = report.routing.notes.clone();
    let mut routing = bare(Sheet::of_answer(report.routing, false));
    routing.facts.notes = notes;
    let sheets = [warnings, bare(Sheet::of_answer(report.retries, false)), routing, fields];
    Ok(Document(COVERAGE_SHEETS.into_iter().map(String::from).zip(sheets).collect()))
}

/// The book that is meant.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such version.
pub fn price_book(snapshot: &Snapshot, choice: &PriceChoice) -> Result<Arc<PriceBook>> {
    match choice {
        PriceChoice::Current if snapshot.price_books().is_empty() => Ok(default_book()),
        PriceChoice::Current => snapshot.price_book(None),
        PriceChoice::Version(version) => snapshot.price_book(Some(*version)),
        PriceChoice::KnownAt(at) => Ok(snapshot.price_book_known_at(*at)),
        PriceChoice::Book(book) => Ok(Arc::clone(book)),
    }
}

/// Everything about one job.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such job, else as [`View::query`].
pub fn job(snapshot: &Snapshot, scope: Scope, job_id: &str, plan: &Plan) -> Result<Document> {
    let (query, prices) = priced(snapshot, &plan.query)?;
    let report = View::new(snapshot, scope).job(job_id, &query)?;
    let JobReport { job_id, properties, totals, by_model, traces, outcome, events, event_count } = report;
    let mut job = stated(Sheet::of_answer(totals, plan.explain), &query, &prices);
    let properties = properties.into_iter().map(|(dimension, value)| (dimension.name(), value));
    let properties = std::iter::once(("job_id", Some(job_id))).chain(properties);
    let properties = properties.map(|(name, value)| (name, value.map_or(Value::Null, Value::Text)));
    put_before(&mut job, properties.chain(of_outcome(outcome.as_ref())));
    let sheets = [job, bare(Sheet::of_answer(by_model, false)), bare(Sheet::of_answer(traces, false))];
    let sheets = sheets.into_iter().chain([of_events(&events, event_count)]);
    Ok(Document(JOB_SHEETS.into_iter().map(String::from).zip(sheets).collect()))
}

/// Everything about one workflow run.
///
/// # Errors
/// As [`job`].
pub fn trace(snapshot: &Snapshot, scope: Scope, trace_id: &str, plan: &Plan) -> Result<Document> {
    let (query, prices) = priced(snapshot, &plan.query)?;
    let report = View::new(snapshot, scope).trace(trace_id, &query)?;
    let TraceReport { trace_id, totals, events, tree, event_count } = report;
    let mut trace = stated(Sheet::of_answer(totals, plan.explain), &query, &prices);
    put_before(&mut trace, [("trace_id", Value::Text(trace_id))]);
    let sheets = [trace, of_tree(&events, &tree), gaps::of_trace(&events), of_events(&events, event_count)];
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

fn of_outcome(outcome: Option<&Outcome>) -> [(&'static str, Value); 6] {
    let text = |text: &str| Value::Text(text.into());
    let kind = outcome.and_then(|outcome| outcome.kind).map_or(Value::Null, |kind| text(kind.name()));
    let at = outcome.and_then(|outcome| outcome.at).map_or(Value::Null, Value::Time);
    let metadata = outcome.and_then(|outcome| outcome.metadata.as_deref()).map_or(Value::Null, text);
    let revision = outcome.map_or(Value::Null, |outcome| Value::Count(outcome.revision.into()));
    let reason = outcome.and_then(|outcome| outcome.reason.as_deref()).map_or(Value::Null, text);
    let status = outcome.map_or("PENDING", |outcome| outcome.status.name());
    [
        ("outcome_status", text(status)),
        ("outcome_type", kind),
        ("outcome_at", at),
        ("outcome_metadata", metadata),
        ("outcome_revision", revision),
        ("outcome_reason", reason),
    ]
}

/// A sheet whose facts stand beside another one already.
fn bare(sheet: Sheet) -> Sheet {
    let facts = Facts { zone: sheet.facts.zone, ..Facts::default() };
    Sheet { facts, ..sheet }
}

/// Who called whom, when and for how long.
fn of_tree(events: &[PricedEvent], tree: &[Branch]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("depth", Unit::None, false),
        ("span", Unit::None, false),
        ("span_id", Unit::None, false),
        ("parent_id", Unit::None, false),
        ("status", Unit::None, false),
        ("offset_ms", Unit::Milliseconds, false),
        ("duration_ms", Unit::Milliseconds, false),
        ("total_tokens", Unit::Tokens, false),
        ("cost", Unit::Usd, false),
    ]);
    let micros = |event: &Event| event.at.map_or(0, Timestamp::micros);
    let first = events.first().map_or(0, |priced| micros(&priced.event));
    for branch in tree {
        let PricedEvent { event, cost, .. } = &events[branch.event];
        let text = |dimension| event.get(dimension).map_or(Value::Null, |text| Value::Text(text.into()));
        let offset = u128::try_from((micros(event) - first) / 1000).unwrap_or(0);
        sheet.rows.push(vec![
            Value::Count(branch.depth as u128),
            Value::Text(what(event).into()),
            text(Dimension::SpanId),
            text(Dimension::ParentId),
            text(Dimension::Status),
            Value::Count(offset),
            event.number(Number::DurationMs).map_or(Value::Null, |ms| Value::Count(ms.into())),
            Value::Count(event.total_tokens().into()),
            cost.map_or(Value::Null, Value::Money),
        ]);
    }
    sheet
}

/// What an event did, in a few words: whose work, what it was, with what.
fn what(event: &Event) -> String {
    use Dimension as D;
    let did = [D::TaskType, D::Operation].into_iter().find_map(|dimension| event.get(dimension));
    let with = [D::ToolName, D::Model].into_iter().find_map(|dimension| event.get(dimension));
    let words: Vec<&str> = [event.get(D::Agent), did, with].into_iter().flatten().collect();
    if words.is_empty() { event.id.as_deref().unwrap_or_default().into() } else { words.join(" ") }
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
        event.number(Number::DurationMs).map_or(Value::Null, |ms| Value::Count(ms.into())),
        Value::Count(input.into()),
        Value::Count(total.saturating_sub(input).into()),
        priced.cost.map_or(Value::Null, Value::Money),
        event.reported_cost().map_or(Value::Null, Value::Money),
    ]);
    row
}

/// What one event costs at the current prices; `None` when something of it has no price.
///
/// # Errors
/// When the price book cannot be read.
pub fn cost_of(snapshot: &Snapshot, event: &Event) -> Result<Option<PicoUsd>> {
    let book = price_book(snapshot, &PriceChoice::Current)?;
    let class = PriceClass {
        workspace: event.get(Dimension::Workspace),
        tenant: event.get(Dimension::Tenant),
        provider: event.get(Dimension::Provider),
        model: event.get(Dimension::Model),
        region: event.get(Dimension::Region),
        service_tier: event.get(Dimension::ServiceTier),
        size: PromptSize::of_tokens(event.input_tokens()),
    };
    let schedule = Pricer::new(&book).schedule(&class);
    let rates = &schedule.periods[schedule.period_at(event.at.unwrap_or_else(now))];
    let mut cost = i128::from(rates.per_request().unwrap_or(0));
    for (meter, quantity) in event.usage.iter().filter(|(_, quantity)| **quantity > 0) {
        let Some(rate) = rates.rate(meter) else { return Ok(None) };
        cost += i128::from(rate) * i128::from(*quantity);
    }
    Ok(Some(PicoUsd::from_pico(cost)))
}
