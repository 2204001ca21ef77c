//! Group commit: whoever comes first commits for all who wait.
//!
//! A batch is checked on its caller's thread and queued. A caller who finds nobody committing
//! drains the queue, logs all of it in one go, syncs once, makes it visible, leaves each batch
//! its result and wakes everybody who waits. The next group forms during that sync. No thread and
//! no timer of its own is needed, so a test drives it step by step. Where syncs are dear, whoever commits
//! may wait for others first: so long, or until there is so much.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, MutexGuard};

use super::correct::{Corrector, Delta};
use super::dedup::{IdFrames, Known, find_sealed};
use super::ground::{Ground, Whereabouts};
use super::options::Options;
use super::receipt::{CorrectionItem, CorrectionReceipt, Item, Receipt};
use super::screen::Screen;
use super::state::{Shared, State, Writer};
use crate::correction::{Change, Correction, Mark, Settled};
use crate::dedup::{ContentHash, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::format::correction_row::encode_corrections;
use crate::format::event_row::EventRows;
use crate::limits;
use crate::log::FrameKind;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::{Dimension, Meter, Number, Text};
use crate::time::Timestamp;

/// A batch that waits for its commit.
#[derive(Debug)]
pub(super) struct Request {
    sent: Mutex<Sent>,
    result: Mutex<Option<Result<Receipts>>>,
}

/// What a batch holds, each item checked.
#[derive(Debug, Default)]
struct Sent {
    events: Vec<Result<Checked>>,
    screen: Screen,
    corrections: Vec<Result<Correction>>,
}

/// What to store in place of an event; `None` for the event as it is.
pub(super) type Coarsen<'a> = dyn FnMut(&Event) -> Option<Event> + 'a;

/// How an id begins that was derived from all that an event says.
const DERIVED: &str = "content:";

type Receipts = (Receipt, CorrectionReceipt);

/// The batches that wait, and whether somebody commits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<Arc<Request>>,
    /// Events and corrections of those that wait.
    items: usize,
    committing: bool,
}

impl Queue {
    fn take(&mut self) -> Vec<Arc<Request>> {
        self.items = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// The right to commit; given up, whatever happens, by waking everybody who waits.
struct Turn<'a>(&'a Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().committing = false;
        self.0.committed.notify_all();
    }
}

/// An event in its stored form with its identity.
#[derive(Debug)]
struct Checked {
    event: Event,
    /// How it was sent, where it was coarsened.
    sent: Option<Box<Event>>,
    fingerprint: Fingerprint,
    content: ContentHash,
}

impl Shared {
    pub(super) fn append(
        &self,
        events: Vec<Event>,
        corrections: Vec<Correction>,
        coarsen: &mut Coarsen<'_>,
    ) -> Result<Receipts> {
        self.check_usable()?;
        let of_events: usize = events.iter().map(Event::memory_bytes).sum();
        let bytes = of_events + corrections.iter().map(Correction::memory_bytes).sum::<usize>();
        let waiting = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if waiting > 0 && waiting.saturating_add(bytes) > self.options.queue_bytes {
            self.release_queue(bytes);
            let what =
                format!("{waiting} bytes of events wait for their commit; nothing of this batch was taken, retry it");
            return Err(Error::new(ErrorKind::Overloaded, what));
        }
        let result = self.append_queued(events, corrections, coarsen);
        self.release_queue(bytes);
        result
    }

