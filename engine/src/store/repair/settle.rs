//! Brings rows to what is still known of corrections and attributions, after some of either, or of the rows, are gone.
//!
//! What a row says is never taken back because the correction that gave it is gone: it is said anew, as far away as
//! can be, so that any correction that is sent again goes before it. An event whose corrected row is gone counts as its
//! earlier row, brought to what corrections say of it.

use std::sync::Arc;

use hashbrown::HashSet;

use super::survey::Survey;
use crate::batch::BatchBuilder;
use crate::correction::{Amendment, Field, Mark, Settled, Version as EventVersion};
use crate::correction_run::Corrections;
use crate::dedup::{ContentHash, Fingerprint};
use crate::error::Result;
use crate::event::Event;
use crate::io::Disk;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::EventRows;
use crate::schema::Dimension;
use crate::store::dedup::HeadIndex;
use crate::store::draft::Draft;
use crate::store::ground::Ground;
use crate::store::head::Head;
use crate::store::lasting;
use crate::store::overlay::Overlay;
use crate::store::publish::Change;
use crate::store::rewrite::{REWRITTEN_ROWS, write_rows};
use crate::store::version::{SealedPart, Version};

/// Values of rows whose correction is gone stand behind those of all others.
const FARTHEST: u32 = u32::MAX;

/// Makes of rows what is known of corrections and attributions.
pub(super) struct Settler<'a> {
    disk: &'a Arc<dyn Disk>,
    survey: &'a Survey,
    version: &'a Version,
    /// Rows that do not count any more.
    over: Overlay,
    rows: BatchBuilder,
    /// What rows say of corrections that are gone.
    said: Corrections,
    /// Events of which a row was written anew.
    anew: HashSet<Fingerprint>,
}

/// A row with the identity of its event.
struct Found {
    segment: u64,
    row: u32,
    event: Event,
    mark: Mark,
    identity: Fingerprint,
}

impl<'a> Settler<'a> {
    pub(super) fn new(disk: &'a Arc<dyn Disk>, survey: &'a Survey, version: &'a Version) -> Self {
        let (over, rows, said) = (Overlay::default(), BatchBuilder::default(), Corrections::default());
        Self { disk, survey, version, over, rows, said, anew: HashSet::new() }
    }

    /// Settles all rows; of the segments that are `maskless` any row may be one that no longer counts.
    pub(super) fn parts(&mut self, maskless: &HashSet<u64>, draft: &mut Draft<'_>, change: &mut Change) -> Result<()> {
        let version = self.version;
        for part in &version.parts {
            for row in (0_u32..).take(part.segment.rows()).filter(|row| !part.hidden.contains(*row)) {
                let found = self.read(part, row)?;
                if maskless.contains(&found.segment) && self.counts_elsewhere(&found)? {
                    self.over.hide(found.segment, row);
                } else {
                    self.settle(&found)?;
                    self.write_if_many(draft, change)?;
                }
            }
        }
        for part in version.parts.iter().rev() {
            for row in &*part.hidden {
                let found = self.read(part, row)?;
                self.revive(&found)?;
                self.write_if_many(draft, change)?;
            }
        }
        Ok(())
    }

    /// Puts what was settled into `change`.
    pub(super) fn finish(mut self, draft: &mut Draft<'_>, change: &mut Change) -> Result<()> {
        let (disk, store) = (self.disk, self.survey.newest.store);
        write_rows(disk, store, &self.survey.secret, &mut self.rows, draft, change)?;
        lasting::write_masks(disk, store, self.version, &self.over, draft, change)?;
        if !self.said.is_empty() {
            change.corrections.push(lasting::write(disk, store, &self.said, draft)?);
        }
        Ok(())
    }

    fn write_if_many(&mut self, draft: &mut Draft<'_>, change: &mut Change) -> Result<()> {
        if self.rows.len() < REWRITTEN_ROWS {
            return Ok(());
        }
        write_rows(self.disk, self.survey.newest.store, &self.survey.secret, &mut self.rows, draft, change)
    }

    fn read(&self, part: &SealedPart, row: u32) -> Result<Found> {
        let (event, mark) = (part.segment.event(row as usize)?, part.segment.mark(row as usize)?);
        let (workspace, id) = name(&event);
        let identity = self.survey.secret.fingerprint(workspace, id);
        Ok(Found { segment: part.entry.segment.number, row, event, mark, identity })
    }

