//! `quipu query`, `jobs`, `funnel` and `roi`: one plan, four reports.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use quipu::{Result, Scope};

use super::args::{FilterArgs, TargetArgs, read_file, set_each};
use super::output::Output;
use super::target::Target;
use crate::plan::{PlanText, Report};

/// What every report takes.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Columns to order by; `-` in front means largest first.
    #[arg(long, value_name = "COLUMN,…", allow_hyphen_values = true)]
    order: Vec<String>,
    /// How many rows to show; totals cover all.
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// The whole plan as JSON; `-` is the standard input. Flags add to it.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What reports per group take.
#[derive(Debug, Args)]
pub(super) struct GroupedArgs {
    #[command(flatten)]
    pub(super) rest: ReportArgs,
    /// What to group by: dimensions, tag.KEY, or 15m, hour, day, week, month.
    #[arg(long, value_name = "PIVOT,…")]
    by: Vec<String>,
    /// Group by time first: 15m, 1h, 1d, 1w or 1mo.
    #[arg(long, value_name = "WIDTH")]
    every: Option<String>,
}

/// What `query` takes.
#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    pub(super) rest: GroupedArgs,
    /// What to measure: cost, reported_cost, requests, jobs, input, output_tokens, duration_p95, meter.NAME…
    #[arg(long, value_name = "MEASURE,…")]
    measure: Vec<String>,
}

/// What `traces` takes.
#[derive(Debug, Args)]
pub(super) struct TracesArgs {
    #[command(flatten)]
    pub(super) rest: ReportArgs,
    /// Those that took most time from their first call to their last come first.
    #[arg(long, conflicts_with = "order")]
    longest: bool,
}

impl TracesArgs {
    /// Which report is meant.
    pub(super) const fn report(&self) -> Report {
        if self.longest { Report::LongestTraces } else { Report::Traces }
    }
}

impl ReportArgs {
    /// The plan that the flags and the file say.
    pub(super) fn text(&self) -> Result<PlanText> {
        let mut text = match &self.json {
            Some(file) => PlanText::from_json(&read_file(file)?)?,
            None => PlanText::default(),
        };
        self.filter.add_to(&mut text)?;
        set_each(&mut text, "order", &self.order)?;
        set_each(&mut text, "limit", &self.limit)?;
        Ok(text)
    }
}

impl GroupedArgs {
    /// The plan that the flags and the file say.
    pub(super) fn text(&self) -> Result<PlanText> {
        let mut text = self.rest.text()?;
        set_each(&mut text, "by", &self.by)?;
        set_each(&mut text, "every", &self.every)?;
        Ok(text)
    }
}

impl QueryArgs {
    /// The plan that the flags and the file say.
    pub(super) fn text(&self) -> Result<PlanText> {
        let mut text = self.rest.text()?;
        set_each(&mut text, "measure", &self.measure)?;
        Ok(text)
    }
}

pub(super) fn run(
    report: Report,
    text: &PlanText,
    target: &TargetArgs,
    scope: &Scope,
    output: &Output,
) -> Result<ExitCode> {
    // A plan from a file may be of any report when it comes to `query`; other commands are one.
    let report = if report == Report::Query { text.report } else { report };
    let text = PlanText { report, ..text.clone() };
    let sheet = Target::new(target, scope)?.ask(scope, &text)?;
    output.sheet(&sheet)?;
    Ok(ExitCode::SUCCESS)
}
