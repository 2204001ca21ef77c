//! `quipu prices list` and `show`: the versions, and the rates of one book.

use quipu::{Result, Zone};

use super::super::args::StoreArgs;
use super::super::target::{price_choice, snapshot};
use crate::ask;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The book: current, default, the number of a version, known:TIME, or the file of a price list.
    #[arg(value_name = "BOOK", default_value = "current")]
    book: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Only models whose name starts so.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    model: String,
}

pub(super) fn list(args: &ListArgs) -> Result<Sheet> {
    Ok(ask::price_versions(&snapshot(&args.store.store)?))
}

pub(super) fn run(args: &Args) -> Result<Sheet> {
    let choice = price_choice(&args.book, &Zone::default())?;
    ask::rates_of_book(&snapshot(&args.store.store)?, None, &choice, &args.model)
}
