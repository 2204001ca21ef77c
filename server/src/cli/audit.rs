//! `quipu audit`: who changed what about access; fails when the log was tampered with.

use std::process::ExitCode;

use quipu::{Result, Unit, Value};

use super::args::{StoreArgs, server_folder};
use super::output::Output;
use crate::render::Sheet;

pub(super) fn run(args: &StoreArgs, output: &Output) -> Result<ExitCode> {
    let mut sheet = Sheet::new(&[
        ("number", Unit::None, true),
        ("at", Unit::Time, false),
        ("actor", Unit::None, false),
        ("action", Unit::None, false),
        ("detail", Unit::None, false),
    ]);
    for entry in server_folder(&args.store, false)?.audit()? {
        let texts = [entry.actor, entry.action, entry.detail].map(|text| Value::Text(text.into()));
        sheet
            .rows
            .push([Value::Count(entry.number.into()), Value::Time(entry.at.0)].into_iter().chain(texts).collect());
    }
    output.sheet(&sheet)?;
    Ok(ExitCode::SUCCESS)
}