    fn append_queued(
        &self,
        events: Vec<Event>,
        corrections: Vec<Correction>,
        coarsen: &mut Coarsen<'_>,
    ) -> Result<Receipts> {
        let (now, items) = (self.disk.now(), events.len() + corrections.len());
        let mut scratch = Vec::new();
        let events: Vec<_> = events.into_iter().map(|event| self.check(event, now, coarsen, &mut scratch)).collect();
        // A place is kept for refused events, whose fingerprint nobody asks about.
        let fingerprint =
            |event: &Result<Checked>| event.as_ref().map_or(Fingerprint::default(), |one| one.fingerprint);
        let mut screen = Screen::of(events.iter().map(fingerprint));
        screen.search(&self.state().version)?;
        let sent = Sent {
            events,
            screen,
            corrections: corrections
                .into_iter()
                .map(|mut correction| correction.normalise(now).map(|()| correction))
                .collect(),
        };
        let request = Arc::new(Request { sent: Mutex::new(sent), result: Mutex::new(None) });
        let mut queue = self.queue.lock();
        queue.waiting.push(Arc::clone(&request));
        queue.items += items;
        if queue.items >= self.options.flush_events {
            self.gathered.notify_one();
        }
        // Waiting for the turn, not for the writer's lock: all who were committed for wake at once
        // instead of handing the lock from one to the next.
        while queue.committing {
            self.committed.wait(&mut queue);
            if let Some(result) = request.result.lock().take() {
                return result;
            }
        }
        queue.committing = true;
        self.gather(&mut queue);
        drop(queue);
        let turn = Turn(self);
        let mut writer = self.writer.lock();
        let group = self.queue.lock().take();
        self.commit(&mut writer, &group);
        drop(writer);
        drop(turn);
        let result = request.result.lock().take();
        // Only a panic of whoever had taken this request along leaves it without a result.
        result.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::DurabilityUnknown, "the commit of this batch was cut short; retry it"))
        })
    }

    /// Waits for others to share the sync of the next commit, where that is wanted.
    fn gather(&self, queue: &mut MutexGuard<'_, Queue>) {
        let Options { flush_interval, flush_events, .. } = self.options;
        if !flush_interval.is_zero() && queue.items < flush_events {
            self.gathered.wait_for(queue, flush_interval);
        }
    }

    /// Brings an event into its stored form: checked, with an id and a time, and coarsened once it has them, for an id is
    /// derived from all that was sent.
    fn check(
        &self,
        mut event: Event,
        now: Timestamp,
        coarsen: &mut Coarsen<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<Checked> {
        event.normalise(now)?;
        if event.at.is_none() {
            event.at = Some(now);
            event.numbers.insert(Number::AtAssigned, 1);
        }
        if event.id.is_none() {
            event.numbers.insert(Number::IdDerived, 1);
            event.id = Some(self.derive_id(&event)?);
        }
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let fingerprint = self.secret.fingerprint(workspace, event.id.as_deref().unwrap_or_default());
        let (event, sent) = match coarsen(&event) {
            Some(coarse) => (coarse, Some(Box::new(event))),
            None => (event, None),
        };
        let content = ContentHash::of(&event, scratch);
        Ok(Checked { event, sent, fingerprint, content })
    }

    /// An id for an event without one: from its content when the caller said when it happened, so
    /// that a retry is known; else a random one, for two calls may well look alike.
    fn derive_id(&self, event: &Event) -> Result<Text> {
        if event.number(Number::AtAssigned) == Some(1) {
            let mut random = [0; 16];
            self.disk.random(&mut random).map_err(|error| Error::io("read", "the system's randomness", error))?;
            return Ok(format!("random:{:032x}", u128::from_le_bytes(random)).into());
        }
        Ok(format!("{DERIVED}{}", self.secret.content(event).to_hex()).into())
    }

    fn commit(&self, writer: &mut Writer, group: &[Arc<Request>]) {
        let mut batches: Vec<Sent> = group.iter().map(|request| std::mem::take(&mut *request.sent.lock())).collect();
        let outcome = self.check_usable().and_then(|()| self.commit_batches(writer, &mut batches));
        match outcome {
            Ok((lsn, mut items, mut corrections)) => {
                for (request, sent) in group.iter().zip(&batches) {
                    let rest = items.split_off(sent.events.len());
                    let receipt = Receipt { lsn, items: std::mem::replace(&mut items, rest) };
                    let rest = corrections.split_off(sent.corrections.len());
                    let corrected = CorrectionReceipt { lsn, items: std::mem::replace(&mut corrections, rest) };
                    *request.result.lock() = Some(Ok((receipt, corrected)));
                }
            }
            Err(error) => {
                self.poison_if_unknown(&error);
                for request in group {
                    *request.result.lock() = Some(Err(Error::new(error.kind(), error.to_string())));
                }
            }
        }
    }

    fn poison_if_unknown(&self, error: &Error) {
        if matches!(error.kind(), ErrorKind::DurabilityUnknown | ErrorKind::Poisoned) {
            self.poison_by(error);
        }
    }

    fn commit_batches(
        &self,
        writer: &mut Writer,
        batches: &mut [Sent],
    ) -> Result<(u64, Vec<Item>, Vec<CorrectionItem>)> {
        self.make_room(writer)?;
        let state = self.state();
        let Writer { active, id_frames, log, .. } = writer;
        let frozen = state.frozen.as_ref().map(|frozen| (&frozen.head, &*frozen.index));
        let ground = Ground { secret: &self.secret, version: &state.version, head: &state.head, index: active, frozen };
        let mut group = Group::new(&state, &ground, id_frames);
        // The slots stay, for their batch is counted once more when results are handed out.
        let taken = || Error::invalid(String::new());
        let mut corrected = Vec::new();
        for correction in batches.iter_mut().flat_map(|sent| &mut sent.corrections) {
            corrected.push(group.correct(std::mem::replace(correction, Err(taken())))?);
        }
        group.corrector.settle(&mut group.delta);
        let mut items = Vec::with_capacity(batches.iter().map(|sent| sent.events.len()).sum());
        for Sent { events, screen, .. } in batches {
            screen.search(&state.version)?;
            for (place, event) in events.iter_mut().enumerate() {
                items.push(group.admit(std::mem::replace(event, Err(taken())), screen.candidates(place))?);
            }
        }
        let Group { delta, frames, corrector, .. } = group;
        if frames.is_empty() && corrector.accepted.is_empty() {
            return Ok((state.lsn, items, corrected));
        }
        for corrections in corrector.accepted.chunks(limits::COMMIT_EVENTS) {
            let records = u32::try_from(corrections.len()).expect("chunks are bounded");
            log.append(FrameKind::Corrections, records, &encode_corrections(corrections))?;
        }
        for frame in frames.into_iter().filter(|frame| !frame.is_empty()) {
            let records = u32::try_from(frame.len()).expect("frames are bounded");
            log.append(FrameKind::Events, records, &frame.finish())?;
        }
        log.sync()?;
        let (lsn, first) = (log.next_lsn() - 1, delta.first);
        let (batch, index, hidden, over) = delta.finish();
        active.absorb(index, first, &batch);
        let mut moved = Ok(());
        self.change_state(|next| {
            next.lsn = lsn;
            next.head.corrections += corrector.accepted.len();
            if !batch.is_empty() {
                next.head.push_events(batch);
            }
            // A publication meanwhile may have moved what lies below.
            let sealed = state.frozen.as_ref().filter(|_| next.frozen.is_none()).map(|frozen| &frozen.head);
            match over.moved(&self.secret, sealed, &state.version, &next.version) {
                Ok(over) => next.head.hide(&hidden, &over),
                Err(error) => moved = Err(error.with_kind(ErrorKind::DurabilityUnknown)),
            }
        });
        moved?;
        // Whoever holds a version keeps its files.
        drop(state);
        // These events are durable whatever becomes of sealing; the next commit tells of its failure.
        let _ = self.seal_if_due(writer);
        Ok((lsn, items, corrected))
    }

    /// Has the log say how far it is synced. It can wait while the disk is nearly full.
    pub(super) fn confirm(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        self.check_usable()?;
        if self.free_bytes()? < self.options.reserve_bytes {
            return Ok(());
        }
        writer.log.confirm().inspect_err(|error| self.poison_by(error))
    }

    pub(super) fn free_bytes(&self) -> Result<u64> {
        self.disk.free_bytes().map_err(|error| Error::io("ask for the free space of", "the disk", error))
    }

    /// Refuses work while there is no room for what must follow it.
    pub(super) fn make_room(&self, writer: &mut Writer) -> Result<()> {
        let free = self.free_bytes()?;
        if free < self.options.reserve_bytes {
            return Err(Error::new(
                ErrorKind::Full,
                format!(
                    "{free} bytes are free on the disk, {} are kept in reserve; this batch was not stored, free some space and retry it",
                    self.options.reserve_bytes
                ),
            ));
        }
        // A head that could not be sealed when it became full must not grow without bound.
        self.seal_if_due(writer)
    }
}

