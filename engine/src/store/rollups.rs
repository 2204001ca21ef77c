//! Rollups of parts: written with each merge, and anew where others are declared than a part was merged with.

use std::sync::Arc;

use super::draft::Draft;
use super::publish::{Change, sync_dir};
use super::state::Shared;
use super::version::SealedPart;
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{FileEntry, Identity};
use crate::format::manifest::PartEntry;
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::rollup::{self, Rollup};
use crate::rows::EventRows;
use crate::segment::Segment;

/// The most rollups that a store keeps.
const ROLLUPS_MAX: usize = 16;

impl Shared {
    /// Publishes what parts are to keep rollups of from now on.
    pub(super) fn declare_rollups(&self, mut rollups: Vec<Rollup>) -> Result<()> {
        rollups.sort_unstable();
        rollups.dedup();
        if rollups.len() > ROLLUPS_MAX {
            let count = rollups.len();
            return Err(Error::invalid(format!("{count} rollups; a store keeps at most {ROLLUPS_MAX}")));
        }
        let declared = self.publish(|_| Ok(Change { rollups: Some(rollups), ..Change::default() }));
        declared.inspect_err(|error| self.poison_by(error))
    }

    /// Writes the declared rollups of a segment under a number of its own or of its part; `None` while none are declared.
    pub(super) fn write_rollups(
        &self,
        disk: &Arc<dyn Disk>,
        segment: &Segment,
        file: u64,
    ) -> Result<Option<FileEntry>> {
        let declared = self.state().version.manifest.rollups.clone();
        if declared.is_empty() {
            return Ok(None);
        }
        let identity = Identity { store: self.store, file };
        rollup::write(disk, identity, segment, &declared, rollup::most_rows(segment.rows())).map(Some)
    }

    /// Gives one part the rollups that are declared now, if there is one with others; whether there was. What can be
    /// merged is merged first, for that writes rollups too.
    pub(super) fn renew_rollups(&self, disk: &Arc<dyn Disk>) -> Result<bool> {
        let _turn = self.merger.turn.lock();
        self.check_usable()?;
        let version = Arc::clone(&self.state().version);
        let Some(part) = version.parts.iter().find(|part| part.declared() != version.manifest.rollups) else {
            return Ok(false);
        };
        let before = part.entry;
        let mut draft = Draft::new(&self.numbers);
        let after = match self.write_renewed(disk, part, &mut draft) {
            Ok(rollups) => PartEntry { rollups, ..before },
            Err(error) => {
                // Whatever failed, no manifest names this file.
                draft.abandon(&*self.disk);
                return Err(error.context("writing rollups"));
            }
        };
        drop(version);
        match self.publish_draft(draft, Change { changed: vec![(before, after)], ..Change::default() }) {
            // Corrections came first and hide other rows of the part.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(true),
            published => published.inspect_err(|error| self.poison_by(error)).map(|()| true),
        }
    }

    fn write_renewed(
        &self,
        disk: &Arc<dyn Disk>,
        part: &SealedPart,
        draft: &mut Draft<'_>,
    ) -> Result<Option<FileEntry>> {
        // Opened once more, so that nothing of it stays in memory for the sake of queries.
        let segment = Segment::open(&**disk, &part.entry.segment, self.store)?;
        self.check_room(part.entry.job_run.bytes.saturating_add(self.options.reserve_bytes))?;
        let rollups = self.write_rollups(disk, &segment, draft.take())?;
        sync_dir(&**disk, FileKind::Rollups.directory())?;
        Ok(rollups)
    }
}
