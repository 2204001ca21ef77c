//! What of a damaged store is whole. Nothing is changed by looking.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Loss, Lost, Repair};
use crate::correction_run::{CorrectionRun, Corrections};
use crate::dedup::{Fingerprint, IdRun, Secret};
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{Container, FileEntry};
use crate::format::manifest::{PartEntry, RunEntry};
use crate::format::names::{LOG_DIR, log_file};
use crate::io::Disk;
use crate::log::{self, LostRecords, Recovery, Start};
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::outcome_run::OutcomeRun;
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};
use crate::segment::{Segment, read_mask};
use crate::store::read_only::pin_newest;
use crate::store::verify::{Verification, verify_part};
use crate::store::version::{Published, open_attribution, open_book, open_segment};
use crate::time::Timestamp;

/// What is damaged, with what is whole of it.
pub(super) struct Survey {
    pub(super) newest: Published,
    pub(super) secret: Secret,
    pub(super) parts: Vec<HurtPart>,
    pub(super) outcomes: Vec<Hurt<Vec<Outcome>>>,
    pub(super) corrections: Vec<Hurt<Corrections>>,
    pub(super) books: Vec<RunEntry>,
    pub(super) attributions: Vec<RunEntry>,
    /// All files of the log, where one of them is damaged.
    log: Vec<String>,
    lost_records: Vec<LostRecords>,
    damage: Vec<Error>,
}

/// A part of which a file is damaged.
pub(super) struct HurtPart {
    pub(super) entry: PartEntry,
    /// The segment, where it can be opened.
    pub(super) segment: Option<Arc<Segment>>,
    /// Its rows that cannot be read.
    pub(super) lost: RoaringBitmap,
    /// Its rows that do not count, where that can be told.
    pub(super) hidden: Option<RoaringBitmap>,
    /// What is known of the ids of rows, where some cannot be read and this can.
    pub(super) lost_ids: Option<IdRun>,
    /// Those of its files that are damaged.
    files: Vec<FileEntry>,
}

/// A damaged run, with what is whole of it.
pub(super) struct Hurt<T> {
    pub(super) entry: RunEntry,
    pub(super) whole: T,
    /// How many things are not.
    lost: u64,
}

impl Survey {
    pub(super) fn of(disk: &dyn Disk) -> Result<Self> {
        let backup = "without it nothing can be repaired; restore a backup";
        let (newest, _pin) = pin_newest(disk).map_err(|error| error.hint(backup))?;
        let store = newest.store;
        let secret = Secret::read(disk, store).map_err(|error| {
            error.hint("without it no event is told from another; every backup of this store holds a copy of the file")
        })?;
        let (outcomes, corrections, parts) = (Vec::new(), Vec::new(), Vec::new());
        let (books, attributions, log, lost_records, damage) = Default::default();
        let mut survey =
            Self { newest, secret, parts, outcomes, corrections, books, attributions, log, lost_records, damage };
        survey.parts(disk)?;
        survey.runs(disk)?;
        survey.log(disk)?;
        Ok(survey)
    }

    fn parts(&mut self, disk: &dyn Disk) -> Result<()> {
        for entry in self.newest.manifest.parts.clone() {
            let mut report = Verification::default();
            verify_part(disk, &entry, self.newest.store, &self.secret, &mut report);
            let hidden = self.mask(disk, &entry).map_err(|error| report.damage.push(error)).ok();
            if report.damage.is_empty() {
                continue;
            }
            refuse_newer(&report.damage)?;
            let segment = open_segment(disk, &entry, self.newest.store).ok().map(Arc::new);
            let rows = 0..u32::try_from(entry.rows).map_err(|_| Error::invalid("a segment of 2³² rows"))?;
            let is_whole = |row: u32| {
                let segment = segment.as_ref()?;
                segment.event(row as usize).and_then(|_| segment.mark(row as usize)).ok()
            };
            let lost: RoaringBitmap = rows.filter(|row| is_whole(*row).is_none()).collect();
            let store = self.newest.store;
            let mut files: Vec<_> = entry.files().filter(|file| !is_sound(disk, file, store)).copied().collect();
            // Files may be sound, each by itself, and not fit together.
            if files.is_empty() {
                files = entry.files().copied().collect();
            }
            let lost_ids = (!lost.is_empty() && is_sound(disk, &entry.id_run, store))
                .then(|| IdRun::open(disk, &entry.id_run, store))
                .transpose()?;
            self.parts.push(HurtPart { entry, segment, lost, hidden, lost_ids, files });
            self.damage.extend(report.damage);
        }
        Ok(())
    }