    /// Whether another row counts for the same event.
    fn counts_elsewhere(&self, found: &Found) -> Result<bool> {
        let (workspace, id) = name(&found.event);
        for part in &self.version.parts {
            let segment = part.entry.segment.number;
            for row in part.rows_of(found.identity, workspace, id)? {
                let is_hidden = part.hidden.contains(row)
                    || self.over.sealed.get(&segment).is_some_and(|hidden| hidden.contains(row));
                if !is_hidden && (segment, row) != (found.segment, found.row) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What is said of a row's event, by what is left and by the row itself.
    fn said_of(&mut self, found: &Found) -> Result<Amendment> {
        let (head, index) = (Head::default(), HeadIndex::default());
        let (secret, version) = (&self.survey.secret, self.version);
        let mut said = Ground { secret, version, head: &head, index: &index, frozen: None }.said_of(&found.event)?;
        let mut own = Amendment { workspace: name(&found.event).0.into(), ..Amendment::default() };
        if found.mark.replaced && !found.mark.erased && said.version.is_none() {
            own.version = Some(Box::new(EventVersion::first(&found.mark.strip(&found.event))));
        }
        own.offer(FARTHEST, &unsaid(found, said.settle(&found.event, &found.mark, &version.in_force)));
        if !own.is_empty() {
            said.join(&own);
            self.said.amendments.entry(found.identity).or_default().join(&own);
        }
        Ok(said)
    }

    fn settle(&mut self, found: &Found) -> Result<()> {
        let said = self.said_of(found)?;
        let settled = said.settle(&found.event, &found.mark, &self.version.in_force);
        if found.mark.replaced || found.mark.erased || settled == Settled::Retracted {
            self.keep_first(found)?;
        }
        match settled {
            Settled::Same => return Ok(()),
            Settled::Retracted => {}
            Settled::Changed(event, mark) => self.write(found, &event, &mark)?,
        }
        self.over.hide(found.segment, found.row);
        Ok(())
    }

    /// Has the event of a hidden row count again if its other rows are gone.
    fn revive(&mut self, found: &Found) -> Result<()> {
        if self.anew.contains(&found.identity) || self.counts_elsewhere(found)? {
            return Ok(());
        }
        // Where what was said of events is gone, only ids tell one that was retracted from one whose row is gone.
        if !self.survey.corrections.is_empty() && !self.survey.has_lost(found.identity)? {
            return self.keep_first(found);
        }
        let said = self.said_of(found)?;
        match said.settle(&found.event, &found.mark, &self.version.in_force) {
            Settled::Retracted => Ok(()),
            Settled::Same => self.write(found, &found.event, &found.mark),
            Settled::Changed(event, mark) => self.write(found, &event, &mark),
        }
    }

    /// Writes the row of an event anew.
    fn write(&mut self, found: &Found, event: &Event, mark: &Mark) -> Result<()> {
        self.rows.push_corrected(event, mark, ContentHash::default());
        self.anew.insert(found.identity);
        if mark.replaced || mark.erased { self.keep_first(found) } else { Ok(()) }
    }

    /// Keeps the identity of an event taken. Where how it was first sent is not known any more, that is what the row
    /// says its source said.
    fn keep_first(&mut self, found: &Found) -> Result<()> {
        if self.version.first(found.identity)?.is_none() {
            let first = ContentHash::of(&found.mark.strip(&found.event), &mut Vec::new());
            self.said.firsts.insert(found.identity, first);
        }
        Ok(())
    }
}

/// The workspace and the id of an event.
fn name(event: &Event) -> (&str, &str) {
    (event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE), event.id.as_deref().unwrap_or_default())
}

/// The values that a row was completed with and that nothing says any more.
fn unsaid(found: &Found, settled: Settled) -> Event {
    let mut unsaid = Event::default();
    let Settled::Changed(_, known) = settled else { return unsaid };
    for field in found.mark.completed.iter().filter(|field| !known.completed.contains(field)) {
        let event = &found.event;
        match field {
            Field::Dimension(dimension) => {
                let _ =
                    event.dimensions.get(dimension).map(|value| unsaid.dimensions.insert(*dimension, value.clone()));
            }
            Field::Number(number) => {
                let _ = event.numbers.get(number).map(|value| unsaid.numbers.insert(*number, *value));
            }
            Field::Tag(key) => {
                let _ = event.tags.get(key).map(|value| unsaid.tags.insert(key.clone(), value.clone()));
            }
        }
    }
    unsaid
}
