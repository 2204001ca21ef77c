//! Outcome runs: outcomes in one file, sorted by the hash of their job.
//!
//! | section | content |
//! |---|---|
//! | `jobs` | the hash of each outcome's job, ascending, u64 each |
//! | `outcomes` | the outcomes in that order, as [`crate::format::event_row`] encodes them |

use std::sync::Arc;

use parking_lot::Mutex;

use crate::codec::bytes::Reader;
use crate::error::Result;
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity};
use crate::format::event_row::{decode_outcome, encode_outcome};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};
use crate::outcome::Outcome;

const JOBS: &str = "jobs";
const OUTCOMES: &str = "outcomes";

/// Writes outcomes with the hashes of their jobs, ascending, and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, outcomes: &[(u64, Arc<Outcome>)]) -> Result<FileEntry> {
    debug_assert!(outcomes.is_sorted_by_key(|(hash, _)| *hash), "outcomes are in the order of their hashes");
    let encode = |outcome: &Outcome| {
        let mut bytes = Vec::new();
        encode_outcome(outcome, &mut bytes);
        bytes
    };
    let rows: Vec<Vec<u8>> = outcomes.iter().map(|(_, outcome)| encode(outcome)).collect();
    let mut writer = ContainerWriter::create(disk, FileKind::OutcomeRun, identity)?;
    writer.blob(JOBS, &outcomes.iter().flat_map(|(hash, _)| hash.to_le_bytes()).collect::<Vec<_>>())?;
    writer.texts(OUTCOMES, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    writer.finish(&[])
}

/// An open outcome run.
#[derive(Debug)]
pub struct OutcomeRun {
    container: Container,
    /// The frame read last, with its number: look-ups in the order of hashes read each frame once.
    frame: Mutex<Option<(usize, Texts)>>,
}

type Texts = Arc<Vec<Vec<u8>>>;

impl OutcomeRun {
    /// Opens the run that the manifest describes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Self> {
        Ok(Self { container: Container::open_entry(disk, entry, store)?, frame: Mutex::default() })
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The revisions of the outcome of a job that lie here, by its hash and its name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn find(&self, hash: u64, workspace: &str, job_id: &str) -> Result<Vec<Outcome>> {
        let mut found = Vec::new();
        let (jobs, _) = self.container.blob(JOBS)?.unwrap_or_default().as_chunks::<8>();
        let start = jobs.partition_point(|job| u64::from_le_bytes(*job) < hash);
        for row in start..start + jobs[start..].iter().take_while(|job| u64::from_le_bytes(**job) == hash).count() {
            let frame = self.frame(row / VECTOR_ROWS)?;
            let outcome = frame.get(row % VECTOR_ROWS).map(|bytes| self.decode(bytes)).transpose()?;
            found.extend(outcome.filter(|outcome| outcome.workspace() == workspace && outcome.job_id == job_id));
        }
        Ok(found)
    }

    /// Every outcome.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn all(&self) -> Result<Vec<Outcome>> {
        let mut all = Vec::with_capacity(self.len());
        self.each(|outcome| all.push(outcome))?;
        Ok(all)
    }

    /// Visits every outcome.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn each(&self, mut visit: impl FnMut(Outcome)) -> Result<()> {
        for frame in 0..self.len().div_ceil(VECTOR_ROWS) {
            for bytes in self.frame(frame)?.iter() {
                visit(self.decode(bytes)?);
            }
        }
        Ok(())
    }

    /// The outcomes of all frames that can be read.
    pub fn whole(&self) -> Vec<Outcome> {
        let frames = (0..self.len().div_ceil(VECTOR_ROWS)).filter_map(|frame| self.frame(frame).ok());
        frames.flat_map(|frame| frame.iter().filter_map(|bytes| self.decode(bytes).ok()).collect::<Vec<_>>()).collect()
    }

    fn len(&self) -> usize {
        let section = self.container.section(OUTCOMES);
        let blocks = 0..section.map_or(0, |section| section.blocks());
        blocks.map(|block| section.map_or(0, |section| section.block_rows(block))).sum()
    }

    fn frame(&self, frame: usize) -> Result<Texts> {
        let mut last = self.frame.lock();
        if let Some((_, texts)) = last.as_ref().filter(|(number, _)| *number == frame) {
            return Ok(Arc::clone(texts));
        }
        let section = self.container.section(OUTCOMES);
        let section = section.ok_or_else(|| self.container.damaged(OUTCOMES, "the section is missing"))?;
        const FRAMES: usize = BLOCK_ROWS / VECTOR_ROWS;
        let texts = Arc::new(self.container.texts(section, frame / FRAMES, frame % FRAMES)?);
        *last = Some((frame, Arc::clone(&texts)));
        Ok(texts)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Outcome> {
        let mut reader = Reader::new(bytes);
        let outcome = decode_outcome(&mut reader).and_then(|outcome| reader.finish().map(|()| outcome));
        outcome.map_err(|error| self.container.damaged(OUTCOMES, &error.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::MemoryDisk;
    use crate::outcome::OutcomeStatus;
    use crate::time::Timestamp;

    #[test]
    fn each_outcome_is_found_by_its_job_even_when_hashes_collide() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let outcome = |n: u64| {
            let mut outcome = Outcome::new(format!("job-{n}"), OutcomeStatus::Success);
            outcome.workspace = Some("w".into());
            outcome.at = Some(Timestamp::from_seconds(n.cast_signed()));
            (outcome.revision, outcome.known_at) = (1, outcome.at);
            outcome
        };
        let outcomes: Vec<_> = (0..20_000).map(|n| (n / 2, Arc::new(outcome(n)))).collect();
        let entry = write(&disk, Identity { store: [1; 16], file: 1 }, &outcomes).expect("written");
        let run = OutcomeRun::open(&*disk, &entry, [1; 16]).expect("opened");
        for n in [0, 1, 1023, 1024, 16_383, 16_384, 19_999] {
            assert_eq!(run.find(n / 2, "w", &format!("job-{n}")).expect("read"), [outcome(n)]);
        }
        assert_eq!(run.find(0, "w", "job-2").expect("read"), []);
        assert_eq!(run.find(0, "x", "job-0").expect("read"), []);
        assert_eq!(run.all().expect("read").len(), 20_000);
    }
}