    fn mask(&self, disk: &dyn Disk, entry: &PartEntry) -> Result<RoaringBitmap> {
        let Some(mask) = &entry.mask else { return Ok(RoaringBitmap::new()) };
        Container::open_entry(disk, &mask.file, self.newest.store)?.verify(&mask.file)?;
        read_mask(disk, &mask.file, self.newest.store, entry.rows, mask.number)
    }

    fn runs(&mut self, disk: &dyn Disk) -> Result<()> {
        let (store, manifest) = (self.newest.store, &self.newest.manifest);
        let mut check = |entry: &RunEntry, read: &dyn Fn() -> Result<()>| {
            let opened = Container::open_entry(disk, &entry.file, store);
            let damage = opened.and_then(|container| container.verify(&entry.file)).and_then(|()| read()).err();
            let is_hurt = damage.is_some();
            self.damage.extend(damage);
            is_hurt
        };
        for entry in manifest.outcomes.iter().filter(|entry| check(entry, &|| Ok(()))) {
            let whole = OutcomeRun::open(disk, &entry.file, store).map_or_else(|_| Vec::new(), |run| run.whole());
            let lost = entry.number.saturating_sub(whole.len() as u64);
            self.outcomes.push(Hurt { entry: *entry, whole, lost });
        }
        for entry in manifest.corrections.iter().filter(|entry| check(entry, &|| Ok(()))) {
            let run = CorrectionRun::open(disk, &entry.file, store);
            let whole = run.map_or_else(|_| Corrections::default(), |run| run.whole());
            let lost = entry.number.saturating_sub(whole.len() as u64);
            self.corrections.push(Hurt { entry: *entry, whole, lost });
        }
        let is_hurt = |entry: &&RunEntry| check(entry, &|| open_book(disk, &entry.file, store).map(drop));
        self.books = manifest.books.iter().filter(is_hurt).copied().collect();
        let is_hurt = |entry: &&RunEntry| check(entry, &|| open_attribution(disk, &entry.file, store).map(drop));
        self.attributions = manifest.attributions.iter().filter(is_hurt).copied().collect();
        refuse_newer(&self.damage)
    }

    fn log(&mut self, disk: &dyn Disk) -> Result<()> {
        let (store, manifest) = (self.newest.store, &self.newest.manifest);
        let start = Start { store, flushed_lsn: manifest.flushed_lsn, min_file: manifest.first_log };
        match log::recover(disk, start, &mut |_| Ok(())) {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => self.damage.push(error),
            Err(error) => return Err(error),
        }
        let Recovery { files, lost, .. } = log::salvage(disk, start, &mut |_| Ok(()))?;
        self.log = files.into_iter().map(log_file).collect();
        self.lost_records = lost;
        Ok(())
    }

    /// What is wrong and what is lost.
    pub(super) fn report(&self) -> Repair {
        let path = |file: &FileEntry| file.kind.path(file.number);
        let mut losses: Vec<Loss> = self.parts.iter().flat_map(HurtPart::losses).collect();
        let mut add = |entry: &RunEntry, what| losses.push(Loss { file: path(&entry.file), what });
        let counted = |lost: u64, what: Lost| if lost == 0 { Lost::Nothing } else { what };
        self.outcomes.iter().for_each(|hurt| add(&hurt.entry, counted(hurt.lost, Lost::Outcomes(hurt.lost))));
        self.corrections.iter().for_each(|hurt| add(&hurt.entry, counted(hurt.lost, Lost::Corrections(hurt.lost))));
        self.books.iter().for_each(|entry| add(entry, Lost::PriceBook(entry.number)));
        self.attributions.iter().for_each(|entry| add(entry, Lost::Attribution(entry.number)));
        losses.extend(self.lost_records.iter().map(log_loss));
        Repair { damage: self.damage.iter().map(copy).collect(), losses, moved: Vec::new() }
    }

