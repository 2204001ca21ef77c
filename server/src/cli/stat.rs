//! `quipu stat`: what a store holds, and where every byte is.

use std::path::Path;
use std::process::ExitCode;

use quipu::store::Stat;
use quipu::{Result, Unit, Value};

use super::args::StoreArgs;
use super::output::Output;
use super::target::snapshot;
use crate::render::{Document, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let stat = snapshot(&args.store.store)?.stat()?;
    let (log_files, log_bytes) = log_files(&args.store.store)?;
    output.document(&Document(vec![
        ("store".into(), overview(&stat, log_files, log_bytes)),
        ("windows".into(), windows(&stat)),
        ("files".into(), files(&stat)),
        ("sections".into(), sections(&stat)),
    ]))?;
    Ok(ExitCode::SUCCESS)
}

/// How many files of the log there are, and their bytes.
fn log_files(dir: &Path) -> Result<(u64, u64)> {
    let log = dir.join("wal");
    let failed = |error| super::io_error("list", &log.display().to_string(), error);
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(&log).map_err(failed)? {
        // A file may go while it is looked at: the log is cut whenever the head is sealed.
        if let Ok(metadata) = entry.map_err(failed)?.metadata() {
            (files, bytes) = (files + 1, bytes + metadata.len());
        }
    }
    Ok((files, bytes))
}

fn overview(stat: &Stat, log_files: u64, log_bytes: u64) -> Sheet {
    let time = |at: Option<quipu::Timestamp>| at.map_or(Value::Null, Value::Time);
    let sealed = i128::from(stat.events.saturating_sub(stat.head_events));
    Sheet::of_pairs([
        ("events", Value::Count(stat.events.into())),
        ("events in the log only", Value::Count(stat.head_events.into())),
        ("outcomes", Value::Count(stat.outcomes.into())),
        ("first event", time(stat.time_range.map(|(first, _)| first))),
        ("last event", time(stat.time_range.map(|(_, last)| last))),
        ("segments", Value::Count(stat.segments as u128)),
        ("price books", Value::Count(stat.price_books as u128)),
        ("bytes of sealed files", Value::Count(stat.bytes().into())),
        ("bytes per sealed event", Value::ratio(stat.bytes().into(), sealed, 1)),
        ("log files", Value::Count(log_files.into())),
        ("log bytes", Value::Count(log_bytes.into())),
        ("log position", Value::Count(stat.lsn.into())),
    ])
}

fn windows(stat: &Stat) -> Sheet {
    let mut sheet =
        Sheet::new(&[("from", Unit::Time, true), ("until", Unit::Time, true), ("events", Unit::Events, false)]);
    let row = |(window, events): (&quipu::segment::Window, &u64)| {
        vec![Value::Time(window.start), Value::Time(window.end), Value::Count((*events).into())]
    };
    sheet.rows = stat.windows.iter().map(row).collect();
    sheet
}

fn files(stat: &Stat) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("kind", Unit::None, true),
        ("files", Unit::Values, false),
        ("bytes", Unit::Units, false),
        ("bytes_per_sealed_event", Unit::Units, false),
    ]);
    let sealed = i128::from(stat.events.saturating_sub(stat.head_events));
    for file in &stat.files {
        sheet.rows.push(vec![
            Value::Text(kind(file.kind).into()),
            Value::Count(file.files as u128),
            Value::Count(file.bytes.into()),
            Value::ratio(file.bytes.into(), sealed, 2),
        ]);
    }
    sheet
}

fn sections(stat: &Stat) -> Sheet {
    let mut sheet =
        Sheet::new(&[("kind", Unit::None, true), ("section", Unit::None, true), ("bytes", Unit::Units, false)]);
    for file in &stat.files {
        let mut largest: Vec<(&String, &u64)> = file.sections.iter().filter(|(_, bytes)| **bytes > 0).collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
        for (section, bytes) in largest {
            sheet.rows.push(vec![
                Value::Text(kind(file.kind).into()),
                Value::Text(section.as_str().into()),
                Value::Count((*bytes).into()),
            ]);
        }
    }
    sheet
}

fn kind(kind: quipu::format::names::FileKind) -> &'static str {
    use quipu::format::names::FileKind as K;
    match kind {
        K::Manifest => "manifest",
        K::Segment => "segment",
        K::JobRun => "job run",
        K::IdRun => "id run",
        K::OutcomeRun => "outcome run",
        K::PriceBook => "price book",
        K::Secret => "secret",
    }
}
