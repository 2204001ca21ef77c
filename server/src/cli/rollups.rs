//! `quipu rollups`: the sums that a store keeps beside its events, shown or declared anew.

use std::process::ExitCode;

use quipu::rollup::Rollup;
use quipu::store::Stat;
use quipu::{Result, Unit, Value};

use super::args::{StoreArgs, open};
use super::output::Output;
use super::target::snapshot;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep this from now on, such as "team,feature every day" or "tenant every hour", in place of all that was
    /// declared; several are kept side by side.
    #[arg(long, value_name = "ROLLUP", value_parser = Rollup::parse)]
    declare: Vec<Rollup>,
    /// Keep none.
    #[arg(long, conflicts_with = "declare")]
    none: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let mut snapshot = snapshot(&args.store.store)?;
    let changes = args.none || !args.declare.is_empty();
    if changes {
        let store = open(&args.store.store)?;
        store.declare_rollups(args.declare.clone())?;
        snapshot = store.snapshot();
    }
    let mut sheet = sheet(&snapshot.stat()?);
    if changes {
        sheet.facts.notes.push("merges to come keep these; `quipu compact` gives them to all segments at once".into());
    }
    output.sheet(&sheet)?;
    Ok(ExitCode::SUCCESS)
}

/// What is kept of each rollup.
pub(super) fn sheet(stat: &Stat) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("rollup", Unit::None, true),
        ("declared", Unit::None, true),
        ("segments", Unit::Values, false),
        ("events", Unit::Events, false),
        ("rows", Unit::Values, false),
        ("bytes", Unit::Units, false),
        ("bytes_per_event", Unit::Units, false),
    ]);
    for (rollup, kept) in &stat.rollups {
        sheet.rows.push(vec![
            Value::Text(rollup.to_string().into()),
            Value::Text(if kept.declared { "yes" } else { "no" }.into()),
            Value::Count(kept.segments as u128),
            Value::Count(kept.events.into()),
            Value::Count(kept.rows.into()),
            Value::Count(kept.bytes.into()),
            Value::ratio(kept.bytes.into(), kept.events.into(), 3),
        ]);
    }
    sheet
}
