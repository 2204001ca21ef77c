//! `quipu import FILE…`: events and outcomes from files into a store.
//!
//! Exit code 0 when everything read is stored, now or before; 1 when some of it could not be,
//! in which case all the rest is stored nevertheless.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use quipu::{Error, Result, Scope, Value};

use super::args::{StoreArgs, open};
use super::output::Output;
use crate::import::{self, Format, Input, Map, Options, Progress, Summary};
use crate::ingest::{Admission, StoreSink};
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files; `-` is the standard input. Gzip and zstd are unpacked.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
    /// The format: quipu, outcomes, csv, jsonl, parquet or claude-code; by the file's name when absent.
    #[arg(long = "as", value_name = "FORMAT")]
    read_as: Option<String>,
    /// How columns become fields: a built-in map such as openhands, or a file of your own.
    #[arg(long, value_name = "NAME|FILE")]
    map: Option<String>,
    /// A file that the map joins; looked for beside the input when absent.
    #[arg(long, value_name = "NAME=FILE")]
    join: Vec<String>,
}

/// Refusals that are listed.
const LISTED: usize = 10;

pub(super) fn run(args: &Args, workspace: Option<&str>, output: &Output) -> Result<ExitCode> {
    let options = Options {
        format: args.read_as.as_deref().map(str::parse::<Format>).transpose()?,
        map: args.map.as_deref().map(Map::load).transpose()?.map(Arc::new),
        joins: args.join.iter().map(|join| joined(join)).collect::<Result<_>>()?,
        ..Options::default()
    };
    let inputs: Vec<Input> = args.files.iter().map(|file| Input::from_arg(file)).collect();
    let store = open(&args.store.store)?;
    let bar = bar();
    let started = Instant::now();
    let scope = workspace.map(Scope::new).transpose()?;
    let mut sink = StoreSink { store: &store, admission: scope.map_or_else(Admission::anywhere, Admission::within) };
    let imported = import::import(&inputs, &options, &mut sink, |at| show(&bar, at));
    bar.finish_and_clear();
    let summary = imported?;
    store.seal()?;
    output.sheet(&sheet(&summary, started.elapsed().as_millis()))?;
    Ok(ExitCode::from(u8::from(!summary.is_clean())))
}

fn joined(join: &str) -> Result<(String, Input)> {
    let (name, file) = join
        .split_once('=')
        .ok_or_else(|| Error::invalid(format!("--join is {join:?}; expected NAME=FILE as the map names it")))?;
    Ok((name.to_owned(), Input::File(PathBuf::from(file))))
}

/// A bar on a terminal, nothing elsewhere.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {msg}  {elapsed}, {eta} left");
    let bar = ProgressBar::new(0);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

fn show(bar: &ProgressBar, at: Progress) {
    bar.set_length(at.total.unwrap_or(at.bytes).max(at.bytes));
    bar.set_position(at.bytes);
    bar.set_message(format!("{} items", at.items));
}

fn sheet(summary: &Summary, millis: u128) -> Sheet {
    let items = summary.stored + summary.duplicates + summary.outcomes_stored + summary.outcomes_replayed;
    let counts = [
        ("rows read", summary.read),
        ("skipped: not usage, or older revisions", summary.skipped),
        ("events stored", summary.stored),
        ("events stored before", summary.duplicates),
        ("conflicts: id stored with other content", summary.conflicts),
        ("outcomes stored", summary.outcomes_stored),
        ("outcomes stored before", summary.outcomes_replayed),
        ("outcomes of jobs that have another", summary.outcomes_already_reported),
        ("outcomes of unknown jobs", summary.outcomes_unknown_job),
        ("rejected", summary.rejected),
        ("fields without a place, ignored", summary.ignored.total()),
    ];
    let always = ["rows read", "events stored"];
    let shown = counts.into_iter().filter(|(name, count)| *count > 0 || always.contains(name));
    let rate = u128::from(items) * 1000 / millis.max(1);
    let speed = [("milliseconds", Value::Count(millis)), ("items per second", Value::Count(rate))];
    let mut sheet = Sheet::of_pairs(shown.map(|(name, count)| (name, Value::Count(count.into()))).chain(speed));
    let notes = &mut sheet.facts.notes;
    notes.extend(summary.examples.iter().take(LISTED).map(ToString::to_string));
    let unlisted = (summary.rejected + summary.conflicts + summary.outcomes_unknown_job)
        .saturating_sub(summary.examples.len().min(LISTED) as u64);
    if unlisted > 0 {
        notes.push(format!("and {unlisted} more"));
    }
    let ignored: Vec<String> = summary.ignored.fields().map(|(field, times)| format!("{field} ({times}×)")).collect();
    if !ignored.is_empty() {
        notes.push(format!("ignored fields: {}", ignored.join(", ")));
    }
    notes.extend(summary.failures.iter().map(|failure| format!("stopped early: {failure}")));
    sheet
}
