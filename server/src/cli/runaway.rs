//! `quipu runaway` and `quipu check`: groups that use far more than they did before.

use std::path::PathBuf;
use std::process::ExitCode;

use quipu::{Alarm, Column, Error, Result, RunawayRule, Scope, Timestamp, Unit, Value, View};

use super::args::{FilterArgs, TargetArgs, read_file};
use super::output::Output;
use super::target::{local_plan, local_store, snapshot};
use crate::ask;
use crate::plan::{Plan, PlanText, now};
use crate::render::Sheet;
use crate::rules::{self, RuleText};

/// The exit code when there is an alarm.
const ALARM: u8 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// What is used: anything that adds up.
    #[arg(long, value_name = "MEASURE", default_value = "output_tokens")]
    measure: String,
    /// Whose use it is: any dimension or tag.
    #[arg(long, value_name = "PIVOT", default_value = "team")]
    by: String,
    /// How long a window is; every window from --since to --until is compared with the one before.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    window: String,
    /// Times of the window before that are too much.
    #[arg(long, value_name = "TIMES", default_value = "3")]
    ratio: String,
    /// Below this nothing is too much: units of the measure, 100,000 by default, or USD of money, 10 by default.
    #[arg(long, value_name = "AMOUNT")]
    minimum: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// The rules, in TOML.
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let text = |text: &str| Some(toml::Value::String(text.into()));
    let rule = RuleText {
        measure: Some(args.measure.clone()),
        by: Some(args.by.clone()),
        window: Some(args.window.clone()),
        ratio: text(&args.ratio),
        minimum: args.minimum.as_deref().and_then(text),
        ..RuleText::default()
    };
    let alarms = alarms(&args.target, &args.filter, &[(String::new(), rule.rule()?)], scope)?;
    let mut sheet = sheet(&alarms);
    sheet.columns.remove(0);
    sheet.rows.iter_mut().for_each(|row| drop(row.remove(0)));
    output.sheet(&sheet)?;
    Ok(ExitCode::SUCCESS)
}

/// Exits with 3 where a rule raises an alarm.
pub(super) fn check(args: &CheckArgs, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let name = args.rules.display();
    let text =
        String::from_utf8(read_file(&args.rules)?).map_err(|_| Error::invalid(format!("{name} is not UTF-8")))?;
    let rules = rules::read(&text).map_err(|error| error.context(name))?;
    let alarms = alarms(&args.target, &args.filter, &rules, scope)?;
    output.sheet(&sheet(&alarms))?;
    Ok(if alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ALARM) })
}

/// The alarms of each rule, over all windows from `--since` to `--until`; over the last window before
/// `--until`, or now, without `--since`.
fn alarms(
    target: &TargetArgs,
    filter: &FilterArgs,
    rules: &[(String, RunawayRule)],
    scope: &Scope,
) -> Result<Vec<(String, Alarm)>> {
    let mut text = PlanText::default();
    filter.add_to(&mut text)?;
    let snapshot = snapshot(&local_store(target)?)?;
    let Plan { query, .. } = local_plan(&text)?;
    let (query, _) = ask::priced(&snapshot, &query)?;
    let view = View::new(&snapshot, scope.clone());
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

fn sheet(alarms: &[(String, Alarm)]) -> Sheet {
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
