//! `quipu import FILE…`: events and outcomes from files into a store.
//!
//! Exit code 0 when everything read is stored, now or before; 1 when some of it could not be, in which case all the
//! rest is stored nevertheless; 2 when nothing was read, for no file was what it was said to be.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use quipu::store::{CorrectionItem, Item, OutcomeItem};
use quipu::{Correction, Error, ErrorKind, Event, Outcome, Result, Scope, Store, Value};

use super::args::{StoreArgs, on_full_disk, open};
use super::output::Output;
use crate::import::{self, Format, Input, Map, Options, Progress, Sink, Summary};
use crate::ingest::{Admission, StoreSink};
use crate::render::{self, Sheet};
use crate::words::counted;

/// The rate of fewer items says nothing.
const TIMED_ITEMS: u64 = 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files; `-` is the standard input. Gzip and zstd are unpacked.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
    /// The format: quipu, outcomes, csv, jsonl, parquet, claude-code, codex, gemini-cli, otlp-json, otlp-proto, litellm, langfuse,
    /// openai, anthropic…; by the file's name when absent.
    #[arg(long = "as", value_name = "FORMAT")]
    read_as: Option<String>,
    /// How columns become fields: a built-in map such as openhands, or a file of your own.
    #[arg(long, value_name = "NAME|FILE")]
    map: Option<String>,
    /// A file that the map joins; looked for beside the input when absent.
    #[arg(long, value_name = "NAME=FILE")]
    join: Vec<String>,
}

pub(super) fn run(args: &Args, workspace: Option<&str>, output: &Output) -> Result<ExitCode> {
    let options = Options {
        format: args.read_as.as_deref().map(str::parse::<Format>).transpose()?,
        map: args.map.as_deref().map(Map::load).transpose()?.map(Arc::new),
        joins: args.join.iter().map(|join| joined(join)).collect::<Result<_>>()?,
        ..Options::default()
    };
    let inputs: Vec<Input> = args.files.iter().map(|file| Input::from_arg(file)).collect();
    let scope = workspace.map(Scope::new).transpose()?;
    let admission = scope.map_or_else(Admission::anywhere, Admission::within);
    let mut target = Target { dir: &args.store.store, admission, store: None };
    if target.exists() {
        // Whether it can be written to is known before anything is read.
        target.open()?;
    }
    let bar = bar();
    let started = Instant::now();
    let mut summary = import::import(&inputs, &options, &mut target, |at| show(&bar, at));
    bar.finish_and_clear();
    let done = target.finish(&summary);
    if let Some(error) = nothing(&mut summary) {
        return Err(error);
    }
    output.sheet(&sheet(&summary, started.elapsed().as_millis(), output.format()))?;
    done?;
    let code = u8::from(!summary.is_clean());
    match summary.stopped {
        Some(error) => Err(error.hint("what is counted above is stored; import the same files again for the rest")),
        None => Ok(ExitCode::from(code)),
    }
}

/// Why there is nothing to count: nothing could be read, or nothing stored.
fn nothing(summary: &mut Summary) -> Option<Error> {
    if summary.items() == 0
        && let Some(error) = summary.stopped.take()
    {
        return Some(error);
    }
    let failures = if summary.read == 0 { std::mem::take(&mut summary.failures) } else { Vec::new() };
    let other = failures.iter().map(Error::kind).find(|kind| *kind != ErrorKind::Invalid);
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    match failures.len() {
        0 | 1 => failures.into_iter().next(),
        _ => Some(Error::new(other.unwrap_or(ErrorKind::Invalid), lines.join("\n"))),
    }
}

/// The store, made when there is something to put into it: an import that fails leaves no empty store behind.
struct Target<'a> {
    dir: &'a Path,
    admission: Admission,
    store: Option<Store>,
}

