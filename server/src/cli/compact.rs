//! `quipu compact`: lets go what has expired and merges all there is to merge.

use std::process::ExitCode;

use quipu::{Result, Value};

use super::args::{StoreArgs, open};
use super::output::Output;
use super::target::snapshot;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    // Read first: opening would make a new store where there is none.
    let before = snapshot(&args.store.store)?.stat()?;
    let store = open(&args.store.store)?;
    let expired = store.expire()?;
    let done = store.compact()?;
    let after = store.stat()?;
    output.sheet(&Sheet::of_pairs([
        ("merges", Value::Count(done.merges as u128)),
        ("rows rewritten", Value::Count(done.rows.into())),
        ("expired events", Value::Count(expired.into())),
        ("segments before", Value::Count(before.segments as u128)),
        ("segments after", Value::Count(after.segments as u128)),
        ("bytes of sealed files before", Value::Count(before.bytes().into())),
        ("bytes of sealed files after", Value::Count(after.bytes().into())),
    ]))?;
    Ok(ExitCode::SUCCESS)
}