    /// Whether a row that is lost may be of the event of that identity.
    pub(super) fn has_lost(&self, identity: Fingerprint) -> Result<bool> {
        for part in &self.parts {
            if part.has_lost(identity)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether anything but the log is damaged.
    pub(super) fn has_damaged_files(&self) -> bool {
        let runs = [&self.books, &self.attributions].into_iter().any(|runs| !runs.is_empty());
        runs || !(self.parts.is_empty() && self.outcomes.is_empty() && self.corrections.is_empty())
    }

    /// The paths of damaged files, and of all files of a damaged log.
    pub(super) fn damaged_files(&self) -> Vec<String> {
        let parts = self.parts.iter().flat_map(|part| &part.files);
        let runs = self.books.iter().chain(&self.attributions);
        let runs = runs.chain(self.outcomes.iter().map(|hurt| &hurt.entry));
        let runs = runs.chain(self.corrections.iter().map(|hurt| &hurt.entry)).map(|entry| &entry.file);
        let files = parts.chain(runs).map(|file| file.kind.path(file.number));
        files.chain(self.log.iter().cloned()).collect()
    }
}

/// The loss of records of the log.
pub(in crate::store) fn log_loss(lost: &LostRecords) -> Loss {
    Loss { file: LOG_DIR.into(), what: Lost::Records(*lost) }
}

impl HurtPart {
    fn has_lost(&self, identity: Fingerprint) -> Result<bool> {
        let Some(ids) = &self.lost_ids else { return Ok(false) };
        Ok(ids.candidates(identity)?.any(|row| u32::try_from(row).is_ok_and(|row| self.lost.contains(row))))
    }

    fn losses(&self) -> impl Iterator<Item = Loss> {
        self.files.iter().map(|file| {
            let what = match file.kind {
                kind if kind == self.entry.segment.kind && !self.lost.is_empty() => self.lost_events(),
                kind if self.entry.mask.is_some_and(|mask| mask.file.kind == kind) => {
                    Lost::Hidden(self.entry.mask.map_or(0, |mask| mask.number))
                }
                _ => Lost::Nothing,
            };
            Loss { file: file.kind.path(file.number), what }
        })
    }

    fn lost_events(&self) -> Lost {
        let times = self.lost.iter().map(|row| self.segment.as_ref()?.time(row as usize).ok());
        let window = (self.entry.window.start, self.entry.window.end);
        let (from, to) = match times.collect::<Option<Vec<i64>>>() {
            Some(times) => {
                let of = |time: Option<&i64>, or: Timestamp| time.map_or(or, |time| Timestamp::from_micros(*time));
                (of(times.iter().min(), window.0), of(times.iter().max(), window.1))
            }
            None => window,
        };
        let workspaces: Option<BTreeSet<Text>> = self.lost.iter().map(|row| self.workspace(row)).collect();
        let workspaces = workspaces.map(|names| names.into_iter().collect());
        Lost::Events { rows: self.lost.len(), of: self.entry.rows, from, to, workspaces }
    }

    fn workspace(&self, row: u32) -> Option<Text> {
        let segment = self.segment.as_ref()?;
        let dictionary = segment.dictionary(Dimension::Workspace).ok()?;
        let code = segment.code(Dimension::Workspace, row as usize).ok()?;
        Some(dictionary.get(code).unwrap_or(DEFAULT_WORKSPACE).into())
    }
}

fn is_sound(disk: &dyn Disk, file: &FileEntry, store: [u8; 16]) -> bool {
    Container::open_entry(disk, file, store).is_ok_and(|container| container.verify(file).is_ok())
}

/// What a newer Quipu wrote is not damaged, and not for this one to take out.
fn refuse_newer(damage: &[Error]) -> Result<()> {
    damage.iter().find(|error| error.kind() == ErrorKind::Unsupported).map_or(Ok(()), |error| Err(copy(error)))
}

fn copy(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}
