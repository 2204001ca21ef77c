//! Runaway spend: groups that use far more than they did in the same span of time before.

mod rule;

use std::collections::BTreeMap;

use hashbrown::HashMap;
use quipu_engine::{Error, Meter, Result, Text, Timestamp};

use crate::answer::{Answer, Unpriced};
use crate::filter::Filter;
use crate::measure::Measure;
use crate::query::Query;
use crate::report::UnpricedUsage;
use crate::value::Value;
use crate::view::View;

pub use rule::{Limits, RunawayRule};

/// More windows are refused: an hour's over a year are 8,760.
const WINDOWS_MAX: i64 = 10_000;

/// A group that used too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The group: the value of the rule's pivot; of several the values, with ` / ` between them.
    pub group: Value,
    /// The start of the window.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// What the amounts are of: the rule's measure, or tokens of models without a price.
    pub of: String,
    /// What it used in the window before.
    pub before: Value,
    /// What it used in the window.
    pub now: Value,
    /// How many times as much that is.
    pub ratio: Value,
    /// What it may use at most.
    pub limits: Limits,
}

/// What the windows of a span of time show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runaways {
    /// In the order of time and then of size.
    pub alarms: Vec<Alarm>,
    /// Usage in these windows that has no price, where the rule is about computed money: it is in no amount.
    pub unpriced: Vec<Unpriced>,
}

/// Every alarm of the whole windows between `since` and `until`, in the order of time and then of size.
///
/// The last window ends at `until`, for what was used last matters most; what is left over lies
/// before the first. A group that used nothing in the window before raises no alarm: there is nothing
/// to compare with.
///
/// What has no price is in no amount of money, and must not run away unseen: where a rule is about computed money, the
/// tokens of models without a price are held against the same ratio, from the minimum of a rule about tokens on.
pub(crate) fn evaluate(
    view: &View<'_>,
    query: &Query,
    rule: &RunawayRule,
    since: Timestamp,
    until: Timestamp,
) -> Result<Runaways> {
    rule.check()?;
    let (mut alarms, mut lacking) = (Vec::new(), Lacking::new());
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
        let now = Window::read(view, query, rule, (start, end), &mut lacking)?;
        let earlier = before.replace(now);
        if let (Some(earlier), Some(now)) = (&earlier, &before) {
            alarms.extend(exceeding(rule, [earlier, now], start, end));
        }
    }
    let unpriced = lacking
        .into_iter()
        .map(|((provider, model, meter), quantity)| Unpriced { provider, model, meter, quantity })
        .collect();
    Ok(Runaways { alarms, unpriced })
}

/// How much of a meter of a model has no price.
type Lacking = BTreeMap<(Option<Text>, Option<Text>, Meter), u128>;

/// Groups by their keys, each with how it is called and what it used.
type Usage = HashMap<String, (Value, i128)>;

/// What each group used in a span of time.
struct Window {
    /// As the rule measures it.
    measured: Usage,
    /// Tokens of models without a price, where the measure needs prices.
    unpriced: Usage,
}

impl Window {
    fn read(
        view: &View<'_>,
        query: &Query,
        rule: &RunawayRule,
        (since, until): (Timestamp, Timestamp),
        lacking: &mut Lacking,
    ) -> Result<Self> {
        let (since, until) = (Some(since), Some(until));
        let query = Query { by: rule.by.clone(), since, until, order: Vec::new(), limit: None, ..query.clone() };
        let query = rule.filter.iter().cloned().fold(query, Query::filter);
        let ask = |measure: &Measure, only: Option<Filter>| {
            let query = Query { measures: vec![measure.clone()], ..query.clone() };
            view.whole(&only.into_iter().fold(query, Query::filter))
        };
        let answer = ask(&rule.measure, None)?;
        let lacks = UnpricedUsage::of(&answer);
        let unpriced = match lacks.is_empty() {
            true => Usage::new(),
            false => usage(&ask(&UNPRICED, Some(lacks.with()))?),
        };
        for Unpriced { provider, model, meter, quantity } in &answer.unpriced {
            *lacking.entry((provider.clone(), model.clone(), meter.clone())).or_default() += quantity;
        }
        Ok(Self { measured: usage(&answer), unpriced })
    }
}

/// What the usage of models without a price is measured by.
const UNPRICED: Measure = Measure::TotalTokens;

/// The amounts of an answer with one measure.
fn usage(answer: &Answer) -> Usage {
    let amount = |value: &Value| match value {
        Value::Count(count) => i128::try_from(*count).ok(),
        Value::Money(amount) => Some(amount.pico()),
        _ => None,
    };
    let row = |row: &Vec<Value>| {
        let (used, keys) = row.split_last()?;
        Some((format!("{keys:?}"), (named(keys), amount(used)?)))
    };
    answer.rows.iter().filter_map(row).collect()
}

/// What the group with these keys is called.
fn named(keys: &[Value]) -> Value {
    let name = |key: &Value| if key.is_null() { "unattributed".to_owned() } else { key.to_string() };
    match keys {
        [key] => key.clone(),
        keys => Value::Text(keys.iter().map(name).collect::<Vec<_>>().join(" / ").into()),
    }
}

/// The alarms of a window against the one before, the largest first; those about what has no price behind all others.
fn exceeding(rule: &RunawayRule, [before, now]: [&Window; 2], since: Timestamp, until: Timestamp) -> Vec<Alarm> {
    let measured = (&before.measured, &now.measured, &rule.measure);
    let unpriced = (&before.unpriced, &now.unpriced, &UNPRICED);
    let mut all = Vec::new();
    for (before, now, measure) in [measured, unpriced] {
        let without_price = *measure != rule.measure;
        let of = if without_price { format!("{measure} of models without a price") } else { measure.to_string() };
        let mut alarms: Vec<(i128, Alarm)> = Vec::new();
        for (key, (group, used)) in now {
            let mut limits = rule.limits_of(&group.to_string()).clone();
            if without_price {
                limits.minimum = Limits::default().minimum;
            }
            let Some((_, earlier)) = before.get(key).filter(|(_, earlier)| *earlier > 0) else { continue };
            if *used < limits.minimum || !limits.is_exceeded(*earlier, *used) {
                continue;
            }
            let [before, now] = [*earlier, *used].map(|amount| rule::amount_of(measure, amount));
            let (group, of, ratio) = (group.clone(), of.clone(), Value::ratio(*used, *earlier, 3));
            alarms.push((*used, Alarm { group, since, until, of, before, now, ratio, limits }));
        }
        alarms.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.group.to_string().cmp(&y.group.to_string())));
        all.extend(alarms.into_iter().map(|(_, alarm)| alarm));
    }
    all
}
