//! What another price book would change, in money.

use std::cmp::Reverse;

use quipu_engine::Result;

use super::join::{ByKey, columns};
use super::unpriced::UnpricedUsage;
use crate::answer::Answer;
use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::query::{PriceChoice, Query};
use crate::value::Value;
use crate::view::View;

/// The cost of each group of [`Query::by`] under two books: old, new, difference, and the difference per old cost; the
/// largest difference first, in either direction, and what has none before all others.
///
/// A price that only one of the books has is no difference, for nobody knows what the other would have asked: events
/// of which they price different parts are left out of it, in groups and totals alike, and a note names their models.
///
/// The second answer is that of the old book, for what it lacks; the facts of the first are the new book's.
pub(crate) fn price_diff(
    view: &View<'_>,
    query: &Query,
    old: PriceChoice,
    new: PriceChoice,
) -> Result<(Answer, Answer)> {
    let under = |prices: &PriceChoice, only: Option<Filter>| {
        let (prices, order) = (prices.clone(), Vec::new());
        let measures = vec![Measure::Cost, Measure::Requests];
        let asked = Query { measures, prices, order, limit: None, ..query.clone() };
        view.whole(&only.into_iter().fold(asked, Query::filter))
    };
    let (before, mut after) = (under(&old, None)?, under(&new, None)?);
    let apart = UnpricedUsage::apart(&before, &after);
    let compared = if apart.is_empty() {
        None
    } else {
        after.notes.push(format!(
            "the books price different parts of the usage of {}: no difference counts the requests with it",
            apart.models()
        ));
        // What is assumed to be one model cannot be told apart by the models there were.
        let others = if query.what_if.model.is_some() { Filter::Or(Vec::new()) } else { apart.without() };
        Some((under(&old, Some(others.clone()))?, under(&new, Some(others))?))
    };
    let keys = query.by.len();
    let costs = |answer: &Answer| ByKey::new(answer, keys);
    let old_cost = costs(&before);
    let (known_before, known_after) = match &compared {
        Some((before, after)) => (costs(before), costs(after)),
        None => (costs(&before), costs(&after)),
    };
    let changed = |row: &Vec<Value>| {
        let known = |costs: &ByKey| costs.get(row).map_or(Value::Null, cost);
        let change = change(known(&old_cost), row[keys].clone(), &known(&known_before), &known(&known_after));
        row[..keys].iter().cloned().chain(change).collect::<Vec<Value>>()
    };
    let mut rows: Vec<Vec<Value>> = after.rows.iter().map(changed).collect();
    rows.sort_by_key(|row| match &row[keys + 2] {
        Value::Money(difference) => (true, Reverse(difference.pico().abs())),
        _ => (false, Reverse(0)),
    });
    if let Some(limit) = query.limit {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let change = change(
        old_cost.totals()[0].clone(),
        after.totals[keys].clone(),
        &cost(known_before.totals()),
        &cost(known_after.totals()),
    );
    let totals = after.totals[..keys].iter().cloned().chain(change).collect();
    let names = [("old_cost", Unit::Usd), ("new_cost", Unit::Usd), ("difference", Unit::Usd), ("change", Unit::Ratio)];
    let columns = after.columns[..keys].iter().cloned().chain(columns(names)).collect();
    Ok((Answer { columns, rows, totals, other: None, next: None, ..after }, before))
}

/// The cost among what was asked of some events; of none there is none to compare.
fn cost(measures: &[Value]) -> Value {
    if measures[1] == Value::Count(0) { Value::Null } else { measures[0].clone() }
}

/// Both costs with the difference of what is known under both books.
fn change(old: Value, new: Value, before: &Value, after: &Value) -> [Value; 4] {
    let difference = after.minus(before);
    let change = difference.per(before);
    [old, new, difference, change]
}
