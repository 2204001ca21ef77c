//! `quipu prices diff`: what another book changes, in money.

use quipu::{Error, Result, Scope};
use serde_json::Value as Json;

use super::super::query::GroupedArgs;
use super::super::target::Target;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The book to compare: current, default, the number of a version, known:TIME, or the file of a price list.
    old: String,
    /// The book to compare it with.
    new: String,
    #[command(flatten)]
    grouped: GroupedArgs,
}

pub(super) fn run(args: &Args, scope: &Scope) -> Result<Sheet> {
    let mut text = args.grouped.text()?;
    if text.prices != Json::Null {
        return Err(Error::invalid("`prices diff` compares the two books it names; leave --prices out"));
    }
    if text.by.is_empty() {
        text.by = vec!["tenant".into()];
    }
    Target::new(&args.grouped.rest.target, scope)?.price_diff(scope, [&args.old, &args.new], &text)
}
