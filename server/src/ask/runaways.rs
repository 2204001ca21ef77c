//! Groups that use far more than they did before.

use quipu::store::Snapshot;
use quipu::{Alarm, Column, Result, RunawayRule, Scope, Timestamp, Unit, Value, View};

use super::priced;
use crate::plan::{Plan, now};
use crate::render::Sheet;
use crate::rules::RuleText;

/// What a rule takes beside the filters of a plan, and what is to say about it.
pub const RULE_PARAMETERS: [(&str, &str); 5] = [
    ("measure", "what is used: anything that adds up; output_tokens by default"),
    ("by", "whose use it is: any dimension or tag; team by default"),
    ("window", "how long a window is, such as 24h; 7d by default"),
    ("ratio", "times of the window before that are too much; 3 by default"),
    ("minimum", "below this nothing is too much: units, 100,000 by default, or USD of money, 10 by default"),
];

/// Takes one of [`RULE_PARAMETERS`] into a rule; false when it is none of them.
pub fn set_rule(rule: &mut RuleText, name: &str, value: &str) -> bool {
    let (text, amount) = (|| Some(value.to_owned()), || Some(toml::Value::String(value.into())));
    match name {
        "measure" => rule.measure = text(),
        "by" => rule.by = text(),
        "window" => rule.window = text(),
        "ratio" => rule.ratio = amount(),
        "minimum" => rule.minimum = amount(),
        _ => return false,
    }
    true
}

/// The alarms of one rule over all windows from the start of the plan's time range to its end; over
/// the last window before the end, or now, where the plan has no start.
///
/// # Errors
/// As [`View::runaways`].
pub fn runaways(snapshot: &Snapshot, scope: Scope, plan: &Plan, rule: &RuleText) -> Result<Sheet> {
    let rule = rule.rule()?;
    let alarms = alarms(snapshot, scope, plan, &[(String::new(), rule)])?;
    let mut sheet = of_alarms(&alarms);
    sheet.columns.remove(0);
    sheet.rows.iter_mut().for_each(|row| drop(row.remove(0)));
    Ok(sheet)
}

/// The alarms of several rules, likewise, each with the name of its rule.
///
/// # Errors
/// As [`View::runaways`].
pub fn alarms(
    snapshot: &Snapshot,
    scope: Scope,
    plan: &Plan,
    rules: &[(String, RunawayRule)],
) -> Result<Vec<(String, Alarm)>> {
    let (query, _) = priced(snapshot, &plan.query)?;
    let view = View::new(snapshot, scope);
    let mut alarms = Vec::new();
    for (name, rule) in rules {
        let until = query.until.unwrap_or_else(now);
        let since = query.since.unwrap_or_else(|| two_windows_before(until, rule));
        let raised = view.runaways(&query, rule, since, until)?;
        alarms.extend(raised.into_iter().map(|alarm| (name.clone(), alarm)));
    }
    Ok(alarms)
}

fn two_windows_before(until: Timestamp, rule: &RunawayRule) -> Timestamp {
    Timestamp::from_micros(until.micros().saturating_sub(rule.window_micros.saturating_mul(2)))
}

/// One row per alarm.
pub fn of_alarms(alarms: &[(String, Alarm)]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("rule", Unit::None, true),
        ("group", Unit::None, true),
        ("since", Unit::Time, false),
        ("until", Unit::Time, false),
    ]);
    let unit = |value: &Value| if matches!(value, Value::Money(_)) { Unit::Usd } else { Unit::Units };
    let unit = alarms.first().map_or(Unit::Units, |(_, alarm)| unit(&alarm.now));
    let column = |name: &str, unit| Column { name: name.into(), unit, is_key: false };
    sheet.columns.extend([column("before", unit), column("now", unit), column("times", Unit::None)]);
    let times = |ratio: &Value| Value::Text(ratio.to_string().into());
    let row = |(rule, alarm): &(String, Alarm)| {
        let Alarm { group, since, until, before, now, ratio, .. } = alarm;
        let (since, until) = (Value::Time(*since), Value::Time(*until));
        vec![Value::Text(rule.as_str().into()), group.clone(), since, until, before.clone(), now.clone(), times(ratio)]
    };
    sheet.rows = alarms.iter().map(row).collect();
    if alarms.is_empty() {
        sheet.facts.notes = vec!["no alarm".into()];
    }
    sheet
}
