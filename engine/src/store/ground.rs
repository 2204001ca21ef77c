//! What corrections find: events where they lie, and what was said of them before.

use roaring::RoaringBitmap;

use super::dedup::{Entry, HeadIndex};
use super::head::Head;
use super::version::{SealedPart, Version};
use crate::batch::Batch;
use crate::correction::{Amendment, Mark};
use crate::dedup::{ContentHash, Fingerprint, Secret};
use crate::error::Result;
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::{EventRows, ZoneColumn};
use crate::schema::Dimension;

/// Everything stored, layer by layer. Where a layer knows an event, what lower ones hold of it is outdated.
pub(super) struct Ground<'a> {
    pub(super) secret: &'a Secret,
    pub(super) version: &'a Version,
    pub(super) head: &'a Head,
    pub(super) index: &'a HeadIndex,
    /// The head that is being sealed.
    pub(super) frozen: Option<(&'a Head, &'a HeadIndex)>,
}

/// Where a row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the head.
    Head(u32),
    /// In the head that is being sealed.
    Frozen(u32),
    /// In the segment of that number.
    Sealed(u64, u32),
}

/// What is known of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It was never stored.
    Unknown,
    /// It was stored and retracted.
    Gone,
    /// It counts.
    At(Place),
}

/// An event with what its place says of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) event: Event,
    pub(super) mark: Mark,
    /// The content hash of how it was first sent.
    pub(super) first: ContentHash,
}

impl Row {
    fn of_batch(batch: &Batch, row: usize) -> Result<Self> {
        let mark = batch.marks.get(row).cloned().unwrap_or_default();
        Ok(Self { event: batch.event(row)?, mark, first: batch.firsts[row] })
    }

    /// The row of a segment of `version`.
    pub(super) fn of_segment(secret: &Secret, version: &Version, part: &SealedPart, row: u32) -> Result<Self> {
        let (event, mark) = (part.segment.event(row as usize)?, part.segment.mark(row as usize)?);
        if !mark.replaced && !mark.erased {
            let first = ContentHash::of(&mark.strip(&event), &mut Vec::new());
            return Ok(Self { event, mark, first });
        }
        let row = Self { event, mark, first: ContentHash::default() };
        let first = version.first(row.fingerprint(secret))?.ok_or_else(|| {
            let id = row.event.id.as_deref().unwrap_or_default();
            part.segment.container().damaged("marks", &format!("what {id:?} was before it was replaced is not known"))
        })?;
        Ok(Self { first, ..row })
    }

    pub(super) fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        secret.fingerprint(self.workspace(), self.event.id.as_deref().unwrap_or_default())
    }

    fn workspace(&self) -> &str {
        self.event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE)
    }
}

