//! The questions of the demo.

use quipu::store::Snapshot;
use quipu::{CostBasis, Dimension, Filter, Measure, Order, OutcomeType, PicoUsd, Query, Result, Scope, View};

use crate::render::{Facts, Sheet};

/// Rows of the long tables.
const ROWS: u64 = 4;
/// What a resolved job is assumed to be worth, in USD: nobody published it.
const VALUE_USD: i64 = 5;

/// Every answer under its heading.
pub(super) fn all(snapshot: &Snapshot) -> Result<Vec<(String, Sheet)>> {
    let view = View::new(snapshot, Scope::default());
    let (by_model, by_version) = (jobs_by(&view, Dimension::Model)?, jobs_by(&view, Dimension::AgentVersion)?);
    let computed = computed(&view)?;
    Ok(vec![
        (format!("Where the money went: jobs of coding agents by model{}", cut(&by_model)), by_model),
        (format!("… and by agent version{}", cut(&by_version)), by_version),
        ("The funnel, by benchmark: finished, then resolved (converted)".into(), funnel(&view)?),
        (format!("ROI, if a resolved job is worth ${VALUE_USD} and any other nothing"), roi(&view)?),
        (format!("aider and Claude Code: cost from a price list, beside the reported{}", cut(&computed)), computed),
    ])
}

/// How many rows of how many are shown.
fn cut(sheet: &Sheet) -> String {
    let groups = sheet.facts.groups.unwrap_or_default();
    format!(" ({} of {groups}; the total is of all)", sheet.rows.len())
}

/// Jobs carry the cost that their run reported, so everything about them is on that basis.
fn about_jobs() -> Query {
    Query::new().filter(Filter::is(Dimension::Source, "openhands")).cost_basis(CostBasis::Reported)
}

fn jobs_by(view: &View<'_>, dimension: Dimension) -> Result<Sheet> {
    use Measure as M;
    let query = about_jobs()
        .measures([M::Jobs, M::Converted, M::ReportedCost, M::ReportedUnknown, M::CostPerConversion])
        .by(dimension)
        .order(Order::descending(M::ReportedCost))
        .limit(ROWS);
    Ok(brief(Sheet::of_answer(view.query(&query)?, false)))
}

fn funnel(view: &View<'_>) -> Result<Sheet> {
    use Measure as M;
    let stages = [M::Jobs, M::Pending, M::Successful, M::SuccessRate, M::Converted, M::ConversionRate];
    let query = about_jobs().measures(stages).by(Dimension::JobType);
    Ok(Sheet { facts: Facts::default(), ..Sheet::of_answer(view.query(&query)?, false) })
}

fn roi(view: &View<'_>) -> Result<Sheet> {
    use Measure as M;
    let query = about_jobs()
        .measures([M::Jobs, M::Value, M::JobCost, M::Roi, M::MeanRoi])
        .by(Dimension::JobType)
        .order(Order::descending(M::Roi))
        .assume_value(OutcomeType::Converted, PicoUsd::from_usd(VALUE_USD))
        .assume_value(OutcomeType::Unsuccessful, PicoUsd::ZERO);
    Ok(Sheet { facts: Facts::default(), ..Sheet::of_answer(view.query(&query)?, false) })
}

fn computed(view: &View<'_>) -> Result<Sheet> {
    use Measure as M;
    let query = Query::new()
        .filter(Filter::one_of(Dimension::Source, ["aider", "claude-code"]))
        .measures([M::Requests, M::ReportedCost, M::Cost, M::Unpriced])
        .by(Dimension::Model)
        .order(Order::descending(M::Cost))
        .limit(ROWS);
    Ok(brief(Sheet::of_answer(view.query(&query)?, false)))
}

/// Of the facts, those that a reader must not miss: rows cut, and what has no price.
fn brief(mut sheet: Sheet) -> Sheet {
    let Facts { groups, unpriced, .. } = sheet.facts;
    sheet.facts = Facts { groups, unpriced, ..Facts::default() };
    sheet
}
