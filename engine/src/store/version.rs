//! The open files of one manifest.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::dedup::IdRun;
use crate::error::{Error, Result};
use crate::format::container::{Container, FileEntry};
use crate::format::manifest::{Manifest, PartEntry, RunEntry};
use crate::format::names::FileKind;
use crate::io::{Disk, Lock};
use crate::job_run::JobRun;
use crate::outcome_run::OutcomeRun;
use crate::price_book::PriceBook;
use crate::rows::{EventRows, Part};
use crate::segment::Segment;

/// Everything sealed, as of one manifest.
#[derive(Debug)]
pub(super) struct Version {
    /// Keeps its files from being removed; `None` before it is published.
    pub(super) pin: Option<Box<dyn Lock>>,
    pub(super) number: u64,
    pub(super) manifest: Manifest,
    pub(super) parts: Vec<Arc<SealedPart>>,
    pub(super) outcomes: Vec<Arc<OutcomeRun>>,
    pub(super) books: Vec<Arc<PriceBook>>,
}

/// A segment with its counters and fingerprints.
#[derive(Debug)]
pub(super) struct SealedPart {
    pub(super) entry: PartEntry,
    pub(super) segment: Arc<Segment>,
    pub(super) job_run: Arc<JobRun>,
    pub(super) id_run: IdRun,
}

impl SealedPart {
    pub(super) fn open(disk: &dyn Disk, entry: PartEntry, store: [u8; 16]) -> Result<Self> {
        Ok(Self {
            entry,
            segment: Arc::new(open_segment(disk, &entry, store)?),
            job_run: Arc::new(JobRun::open(disk, &entry.job_run, store)?),
            id_run: IdRun::open(disk, &entry.id_run, store)?,
        })
    }

    pub(super) fn part(&self) -> Part {
        let (events, counters) = (Arc::clone(&self.segment), Arc::clone(&self.job_run));
        Part { events, counters: Some(counters) }
    }
}

/// Opens the segment of a part.
pub(super) fn open_segment(disk: &dyn Disk, entry: &PartEntry, store: [u8; 16]) -> Result<Segment> {
    let segment = Segment::open(disk, &entry.segment, store)?;
    if segment.rows() as u64 != entry.rows {
        let what = format!("{} rows expected by the manifest, {} found", entry.rows, segment.rows());
        return Err(segment.container().damaged("meta", &what));
    }
    Ok(segment)
}

impl Version {
    /// Opens every file that `manifest` names; those that `before` has open already are shared.
    pub(super) fn open(
        disk: &dyn Disk,
        store: [u8; 16],
        number: u64,
        manifest: Manifest,
        before: Option<&Self>,
    ) -> Result<Self> {
        let parts = before.iter().flat_map(|before| &before.parts);
        let known_parts: HashMap<u64, &Arc<SealedPart>> = parts.map(|part| (part.entry.segment.number, part)).collect();
        let known_part = |entry: &PartEntry| known_parts.get(&entry.segment.number).filter(|part| part.entry == *entry);
        let open_part = |entry: &PartEntry| match known_part(entry) {
            Some(part) => Ok(Arc::clone(part)),
            None => SealedPart::open(disk, *entry, store).map(Arc::new),
        };
        let parts = manifest.parts.iter().map(open_part).collect::<Result<_>>()?;
        let known = |entries: fn(&Manifest) -> &Vec<RunEntry>, entry: &RunEntry| {
            entries(&before?.manifest).iter().position(|known| known == entry).zip(before)
        };
        let open_run = |entry: &RunEntry| match known(|manifest| &manifest.outcomes, entry) {
            Some((at, before)) => Ok(Arc::clone(&before.outcomes[at])),
            None => OutcomeRun::open(disk, &entry.file, store).map(Arc::new),
        };
        let outcomes = manifest.outcomes.iter().map(open_run).collect::<Result<_>>()?;
        let open_book = |entry: &RunEntry| match known(|manifest| &manifest.books, entry) {
            Some((at, before)) => Ok(Arc::clone(&before.books[at])),
            None => open_book(disk, &entry.file, store).map(Arc::new),
        };
        let books = manifest.books.iter().map(open_book).collect::<Result<_>>()?;
        Ok(Self { pin: None, number, parts, outcomes, books, manifest })
    }
}

/// The section of a price-book file.
pub(super) const BOOK: &str = "book";

fn open_book(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<PriceBook> {
    let container = Container::open_entry(disk, entry, store)?;
    let bytes = container.blob(BOOK)?.ok_or_else(|| container.damaged(BOOK, "the section is missing"))?;
    PriceBook::decode(container.path(), bytes)
}

/// A manifest with what its file says about it.
pub(super) struct Published {
    pub(super) number: u64,
    pub(super) store: [u8; 16],
    pub(super) manifest: Manifest,
    pub(super) hash: [u8; 16],
}

/// The newest manifest there is.
pub(super) fn newest_manifest(disk: &dyn Disk) -> Result<Option<Published>> {
    newest_number(disk)?.map(|number| read_manifest(disk, number)).transpose()
}

/// The number of the newest manifest there is.
pub(super) fn newest_number(disk: &dyn Disk) -> Result<Option<u64>> {
    let directory = FileKind::Manifest.directory();
    match disk.list(directory) {
        Ok(names) => Ok(names.iter().filter_map(|name| FileKind::Manifest.number(name)).max()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("list", directory, error)),
    }
}

/// Manifest `number`.
pub(super) fn read_manifest(disk: &dyn Disk, number: u64) -> Result<Published> {
    let container = Container::open(disk, FileKind::Manifest, number, None)?;
    let manifest = container.decode_blob(super::publish::MANIFEST, Manifest::decode)?;
    let manifest = manifest.ok_or_else(|| container.damaged(super::publish::MANIFEST, "the section is missing"))?;
    Ok(Published { number, store: container.identity().store, manifest, hash: container.hash() })
}
