//! What another price book would change, in money.

use std::cmp::Reverse;

use quipu_engine::{PicoUsd, Result};

use super::join::{ByKey, columns};
use crate::answer::Answer;
use crate::measure::{Measure, Unit};
use crate::query::{PriceChoice, Query};
use crate::value::{Ratio, Value};
use crate::view::View;

/// Decimals of a relative change.
const CHANGE_DIGITS: u8 = 6;

/// The cost of each group of [`Query::by`] under two books: old, new, difference, and the
/// difference per old cost. What is unknown under one of them has no difference and stands first;
/// then the largest difference does, in either direction.
///
/// The second answer is that of the old book, for what it lacks; the facts of the first are the new book's.
pub(crate) fn price_diff(
    view: &View<'_>,
    query: &Query,
    old: PriceChoice,
    new: PriceChoice,
) -> Result<(Answer, Answer)> {
    let under = |prices: PriceChoice| {
        let order = Vec::new();
        view.whole(&Query { measures: vec![Measure::Cost], prices, order, limit: None, ..query.clone() })
    };
    let (old, new) = (under(old)?, under(new)?);
    let keys = query.by.len();
    let old_cost = ByKey::new(&old, keys);
    let changed = |row: &Vec<Value>| {
        let old = old_cost.get(row).map_or(Value::Null, |cost| cost[0].clone());
        row[..keys].iter().cloned().chain(change(old, row[keys].clone())).collect::<Vec<Value>>()
    };
    let mut rows: Vec<Vec<Value>> = new.rows.iter().map(changed).collect();
    rows.sort_by_key(|row| match &row[keys + 2] {
        Value::Money(difference) => (true, Reverse(difference.pico().abs())),
        _ => (false, Reverse(0)),
    });
    if let Some(limit) = query.limit {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let totals = new.totals[..keys].iter().cloned();
    let totals = totals.chain(change(old_cost.totals()[0].clone(), new.totals[keys].clone())).collect();
    let names = [("old_cost", Unit::Usd), ("new_cost", Unit::Usd), ("difference", Unit::Usd), ("change", Unit::Ratio)];
    let columns = new.columns[..keys].iter().cloned().chain(columns(names)).collect();
    Ok((Answer { columns, rows, totals, other: None, next: None, ..new }, old))
}

fn change(old: Value, new: Value) -> [Value; 4] {
    let (difference, change) = match (&old, &new) {
        (Value::Money(before), Value::Money(after)) => {
            let difference = *after - *before;
            (Value::Money(difference), relative(difference, *before))
        }
        _ => (Value::Null, Value::Null),
    };
    [old, new, difference, change]
}

fn relative(difference: PicoUsd, old: PicoUsd) -> Value {
    Ratio::new(difference.pico(), old.pico(), CHANGE_DIGITS).map_or(Value::Null, Value::Ratio)
}
