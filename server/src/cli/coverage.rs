//! `quipu coverage`: what events lack, what looks wrong in them, and what could be saved.

use std::process::ExitCode;

use quipu::{Result, Scope};

use super::output::Output;
use super::query::GroupedArgs;
use super::target::Target;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write this sheet alone: warnings, retries, routing or fields.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    #[command(flatten)]
    grouped: GroupedArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let text = args.grouped.text()?;
    let document = Target::new(&args.grouped.rest.target, scope)?.coverage(scope, &text)?;
    output.document(&document, args.sheet.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
