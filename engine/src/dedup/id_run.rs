//! Id runs: the fingerprints of a segment's events, sorted, published with it.
//!
//! | section | content |
//! |---|---|
//! | `fingerprints` | [`crate::index::buckets`] of the fingerprints' first 32 bits; beside each the row |
//! | `jobs` | the same of the first 48 bits of the hashes of the segment's jobs, nothing beside them |
//! | `traces` | a Bloom filter over the upper halves of the fingerprints of its workflow runs |
//!
//! A fingerprint found here is only a candidate: the stored id decides. 32 bits let one absent id in a thousand of a
//! segment of four million rows through to that. What the stored event says then tells a retry from a conflict.

use std::sync::Arc;

use super::{Fingerprint, Secret};
use crate::batch::Batch;
use crate::codec::bitpack::width_of;
use crate::error::Result;
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::index::buckets::{self, Buckets};
use crate::index::filter;
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::EventRows;
use crate::schema::Dimension;

const FINGERPRINTS: &str = "fingerprints";
const JOBS: &str = "jobs";
const TRACES: &str = "traces";
/// Those of [`Fingerprint::short`].
const FINGERPRINT_BITS: u8 = 32;
const JOB_BITS: u8 = 48;

/// What a run knows of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The first 32 bits of the fingerprint.
    pub fingerprint: u64,
    /// The row in the segment.
    pub row: u32,
}

/// Writes the run of a batch in segment order and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, secret: &Secret, batch: &Batch) -> Result<FileEntry> {
    let mut records = Vec::with_capacity(batch.len());
    for (row, at) in (0..).zip(0..batch.len()) {
        let workspace = batch.value(Dimension::Workspace, at).unwrap_or(DEFAULT_WORKSPACE);
        let fingerprint = secret.fingerprint(workspace, batch.ids.get(at)).short();
        records.push(Record { fingerprint, row });
    }
    let jobs = hashes(batch, Dimension::JobId, |workspace, job| secret.job(workspace, job))?;
    let traces = hashes(batch, Dimension::TraceId, |workspace, trace| secret.trace(workspace, trace).upper())?;
    write_records(disk, identity, records, &jobs, &traces)
}

/// Writes a run of `records` in any order and the hashes of jobs, ascending, and of traces, and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write_records(
    disk: &Arc<dyn Disk>,
    identity: Identity,
    mut records: Vec<Record>,
    jobs: &[u64],
    traces: &[u64],
) -> Result<FileEntry> {
    records.sort_unstable();
    let rows = records.iter().map(|record| u64::from(record.row)).max().unwrap_or(0);
    let records: Vec<_> = records.iter().map(|record| (record.fingerprint, record.row.into())).collect();
    let jobs: Vec<_> = jobs.iter().map(|hash| (hash >> (u64::BITS - u32::from(JOB_BITS)), 0)).collect();
    let mut writer = ContainerWriter::create(disk, FileKind::IdRun, identity)?;
    writer.blob(FINGERPRINTS, &buckets::encode(&records, FINGERPRINT_BITS, width_of(rows)))?;
    writer.blob(JOBS, &buckets::encode(&jobs, JOB_BITS, 0))?;
    if !traces.is_empty() {
        writer.blob(TRACES, &filter::build(traces))?;
    }
    writer.finish(&[])
}

