//! Group commit: whoever comes first commits for all who wait.
//!
//! A batch is checked on its caller's thread and queued. A caller who finds nobody committing
//! drains the queue, logs all of it in one go, syncs once, makes it visible, leaves each batch
//! its result and wakes everybody who waits. The next group forms during that sync. No thread and
//! no timer of its own is needed, so a test drives it step by step.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::dedup::{HeadIndex, Known, find_sealed};
use super::receipt::{Item, Receipt};
use super::state::{Shared, State, Writer};
use crate::batch::BatchBuilder;
use crate::dedup::{Fingerprint, content};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::format::event_row::EventRows;
use crate::limits;
use crate::log::FrameKind;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::{Dimension, Meter, Number, Text};
use crate::time::Timestamp;

/// A batch that waits for its commit.
#[derive(Debug)]
pub(super) struct Request {
    events: Mutex<Vec<Result<Checked>>>,
    result: Mutex<Option<Result<Receipt>>>,
}

/// The batches that wait, and whether somebody commits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<Arc<Request>>,
    committing: bool,
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
    fingerprint: Fingerprint,
    check: u32,
}

impl Shared {
    pub(super) fn append(&self, events: Vec<Event>) -> Result<Receipt> {
        self.check_usable()?;
        if self.queued_events.fetch_add(events.len(), Ordering::Relaxed) > self.options.queue_events {
            self.release_queue(events.len());
            return Err(Error::new(ErrorKind::Overloaded, "too many events wait for their commit; retry later"));
        }
        let count = events.len();
        let result = self.append_queued(events);
        self.release_queue(count);
        result
    }

