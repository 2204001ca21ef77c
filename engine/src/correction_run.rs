//! Correction runs: what corrections said, for ever, for what they speak of may yet come.
//!
//! | section | content |
//! |---|---|
//! | `targets` | the fingerprint of each target, ascending, 16 bytes each |
//! | `amendments` | texts: what is said of each, in that order, as [`crate::format::correction_row`] encodes it |
//! | `firsts` | 32-byte records in order: fingerprint · content hash of what was first sent, where no row says that |
//! | `filter` | a Bloom filter over the upper halves of both kinds of fingerprints, see [`crate::index::filter`] |
//! | `jobs` | the hashes of jobs whose rows are gone, ascending, u64 each |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::codec::bytes::Reader;
use crate::correction::Amendment;
use crate::dedup::{ContentHash, Fingerprint};
use crate::error::Result;
use crate::format::container::{Container, ContainerWriter, FileEntry, Identity};
use crate::format::correction_row::{decode_amendment, encode_amendment};
use crate::format::names::FileKind;
use crate::index::filter;
use crate::io::Disk;
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};

const TARGETS: &str = "targets";
const AMENDMENTS: &str = "amendments";
const FIRSTS: &str = "firsts";
const FILTER: &str = "filter";
const JOBS: &str = "jobs";
const FINGERPRINT_BYTES: usize = 16;
const FIRST_BYTES: usize = FINGERPRINT_BYTES + ContentHash::BYTES;

/// What a run holds, and what several of them hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    /// What is said of each target.
    pub amendments: BTreeMap<Fingerprint, Amendment>,
    /// Identities whose events were retracted or replaced, with the hash of what was first sent: they stay taken.
    pub firsts: BTreeMap<Fingerprint, ContentHash>,
    /// The hashes of jobs whose rows are gone: they stay known.
    pub jobs: BTreeSet<u64>,
}

impl Corrections {
    /// Of how many targets, identities and jobs something is held.
    pub fn len(&self) -> usize {
        self.amendments.len() + self.firsts.len() + self.jobs.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what another holds.
    pub fn join(&mut self, other: Self) {
        for (target, amendment) in other.amendments {
            self.amendments.entry(target).or_default().join(&amendment);
        }
        self.firsts.extend(other.firsts);
        self.jobs.extend(other.jobs);
    }
}

/// Writes a run and syncs the file.
///
/// # Errors
/// What the disk says.
pub fn write(disk: &Arc<dyn Disk>, identity: Identity, corrections: &Corrections) -> Result<FileEntry> {
    let encode = |amendment: &Amendment| {
        let mut bytes = Vec::new();
        encode_amendment(amendment, &mut bytes);
        bytes
    };
    let Corrections { amendments, firsts, jobs } = corrections;
    let rows: Vec<Vec<u8>> = amendments.values().map(encode).collect();
    let mut writer = ContainerWriter::create(disk, FileKind::CorrectionRun, identity)?;
    writer.blob(TARGETS, &amendments.keys().flat_map(|target| target.to_bytes()).collect::<Vec<_>>())?;
    writer.texts(AMENDMENTS, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let record = |(of, first): (&Fingerprint, &ContentHash)| of.to_bytes().into_iter().chain(first.to_bytes());
    writer.blob(FIRSTS, &firsts.iter().flat_map(record).collect::<Vec<_>>())?;
    let hashes: Vec<u64> = amendments.keys().chain(firsts.keys()).map(|fingerprint| fingerprint.upper()).collect();
    writer.blob(FILTER, &filter::build(&hashes))?;
    writer.blob(JOBS, &jobs.iter().flat_map(|job| job.to_le_bytes()).collect::<Vec<_>>())?;
    writer.finish(&[])
}

/// An open correction run.
#[derive(Debug)]
pub struct CorrectionRun {
    container: Container,
}

impl CorrectionRun {
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

    /// What is said of a target; mostly nothing, and then one cache line was read.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn find(&self, target: Fingerprint) -> Result<Option<Amendment>> {
        if !self.may_hold(target)? {
            return Ok(None);
        }
        let targets = self.records::<FINGERPRINT_BYTES>(TARGETS)?;
        let Ok(row) = targets.binary_search_by_key(&target, |bytes| Fingerprint::from_bytes(*bytes)) else {
            return Ok(None);
        };
        let frame = self.frame(row / BLOCK_ROWS, row % BLOCK_ROWS / VECTOR_ROWS)?;
        let found = frame.into_iter().nth(row % VECTOR_ROWS);
        found.map(Some).ok_or_else(|| self.container.damaged(AMENDMENTS, "there are fewer amendments than targets"))
    }

    /// The hash of what was first sent of an event that was retracted or replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn first(&self, fingerprint: Fingerprint) -> Result<Option<ContentHash>> {
        if !self.may_hold(fingerprint)? {
            return Ok(None);
        }
        let firsts = self.records::<FIRST_BYTES>(FIRSTS)?;
        let at = firsts.binary_search_by_key(&fingerprint, |record| first(record).0);
        Ok(at.ok().map(|at| first(&firsts[at]).1))
    }

