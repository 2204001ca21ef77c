//! Corrections in: what each changes of what is stored, at once and for what is still to come.
//!
//! A correction is logged and kept for ever, for its event may come later. Of the events that are stored
//! already, a changed one gets a new row in the head, and the old row is hidden: by number in a head, by a
//! mask in a segment. Nothing else of the old row is touched until a merge leaves it out. The new row keeps
//! the content hash of how the event was first sent, so that a retry is still known as one.
//!
//! What an event comes to depends on the set of corrections alone, so a commit takes all its corrections
//! before its events, and recovery takes all of the log's corrections after its events.

use std::collections::btree_map::{BTreeMap, Entry};

use roaring::RoaringBitmap;

use super::dedup::{self, HeadIndex};
use super::ground::{Ground, Place, Row, Whereabouts};
use super::head::Head;
use super::overlay::Overlay;
use super::receipt::CorrectionItem;
use crate::attribution::InForce;
use crate::batch::{Batch, BatchBuilder};
use crate::correction::{Amendment, Change, Correction, Mark, Settled, Target, Version};
use crate::dedup::{ContentHash, Fingerprint, Secret};
use crate::error::Result;
use crate::event::Event;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::Dimension;

/// The fingerprint of what a correction is about.
pub(super) fn target_of(secret: &Secret, correction: &Correction) -> Fingerprint {
    match &correction.target {
        Target::Event(id) => secret.fingerprint(correction.workspace(), id),
        Target::Trace(trace) => secret.trace(correction.workspace(), trace),
    }
}

impl HeadIndex {
    /// Remembers what a correction says. A job that it names is known from now on, as one that an event names.
    fn said(&mut self, secret: &Secret, correction: &Correction) {
        self.amendments.entry(target_of(secret, correction)).or_default().join(&Amendment::from(correction));
        let says = match &correction.change {
            Change::Retract => None,
            Change::Replace { event: says, .. } | Change::Complete { values: says, .. } => says.get(Dimension::JobId),
        };
        self.jobs.extend(says.map(|job| secret.job(correction.workspace(), job)));
    }
}

/// What one commit adds to a head.
pub(super) struct Delta<'a> {
    secret: &'a Secret,
    in_force: &'a InForce,
    pub(super) index: HeadIndex,
    builder: BatchBuilder,
    /// The number of the first row to be added.
    pub(super) first: u32,
    /// Rows of the head that are hidden by it.
    pub(super) hidden: RoaringBitmap,
    /// Rows below the head that are.
    pub(super) over: Overlay,
}

impl<'a> Delta<'a> {
    /// Nothing for `head` yet.
    pub(super) fn new(secret: &'a Secret, in_force: &'a InForce, head: &Head) -> Self {
        Self {
            secret,
            in_force,
            index: HeadIndex::default(),
            builder: BatchBuilder::default(),
            first: u32::try_from(head.events).expect("a head has fewer than 2³² rows"),
            hidden: RoaringBitmap::new(),
            over: Overlay::default(),
        }
    }

    /// Adds an event under its identity, as it is or as corrections made it.
    pub(super) fn add(&mut self, identity: Fingerprint, first: ContentHash, event: &Event, mark: &Mark) {
        let row = self.first + u32::try_from(self.builder.len()).expect("a head has fewer than 2³² rows");
        self.builder.push_corrected(event, mark, first);
        self.knows_job_of(event);
        self.index.events.insert(identity, dedup::Entry { first, row });
    }

    /// Adds an event that does not count: its identity stays taken and its job known.
    pub(super) fn add_gone(&mut self, identity: Fingerprint, first: ContentHash) {
        self.index.events.insert(identity, dedup::Entry { first, row: dedup::Entry::GONE });
    }

    /// Remembers that an event named its job.
    pub(super) fn knows_job_of(&mut self, event: &Event) {
        if let Some(job) = event.get(Dimension::JobId) {
            let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
            self.index.jobs.insert(self.secret.job(workspace, job));
        }
    }

    /// What was said of an event, here and before.
    pub(super) fn said_of(&self, ground: &Ground<'_>, event: &Event) -> Result<Amendment> {
        let mut said = ground.said_of(event)?;
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let by_id = self.secret.fingerprint(workspace, event.id.as_deref().unwrap_or_default());
        let by_trace = event.get(Dimension::TraceId).map(|trace| self.secret.trace(workspace, trace));
        for target in std::iter::once(by_id).chain(by_trace) {
            if let Some(amendment) = self.index.amendments.get(&target) {
                said.join(amendment);
            }
        }
        Ok(said)
    }

    /// Makes of a row what is said of it.
    pub(super) fn settle(&mut self, place: Place, row: &Row, said: &Amendment) {
        let identity = row.fingerprint(self.secret);
        match said.settle(&row.event, &row.mark, self.in_force) {
            Settled::Same => return,
            Settled::Retracted => self.add_gone(identity, row.first),
            Settled::Changed(event, mark) => self.add(identity, row.first, &event, &mark),
        }
        match place {
            Place::Head(row) => drop(self.hidden.insert(row)),
            Place::Frozen(row) => drop(self.over.frozen.insert(row)),
            Place::Sealed(segment, row) => self.over.hide(segment, row),
        }
    }

    /// The rows added, and all else.
    pub(super) fn finish(self) -> (Batch, HeadIndex, RoaringBitmap, Overlay) {
        (self.builder.finish(), self.index, self.hidden, self.over)
    }
}

