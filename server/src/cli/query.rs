//! `quipu query`, `jobs`, `funnel`, `roi`, `rates` and `job-types`: one plan, six reports.

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
    /// What puts a job into the time range: event, job_start or outcome. Reports count by job_start.
    #[arg(long, value_name = "WHAT")]
    cohort: Option<String>,
    /// Only groups that pass, such as `cost > 10 and growth(cost) >= 0.5`; several must all hold.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    having: Vec<String>,
    /// Compare with `previous` (the period before), or with another one: SINCE..UNTIL.
    #[arg(long, value_name = "PERIOD", conflicts_with = "compare_where")]
    compare: Option<String>,
    /// Compare with the events that pass this filter instead of --where.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    compare_where: Option<String>,
    /// Return time buckets without an event too, or not; by default where time is the only key.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    fill: Option<String>,
    /// Columns to order by; `-` in front means largest first.
    #[arg(long, value_name = "COLUMN,…", allow_hyphen_values = true)]
    order: Vec<String>,
    /// How many rows to show; totals cover all.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    limit: Option<String>,
    /// Go on behind the page whose note named this cursor.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Which columns to show, in that order.
    #[arg(long = "columns", value_name = "COLUMN,…")]
    columns: Vec<String>,
    /// How percentiles are found: auto, or exact for large groups too.
    #[arg(long, value_name = "auto|exact")]
    precision: Option<String>,
    /// What the query may take, such as 512MB; 2GB by default.
    #[arg(long, value_name = "BYTES")]
    memory: Option<String>,
    /// The whole plan as JSON; `-` is the standard input. Flags add to it.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What reports per group take.
#[derive(Debug, Args)]
pub(super) struct GroupedArgs {
    #[command(flatten)]
    pub(super) rest: ReportArgs,
    /// What to group by: dimensions, numbers, tag.KEY, or 15m, 30m, hour, day, week, month, quarter, year.
    #[arg(long, value_name = "PIVOT,…")]
    by: Vec<String>,
    /// Group by time first: 15m, 30m, 1h, 1d, 1w, 1mo, quarter or year.
    #[arg(long, value_name = "WIDTH")]
    every: Option<String>,
}

/// What `query` takes.
#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    pub(super) rest: GroupedArgs,
    /// What to measure: cost, cost(tools), requests, jobs, input, output_tokens, duration_p95, distinct(job_id),
    /// share(cost), growth(cost), meter.NAME…
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
        let options = [
            ("cohort", &self.cohort),
            ("compare", &self.compare),
            ("compare_where", &self.compare_where),
            ("fill", &self.fill),
            ("limit", &self.limit),
            ("after", &self.after),
            ("precision", &self.precision),
            ("memory", &self.memory),
        ];
        for (name, value) in options {
            set_each(&mut text, name, value)?;
        }
        for (name, values) in [("having", &self.having), ("order", &self.order), ("column", &self.columns)] {
            set_each(&mut text, name, values)?;
        }
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
