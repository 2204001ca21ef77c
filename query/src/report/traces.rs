//! The list of workflow runs.

use quipu_engine::{Dimension, Result};

use super::join::columns;
use crate::answer::Answer;
use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::query::{CostBasis, Order, Query};
use crate::value::Value;
use crate::view::View;

/// Which workflow runs stand first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceOrder {
    /// As the query says; the costliest when it says nothing.
    #[default]
    Query,
    /// Those from whose first start to whose last end most time passed.
    Longest,
}

/// One row per workflow run: cost, effort, how its calls ended, and its time.
pub(crate) fn traces(view: &View<'_>, query: &Query, order: TraceOrder) -> Result<Answer> {
    use Measure as M;
    let measures = [M::Cost, M::ReportedCost, M::Requests, M::Errors, M::Cancelled, M::Retries, M::TotalTokens];
    let mut query = Query {
        measures: measures.into_iter().chain([M::FirstAt, M::LastAt, M::Elapsed]).collect(),
        by: vec![Dimension::TraceId.into()],
        ..query.clone()
    };
    query = query.filter(Filter::has(Dimension::TraceId));
    if order == TraceOrder::Longest {
        query.order = vec![Order::descending(M::Elapsed)];
    } else if query.order.is_empty() {
        let cost = if query.cost_basis == CostBasis::Computed { M::Cost } else { M::ReportedCost };
        query = query.order(Order::descending(cost));
    }
    let mut answer = view.query(&query)?;
    for row in answer.rows.iter_mut().chain([&mut answer.totals]) {
        row.insert(4, successes(row));
    }
    answer.columns.splice(4..4, columns([("ok", Unit::Events)]));
    Ok(answer)
}

/// Calls that neither failed nor were called off.
fn successes(row: &[Value]) -> Value {
    match row[3..6] {
        [Value::Count(calls), Value::Count(errors), Value::Count(cancelled)] => {
            Value::Count(calls.saturating_sub(errors + cancelled))
        }
        _ => Value::Null,
    }
}