/// The corrections of one commit.
#[derive(Default)]
pub(super) struct Corrector {
    /// Those that say something new.
    pub(super) accepted: Vec<Correction>,
    /// The events they speak of, each with all that is said of it.
    touched: BTreeMap<Place, (Row, Amendment)>,
}

impl Corrector {
    /// Takes a correction in its stored form; what becomes of it.
    pub(super) fn take(
        &mut self,
        ground: &Ground<'_>,
        delta: &mut Delta<'_>,
        correction: Correction,
    ) -> Result<CorrectionItem> {
        let target = target_of(ground.secret, &correction);
        let says = Amendment::from(&correction);
        let mut known = ground.amendment(target)?;
        if let Some(amendment) = delta.index.amendments.get(&target) {
            known.join(amendment);
        }
        // A retraction is final, so whatever else is said of its target says nothing.
        if known.retracted || !known.join(&says) {
            return Ok(CorrectionItem::Unchanged);
        }
        let places = match &correction.target {
            Target::Event(id) => match ground.find(target, correction.workspace(), id)? {
                Whereabouts::Unknown => Vec::new(),
                Whereabouts::Gone => return Ok(CorrectionItem::Unchanged),
                Whereabouts::At(place) => vec![place],
            },
            Target::Trace(trace) => ground.find_trace(correction.workspace(), trace)?,
        };
        for place in &places {
            self.touch(ground, delta, *place)?;
        }
        if let (Target::Event(_), [place]) = (&correction.target, places.as_slice()) {
            let (row, said) = &self.touched[place];
            if said.retracted || row.outdoes(&correction.change) {
                return Ok(CorrectionItem::Unchanged);
            }
        }
        let mut events = 0;
        for place in &places {
            let (row, said) = self.touched.get_mut(place).expect("it was touched just now");
            let before = said.settle(&row.event, &row.mark, delta.in_force);
            said.join(&says);
            events += u64::from(said.settle(&row.event, &row.mark, delta.in_force) != before);
        }
        delta.index.said(ground.secret, &correction);
        self.accepted.push(correction);
        Ok(match (events, places.is_empty()) {
            (0, true) => CorrectionItem::Pending,
            (0, false) => CorrectionItem::Outweighed,
            (events, _) => CorrectionItem::Applied { events },
        })
    }

    fn touch(&mut self, ground: &Ground<'_>, delta: &Delta<'_>, place: Place) -> Result<()> {
        if let Entry::Vacant(touched) = self.touched.entry(place) {
            let row = ground.read(place)?;
            let said = delta.said_of(ground, &row.event)?;
            touched.insert((row, said));
        }
        Ok(())
    }

    /// Makes of each event what is said of it now.
    pub(super) fn settle(&mut self, delta: &mut Delta<'_>) {
        for (place, (row, said)) in std::mem::take(&mut self.touched) {
            delta.settle(place, &row, &said);
        }
    }
}

impl Row {
    /// Whether that is a version against which the event as it was first sent stands.
    fn outdoes(&self, change: &Change) -> bool {
        let Change::Replace { revision, event } = change else { return false };
        if self.mark.erased {
            return true;
        }
        let version = Version { revision: *revision, event: Event::clone(event) };
        !self.mark.replaced && version <= Version::first(&self.mark.strip(&self.event))
    }
}

/// Brings a head that was read from the log to what the log's corrections, and those of all time, make of it.
pub(super) fn settle_replayed(
    secret: &Secret,
    version: &super::version::Version,
    head: &mut Head,
    corrections: &[Correction],
) -> Result<HeadIndex> {
    let mut index = HeadIndex::of(secret, head)?;
    corrections.iter().for_each(|correction| index.said(secret, correction));
    let ground = Ground { secret, version, head, index: &index, frozen: None };
    let mut delta = Delta::new(secret, &version.in_force, head);
    for (first, batch) in head.numbered() {
        for (row, at) in (first..).zip(0..batch.len()) {
            let workspace = batch.value(Dimension::Workspace, at).unwrap_or(DEFAULT_WORKSPACE);
            let mut said = ground.amendment(secret.fingerprint(workspace, batch.ids.get(at)))?;
            if let Some(trace) = batch.value(Dimension::TraceId, at) {
                said.join(&ground.amendment(secret.trace(workspace, trace))?);
            }
            if !said.is_empty() || !version.in_force.is_empty() {
                delta.settle(Place::Head(row), &ground.read(Place::Head(row))?, &said);
            }
        }
    }
    let mut settled = std::collections::BTreeSet::new();
    for correction in corrections {
        let places = match &correction.target {
            Target::Event(id) => {
                match ground.find(secret.fingerprint(correction.workspace(), id), correction.workspace(), id)? {
                    Whereabouts::At(place @ Place::Sealed(..)) => vec![place],
                    _ => Vec::new(),
                }
            }
            Target::Trace(trace) => ground.find_trace_sealed(correction.workspace(), trace)?,
        };
        for place in places.into_iter().filter(|place| settled.insert(*place)) {
            let row = ground.read(place)?;
            delta.settle(place, &row, &ground.said_of(&row.event)?);
        }
    }
    let (batch, added, hidden, over) = delta.finish();
    let first = u32::try_from(head.events).expect("a head has fewer than 2³² rows");
    index.absorb(added, first, &batch);
    if !batch.is_empty() {
        head.push_events(batch);
    }
    head.hide(&hidden, &over);
    head.corrections += corrections.len();
    Ok(index)
}