/// What one commit adds.
struct Group<'a> {
    state: &'a State,
    ground: &'a Ground<'a>,
    id_frames: &'a mut IdFrames,
    delta: Delta<'a>,
    corrector: Corrector,
    frames: Vec<EventRows>,
}

impl<'a> Group<'a> {
    fn new(state: &'a State, ground: &'a Ground<'a>, id_frames: &'a mut IdFrames) -> Self {
        let delta = Delta::new(ground.secret, &ground.version.in_force, ground.head);
        Self { state, ground, id_frames, delta, corrector: Corrector::default(), frames: Vec::new() }
    }

    /// Decides about one correction and, if it says something new, adds it to the group.
    fn correct(&mut self, correction: Result<Correction>) -> Result<CorrectionItem> {
        let correction = match correction {
            Ok(correction) => correction,
            Err(error) => return Ok(CorrectionItem::Rejected(error)),
        };
        if let Change::Replace { event, .. } = &correction.change
            && let Err(error) = self.add_meters(event)
        {
            return Ok(CorrectionItem::Rejected(error));
        }
        self.corrector.take(self.ground, &mut self.delta, correction)
    }

    /// Decides about one event and, if it is new, adds it to the group.
    fn admit(&mut self, event: Result<Checked>, candidates: impl Iterator<Item = (u64, usize)>) -> Result<Item> {
        let Checked { mut event, sent, fingerprint, content } = match event {
            Ok(checked) => checked,
            Err(error) => return Ok(Item::Rejected(error)),
        };
        match self.known(&event, fingerprint, content, candidates)? {
            Known::Same => return Ok(Item::Duplicate { id: event.id.unwrap_or_default() }),
            Known::Other if self.is_sent_again(sent.as_deref().unwrap_or(&event), fingerprint)? => {
                return Ok(Item::Duplicate { id: event.id.unwrap_or_default() });
            }
            Known::Other => return Ok(Item::Conflict { id: event.id.unwrap_or_default() }),
            Known::New => {}
        }
        if let Some(error) = self.expired(&event) {
            return Ok(Item::Rejected(error));
        }
        if let Err(error) = self.add_meters(&event) {
            return Ok(Item::Rejected(error));
        }
        self.log(&event);
        self.delta.knows_job_of(&event);
        let untouched = self.ground.is_untouched() && self.delta.index.amendments.is_empty();
        let settled = match untouched {
            true => Settled::Same,
            false => {
                self.delta.said_of(self.ground, &event)?.settle(&event, &Mark::default(), &self.ground.version.in_force)
            }
        };
        match settled {
            Settled::Same => self.delta.add(fingerprint, content, &event, &Mark::default()),
            Settled::Retracted => self.delta.add_gone(fingerprint, content),
            Settled::Changed(event, mark) => self.delta.add(fingerprint, content, &event, &mark),
        }
        Ok(Item::Stored { id: event.id.take().unwrap_or_default() })
    }

