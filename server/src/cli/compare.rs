//! `quipu compare A B`: two versions of whatever does the work.

use std::process::ExitCode;

use quipu::{Result, Scope};

use super::args::{FilterArgs, TargetArgs};
use super::output::Output;
use super::target::Target;
use crate::ask::VersionsText;
use crate::plan::PlanText;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version that is there.
    a: String,
    /// The version that might take its place.
    b: String,
    /// What tells them apart: job_version, variant, model, config, a tag…
    #[arg(long, value_name = "PIVOT", default_value = "job_version")]
    by: String,
    /// How sure the intervals are to hold the truth, in per cent.
    #[arg(long, value_name = "PERCENT", default_value = "95")]
    confidence: String,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let mut text = PlanText::default();
    args.filter.add_to(&mut text)?;
    let own = [("a", &args.a), ("b", &args.b), ("by", &args.by), ("confidence", &args.confidence)];
    let mut versions = VersionsText::default();
    for (name, value) in own {
        versions.set(name, value);
    }
    let own = own.map(|(name, value)| (name, value.clone()));
    output.sheet(&Target::new(&args.target, scope)?.versions(scope, &versions, &own, &text)?)?;
    Ok(ExitCode::SUCCESS)
}
