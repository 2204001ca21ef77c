//! Checks a whole store: every hash, every checksum, and that everything derived follows from the events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::read_only::{on_store, pin_newest};
use super::recover::{Replayed, replay};
use super::verify_corrections::verify_rows;
use super::version::{Published, Version, open_segment};
use crate::batch::Batch;
use crate::dedup::{IdRun, Secret};
use crate::error::{Error, Result};
use crate::format::container::Container;
use crate::format::manifest::{Manifest, PartEntry};
use crate::io::Disk;
use crate::job_run::groups::Apart;
use crate::job_run::{Counters, JobRun};
use crate::limits::BLOCK_ROWS;
use crate::log;
use crate::log::TornTail;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rollup::RollupRun;
use crate::rows::{COUNTER_DIMENSIONS, Counter, CounterRows, EventRows, Rolled};
use crate::schema::Dimension;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verification {
    /// Files checked.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Events read back.
    pub events: u64,
    /// Sealed events that damage kept from being read back.
    pub unread: u64,
    /// What lies behind the last commit in the log: one being written at that moment, or left by a crash.
    pub unfinished: Option<TornTail>,
    /// What is wrong, each with its file and place; empty when all is well.
    pub damage: Vec<Error>,
}

/// Checks the store in `dir` without changing anything.
///
/// ```
/// use quipu_engine::store::{Options, Store, verify};
///
/// let dir = tempfile::tempdir()?;
/// drop(Store::open(dir.path(), Options::default())?);
/// assert!(verify(dir.path())?.damage.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NotAStore`](crate::ErrorKind::NotAStore) when there is none, or when the manifest itself cannot be read.
pub fn verify(dir: impl AsRef<Path>) -> Result<Verification> {
    on_store(dir.as_ref(), |disk| verify_on(&disk))
}

/// Checks the store on any disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(disk: &dyn Disk) -> Result<Verification> {
    let (Published { number, store, manifest, .. }, _pin) = pin_newest(disk)?;
    let mut report = Verification { files: manifest.files().count() + 1, ..Verification::default() };
    report.bytes = manifest.files().map(|file| file.bytes).sum();
    let secret = match Secret::read(disk, store) {
        Ok(secret) => secret,
        Err(error) => {
            report.damage.push(error);
            report.unread = manifest.parts.iter().map(events_of).sum();
            return Ok(report);
        }
    };
    // What corrections make of the events can be told only where all of both can be read.
    let whole = Version::open(disk, store, number, manifest.clone(), None).ok();
    for entry in &manifest.parts {
        let checked = verify_part(disk, entry, store, &secret, &mut report);
        let part = whole.as_ref().and_then(|version| Some((version, version.part(entry.segment.number)?)));
        if let (Some(batch), Some((version, part))) = (checked, part) {
            report.damage.extend(verify_rows(&secret, version, part, &batch).err());
        }
    }
    let masks = manifest.parts.iter().filter_map(|part| part.mask.as_ref());
    for run in manifest
        .outcomes
        .iter()
        .chain(&manifest.books)
        .chain(&manifest.corrections)
        .chain(&manifest.attributions)
        .chain(masks)
    {
        let opened = Container::open_entry(disk, &run.file, store);
        report.damage.extend(opened.and_then(|container| container.verify(&run.file)).err());
    }
    // The log of a store in which nothing was corrected needs only the outcomes of the version, to see that none is
    // there twice.
    let (parts, books, corrections, attributions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let bare = Manifest { parts, books, corrections, attributions, ..manifest };
    let version = whole.map_or_else(|| Version::open(disk, store, number, bare, None), Ok);
    match version.and_then(|version| replay(disk, store, &secret, &version, log::recover)) {
        Ok(Replayed { head, recovery, .. }) => {
            report.events += head.events as u64 - head.hidden.len();
            report.events = report.events.saturating_sub(head.over.sealed_rows());
            report.unfinished = recovery.torn.filter(|torn| torn.bytes > 0);
        }
        Err(error) => report.damage.push(error),
    }
    Ok(report)
}

/// The events of a part that count.
fn events_of(part: &PartEntry) -> u64 {
    part.rows - part.mask.map_or(0, |mask| mask.number)
}

