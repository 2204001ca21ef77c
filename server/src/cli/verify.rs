//! `quipu verify`: checks every checksum and everything derived.

use std::process::ExitCode;

use quipu::store::TornTail;
use quipu::{Result, Unit, Value};

use super::args::StoreArgs;
use super::output::Output;
use crate::render::Sheet;
use crate::words::counted;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

/// What to do about damage.
pub(super) const RESTORE: &str =
    "`quipu restore BACKUP DIR` makes a sound store of a backup, `quipu repair` says what can be saved without one";

/// What to make of the end of a log that was read without its lock.
pub(super) fn unfinished(tail: TornTail) -> String {
    format!(
        "{tail}, not counted: they are being written just now, or a crash cut them short before they were acknowledged"
    )
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let found = quipu::store::verify(&args.store.store)?;
    let of = |(count, one)| counted(count, one);
    let [files, bytes, events] = [(found.files as u64, "file"), (found.bytes, "byte"), (found.events, "event")].map(of);
    let checked = format!("{files}, {bytes} and {events} checked");
    let unread = counted(found.unread, "event");
    let mut sheet = Sheet::new(&[("damage", Unit::None, false)]);
    sheet.rows = found.damage.iter().map(|error| vec![Value::Text(error.to_string().into())]).collect();
    if found.damage.is_empty() {
        sheet.rows.push(vec![Value::Text("none".into())]);
    }
    sheet.facts.notes.push(checked);
    sheet.facts.notes.extend((found.unread > 0).then(|| format!("{unread} could not be read back")));
    sheet.facts.notes.extend((!found.damage.is_empty()).then(|| RESTORE.to_owned()));
    sheet.facts.notes.extend(found.unfinished.map(unfinished));
    output.sheet(&sheet)?;
    Ok(ExitCode::from(u8::from(!found.damage.is_empty())))
}