impl Target<'_> {
    fn exists(&self) -> bool {
        self.dir.is_file() || std::fs::read_dir(self.dir).is_ok_and(|mut names| names.next().is_some())
    }

    fn open(&mut self) -> Result<&Store> {
        let store = match self.store.take() {
            Some(store) => store,
            None => open(self.dir)?,
        };
        Ok(self.store.insert(store))
    }

    fn sink(&mut self) -> Result<StoreSink<'_>> {
        let admission = self.admission.clone();
        Ok(StoreSink { store: self.open()?, admission })
    }

    /// Seals what was stored. Files without events make an empty store, for nothing is wrong with them.
    fn finish(&mut self, summary: &Summary) -> Result<()> {
        if summary.is_clean() {
            self.open()?;
        }
        match &self.store {
            Some(store) if summary.stopped.is_none() => store.seal(),
            _ => Ok(()),
        }
    }
}

impl Sink for Target<'_> {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
        self.sink()?.events(events).map_err(|error| on_full_disk(self.dir, error))
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        self.sink()?.outcomes(outcomes).map_err(|error| on_full_disk(self.dir, error))
    }

    fn corrections(&mut self, corrections: Vec<Correction>) -> Result<Vec<CorrectionItem>> {
        self.sink()?.corrections(corrections).map_err(|error| on_full_disk(self.dir, error))
    }
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
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {elapsed}, {eta} left");
    let bar = ProgressBar::new(0);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

fn show(bar: &ProgressBar, at: Progress) {
    bar.set_length(at.total.unwrap_or(at.bytes).max(at.bytes));
    bar.set_position(at.bytes);
    bar.set_message(if at.checking { "checking packed data".into() } else { format!("{} items", at.items) });
}

fn sheet(summary: &Summary, millis: u128, format: render::Format) -> Sheet {
    let counts = [
        ("rows read", summary.read),
        ("skipped: not usage, or older revisions", summary.skipped),
        ("events stored", summary.stored),
        ("events stored before", summary.duplicates),
        ("conflicts: id stored with other content", summary.conflicts),
        ("events corrected", summary.corrected),
        ("corrections of events still to come", summary.corrections_pending),
        ("outcomes stored", summary.outcomes_stored),
        ("outcomes stored before", summary.outcomes_replayed),
        ("outcomes amended by a later revision", summary.outcomes_amended),
        ("outcomes of jobs that have another", summary.outcomes_already_reported),
        ("outcomes of unknown jobs", summary.outcomes_unknown_job),
        ("rejected", summary.rejected),
        ("fields without a place, ignored", summary.ignored.total()),
    ];
    let always = ["rows read", "events stored"];
    let shown = counts.into_iter().filter(|(name, count)| *count > 0 || always.contains(name));
    let rate = u128::from(summary.items()) * 1000 / millis.max(1);
    let speed = [("milliseconds", Value::Count(millis)), ("items per second", Value::Count(rate))];
    let speed = speed.into_iter().filter(|_| summary.items() >= TIMED_ITEMS);
    let mut sheet = Sheet::of_pairs(shown.map(|(name, count)| (name, Value::Count(count.into()))).chain(speed));
    let notes = &mut sheet.facts.notes;
    notes.extend(summary.notes.iter().cloned());
    notes.extend((summary.undated > 0).then(|| undated(summary.undated)));
    let (listed, how) = match format {
        render::Format::Table => (super::LISTED, " (--format json lists more of them)"),
        _ => (usize::MAX, ""),
    };
    notes.extend(summary.examples.iter().take(listed).map(ToString::to_string));
    let unlisted = summary.refused().saturating_sub(summary.examples.len().min(listed) as u64);
    if unlisted > 0 {
        notes.push(format!("and {unlisted} more{how}"));
    }
    let ignored: Vec<String> = summary.ignored.fields().map(|(field, times)| format!("{field} ({times}×)")).collect();
    if !ignored.is_empty() {
        notes.push(format!("ignored fields: {}", ignored.join(", ")));
    }
    notes.extend(summary.failures.iter().map(|failure| format!("failed: {failure}")));
    sheet
}

fn undated(count: u64) -> String {
    let rows = counted(count, "row");
    match count {
        1 => format!("{rows} names no time (at); it got the time of its import"),
        _ => format!("{rows} name no time (at); they got the time of their import"),
    }
}
