//! `quipu prices`: imports price lists, shows what there is and what another book would change.

mod diff;
mod import;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use quipu::{Result, Scope};

use super::output::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new version of the price book from a list; older versions stay.
    Import(import::Args),
    /// Show the versions.
    List(show::ListArgs),
    /// Show the rates of a book.
    Show(show::Args),
    /// Show what each group would cost under one book and under another.
    Diff(Box<diff::Args>),
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let sheet = match &args.command {
        Command::Import(args) => import::run(args)?,
        Command::List(args) => show::list(args, scope)?,
        Command::Show(args) => show::run(args, scope)?,
        Command::Diff(args) => diff::run(args, scope)?,
    };
    output.sheet(&sheet)?;
    Ok(ExitCode::SUCCESS)
}
