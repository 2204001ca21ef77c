//! Why a question found nothing.

use quipu_engine::{Result, Text};

use super::contradiction::{conditions, contradictions};
use super::{Probe, affordable};
use crate::filter::{Filter, TextField, TextTest};
use crate::measure::Measure;
use crate::names::did_you_mean;
use crate::pivot::Pivot;
use crate::query::Query;
use crate::value::Value;

/// Conditions that are looked at one by one.
const CONDITIONS: usize = 8;
/// Values that are compared with one that does not exist.
const VALUES: u64 = 10_000;

/// Which condition leaves nothing, where one does by itself; nothing where events there are add up to nothing.
pub(super) fn why(probe: &Probe<'_>) -> Result<Vec<String>> {
    let query = probe.query;
    let conditions = conditions(query.filter.as_ref());
    let is_bounded = query.since.is_some() || query.until.is_some();
    if conditions.is_empty() && !is_bounded {
        return Ok(Vec::new());
    }
    let contradictions = contradictions(query, &conditions);
    if !contradictions.is_empty() {
        return Ok(contradictions);
    }
    let own = Query { filter: query.filter.clone(), ..probe.requests() };
    if probe.finds(&own)? {
        return Ok(Vec::new());
    }
    if !probe.finds(&probe.requests())? {
        return outside(probe).map(|note| vec![note]);
    }
    let of_that_time = if is_bounded && probe.is_by_event_time() { " of that time" } else { "" };
    let mut notes = Vec::new();
    for condition in conditions.into_iter().take(CONDITIONS) {
        if !probe.finds(&probe.requests().filter(condition.clone()))? {
            notes.push(format!("no event{of_that_time} passes `{condition}`{}", hint(probe, condition)?));
        }
    }
    Ok(notes)
}

/// Where events lie, when none lies in the range.
fn outside(probe: &Probe<'_>) -> Result<String> {
    let span = probe.ask(&probe.question([Measure::FirstAt, Measure::LastAt]))?.totals;
    Ok(match &*span {
        [Value::Time(first), Value::Time(last)] => {
            format!("no event starts in the range of time: the first starts at {first}, the last at {last}")
        }
        _ => "there are no events here yet".to_owned(),
    })
}

/// The nearest value there is, for a value that there is not.
fn hint(probe: &Probe<'_>, condition: &Filter) -> Result<String> {
    let Filter::Text(field, TextTest::In(wrong)) = condition else { return Ok(String::new()) };
    let [wrong] = wrong.as_slice() else { return Ok(String::new()) };
    let pivot = match field {
        TextField::Dimension(dimension) => Pivot::Dimension(*dimension),
        TextField::Tag(key) => Pivot::Tag(key.clone()),
    };
    let known = affordable(probe.ask(&probe.requests().by(pivot).limit(VALUES)))?;
    let rows = known.into_iter().flat_map(|known| known.rows);
    let names: Vec<Text> = rows.filter_map(|row| text(row.into_iter().next()?)).collect();
    Ok(did_you_mean(wrong, names.iter().map(Text::as_str)))
}

fn text(value: Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
