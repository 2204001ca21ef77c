//! `quipu runaway` and `quipu check`: groups that use far more than they did before.

use std::path::PathBuf;
use std::process::ExitCode;

use quipu::{Error, Result, Scope};

use super::args::{FilterArgs, StoreArgs, TargetArgs, read_file};
use super::output::Output;
use super::target::{Target, local_plan, snapshot};
use crate::ask;
use crate::plan::PlanText;
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
    /// Whose use it is: any dimension or tag, or several with commas.
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
    target: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// The rules, in TOML.
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
}

impl Args {
    /// The rule as it is written.
    fn own(&self) -> Vec<(&'static str, String)> {
        let own = [("measure", &self.measure), ("by", &self.by), ("window", &self.window), ("ratio", &self.ratio)];
        let own = own.into_iter().map(|(name, value)| (name, value.clone()));
        own.chain(self.minimum.clone().map(|minimum| ("minimum", minimum))).collect()
    }
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let (mut text, mut rule, own) = (PlanText::default(), RuleText::default(), args.own());
    args.filter.add_to(&mut text)?;
    for (name, value) in &own {
        ask::set_rule(&mut rule, name, value);
    }
    output.sheet(&Target::new(&args.target, scope)?.runaways(scope, &rule, &own, &text)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Exits with 3 where a rule raises an alarm.
pub(super) fn check(args: &CheckArgs, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let name = args.rules.display();
    let text =
        String::from_utf8(read_file(&args.rules)?).map_err(|_| Error::invalid(format!("{name} is not UTF-8")))?;
    let rules = rules::read(&text).map_err(|error| error.context(name))?;
    let mut text = PlanText::default();
    args.filter.add_to(&mut text)?;
    let snapshot = snapshot(&args.target.store)?;
    let found = ask::alarms(&snapshot, scope.clone(), &local_plan(&text)?, &rules)?;
    output.sheet(&ask::of_alarms(&found))?;
    Ok(if found.alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ALARM) })
}
