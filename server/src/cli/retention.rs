//! `quipu retention`: how long a workspace keeps its events.

use std::process::ExitCode;

use quipu::{Result, Scope, Timestamp, Value};

use super::args::{StoreArgs, open};
use super::output::Output;
use super::target::snapshot;
use crate::render::Sheet;
use crate::words::counted;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Keep events for so many days after they started; `quipu compact` then lets go what is older.
    #[arg(long)]
    days: Option<u32>,
    /// Keep events for ever.
    #[arg(long, conflicts_with = "days")]
    for_ever: bool,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    // Read first: opening would make a new store where there is none.
    let mut seen = snapshot(&args.store.store)?;
    if args.days.is_some() || args.for_ever {
        let store = open(&args.store.store)?;
        store.set_retention(scope.workspace(), args.days)?;
        seen = store.snapshot();
    }
    let kept = seen.retention(scope.workspace());
    let days = kept.and_then(|kept| kept.days).map_or_else(|| "for ever".into(), |days| counted(days.into(), "day"));
    let from = kept.map(|kept| kept.from).filter(|from| *from > Timestamp::MIN);
    output.sheet(&Sheet::of_pairs([
        ("workspace", Value::Text(scope.workspace().into())),
        ("events are kept", Value::Text(days.into())),
        ("events are there from", from.map_or(Value::Null, Value::Time)),
    ]))?;
    Ok(ExitCode::SUCCESS)
}