    /// Whether an event, as it was sent, is the stored one of its id although that reads differently: because one of the
    /// two was coarsened.
    fn is_sent_again(&self, sent: &Event, fingerprint: Fingerprint) -> Result<bool> {
        let id = sent.id.as_deref().unwrap_or_default();
        if sent.number(Number::IdDerived) == Some(1) && id.starts_with(DERIVED) {
            return Ok(true);
        }
        let workspace = sent.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let Whereabouts::At(place) = self.ground.find(fingerprint, workspace, id)? else { return Ok(false) };
        let row = self.ground.read(place)?;
        let coarse = sent.as_coarse_as(&row.mark.strip(&row.event));
        Ok(ContentHash::of(&coarse, &mut Vec::new()) == row.first)
    }

    /// Why an event that is new comes too late to be taken.
    fn expired(&self, event: &Event) -> Option<Error> {
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let at = event.at?;
        self.ground.version.manifest.retention.iter().find_map(|retention| retention.refuses(workspace, at))
    }

    fn known(
        &mut self,
        event: &Event,
        fingerprint: Fingerprint,
        content: ContentHash,
        candidates: impl Iterator<Item = (u64, usize)>,
    ) -> Result<Known> {
        let heads = [Some(&self.delta.index), Some(self.ground.index), self.ground.frozen.map(|(_, index)| index)];
        let mut in_heads = heads.into_iter().flatten().map(|head| head.find(fingerprint, content));
        if let Some(known) = in_heads.find(|known| *known != Known::New) {
            return Ok(known);
        }
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let id = event.id.as_deref().unwrap_or_default();
        find_sealed(&self.state.version, candidates, self.id_frames, fingerprint, (workspace, id), content)
    }

    /// Makes the named meters of an event known, of which a head has only so many.
    fn add_meters(&mut self, event: &Event) -> Result<()> {
        let (group, active) = (&mut self.delta.index.meters, &self.ground.index.meters);
        for (meter, _) in event.usage.iter() {
            if let Meter::Named(name) = meter
                && !group.contains(name)
                && !active.contains(name)
            {
                if group.len() + active.len() >= limits::NAMED_METERS_PER_HEAD {
                    return Err(Error::invalid(format!(
                        "usage.{name} would be one of more than {} named meters; put what varies into a dimension or a tag",
                        limits::NAMED_METERS_PER_HEAD
                    )));
                }
                group.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Adds an event, as it was sent, to what is logged.
    fn log(&mut self, event: &Event) {
        let full = |frame: &EventRows| frame.len() >= limits::COMMIT_EVENTS || frame.bytes() >= limits::FRAME_BYTES / 4;
        if self.frames.last().is_none_or(full) {
            self.frames.push(EventRows::default());
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.push(event);
        }
    }
}