impl Ground<'_> {
    /// Whether nothing was ever corrected or assigned.
    pub(super) fn is_untouched(&self) -> bool {
        if !self.version.in_force.is_empty() {
            return false;
        }
        let heads = std::iter::once(self.index).chain(self.frozen.map(|(_, index)| index));
        self.version.corrections.is_empty() && heads.into_iter().all(|index| index.amendments.is_empty())
    }

    /// What was said of a target.
    pub(super) fn amendment(&self, target: Fingerprint) -> Result<Amendment> {
        let mut said = Amendment::default();
        for index in std::iter::once(self.index).chain(self.frozen.map(|(_, index)| index)) {
            if let Some(amendment) = index.amendments.get(&target) {
                said.join(amendment);
            }
        }
        for run in &self.version.corrections {
            if let Some(amendment) = run.find(target)? {
                said.join(&amendment);
            }
        }
        Ok(said)
    }

    /// What was said of an event, by its id or by its trace.
    pub(super) fn said_of(&self, event: &Event) -> Result<Amendment> {
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let id = event.id.as_deref().unwrap_or_default();
        let mut said = self.amendment(self.secret.fingerprint(workspace, id))?;
        if let Some(trace) = event.get(Dimension::TraceId) {
            said.join(&self.amendment(self.secret.trace(workspace, trace))?);
        }
        Ok(said)
    }

    /// Where an event is.
    pub(super) fn find(&self, fingerprint: Fingerprint, workspace: &str, id: &str) -> Result<Whereabouts> {
        let of = |entry: &Entry, place: fn(u32) -> Place| match entry.row {
            Entry::GONE => Whereabouts::Gone,
            row => Whereabouts::At(place(row)),
        };
        if let Some(entry) = self.index.events.get(&fingerprint) {
            return Ok(of(entry, Place::Head));
        }
        if let Some(entry) = self.frozen.and_then(|(_, index)| index.events.get(&fingerprint)) {
            return Ok(of(entry, Place::Frozen));
        }
        let mut whereabouts = Whereabouts::Unknown;
        for part in &self.version.parts {
            for row in part.rows_of(fingerprint, workspace, id)? {
                if !self.hides(part, row) {
                    return Ok(Whereabouts::At(Place::Sealed(part.entry.segment.number, row)));
                }
                whereabouts = Whereabouts::Gone;
            }
        }
        if whereabouts == Whereabouts::Unknown && self.version.first(fingerprint)?.is_some() {
            whereabouts = Whereabouts::Gone;
        }
        Ok(whereabouts)
    }

    /// Whether a row of a part no longer counts.
    fn hides(&self, part: &SealedPart, row: u32) -> bool {
        let heads = std::iter::once(self.head).chain(self.frozen.map(|(head, _)| head));
        let over =
            |head: &Head| head.over.sealed.get(&part.entry.segment.number).is_some_and(|rows| rows.contains(row));
        part.hidden.contains(row) || heads.into_iter().any(over)
    }

    /// Where the events of a trace are.
    pub(super) fn find_trace(&self, workspace: &str, trace_id: &str) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let mut of_head = |head: &Head, index: &HeadIndex, hidden: &[&RoaringBitmap], place: fn(u32) -> Place| {
            for row in index.rows_of_trace(head, trace_id) {
                let (batch, at) = head.row(*row);
                let own = batch.value(Dimension::Workspace, at).unwrap_or(DEFAULT_WORKSPACE) == workspace;
                if own && !hidden.iter().any(|rows| rows.contains(*row)) {
                    places.push(place(*row));
                }
            }
        };
        of_head(self.head, self.index, &[&self.head.hidden], Place::Head);
        if let Some((frozen, index)) = self.frozen {
            of_head(frozen, index, &[&frozen.hidden, &self.head.over.frozen], Place::Frozen);
        }
        places.extend(self.find_trace_sealed(workspace, trace_id)?);
        Ok(places)
    }

    /// Where those of them are that are in segments.
    pub(super) fn find_trace_sealed(&self, workspace: &str, trace_id: &str) -> Result<Vec<Place>> {
        let (fingerprint, mut places) = (self.secret.trace(workspace, trace_id), Vec::new());
        for part in &self.version.parts {
            if !part.id_run.may_have_trace(fingerprint)? {
                continue;
            }
            for row in rows_of_trace(part, trace_id)? {
                if !self.hides(part, row) && part.workspace(row as usize)? == workspace {
                    places.push(Place::Sealed(part.entry.segment.number, row));
                }
            }
        }
        Ok(places)
    }

    /// The event in a place.
    pub(super) fn read(&self, place: Place) -> Result<Row> {
        match place {
            Place::Head(row) => {
                let (batch, at) = self.head.row(row);
                Row::of_batch(batch, at)
            }
            Place::Frozen(row) => {
                let (batch, at) = self.frozen.expect("the place was found there").0.row(row);
                Row::of_batch(batch, at)
            }
            Place::Sealed(segment, row) => {
                let part = self.version.part(segment).expect("the place was found there");
                Row::of_segment(self.secret, self.version, part, row)
            }
        }
    }
}

/// The rows of a trace in a segment, hidden ones and those of other workspaces included.
fn rows_of_trace(part: &SealedPart, trace_id: &str) -> Result<Vec<u32>> {
    let segment = &part.segment;
    let Some(code) = segment.dictionary(Dimension::TraceId)?.find(trace_id) else { return Ok(Vec::new()) };
    let (mut codes, mut rows) = (Vec::new(), Vec::new());
    for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
        let zone = segment.zone(ZoneColumn::Codes(Dimension::TraceId), block);
        if zone.is_some_and(|zone| !(zone.min..=zone.max).contains(&code.into())) {
            continue;
        }
        segment.codes(Dimension::TraceId, block, &mut codes)?;
        let first = u32::try_from(block * BLOCK_ROWS).expect("a segment has fewer than 2³² rows");
        rows.extend((first..).zip(&codes).filter(|(_, found)| **found == code).map(|(row, _)| row));
    }
    Ok(rows)
}
