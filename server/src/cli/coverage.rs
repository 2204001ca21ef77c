//! `quipu coverage`: what events lack, what looks wrong in them, and what could be saved.

use std::process::ExitCode;

use quipu::{Result, Scope};

use super::output::Output;
use super::query::GroupedArgs;
use super::target::Target;

pub(super) fn run(args: &GroupedArgs, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let text = args.text()?;
    output.document(&Target::new(&args.rest.target, scope)?.coverage(scope, &text)?)?;
    Ok(ExitCode::SUCCESS)
}
