//! What the events lack: how much of the spend and of the calls nobody can be asked about.

mod lint;
mod naming;
mod routing;

use quipu_engine::Result;

use crate::answer::{Answer, Column};
use crate::exec::lacking::{self, Coverage, FIELDS};
use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::query::{CostBasis, Query};
use crate::report::{columns, share};
use crate::value::Value;
use crate::view::View;

pub use lint::Warning;

/// What events lack, what looks wrong in them, and what could be saved.
#[derive(Clone, Debug)]
pub struct CoverageReport {
    /// Per field, and per group of [`Query::by`]: calls and spend, and the part of them without the field.
    pub fields: Answer,
    /// One row: the part of calls and of spend that were retries.
    pub retries: Answer,
    /// Per task type whose calls run at several model tiers: what the tier and model that save most would save.
    pub routing: Answer,
    /// What looks wrong.
    pub warnings: Vec<Warning>,
}

pub(crate) fn coverage(view: &View<'_>, query: &Query) -> Result<CoverageReport> {
    let query = &Query { order: Vec::new(), limit: None, measures: Vec::new(), ..query.clone() };
    let whole = Query { by: Vec::new(), ..query.clone() };
    Ok(CoverageReport {
        fields: fields(view, query)?,
        retries: retries(view, &whole)?,
        routing: routing::routing(view, &whole)?,
        warnings: lint::warnings(view, &whole)?,
    })
}

/// What spend is measured by.
fn spend(query: &Query) -> Measure {
    if query.cost_basis == CostBasis::Computed { Measure::Cost } else { Measure::ReportedCost }
}

fn fields(view: &View<'_>, query: &Query) -> Result<Answer> {
    let query = Query { measures: vec![Measure::Requests, spend(query)], ..query.clone() };
    let (groups, facts) = lacking::coverage(view.source(), view.scope(), &query.assumed())?;
    let mut rows = Vec::new();
    for (at, field) in FIELDS.into_iter().enumerate() {
        for Coverage { key, all, lacking } in &groups {
            let ([calls, cost], missing) = ([&all[0], &all[1]], &lacking[at]);
            let shares = [share(&missing[0], calls), share(&missing[1], cost)];
            let measures = [calls, &missing[0], &shares[0], cost, &missing[1], &shares[1]].map(Value::clone);
            let name = Value::Text(field.name().into());
            rows.push([name].into_iter().chain(key.iter().cloned()).chain(measures).collect());
        }
    }
    let names = [
        ("requests", Unit::Events),
        ("missing", Unit::Events),
        ("missing_share", Unit::Ratio),
        ("spend", Unit::Usd),
        ("missing_spend", Unit::Usd),
        ("missing_spend_share", Unit::Ratio),
    ];
    let unit = |pivot: &Pivot| if matches!(pivot, Pivot::Time(_)) { Unit::Time } else { Unit::None };
    let keys = query.by.iter().map(|pivot| (pivot.to_string(), unit(pivot)));
    let keys = std::iter::once(("field".into(), Unit::None)).chain(keys);
    let keys = keys.map(|(name, unit)| Column { name, unit, is_key: true });
    let columns: Vec<Column> = keys.chain(columns(names)).collect();
    let totals = vec![Value::Null; columns.len()];
    let groups = rows.len() as u64;
    Ok(Answer { columns, rows, totals, groups, passed: groups, ..facts })
}

/// The part of calls and of spend that tried something again.
fn retries(view: &View<'_>, query: &Query) -> Result<Answer> {
    let query = Query { measures: vec![Measure::Requests, spend(query)], ..query.clone() };
    let (all, again) = (view.whole(&query)?, view.whole(&query.clone().filter(Filter::is_retry()))?);
    let [calls, cost] = [&all.totals[0], &all.totals[1]];
    let [retried, retried_cost] = [&again.totals[0], &again.totals[1]];
    let shares = [share(retried, calls), share(retried_cost, cost)];
    let row: Vec<Value> = [calls, retried, &shares[0], cost, retried_cost, &shares[1]].map(Value::clone).into();
    let names = [
        ("requests", Unit::Events),
        ("retries", Unit::Events),
        ("retry_share", Unit::Ratio),
        ("spend", Unit::Usd),
        ("retry_spend", Unit::Usd),
        ("retry_spend_share", Unit::Ratio),
    ];
    Ok(Answer { columns: columns(names).into(), rows: vec![row.clone()], totals: row, other: None, ..all })
}
