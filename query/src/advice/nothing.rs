//! Why a question found nothing.

use quipu_engine::{ErrorKind, Result, Text};

use super::Probe;
use super::contradiction::{conditions, contradictions};
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

/// Which condition leaves nothing, where one does by itself.
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
    let requests = probe.question([Measure::Requests]);
    if !probe.finds(&requests)? {
        return Ok(vec!["there are no events here yet".to_owned()]);
    }
    let mut notes = Vec::new();
    for condition in conditions.into_iter().take(CONDITIONS) {
        if !probe.finds(&requests.clone().filter(condition.clone()))? {
            notes.push(format!("no event passes `{condition}`{}", hint(probe, condition)?));
        }
    }
    if is_bounded && probe.is_by_event_time() {
        notes.extend(outside(probe, &requests)?);
    }
    Ok(notes)
}

/// Where events lie, when none lies in the range.
fn outside(probe: &Probe<'_>, requests: &Query) -> Result<Option<String>> {
    let (since, until) = (probe.query.since, probe.query.until);
    if probe.finds(&Query { since, until, ..requests.clone() })? {
        return Ok(None);
    }
    let span = probe.ask(&probe.question([Measure::FirstAt, Measure::LastAt]))?.totals;
    let [Value::Time(first), Value::Time(last)] = &*span else { return Ok(None) };
    Ok(Some(format!("no event starts in the range of time: the first starts at {first}, the last at {last}")))
}

/// The nearest value there is, for a value that there is not.
fn hint(probe: &Probe<'_>, condition: &Filter) -> Result<String> {
    let Filter::Text(field, TextTest::In(wrong)) = condition else { return Ok(String::new()) };
    let [wrong] = wrong.as_slice() else { return Ok(String::new()) };
    let pivot = match field {
        TextField::Dimension(dimension) => Pivot::Dimension(*dimension),
        TextField::Tag(key) => Pivot::Tag(key.clone()),
    };
    let known = probe.ask(&probe.question([Measure::Requests]).by(pivot).limit(VALUES));
    let names: Vec<Text> = match known {
        Ok(known) => known.rows.into_iter().filter_map(|row| text(row.into_iter().next()?)).collect(),
        Err(error) if error.kind() == ErrorKind::TooLarge => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(did_you_mean(wrong, names.iter().map(Text::as_str)))
}

fn text(value: Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
