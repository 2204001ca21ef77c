//! `quipu repair`: takes what is damaged out of a store, so that it opens again.

use std::process::ExitCode;

use quipu::store::{examine, repair};
use quipu::{Result, Unit, Value};

use super::args::StoreArgs;
use super::output::Output;
use crate::render::Sheet;
use crate::words::counted;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Do it; else only say what it comes to.
    #[arg(long)]
    apply: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let found = if args.apply { repair(&args.store.store)? } else { examine(&args.store.store)? };
    let mut sheet = Sheet::new(&[("file", Unit::None, false), ("lost", Unit::None, false)]);
    let text = |text: String| Value::Text(text.into());
    sheet.rows = found.losses.iter().map(|loss| vec![text(loss.file.clone()), text(loss.what.to_string())]).collect();
    let notes = &mut sheet.facts.notes;
    notes.extend(found.damage.iter().map(ToString::to_string));
    let is_whole = found.damage.is_empty();
    notes.push(match (is_whole, args.apply) {
        (true, _) => "nothing is damaged, so nothing was changed".into(),
        (false, false) => "nothing was changed; --apply takes it out, and keeps the damaged files in lost/".into(),
        (false, true) => {
            let moved = counted(found.moved.len() as u64, "damaged file");
            format!("the store opens again; {moved} moved to lost/, to be removed when of no more use")
        }
    });
    output.sheet(&sheet)?;
    Ok(ExitCode::from(u8::from(!is_whole && !args.apply)))
}