    /// Whether a row that is gone named that job.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn has_job(&self, hash: u64) -> Result<bool> {
        let jobs = self.records::<8>(JOBS)?;
        Ok(jobs.binary_search_by_key(&hash, |job| u64::from_le_bytes(*job)).is_ok())
    }

    /// Everything.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn all(&self) -> Result<Corrections> {
        let section = self.container.section(AMENDMENTS);
        let mut amendments = Vec::new();
        for block in 0..section.map_or(0, |section| section.blocks()) {
            let rows = section.map_or(0, |section| section.block_rows(block));
            for frame in 0..rows.div_ceil(VECTOR_ROWS) {
                amendments.extend(self.frame(block, frame)?);
            }
        }
        let targets = self.records::<FINGERPRINT_BYTES>(TARGETS)?;
        if targets.len() != amendments.len() || !targets.is_sorted_by_key(|bytes| Fingerprint::from_bytes(*bytes)) {
            return Err(self.container.damaged(TARGETS, "one target for each amendment expected, ascending"));
        }
        Ok(Corrections {
            amendments: targets.iter().map(|bytes| Fingerprint::from_bytes(*bytes)).zip(amendments).collect(),
            firsts: self.records::<FIRST_BYTES>(FIRSTS)?.iter().map(first).collect(),
            jobs: self.records::<8>(JOBS)?.iter().map(|job| u64::from_le_bytes(*job)).collect(),
        })
    }

    /// Everything that can be read.
    pub fn whole(&self) -> Corrections {
        let targets = self.records::<FINGERPRINT_BYTES>(TARGETS).unwrap_or_default();
        let mut amendments = BTreeMap::new();
        for (place, targets) in targets.chunks(VECTOR_ROWS).enumerate() {
            const FRAMES: usize = BLOCK_ROWS / VECTOR_ROWS;
            let frame = self.frame(place / FRAMES, place % FRAMES).unwrap_or_default();
            amendments.extend(targets.iter().map(|bytes| Fingerprint::from_bytes(*bytes)).zip(frame));
        }
        let (firsts, jobs) = (self.records::<FIRST_BYTES>(FIRSTS), self.records::<8>(JOBS));
        Corrections {
            amendments,
            firsts: firsts.unwrap_or_default().iter().map(first).collect(),
            jobs: jobs.unwrap_or_default().iter().map(|job| u64::from_le_bytes(*job)).collect(),
        }
    }

    fn may_hold(&self, fingerprint: Fingerprint) -> Result<bool> {
        Ok(self.container.blob(FILTER)?.is_none_or(|filter| filter::may_contain(filter, fingerprint.upper())))
    }

    fn records<const N: usize>(&self, section: &str) -> Result<&[[u8; N]]> {
        Ok(self.container.blob(section)?.unwrap_or_default().as_chunks::<N>().0)
    }

    fn frame(&self, block: usize, frame: usize) -> Result<Vec<Amendment>> {
        let section = self.container.section(AMENDMENTS);
        let section = section.ok_or_else(|| self.container.damaged(AMENDMENTS, "the section is missing"))?;
        let decode = |bytes: Vec<u8>| {
            let mut reader = Reader::new(&bytes);
            let amendment = decode_amendment(&mut reader)?;
            reader.finish()?;
            Ok(amendment)
        };
        let texts = self.container.texts(section, block, frame)?;
        let amendments: Result<_, crate::codec::bytes::DecodeError> = texts.into_iter().map(decode).collect();
        amendments.map_err(|error| self.container.damaged(AMENDMENTS, &error.what))
    }
}

fn first(record: &[u8; FIRST_BYTES]) -> (Fingerprint, ContentHash) {
    let (fingerprint, hash) = record.split_first_chunk().expect("32 bytes hold 16");
    (Fingerprint::from_bytes(*fingerprint), ContentHash::from_bytes(hash.try_into().expect("16 bytes are left")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::io::MemoryDisk;
    use crate::schema::Dimension;

    fn fingerprint(n: u64) -> Fingerprint {
        Fingerprint::from_bytes(u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes())
    }

    #[test]
    fn what_is_said_of_each_target_is_found_and_nothing_of_others() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let mut corrections = Corrections::default();
        for n in 0..20_000 {
            let amendment = corrections.amendments.entry(fingerprint(n)).or_default();
            amendment.retracted = n % 3 == 0;
            amendment.offer(n as u32 % 5, &Event::default().with(Dimension::Team, format!("team-{n}")));
        }
        let content = |n: u64| ContentHash::from_bytes(fingerprint(n * n).to_bytes());
        corrections.firsts = (20_000..21_000).map(|n| (fingerprint(n), content(n))).collect();
        corrections.jobs = (0..50).map(|n| n * n).collect();
        let entry = write(&disk, Identity { store: [1; 16], file: 1 }, &corrections).expect("written");
        let run = CorrectionRun::open(&*disk, &entry, [1; 16]).expect("opened");
        for n in [0, 1, 1_023, 1_024, 16_383, 16_384, 19_999] {
            let expected = corrections.amendments.get(&fingerprint(n)).cloned();
            assert_eq!(run.find(fingerprint(n)).expect("read"), expected);
            assert_eq!(run.first(fingerprint(n)).expect("read"), None);
        }
        assert_eq!(run.first(fingerprint(20_500)).expect("read"), Some(content(20_500)));
        assert_eq!(run.find(fingerprint(20_500)).expect("read"), None);
        assert_eq!((run.has_job(49).expect("read"), run.has_job(50).expect("read")), (true, false));
        assert_eq!(run.all().expect("read"), corrections);
    }
}
