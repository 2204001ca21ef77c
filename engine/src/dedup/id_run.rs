//! Id runs: the fingerprints of a segment's events, sorted, published with it.
//!
//! | section | content |
//! |---|---|
//! | `fingerprints` | 16-byte records in order: upper half of the fingerprint u64 · row u32 · content check u32 |
//! | `filter` | a Bloom filter over the upper halves, see [`crate::index::filter`] |
//! | `jobs` | the hashes of the segment's jobs, sorted, u64 each |
//! | `traces` | a Bloom filter over the upper halves of the fingerprints of its workflow runs |

use std::sync::Arc;

use super::{Fingerprint, Secret};
use crate::batch::Batch;
use crate::error::Result;
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity};
use crate::format::names::FileKind;
use crate::index::filter;
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::EventRows;
use crate::schema::Dimension;

const RECORD_BYTES: usize = 16;
const FINGERPRINTS: &str = "fingerprints";
const FILTER: &str = "filter";
const JOBS: &str = "jobs";
const TRACES: &str = "traces";

/// What a run knows of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The upper half of the fingerprint.
    pub fingerprint: u64,
    /// The row in the segment.
    pub row: u32,
    /// The content check.
    pub check: u32,
}

/// Writes the run of a batch in segment order and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, secret: &Secret, batch: &Batch) -> Result<FileEntry> {
    let mut records = Vec::with_capacity(batch.len());
    for (row, check) in (0..).zip(&batch.checks) {
        let workspace = batch.value(Dimension::Workspace, row as usize).unwrap_or(DEFAULT_WORKSPACE);
        let fingerprint = secret.fingerprint(workspace, batch.ids.get(row as usize)).upper();
        records.push(Record { fingerprint, row, check: *check });
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
    let mut bytes = Vec::with_capacity(records.len() * RECORD_BYTES);
    for Record { fingerprint, row, check } in &records {
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&row.to_le_bytes());
        bytes.extend_from_slice(&check.to_le_bytes());
    }
    let mut writer = ContainerWriter::create(disk, FileKind::IdRun, identity)?;
    writer.blob(FINGERPRINTS, &bytes)?;
    writer.blob(FILTER, &filter::build(&records.iter().map(|record| record.fingerprint).collect::<Vec<_>>()))?;
    writer.blob(JOBS, &jobs.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<_>>())?;
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

    /// The rows whose fingerprints share the upper half, each with its content check. Mostly none,
    /// and then one cache line was read.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn candidates(&self, fingerprint: Fingerprint) -> Result<Vec<(usize, u32)>> {
        let wanted = fingerprint.upper();
        if self.container.blob(FILTER)?.is_some_and(|filter| !filter::may_contain(filter, wanted)) {
            return Ok(Vec::new());
        }
        let records = self.container.blob(FINGERPRINTS)?.unwrap_or_default();
        let (records, _) = records.as_chunks::<RECORD_BYTES>();
        let start = records.partition_point(|bytes| decode(bytes).fingerprint < wanted);
        let found = records[start..].iter().map(decode).take_while(|record| record.fingerprint == wanted);
        Ok(found.map(|record| (record.row as usize, record.check)).collect())
    }

    /// Every record, in the order of fingerprints.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn all(&self) -> Result<impl Iterator<Item = Record>> {
        let (records, _) = self.container.blob(FINGERPRINTS)?.unwrap_or_default().as_chunks::<RECORD_BYTES>();
        Ok(records.iter().map(decode))
    }

    /// The hashes of the segment's jobs, ascending.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn jobs(&self) -> Result<impl Iterator<Item = u64>> {
        let (jobs, _) = self.container.blob(JOBS)?.unwrap_or_default().as_chunks::<8>();
        Ok(jobs.iter().map(|job| u64::from_le_bytes(*job)))
    }

    /// Whether the segment has an event of that job.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn has_job(&self, hash: u64) -> Result<bool> {
        let (jobs, _) = self.container.blob(JOBS)?.unwrap_or_default().as_chunks::<8>();
        Ok(jobs.binary_search_by_key(&hash, |job| u64::from_le_bytes(*job)).is_ok())
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
        Ok(self.container.blob(FINGERPRINTS)?.unwrap_or_default().len() / RECORD_BYTES)
    }
}

fn decode(bytes: &[u8; RECORD_BYTES]) -> Record {
    let [f0, f1, f2, f3, f4, f5, f6, f7, r0, r1, r2, r3, c0, c1, c2, c3] = *bytes;
    Record {
        fingerprint: u64::from_le_bytes([f0, f1, f2, f3, f4, f5, f6, f7]),
        row: u32::from_le_bytes([r0, r1, r2, r3]),
        check: u32::from_le_bytes([c0, c1, c2, c3]),
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
            let found = run.candidates(secret.fingerprint(DEFAULT_WORKSPACE, &format!("e{n}"))).expect("read");
            assert_eq!(found, [(n, batch.checks[n])]);
            assert!(run.candidates(secret.fingerprint("other", &format!("e{n}"))).expect("read").is_empty());
        }
        assert!(run.has_job(secret.job(DEFAULT_WORKSPACE, "j666")).expect("read"));
        assert!(!run.has_job(secret.job(DEFAULT_WORKSPACE, "j667")).expect("read"));
        assert!(!run.has_job(secret.job("other", "j1")).expect("read"));
    }
}
