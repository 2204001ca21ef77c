//! Runaway spend: groups that use far more than they did in the same span of time before.

mod rule;

use hashbrown::HashMap;
use quipu_engine::{Error, Result, Timestamp};

use crate::query::Query;
use crate::value::Value;
use crate::view::View;

pub use rule::{Limits, RunawayRule};

/// More windows are refused: an hour's over a year are 8,760.
const WINDOWS_MAX: i64 = 10_000;

/// A group that used too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The group: a value of the rule's pivot.
    pub group: Value,
    /// The start of the window.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// What it used in the window before.
    pub before: Value,
    /// What it used in the window.
    pub now: Value,
    /// How many times as much that is.
    pub ratio: Value,
    /// What it may use at most.
    pub limits: Limits,
}

/// Every alarm of the whole windows between `since` and `until`, in the order of time and then of size.
///
/// The last window ends at `until`, for what was used last matters most; what is left over lies
/// before the first. A group that used nothing in the window before raises no alarm: there is nothing
/// to compare with.
pub(crate) fn evaluate(
    view: &View<'_>,
    query: &Query,
    rule: &RunawayRule,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Alarm>> {
    rule.check()?;
    let mut alarms = Vec::new();
    let windows = until.micros().saturating_sub(since.micros()) / rule.window_micros;
    if windows > WINDOWS_MAX {
        return Err(Error::invalid(format!(
            "from {since} to {until} there are {windows} windows of the rule, each a question of its own; at most \
             {WINDOWS_MAX} are compared at once: take a later since or a longer window"
        )));
    }
    let edge = |back: i64| Timestamp::from_micros(until.micros() - back * rule.window_micros);
    let mut before = None;
    for back in (0..windows).rev() {
        let (start, end) = (edge(back + 1), edge(back));
        let now = usage(view, query, rule, start, end)?;
        let earlier = before.replace(now);
        if let (Some(earlier), Some(now)) = (&earlier, &before) {
            alarms.extend(exceeding(rule, earlier, now, start, end));
        }
    }
    Ok(alarms)
}

/// What each group used in a span of time.
fn usage(
    view: &View<'_>,
    query: &Query,
    rule: &RunawayRule,
    since: Timestamp,
    until: Timestamp,
) -> Result<HashMap<String, (Value, i128)>> {
    let mut query = Query {
        measures: vec![rule.measure.clone()],
        by: vec![rule.by.clone()],
        since: Some(since),
        until: Some(until),
        order: Vec::new(),
        limit: None,
        ..query.clone()
    };
    if let Some(filter) = &rule.filter {
        query = query.filter(filter.clone());
    }
    let amount = |value: &Value| match value {
        Value::Count(count) => i128::try_from(*count).ok(),
        Value::Money(amount) => Some(amount.pico()),
        _ => None,
    };
    let answer = view.whole(&query)?;
    if let Some(odd) = answer.rows.iter().find(|row| !row[1].is_null() && amount(&row[1]).is_none()) {
        let (measure, value) = (&rule.measure, &odd[1]);
        return Err(Error::invalid(format!("a rule needs a measure that adds up; {measure} does not ({value})")));
    }
    let rows = answer.rows.into_iter();
    let known = rows.filter_map(|row| Some((row[0].to_string(), (row[0].clone(), amount(&row[1])?))));
    Ok(known.collect())
}

fn exceeding(
    rule: &RunawayRule,
    before: &HashMap<String, (Value, i128)>,
    now: &HashMap<String, (Value, i128)>,
    since: Timestamp,
    until: Timestamp,
) -> Vec<Alarm> {
    let mut alarms: Vec<(i128, Alarm)> = Vec::new();
    for (name, (group, used)) in now {
        let limits = rule.limits_of(name);
        let Some((_, earlier)) = before.get(name).filter(|(_, earlier)| *earlier > 0) else { continue };
        if *used < limits.minimum || !limits.is_exceeded(*earlier, *used) {
            continue;
        }
        let (before, now) = (rule.value(*earlier), rule.value(*used));
        let ratio = Value::ratio(*used, *earlier, 3);
        alarms.push((*used, Alarm { group: group.clone(), since, until, before, now, ratio, limits: limits.clone() }));
    }
    alarms.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.group.to_string().cmp(&y.group.to_string())));
    alarms.into_iter().map(|(_, alarm)| alarm).collect()
}
