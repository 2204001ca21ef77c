//! Looking for texts in every byte of a store: as they lie in its files, and as these decode.
//!
//! Files are taken as they lie there, whether a manifest names them or not, for what was removed only in name is found
//! too. Whoever may see one workspace alone is told what decodes to something of that workspace, and nothing else: bytes
//! do not tell whose they are.

mod own_rows;

use std::path::Path;

use memchr::memmem;

use super::read_only::{not_a_store, on_store};
use super::version::{ATTRIBUTION, BOOK, newest_manifest};
use crate::attribution::{Attribution, AttributionChange};
use crate::batch::Texts;
use crate::codec::bytes::DecodeError;
use crate::correction::{Amendment, Change, Correction, Target};
use crate::correction_run::CorrectionRun;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::format::container::{Container, FileEntry};
use crate::format::correction_row::decode_corrections;
use crate::format::event_row::{decode_events, decode_outcomes};
use crate::format::log_frame::FrameKind;
use crate::format::names::{DIRECTORIES, FileKind, LOG_DIR, LOST_DIR, SERVER_DIR};
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::log;
use crate::log::{Frame, Start};
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::outcome_run::OutcomeRun;
use crate::rows::EventRows;
use crate::schema::Dimension;
use crate::segment::Segment;

/// Where a text was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The file, relative to the store.
    pub file: String,
    /// Where in it: `bytes` as they lie there, or what decodes to it.
    pub place: String,
    /// How often.
    pub times: u64,
}

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// Every byte of the store, and of what the server keeps in it.
    Everything,
    /// Events, outcomes, corrections and attributions of one workspace, in whatever files they lie.
    Workspace(&'a str),
}

/// Looks for a text in every file of the store in `dir`, until `stopped` says so.
///
/// # Errors
/// [`ErrorKind::NotAStore`] when there is none; [`ErrorKind::Corrupt`] when something cannot be read, so that nobody
/// can tell; [`ErrorKind::Cancelled`] when it was stopped.
pub fn search(dir: impl AsRef<Path>, text: &str, reach: Reach<'_>, stopped: impl Fn() -> bool) -> Result<Vec<Found>> {
    on_store(dir.as_ref(), |disk| search_on(&disk, text, reach, &stopped))
}

/// Looks for a text in every file of the store on any disk.
///
/// # Errors
/// As [`search`].
pub fn search_on(disk: &dyn Disk, text: &str, reach: Reach<'_>, stopped: &dyn Fn() -> bool) -> Result<Vec<Found>> {
    if text.is_empty() {
        return Err(Error::invalid("there is nothing to look for: the text is empty"));
    }
    let newest = newest_manifest(disk)?.ok_or_else(not_a_store)?;
    if let Some(name) = disk.list(LOST_DIR).unwrap_or_default().first() {
        let what =
            "a repair took it out, so what it decodes to cannot be searched; remove it once it is of no more use";
        return Err(Error::corrupt(&format!("{LOST_DIR}/{name}"), 0, what));
    }
    let (finder, file) = (memmem::Finder::new(text), String::new());
    let mut search = Search { text, reach, stopped, finder, file, found: Vec::new() };
    for directory in std::iter::once("").chain(DIRECTORIES).chain([SERVER_DIR]) {
        let Ok(names) = disk.list(directory) else { continue };
        for name in names {
            search.go_on()?;
            search.file = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            // What cannot be opened as a file is a directory, or went just now.
            let Ok(bytes) = disk.open(&search.file) else { continue };
            search.bytes("bytes", &bytes);
            let of_kind =
                |kind: &FileKind| Some((*kind, kind.number(&name).filter(|_| kind.directory() == directory)?));
            if let Some((kind, number)) = FileKind::NUMBERED.iter().find_map(of_kind) {
                search.container(disk, kind, number, newest.store)?;
            }
        }
    }
    search.file = LOG_DIR.into();
    let manifest = &newest.manifest;
    let start = Start { store: newest.store, flushed_lsn: manifest.flushed_lsn, min_file: manifest.first_log };
    log::follow(disk, start, &mut |frame| search.frame(&frame))?;
    search.found.sort_unstable();
    Ok(search.found)
}

