//! What was computed beside what was reported.

use quipu_engine::{Dimension, Number, Result};

use super::join::{ByKey, columns};
use super::unpriced::UnpricedUsage;
use crate::answer::Answer;
use crate::filter::{Filter, NumberField, NumberTest};
use crate::measure::{Measure, Unit};
use crate::query::Query;
use crate::value::Value;
use crate::view::View;

/// Sources of token counts that are not the provider's last word.
const ESTIMATES: [&str; 2] = ["estimated", "partial"];
const SHARE_DIGITS: u8 = 6;

/// Per group of [`Query::by`]: requests, computed and reported cost, how many requests report
/// none, the difference and of how many requests it is, how many have an unpriced quantity, and the share of
/// requests and of cost whose token counts are estimated.
///
/// The difference is reported less computed, over the events for which both are known in full: they state a cost, say
/// what they used, and have a price for all of it. So those of groups add up to that of the total.
pub(crate) fn reconcile(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let base = vec![M::Requests, M::Cost, M::ReportedCost, M::ReportedUnknown, M::Unpriced];
    let answer = view.whole(&Query { measures: base, ..query.clone() })?;
    let part = |measures: Vec<Measure>, filter: Filter| -> Result<ByKey> {
        let query = Query { measures, order: Vec::new(), limit: None, ..query.clone() };
        Ok(ByKey::new(&view.whole(&query.filter(filter))?, query_keys(&answer)))
    };
    let stated = Filter::Number(NumberField::Number(Number::ReportedCost), NumberTest::NotNull);
    let told = Filter::Number(NumberField::Number(Number::UsageMissing), NumberTest::In(vec![1]));
    let stated = stated.and(Filter::Not(Box::new(told)));
    let unpriced = UnpricedUsage::of(&answer);
    let both = if unpriced.is_empty() { stated } else { stated.and(unpriced.without()) };
    let both = part(vec![M::CostDelta, M::Requests], both)?;
    let estimated = part(vec![M::Requests, M::Cost], Filter::one_of(Dimension::UsageSource, ESTIMATES))?;
    let keys = query_keys(&answer);
    let complete = |row: &[Value], both: Option<&[Value]>, estimated: Option<&[Value]>| {
        let [requests, cost, reported, unknown, unpriced] = [0, 1, 2, 3, 4].map(|at| row[keys + at].clone());
        let compared = both.map_or(Value::Count(0), |both| both[1].clone());
        // Of no event there is no difference either.
        let difference = both.filter(|_| compared != Value::Count(0)).map_or(Value::Null, |both| both[0].clone());
        let some = estimated.map_or(Value::Count(0), |estimated| estimated[0].clone());
        let calls = share(&some, &requests);
        let of_cost = estimated.map_or(Value::Money(quipu_engine::PicoUsd::ZERO), |estimated| estimated[1].clone());
        let of_cost = share(&of_cost, &cost);
        let measures = [requests, cost, reported, unknown, difference, compared, unpriced, some, calls, of_cost];
        row[..keys].iter().cloned().chain(measures).collect::<Vec<Value>>()
    };
    let rows = answer.rows.iter().map(|row| complete(row, both.get(row), estimated.get(row))).collect();
    let totals = complete(&answer.totals, Some(both.totals()), Some(estimated.totals()));
    let names = [
        ("requests", Unit::Events),
        ("cost", Unit::Usd),
        ("reported_cost", Unit::Usd),
        ("reported_unknown", Unit::Events),
        ("difference", Unit::Usd),
        ("compared", Unit::Events),
        ("unpriced", Unit::Events),
        ("estimated", Unit::Events),
        ("estimated_share", Unit::Ratio),
        ("estimated_cost_share", Unit::Ratio),
    ];
    let columns = answer.columns[..keys].iter().cloned().chain(columns(names)).collect();
    let mut notes = vec![
        "difference: reported less computed cost of the requests under compared, where both are known in full".into(),
    ];
    if !unpriced.is_empty() {
        notes.push(format!(
            "a part of the usage of {} has no price: no difference counts the requests with it",
            unpriced.models()
        ));
    }
    Ok(Answer { columns, rows, totals, other: None, next: None, notes, ..answer })
}

fn query_keys(answer: &Answer) -> usize {
    answer.columns.iter().filter(|column| column.is_key).count()
}

/// A part per whole of the same kind; null where either is unknown or the whole is 0.
pub(crate) fn share(part: &Value, whole: &Value) -> Value {
    match (part, whole) {
        (Value::Count(part), Value::Count(whole)) => {
            let (part, whole) = (i128::try_from(*part), i128::try_from(*whole));
            part.ok().zip(whole.ok()).map_or(Value::Null, |(part, whole)| Value::ratio(part, whole, SHARE_DIGITS))
        }
        (Value::Money(part), Value::Money(whole)) => Value::ratio(part.pico(), whole.pico(), SHARE_DIGITS),
        _ => Value::Null,
    }
}
