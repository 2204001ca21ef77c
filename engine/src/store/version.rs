//! The open files of one manifest.

use std::sync::Arc;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::jobs::KnownJobs;
use crate::attribution::{Attribution, InForce};
use crate::correction_run::CorrectionRun;
use crate::dedup::IdRun;
use crate::error::{Error, Result};
use crate::format::container::{Container, FileEntry};
use crate::format::manifest::{Manifest, PartEntry, RunEntry};
use crate::format::names::FileKind;
use crate::io::{Disk, Lock};
use crate::job_run::JobRun;
use crate::outcome_run::OutcomeRun;
use crate::price_book::PriceBook;
use crate::rollup::{Rollup, RollupRun};
use crate::rows::{CounterRows, EventRows, Part};
use crate::segment::{Segment, read_mask};

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
    pub(super) corrections: Vec<Arc<CorrectionRun>>,
    pub(super) attributions: Vec<Arc<Attribution>>,
    /// What these come to.
    pub(super) in_force: Arc<InForce>,
    /// Where each part is in `parts`, by the number of its segment.
    places: HashMap<u64, usize>,
    pub(super) jobs: KnownJobs,
}

/// A segment with its counters and fingerprints.
#[derive(Debug)]
pub(super) struct SealedPart {
    pub(super) entry: PartEntry,
    pub(super) segment: Arc<Segment>,
    pub(super) job_run: Arc<JobRun>,
    pub(super) id_run: Arc<IdRun>,
    rollups: Option<Arc<RollupRun>>,
    /// The rows that no longer count.
    pub(super) hidden: Arc<RoaringBitmap>,
}

impl SealedPart {
    pub(super) fn open(disk: &dyn Disk, entry: PartEntry, store: [u8; 16]) -> Result<Self> {
        let segment = Arc::new(open_segment(disk, &entry, store)?);
        Ok(Self {
            entry,
            segment: Arc::clone(&segment),
            rollups: open_rollups(disk, &entry, store, &segment)?,
            job_run: Arc::new(JobRun::open(disk, &entry.job_run, store, segment)?),
            id_run: Arc::new(IdRun::open(disk, &entry.id_run, store)?),
            hidden: open_mask(disk, &entry, store)?,
        })
    }

    /// The same part with the mask and the rollups that `entry` names.
    fn changed(&self, disk: &dyn Disk, entry: PartEntry, store: [u8; 16]) -> Result<Self> {
        Ok(Self {
            entry,
            segment: Arc::clone(&self.segment),
            job_run: Arc::clone(&self.job_run),
            id_run: Arc::clone(&self.id_run),
            rollups: open_rollups(disk, &entry, store, &self.segment)?,
            hidden: open_mask(disk, &entry, store)?,
        })
    }

    /// The part without the rows that are hidden by its mask or by `more`.
    pub(super) fn part<'a>(&self, more: impl IntoIterator<Item = &'a RoaringBitmap>) -> Part {
        let events: Arc<dyn EventRows> = Arc::clone(&self.segment) as Arc<dyn EventRows>;
        let mut hidden = Arc::clone(&self.hidden);
        for rows in more {
            *Arc::make_mut(&mut hidden) |= rows;
        }
        let rollups = self.rollups.iter().flat_map(|run| run.kept()).collect();
        Part { hidden, counters: Some(Arc::clone(&self.job_run) as Arc<dyn CounterRows>), rollups, ..Part::of(events) }
    }

    /// What was to be kept as rollups when those of the part were written.
    pub(super) fn declared(&self) -> &[Rollup] {
        self.rollups.as_ref().map_or(&[], |run| run.declared())
    }

    /// Its rollups.
    pub(super) fn rollups(&self) -> Option<&RollupRun> {
        self.rollups.as_deref()
    }
}

fn open_rollups(
    disk: &dyn Disk,
    entry: &PartEntry,
    store: [u8; 16],
    segment: &Arc<Segment>,
) -> Result<Option<Arc<RollupRun>>> {
    let open = |file: &FileEntry| RollupRun::open(disk, file, store, segment).map(Arc::new);
    entry.rollups.as_ref().map(open).transpose()
}

fn open_mask(disk: &dyn Disk, entry: &PartEntry, store: [u8; 16]) -> Result<Arc<RoaringBitmap>> {
    let Some(mask) = &entry.mask else { return Ok(Arc::default()) };
    read_mask(disk, &mask.file, store, entry.rows, mask.number).map(Arc::new)
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
        let open_part = |entry: &PartEntry| match known_parts.get(&entry.segment.number) {
            Some(part) if part.entry == *entry => Ok(Arc::clone(part)),
            Some(part) if (PartEntry { mask: entry.mask, rollups: entry.rollups, ..part.entry }) == *entry => {
                part.changed(disk, *entry, store).map(Arc::new)
            }
            _ => SealedPart::open(disk, *entry, store).map(Arc::new),
        };
        let parts = manifest.parts.iter().map(open_part).collect::<Result<Vec<_>>>()?;
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
        let open_corrections = |entry: &RunEntry| match known(|manifest| &manifest.corrections, entry) {
            Some((at, before)) => Ok(Arc::clone(&before.corrections[at])),
            None => CorrectionRun::open(disk, &entry.file, store).map(Arc::new),
        };
        let corrections = manifest.corrections.iter().map(open_corrections).collect::<Result<_>>()?;
        let open_attribution = |entry: &RunEntry| match known(|manifest| &manifest.attributions, entry) {
            Some((at, before)) => Ok(Arc::clone(&before.attributions[at])),
            None => open_attribution(disk, &entry.file, store).map(Arc::new),
        };
        let attributions: Vec<_> = manifest.attributions.iter().map(open_attribution).collect::<Result<_>>()?;
        let in_force = match before.filter(|before| before.manifest.attributions == manifest.attributions) {
            Some(before) => Arc::clone(&before.in_force),
            None => Arc::new(InForce::of(&attributions)),
        };
        let places = parts.iter().enumerate().map(|(at, part)| (part.entry.segment.number, at)).collect();
        let jobs = KnownJobs::default();
        Ok(Self {
            pin: None,
            number,
            parts,
            outcomes,
            books,
            corrections,
            attributions,
            in_force,
            places,
            jobs,
            manifest,
        })
    }

    /// The part of that segment.
    pub(super) fn part(&self, segment: u64) -> Option<&Arc<SealedPart>> {
        self.parts.get(*self.places.get(&segment)?)
    }
}

/// The section of a price-book file.
pub(super) const BOOK: &str = "book";

pub(super) fn open_book(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<PriceBook> {
    let container = Container::open_entry(disk, entry, store)?;
    let bytes = container.blob(BOOK)?.ok_or_else(|| container.damaged(BOOK, "the section is missing"))?;
    PriceBook::decode(container.path(), bytes)
}

/// The section of an attribution's file.
pub(super) const ATTRIBUTION: &str = "attribution";

pub(super) fn open_attribution(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16]) -> Result<Attribution> {
    let container = Container::open_entry(disk, entry, store)?;
    let attribution = container.decode_blob(ATTRIBUTION, Attribution::decode)?;
    attribution.ok_or_else(|| container.damaged(ATTRIBUTION, "the section is missing"))
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