struct Search<'a> {
    text: &'a str,
    reach: Reach<'a>,
    stopped: &'a dyn Fn() -> bool,
    finder: memmem::Finder<'a>,
    file: String,
    found: Vec<Found>,
}

impl Search<'_> {
    fn go_on(&self) -> Result<()> {
        match (self.stopped)() {
            true => Err(Error::new(ErrorKind::Cancelled, "the search was stopped before it was done")),
            false => Ok(()),
        }
    }

    /// Whether what is of a workspace is looked at.
    fn reaches(&self, workspace: &str) -> bool {
        match self.reach {
            Reach::Everything => true,
            Reach::Workspace(own) => own == workspace,
        }
    }

    /// Looks at bytes of which nobody can tell whose they are.
    fn bytes(&mut self, place: &str, bytes: &[u8]) {
        if let Reach::Everything = self.reach {
            self.add(place, self.finder.find_iter(bytes).count() as u64);
        }
    }

    fn add(&mut self, place: &str, times: u64) {
        let same = |found: &&mut Found| found.file == self.file && found.place == place;
        match self.found.iter_mut().find(same) {
            Some(found) => found.times += times,
            None if times > 0 => self.found.push(Found { file: self.file.clone(), place: place.into(), times }),
            None => {}
        }
    }

    fn look(&mut self, place: &str, text: &str) {
        if text.contains(self.text) {
            self.add(place, 1);
        }
    }

    fn container(&mut self, disk: &dyn Disk, kind: FileKind, number: u64, store: [u8; 16]) -> Result<()> {
        let container = Container::open(disk, kind, number, Some(store))?;
        let entry = FileEntry { kind, number, bytes: container.file_bytes(), hash: container.hash() };
        match kind {
            FileKind::Segment => {
                let segment = Segment::open(disk, &entry, store)?;
                match self.reach {
                    Reach::Everything => self.segment(&segment),
                    Reach::Workspace(own) => {
                        let found = own_rows::find(&segment, own, self.text, &|| self.go_on())?;
                        found.into_iter().for_each(|(place, times)| self.add(place, times));
                        Ok(())
                    }
                }
            }
            FileKind::OutcomeRun => {
                let outcomes = OutcomeRun::open(disk, &entry, store)?.all()?;
                outcomes.iter().for_each(|outcome| self.outcome(outcome));
                Ok(())
            }
            FileKind::CorrectionRun => {
                let corrections = CorrectionRun::open(disk, &entry, store)?.all()?;
                corrections.amendments.values().for_each(|amendment| self.amendment(amendment));
                Ok(())
            }
            FileKind::PriceBook => {
                self.bytes(BOOK, container.blob(BOOK)?.unwrap_or_default());
                Ok(())
            }
            FileKind::Attribution => {
                let attribution = container.decode_blob(ATTRIBUTION, Attribution::decode)?;
                attribution.iter().for_each(|attribution| self.attribution(attribution));
                Ok(())
            }
            // Numbers, hashes and bitmaps, and texts as they are.
            FileKind::Manifest
            | FileKind::JobRun
            | FileKind::Rollups
            | FileKind::IdRun
            | FileKind::Mask
            | FileKind::Secret => Ok(()),
        }
    }

    /// Looks at what was stored last, which is in the log alone.
    fn frame(&mut self, frame: &Frame) -> Result<()> {
        self.bytes("records", &frame.payload);
        let Reach::Workspace(_) = self.reach else { return Ok(()) };
        self.go_on()?;
        let broken = |error: DecodeError| {
            let what = format!("log frame at LSN {}: sound by its checksum, but {error}", frame.lsn);
            Error::new(ErrorKind::Corrupt, what)
        };
        match frame.kind {
            FrameKind::Events => {
                for event in decode_events(&frame.payload).map_err(broken)? {
                    if self.reaches(event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE)) {
                        self.event("records", &event);
                    }
                }
            }
            FrameKind::Corrections => {
                let corrections = decode_corrections(&frame.payload).map_err(broken)?;
                corrections.iter().for_each(|correction| self.correction(correction));
            }
            FrameKind::Outcomes => {
                let outcomes = decode_outcomes(&frame.payload).map_err(broken)?;
                outcomes.iter().for_each(|outcome| self.outcome(outcome));
            }
            FrameKind::Seal | FrameKind::Heartbeat => {}
        }
        Ok(())
    }

    fn segment(&mut self, segment: &Segment) -> Result<()> {
        for dimension in Dimension::ALL {
            self.go_on()?;
            let values = segment.read_dictionary(*dimension)?;
            values.iter().for_each(|(_, value)| self.look(dimension.name(), value));
        }
        let sets = segment.read_tag_sets()?;
        for set in 0..u32::try_from(sets.len()).unwrap_or(u32::MAX) {
            for (key, value) in sets.get(set) {
                self.look("tags", key);
                self.look("tags", value);
            }
        }
        for key in segment.tag_columns() {
            self.look("tags", &key);
            segment.read_tag_dictionary(&key)?.iter().for_each(|(_, value)| self.look("tags", value));
        }
        let mut ids = Texts::default();
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            self.go_on()?;
            ids.clear();
            segment.ids(block, &mut ids)?;
            ids.iter().for_each(|id| self.look("ids", id));
        }
        for name in segment.meters().iter().map(ToString::to_string) {
            self.look("meters", &name);
        }
        Ok(())
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if !self.reaches(outcome.workspace()) {
            return;
        }
        self.look("job_id", &outcome.job_id);
        let texts = [outcome.workspace.as_deref(), outcome.metadata.as_deref(), outcome.idempotency_key.as_deref()];
        for text in texts.into_iter().flatten().chain(outcome.reason.as_deref()) {
            self.look("outcomes", text);
        }
    }

    fn correction(&mut self, correction: &Correction) {
        if !self.reaches(correction.workspace()) {
            return;
        }
        match &correction.target {
            Target::Event(name) | Target::Trace(name) => self.look("records", name),
        }
        match &correction.change {
            Change::Retract => {}
            Change::Replace { event, .. } | Change::Complete { values: event, .. } => self.event("records", event),
        }
    }

    fn amendment(&mut self, amendment: &Amendment) {
        if !self.reaches(&amendment.workspace) {
            return;
        }
        if let Some(version) = &amendment.version {
            self.event("amendments", &version.event);
        }
        amendment.dimensions.iter().for_each(|(_, said)| self.look("amendments", &said.value));
        for (key, said) in amendment.tags.iter() {
            self.look("amendments", key);
            self.look("amendments", &said.value);
        }
    }

    fn attribution(&mut self, attribution: &Attribution) {
        let Attribution { by, why, workspace, change, .. } = attribution;
        if !self.reaches(workspace) {
            return;
        }
        [by.as_str(), why, workspace].iter().for_each(|text| self.look("attributions", text));
        if let AttributionChange::Assign(assignments) = change {
            for assignment in assignments {
                self.look("attributions", &assignment.key);
                assignment.values.iter().for_each(|(_, value)| self.look("attributions", value));
            }
        }
    }

    fn event(&mut self, place: &str, event: &Event) {
        event.id.iter().for_each(|id| self.look(place, id));
        event.dimensions.iter().for_each(|(_, value)| self.look(place, value));
        event.usage.iter().for_each(|(meter, _)| self.look(place, &meter.to_string()));
        for (key, value) in event.tags.iter() {
            self.look(place, key);
            self.look(place, value);
        }
    }
}