    fn append_queued(&self, events: Vec<Event>) -> Result<Receipt> {
        let now = self.disk.now();
        let mut scratch = Vec::new();
        let checked = events.into_iter().map(|event| self.check(event, now, &mut scratch)).collect();
        let request = Arc::new(Request { events: Mutex::new(checked), result: Mutex::new(None) });
        let mut queue = self.queue.lock();
        queue.waiting.push(Arc::clone(&request));
        // Waiting for the turn, not for the writer's lock: all who were committed for wake at once
        // instead of handing the lock from one to the next.
        while queue.committing {
            self.committed.wait(&mut queue);
            if let Some(result) = request.result.lock().take() {
                return result;
            }
        }
        queue.committing = true;
        drop(queue);
        let turn = Turn(self);
        let mut writer = self.writer.lock();
        let group = std::mem::take(&mut self.queue.lock().waiting);
        self.commit(&mut writer, &group);
        drop(writer);
        drop(turn);
        let result = request.result.lock().take();
        // Only a panic of whoever had taken this request along leaves it without a result.
        result.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::DurabilityUnknown, "the commit of this batch was cut short; retry it"))
        })
    }

    /// Brings an event into its stored form: checked, with an id, a time and a workspace.
    fn check(&self, mut event: Event, now: Timestamp, scratch: &mut Vec<u8>) -> Result<Checked> {
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
        let check = content::check(&event, scratch);
        Ok(Checked { event, fingerprint, check })
    }

    /// An id for an event without one: from its content when the caller said when it happened, so
    /// that a retry is known; else a random one, for two calls may well look alike.
    fn derive_id(&self, event: &Event) -> Result<Text> {
        if event.number(Number::AtAssigned) == Some(1) {
            let mut random = [0; 16];
            self.disk.random(&mut random).map_err(|error| Error::io("read", "the system's randomness", error))?;
            return Ok(format!("random:{:032x}", u128::from_le_bytes(random)).into());
        }
        Ok(format!("content:{}", self.secret.content(event).to_hex()).into())
    }

    fn commit(&self, writer: &mut Writer, group: &[Arc<Request>]) {
        let mut batches: Vec<Vec<Result<Checked>>> =
            group.iter().map(|request| std::mem::take(&mut *request.events.lock())).collect();
        let outcome = self.check_usable().and_then(|()| self.commit_batches(writer, &mut batches));
        match outcome {
            Ok((lsn, mut items)) => {
                for (request, events) in group.iter().zip(&batches) {
                    let rest = items.split_off(events.len());
                    *request.result.lock() = Some(Ok(Receipt { lsn, items: std::mem::replace(&mut items, rest) }));
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

    fn commit_batches(&self, writer: &mut Writer, batches: &mut [Vec<Result<Checked>>]) -> Result<(u64, Vec<Item>)> {
        self.make_room(writer)?;
        let state = self.state();
        let mut group = Group::default();
        let mut items = Vec::with_capacity(batches.iter().map(Vec::len).sum());
        for event in batches.iter_mut().flatten() {
            // The slot stays, for its batch is counted once more when results are handed out.
            let event = std::mem::replace(event, Err(Error::invalid(String::new())));
            items.push(self.admit(&state, writer, &mut group, event)?);
        }
        if group.is_empty() {
            return Ok((state.lsn, items));
        }
        for frame in group.frames.drain(..).filter(|frame| !frame.is_empty()) {
            let records = u32::try_from(frame.len()).expect("frames are bounded");
            writer.log.append(FrameKind::Events, records, &frame.finish())?;
        }
        writer.log.sync()?;
        let lsn = writer.log.next_lsn() - 1;
        writer.active.absorb(group.index);
        let batch = group.builder.finish();
        self.change_state(|state| {
            state.lsn = lsn;
            state.head.push_events(batch);
        });
        // These events are durable whatever becomes of sealing; the next commit tells of its failure.
        let _ = self.seal_if_due(writer);
        Ok((lsn, items))
    }

    /// Decides about one event and, if it is new, adds it to the group.
    fn admit(&self, state: &State, writer: &mut Writer, group: &mut Group, event: Result<Checked>) -> Result<Item> {
        let checked = match event {
            Ok(checked) => checked,
            Err(error) => return Ok(Item::Rejected(error)),
        };
        let Checked { mut event, fingerprint, check } = checked;
        let heads = [Some(&group.index), Some(&writer.active), writer.frozen.as_deref()];
        let in_heads =
            heads.into_iter().flatten().map(|head| head.find(fingerprint, check)).find(|known| *known != Known::New);
        let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
        let known = match in_heads {
            Some(known) => known,
            None => {
                let id = event.id.as_deref().unwrap_or_default();
                find_sealed(state, &mut writer.id_frames, fingerprint, workspace, id, check)?
            }
        };
        match known {
            Known::Same => return Ok(Item::Duplicate { id: event.id.unwrap_or_default() }),
            Known::Other => return Ok(Item::Conflict { id: event.id.unwrap_or_default() }),
            Known::New => {}
        }
        for (meter, _) in event.usage.iter() {
            if let Meter::Named(name) = meter
                && !group.index.meters.contains(name)
                && !writer.active.meters.contains(name)
            {
                let known = group.index.meters.len() + writer.active.meters.len();
                if known >= limits::NAMED_METERS_PER_HEAD {
                    let error = format!(
                        "usage.{name} would be one of more than {} named meters; put what varies into a dimension or a tag",
                        limits::NAMED_METERS_PER_HEAD
                    );
                    return Ok(Item::Rejected(Error::invalid(error)));
                }
                group.index.meters.insert(name.clone());
            }
        }
        if let Some(job) = event.get(Dimension::JobId) {
            group.index.jobs.insert(self.secret.job(workspace, job));
        }
        group.index.events.insert(fingerprint, check);
        group.push(&event);
        Ok(Item::Stored { id: event.id.take().unwrap_or_default() })
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

    fn free_bytes(&self) -> Result<u64> {
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

/// The new events of one commit.
#[derive(Default)]
struct Group {
    index: HeadIndex,
    builder: BatchBuilder,
    frames: Vec<EventRows>,
}

impl Group {
    fn push(&mut self, event: &Event) {
        self.builder.push(event);
        if self
            .frames
            .last()
            .is_none_or(|frame| frame.len() >= limits::COMMIT_EVENTS || frame.bytes() >= limits::FRAME_BYTES / 4)
        {
            self.frames.push(EventRows::default());
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.push(event);
        }
    }

    fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

impl HeadIndex {
    fn absorb(&mut self, other: Self) {
        self.events.extend(other.events);
        self.jobs.extend(other.jobs);
        self.meters.extend(other.meters);
    }
}
