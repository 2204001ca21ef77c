//! `quipu stat`: what a store holds, and where every byte is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use quipu::store::Stat;
use quipu::{Result, Unit, Value};

use super::args::StoreArgs;
use super::output::Output;
use super::target::snapshot;
use super::verify::unfinished;
use crate::render::{Document, Sheet};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write this sheet alone: store, windows, files, sections or rollups.
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<ExitCode> {
    let snapshot = snapshot(&args.store.store)?;
    let (stat, log) = (snapshot.stat()?, Log::of(&args.store.store)?);
    let mut overview = overview(&stat, &log);
    overview.facts.notes.extend(snapshot.unfinished().map(unfinished));
    let document = Document(vec![
        ("store".into(), overview),
        ("windows".into(), windows(&stat)),
        ("files".into(), files(&stat)),
        ("sections".into(), sections(&stat)),
        ("rollups".into(), super::rollups::sheet(&stat)),
    ]);
    output.document(&document, args.sheet.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// The files of the log.
#[derive(Default)]
struct Log {
    files: u64,
    bytes: u64,
    /// What they occupy: each has space reserved ahead, so that a commit cannot find the disk full.
    reserved: u64,
}

impl Log {
    fn of(dir: &Path) -> Result<Self> {
        let dir = dir.join("wal");
        let failed = |error| super::io_error("list", &dir.display().to_string(), error);
        let mut log = Self::default();
        for entry in std::fs::read_dir(&dir).map_err(failed)? {
            // A file may go while it is looked at: the log is cut whenever the head is sealed.
            if let Ok(metadata) = entry.map_err(failed)?.metadata() {
                log.files += 1;
                log.bytes += metadata.len();
                log.reserved += metadata.blocks() * BLOCK_BYTES;
            }
        }
        Ok(log)
    }
}

/// What the operating system counts occupied space in.
const BLOCK_BYTES: u64 = 512;

fn overview(stat: &Stat, log: &Log) -> Sheet {
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
        ("write amplification of sealing and merging", amplification(stat)),
        ("log files", Value::Count(log.files.into())),
        ("log bytes", Value::Count(log.bytes.into())),
        ("log bytes reserved on disk", Value::Count(log.reserved.into())),
        ("log position", Value::Count(stat.lsn.into())),
    ])
}

/// How often each sealed byte was written in all.
fn amplification(stat: &Stat) -> Value {
    let (sealed, all) = (i128::from(stat.sealed_bytes), i128::from(stat.sealed_bytes) + i128::from(stat.merged_bytes));
    if sealed == 0 { Value::Null } else { Value::ratio(all, sealed, 2) }
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
    let mut sheet = Sheet::new(&[
        ("kind", Unit::None, true),
        ("section", Unit::None, true),
        ("bytes", Unit::Units, false),
        ("bytes_per_sealed_event", Unit::Units, false),
    ]);
    let sealed = i128::from(stat.events.saturating_sub(stat.head_events));
    for file in &stat.files {
        let mut largest: Vec<(&String, &u64)> = file.sections.iter().filter(|(_, bytes)| **bytes > 0).collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
        for (section, bytes) in largest {
            sheet.rows.push(vec![
                Value::Text(kind(file.kind).into()),
                Value::Text(section.as_str().into()),
                Value::Count((*bytes).into()),
                Value::ratio((*bytes).into(), sealed, 3),
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
        K::CorrectionRun => "correction run",
        K::Mask => "mask",
        K::Attribution => "attribution",
        K::Rollups => "rollups",
    }
}