/// The distinct hashes of the values of a dimension within their workspaces, ascending.
///
/// # Errors
/// What reading `rows` says.
pub fn hashes(rows: &dyn EventRows, dimension: Dimension, hash: impl Fn(&str, &str) -> u64) -> Result<Vec<u64>> {
    let (workspaces, values) = (rows.dictionary(Dimension::Workspace)?, rows.dictionary(dimension)?);
    let (mut hashes, mut last) = (Vec::new(), (0, 0));
    let (mut own, mut codes) = (Vec::new(), Vec::new());
    for block in 0..rows.rows().div_ceil(BLOCK_ROWS) {
        rows.codes(Dimension::Workspace, block, &mut own)?;
        rows.codes(dimension, block, &mut codes)?;
        for pair in own.iter().copied().zip(codes.iter().copied()) {
            if let Some(value) = values.get(pair.1).filter(|_| pair != last) {
                hashes.push(hash(workspaces.get(pair.0).unwrap_or(DEFAULT_WORKSPACE), value));
                last = pair;
            }
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

/// An open id run.
#[derive(Debug)]
pub struct IdRun {
    container: Container,
}

impl IdRun {
    /// Opens the run that the manifest describes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Self> {
        Ok(Self { container: Container::open_entry(disk, entry, store)? })
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    fn set(&self, name: &str, key_bits: u8) -> Result<Buckets<'_>> {
        let set = self.container.decode_blob(name, |bytes| Buckets::of(bytes, key_bits))?;
        set.ok_or_else(|| self.container.damaged(name, "the section is missing"))
    }

    /// The rows whose fingerprints start alike. Mostly none, and then a few cache lines were read.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn candidates(&self, fingerprint: Fingerprint) -> Result<impl Iterator<Item = usize>> {
        Ok(self.set(FINGERPRINTS, FINGERPRINT_BITS)?.find(fingerprint.short()).map(|row| row as usize))
    }

    /// Calls `found` with the place among `fingerprints`, as [`Fingerprint::short`] gives them, and the row of each
    /// candidate of one of them.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn candidates_of(&self, fingerprints: &[u64], mut found: impl FnMut(usize, usize)) -> Result<()> {
        let set = self.set(FINGERPRINTS, FINGERPRINT_BITS)?;
        set.find_all(fingerprints, |place, row| found(place, row as usize));
        Ok(())
    }

    /// Every record, in the order of fingerprints.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn all(&self) -> Result<impl Iterator<Item = Record>> {
        let records = self.set(FINGERPRINTS, FINGERPRINT_BITS)?.iter();
        Ok(records.map(|(fingerprint, row)| Record { fingerprint, row: row as u32 }))
    }

    /// The hashes of the segment's jobs, ascending; of each only the first 48 bits, the others are 0.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn jobs(&self) -> Result<impl Iterator<Item = u64>> {
        Ok(self.set(JOBS, JOB_BITS)?.iter().map(|(hash, _)| hash << (u64::BITS - u32::from(JOB_BITS))))
    }

    /// Whether the segment has an event of that job.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn has_job(&self, hash: u64) -> Result<bool> {
        Ok(self.set(JOBS, JOB_BITS)?.find(hash >> (u64::BITS - u32::from(JOB_BITS))).next().is_some())
    }

    /// Whether the segment may have an event of that workflow run.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn may_have_trace(&self, trace: Fingerprint) -> Result<bool> {
        Ok(self.container.blob(TRACES)?.is_some_and(|filter| filter::may_contain(filter, trace.upper())))
    }

    /// How many records there are.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn records(&self) -> Result<usize> {
        Ok(self.set(FINGERPRINTS, FINGERPRINT_BITS)?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::event::Event;
    use crate::io::MemoryDisk;
    use crate::time::Timestamp;

    #[test]
    fn every_id_is_found_and_others_are_not() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let secret = Secret::random(&*disk).expect("randomness");
        let mut builder = BatchBuilder::default();
        let event = |n: i64| {
            Event::new(format!("e{n}"), Timestamp::from_seconds(n)).with(Dimension::JobId, format!("j{}", n / 3))
        };
        (0..2_000).for_each(|n| builder.push(&event(n)));
        let batch = builder.finish();
        let entry = write(&disk, Identity { store: [1; 16], file: 1 }, &secret, &batch).expect("written");
        let run = IdRun::open(&*disk, &entry, [1; 16]).expect("opened");
        assert_eq!(run.records().expect("read"), 2_000);
        for n in 0..2_000 {
            let mut found = run.candidates(secret.fingerprint(DEFAULT_WORKSPACE, &format!("e{n}"))).expect("read");
            assert!(found.any(|row| row == n));
        }
        let absent = (0..2_000).map(|n| secret.fingerprint("other", &format!("e{n}")));
        let let_through: usize = absent.map(|absent| run.candidates(absent).expect("read").count()).sum();
        assert!(let_through < 3, "{let_through} of 2,000 absent ids have a candidate");
        assert!(run.has_job(secret.job(DEFAULT_WORKSPACE, "j666")).expect("read"));
        assert!(!run.has_job(secret.job(DEFAULT_WORKSPACE, "j667")).expect("read"));
        assert!(!run.has_job(secret.job("other", "j1")).expect("read"));
    }
}