/// Checks the files of a part each by itself, so that all damage is named and sound events count whatever
/// became of what is derived from them. The events, where they are sound.
pub(super) fn verify_part(
    disk: &dyn Disk,
    entry: &PartEntry,
    store: [u8; 16],
    secret: &Secret,
    report: &mut Verification,
) -> Option<Batch> {
    let segment = open_segment(disk, entry, store).and_then(|segment| {
        segment.container().verify(&entry.segment)?;
        Ok(Arc::new(segment))
    });
    let job_run = Container::open_entry(disk, &entry.job_run, store).and_then(|run| {
        run.verify(&entry.job_run)?;
        // It can be read only beside a segment, whose damage is told by itself.
        segment.as_ref().ok().map(|segment| JobRun::open(disk, &entry.job_run, store, Arc::clone(segment))).transpose()
    });
    let rollups = entry.rollups.map(|entry| {
        Container::open_entry(disk, &entry, store)?.verify(&entry)?;
        segment.as_ref().ok().map(|segment| RollupRun::open(disk, &entry, store, segment)).transpose()
    });
    let rollups = rollups.transpose().map(Option::flatten);
    let batch = segment.and_then(|segment| segment.load());
    let id_run = IdRun::open(disk, &entry.id_run, store).and_then(|run| {
        run.container().verify(&entry.id_run)?;
        Ok(run)
    });
    let damage = &mut report.damage;
    let batch = batch.map_err(|error| damage.push(error)).ok();
    let job_run = job_run.map_err(|error| damage.push(error)).ok().flatten();
    let id_run = id_run.map_err(|error| damage.push(error)).ok();
    let rollups = rollups.map_err(|error| damage.push(error)).ok().flatten();
    let events = events_of(entry);
    *(if batch.is_some() { &mut report.events } else { &mut report.unread }) += events;
    let batch = batch?;
    damage.extend(job_run.and_then(|run| verify_counters(&run, &batch).err()));
    damage.extend(rollups.and_then(|run| verify_rollups(&run, &batch).err()));
    damage.extend(id_run.and_then(|run| verify_ids(&run, secret, &batch).err()));
    Some(batch)
}

fn verify_counters(job_run: &JobRun, batch: &Batch) -> Result<()> {
    let step = Apart::COUNTERS.step;
    let total = |rows: &dyn CounterRows| total_by_key(rows, &COUNTER_DIMENSIONS, step, &[]);
    if total(job_run)? == total(&Counters::of(batch)?)? {
        return Ok(());
    }
    Err(job_run.container().damaged("events", "the counters are not the sums of the segment's events"))
}

fn verify_rollups(run: &RollupRun, batch: &Batch) -> Result<()> {
    for Rolled { rollup, rows } in run.kept() {
        let (dimensions, lacking) = (rollup.dimensions(), rollup.lacking());
        let apart = rollup.apart(&dimensions, &lacking);
        // Of what no event carries nothing is counted.
        let carried = lacking.iter().filter(|dimension| !batch.dictionary(**dimension).is_ok_and(|all| all.is_empty()));
        let carried: Vec<Dimension> = carried.copied().collect();
        let total = |rows: &dyn CounterRows| total_by_key(rows, &dimensions, apart.step, &carried);
        if total(&*rows)? != total(&Counters::told(batch, apart)?)? {
            let what = format!("the rollup `{rollup}` is not the sums of the segment's events");
            return Err(run.container().damaged("meta", &what));
        }
    }
    Ok(())
}

fn verify_ids(id_run: &IdRun, secret: &Secret, batch: &Batch) -> Result<()> {
    for row in 0..batch.len() {
        let workspace = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE);
        let mut found = id_run.candidates(secret.fingerprint(workspace, batch.ids.get(row)))?;
        if !found.any(|at| at == row) {
            let what = format!("the event in row {row} of the segment is missing");
            return Err(id_run.container().damaged("fingerprints", &what));
        }
    }
    if id_run.records()? != batch.len() {
        return Err(id_run.container().damaged("fingerprints", "there are more records than events"));
    }
    Ok(())
}

/// By the values of dimensions, context band and step of time.
type Totals = BTreeMap<(Vec<Option<String>>, u64, i64), BTreeMap<Counter, u128>>;

fn total_by_key(rows: &dyn CounterRows, dimensions: &[Dimension], step: i64, lacking: &[Dimension]) -> Result<Totals> {
    let mut counters = vec![Counter::Events, Counter::Errors, Counter::Cancelled, Counter::Retries];
    counters.extend(lacking.iter().copied().map(Counter::Lacking));
    counters.extend(rows.meters().into_iter().map(Counter::Meter));
    for number in crate::rows::COUNTER_NUMBERS {
        counters.extend([Counter::Number(number), Counter::NumberEvents(number)]);
    }
    let mut totals = Totals::new();
    for block in 0..rows.rows().div_ceil(BLOCK_ROWS) {
        let (mut bands, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
        rows.times(block, &mut first, &mut last)?;
        rows.sums(&Counter::ContextBand, block, &mut bands)?;
        let mut keys: Vec<Vec<Option<String>>> = vec![Vec::new(); bands.len()];
        for dimension in dimensions {
            let (dictionary, mut codes) = (rows.dictionary(*dimension)?, Vec::new());
            rows.codes(*dimension, block, &mut codes)?;
            keys.iter_mut().zip(codes).for_each(|(key, code)| key.push(dictionary.get(code).map(String::from)));
        }
        for counter in &counters {
            let mut sums = Vec::new();
            rows.sums(counter, block, &mut sums)?;
            // A meter may be named and 0 throughout.
            let keys = keys.iter().zip(&bands).zip(&first);
            for (((key, band), at), sum) in keys.zip(sums).filter(|(_, sum)| *sum > 0) {
                let total = totals.entry((key.clone(), *band, at.div_euclid(step))).or_default();
                *total.entry(counter.clone()).or_default() += u128::from(sum);
            }
        }
    }
    Ok(totals)
}
