//! `quipu prices list` and `show`: the versions, and the rates of one book.

use quipu::{Result, Scope};

use super::super::args::TargetArgs;
use super::super::target::Target;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The book: current, default, the number of a version, known:TIME, or the file of a price list.
    #[arg(value_name = "BOOK", default_value = "current")]
    book: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Only models whose name starts so.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    model: String,
}

pub(super) fn list(args: &ListArgs, scope: &Scope) -> Result<Sheet> {
    Target::new(&args.target, scope)?.price_versions()
}

pub(super) fn run(args: &Args, scope: &Scope) -> Result<Sheet> {
    Target::new(&args.target, scope)?.rates_of_book(&args.book, &args.model)
}
