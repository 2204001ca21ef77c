//! Groups that use far more than they did before.

use quipu::store::Snapshot;
use quipu::{Alarm, Column, Pivot, Result, RunawayRule, Scope, Timestamp, Unit, Unpriced, Value, View};

use super::priced;
use crate::plan::{Plan, now};
use crate::render::{Sheet, UnpricedFact};
use crate::rules::RuleText;

/// What a rule takes beside the filters of a plan, and what is to say about it.
pub const RULE_PARAMETERS: [(&str, &str); 5] = [
    ("measure", "what is used: anything that adds up; output_tokens by default"),
    ("by", "whose use it is: any dimension or tag, or several with commas; team by default"),
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
    let mut sheet = of_alarms(&alarms(snapshot, scope, plan, &[(String::new(), rule)])?);
    sheet.columns.remove(0);
    sheet.rows.iter_mut().for_each(|row| drop(row.remove(0)));
    Ok(sheet)
}

/// The alarms of some rules, each with the name of its rule, and what of the usage they saw has no price.
pub struct Alarms {
    /// In the order of rules, then of time and size.
    pub alarms: Vec<(String, Alarm)>,
    /// What is in no amount of money.
    unpriced: Vec<Unpriced>,
    is_priced: bool,
}

/// What the groups of a rule are called by.
pub fn groups_of(rule: &RunawayRule) -> String {
    rule.by.iter().map(Pivot::to_string).collect::<Vec<_>>().join(",")
}

/// The alarms of several rules, likewise.
///
/// # Errors
/// As [`View::runaways`].
pub fn alarms(snapshot: &Snapshot, scope: Scope, plan: &Plan, rules: &[(String, RunawayRule)]) -> Result<Alarms> {
    let (query, _) = priced(snapshot, &plan.query)?;
    let view = View::new(snapshot, scope);
    let (mut alarms, mut unpriced) = (Vec::new(), Vec::<Unpriced>::new());
    for (name, rule) in rules {
        let until = query.until.unwrap_or_else(now);
        let since = query.since.unwrap_or_else(|| two_windows_before(until, rule));
        let raised = view.runaways(&query, rule, since, until)?;
        alarms.extend(raised.alarms.into_iter().map(|alarm| (name.clone(), alarm)));
        // Several rules may have seen the same usage.
        unpriced.extend(raised.unpriced.into_iter().filter(|new| !unpriced.contains(new)).collect::<Vec<_>>());
    }
    let is_priced = rules.iter().any(|(_, rule)| rule.measure.unit() == Unit::Usd);
    Ok(Alarms { alarms, unpriced, is_priced })
}

fn two_windows_before(until: Timestamp, rule: &RunawayRule) -> Timestamp {
    Timestamp::from_micros(until.micros().saturating_sub(rule.window_micros.saturating_mul(2)))
}

/// One row per alarm.
pub fn of_alarms(Alarms { alarms, unpriced, is_priced }: &Alarms) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("rule", Unit::None, true),
        ("group", Unit::None, true),
        ("since", Unit::Time, false),
        ("until", Unit::Time, false),
        ("of", Unit::None, false),
    ]);
    let unit = |value: &Value| if matches!(value, Value::Money(_)) { Unit::Usd } else { Unit::Units };
    let unit = alarms.first().map_or(Unit::Units, |(_, alarm)| unit(&alarm.now));
    let column = |name: &str, unit| Column { name: name.into(), unit, is_key: false };
    sheet.columns.extend([column("before", unit), column("now", unit), column("times", Unit::None)]);
    let times = |ratio: &Value| Value::Text(ratio.to_string().into());
    let row = |(rule, alarm): &(String, Alarm)| {
        let Alarm { group, since, until, of, before, now, ratio, .. } = alarm;
        let text = |text: &str| Value::Text(text.into());
        let (since, until) = (Value::Time(*since), Value::Time(*until));
        vec![text(rule), group.clone(), since, until, text(of), before.clone(), now.clone(), times(ratio)]
    };
    sheet.rows = alarms.iter().map(row).collect();
    if alarms.is_empty() {
        sheet.facts.notes = vec!["no alarm".into()];
    }
    if *is_priced {
        sheet.facts.unpriced = Some(unpriced.iter().map(UnpricedFact::from).collect());
    }
    sheet
}
