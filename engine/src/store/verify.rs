//! Checks a whole store: every hash, every checksum, and that everything derived follows from the events.

use std::collections::BTreeMap;
use std::path::Path;

use super::read_only::pin_newest;
use super::recover::replay;
use super::version::{Published, SealedPart, Version};
use crate::batch::Batch;
use crate::dedup::Secret;
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::io::{Disk, RealDisk};
use crate::job_run::Counters;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::{COUNTER_DIMENSIONS, Counter, CounterRows};
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
    /// What is wrong, each with its file and place; empty when all is well.
    pub damage: Vec<Error>,
}

/// Checks the store in `dir` without changing anything.
///
/// # Errors
/// [`ErrorKind::NotAStore`](crate::ErrorKind::NotAStore) when there is none, or when the manifest itself cannot be read.
pub fn verify(dir: impl AsRef<Path>) -> Result<Verification> {
    let dir = dir.as_ref();
    verify_on(&RealDisk::new(dir)).map_err(|error| error.context(dir.display()))
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
            return Ok(report);
        }
    };
    for entry in &manifest.parts {
        let checked = SealedPart::open(disk, *entry, store).and_then(|part| verify_part(&part, &secret));
        match checked {
            Ok(()) => report.events += entry.rows,
            Err(error) => report.damage.push(error),
        }
    }
    for run in manifest.outcomes.iter().chain(&manifest.books) {
        let opened = crate::format::container::Container::open_entry(disk, &run.file, store);
        report.damage.extend(opened.and_then(|container| container.verify(&run.file)).err());
    }
    // The log needs only the outcomes of the version, to see that none is there twice.
    let bare = Manifest { parts: Vec::new(), books: Vec::new(), ..manifest };
    let version = Version::open(disk, store, number, bare, None);
    match version.and_then(|version| replay(disk, store, &secret, &version)) {
        Ok((head, _)) => report.events += head.events as u64,
        Err(error) => report.damage.push(error),
    }
    Ok(report)
}

fn verify_part(part: &SealedPart, secret: &Secret) -> Result<()> {
    part.segment.container().verify(&part.entry.segment)?;
    part.job_run.container().verify(&part.entry.job_run)?;
    part.id_run.container().verify(&part.entry.id_run)?;
    let batch = part.segment.load()?;
    verify_ids(part, secret, &batch)?;
    let expected = total_by_key(&Counters::of(&batch))?;
    if total_by_key(&*part.job_run)? != expected {
        return Err(part
            .job_run
            .container()
            .damaged("events", "the counters are not the sums of the segment's events"));
    }
    Ok(())
}

fn verify_ids(part: &SealedPart, secret: &Secret, batch: &Batch) -> Result<()> {
    for row in 0..batch.len() {
        let workspace = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE);
        let found = part.id_run.candidates(secret.fingerprint(workspace, batch.ids.get(row)))?;
        if !found.contains(&(row, batch.checks[row])) {
            let what = format!("the event in row {row} of the segment is missing");
            return Err(part.id_run.container().damaged("fingerprints", &what));
        }
    }
    if part.id_run.records()? != batch.len() {
        return Err(part.id_run.container().damaged("fingerprints", "there are more records than events"));
    }
    Ok(())
}

type Totals = BTreeMap<(Vec<Option<String>>, u64), BTreeMap<Counter, u128>>;

fn total_by_key(rows: &impl CounterRows) -> Result<Totals> {
    let mut counters = vec![Counter::Events, Counter::Errors, Counter::Cancelled, Counter::Retries];
    counters.extend(rows.meters().into_iter().map(Counter::Meter));
    for number in crate::rows::COUNTER_NUMBERS {
        counters.extend([Counter::Number(number), Counter::NumberEvents(number)]);
    }
    let mut totals = Totals::new();
    for block in 0..rows.rows().div_ceil(BLOCK_ROWS) {
        let mut bands = Vec::new();
        rows.sums(&Counter::ContextBand, block, &mut bands)?;
        let mut keys: Vec<Vec<Option<String>>> = vec![Vec::new(); bands.len()];
        for dimension in COUNTER_DIMENSIONS {
            let (dictionary, mut codes) = (rows.dictionary(dimension)?, Vec::new());
            rows.codes(dimension, block, &mut codes)?;
            keys.iter_mut().zip(codes).for_each(|(key, code)| key.push(dictionary.get(code).map(String::from)));
        }
        for counter in &counters {
            let mut sums = Vec::new();
            rows.sums(counter, block, &mut sums)?;
            for ((key, band), sum) in keys.iter().zip(&bands).zip(sums) {
                let total = totals.entry((key.clone(), *band)).or_default();
                *total.entry(counter.clone()).or_default() += u128::from(sum);
            }
        }
    }
    Ok(totals)
}
