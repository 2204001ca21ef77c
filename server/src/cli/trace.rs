//! `quipu trace ID`: everything about one workflow run.

use std::process::ExitCode;

use quipu::{Result, Scope};

use super::args::{FilterArgs, TargetArgs};
use super::output::Output;
use super::target::Target;
use crate::plan::PlanText;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The id of the trace.
    trace_id: String,
    /// Write this sheet alone: trace, tree or events.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let mut text = PlanText::default();
    args.filter.add_to(&mut text)?;
    let document = Target::new(&args.target, scope)?.trace(scope, &args.trace_id, &text)?;
    output.document(&document, args.sheet.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
