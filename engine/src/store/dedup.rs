//! Whether an event was stored before: in the head, in the head being sealed, or in a segment.

use std::sync::{Arc, OnceLock};

use hashbrown::{HashMap, HashSet};

use super::head::Head;
use super::state::{Shared, State};
use super::version::{SealedPart, Version};
use crate::batch::{Batch, Texts};
use crate::correction::Amendment;
use crate::dedup::{ContentHash, Fingerprint, Secret, hashes};
use crate::error::Result;
use crate::limits::VECTOR_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};

/// What is known of the events of a head without reading them.
#[derive(Debug, Default)]
pub(super) struct HeadIndex {
    /// Every event that came, or was corrected, since the head before.
    pub(super) events: HashMap<Fingerprint, Entry>,
    /// The hashes of the jobs.
    pub(super) jobs: HashSet<u64>,
    /// The named meters.
    pub(super) meters: HashSet<Text>,
    /// What corrections since the head before said.
    pub(super) amendments: HashMap<Fingerprint, Amendment>,
    /// The rows of each trace; made when it is first asked for.
    traces: OnceLock<HashMap<Text, Vec<u32>>>,
}

/// An event in the index of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The content hash of the event as it was first sent.
    pub(super) first: ContentHash,
    /// The row that counts; [`Entry::GONE`] when none does.
    pub(super) row: u32,
}

impl Entry {
    /// No row: the event was retracted.
    pub(super) const GONE: u32 = u32::MAX;
}

/// How an event relates to what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is new.
    New,
    /// It is the same event.
    Same,
    /// Another event has its id.
    Other,
}

impl Known {
    fn compare(first: ContentHash, content: ContentHash) -> Self {
        if first == content { Self::Same } else { Self::Other }
    }
}

impl HeadIndex {
    pub(super) fn find(&self, fingerprint: Fingerprint, content: ContentHash) -> Known {
        self.events.get(&fingerprint).map_or(Known::New, |stored| Known::compare(stored.first, content))
    }

    /// The index of a head that was read from the log, as if none of its events had been corrected.
    pub(super) fn of(secret: &Secret, head: &Head) -> Result<Self> {
        let mut index = Self::default();
        for (first, batch) in head.numbered() {
            for (row, at) in (first..).zip(0..batch.len()) {
                let workspace = batch.value(Dimension::Workspace, at).unwrap_or(DEFAULT_WORKSPACE);
                let fingerprint = secret.fingerprint(workspace, batch.ids.get(at));
                index.events.insert(fingerprint, Entry { first: batch.firsts[at], row });
            }
            index.jobs.extend(hashes(&**batch, Dimension::JobId, |workspace, job| secret.job(workspace, job))?);
        }
        Ok(index)
    }

    /// The rows of a trace, those of other workspaces and hidden ones included.
    pub(super) fn rows_of_trace(&self, head: &Head, trace_id: &str) -> &[u32] {
        let traces = self.traces.get_or_init(|| {
            let mut traces = HashMap::new();
            head.numbered().for_each(|(first, batch)| add_traces(&mut traces, first, batch));
            traces
        });
        traces.get(trace_id).map_or(&[], Vec::as_slice)
    }

    /// Takes over what one commit added, whose rows begin at `first`.
    pub(super) fn absorb(&mut self, other: Self, first: u32, batch: &Batch) {
        self.events.extend(other.events);
        self.jobs.extend(other.jobs);
        self.meters.extend(other.meters);
        for (target, amendment) in other.amendments {
            self.amendments.entry(target).or_default().join(&amendment);
        }
        if let Some(traces) = self.traces.get_mut() {
            add_traces(traces, first, batch);
        }
    }
}

fn add_traces(traces: &mut HashMap<Text, Vec<u32>>, first: u32, batch: &Batch) {
    for (row, at) in (first..).zip(0..batch.len()) {
        if let Some(trace) = batch.value(Dimension::TraceId, at) {
            match traces.get_mut(trace) {
                Some(rows) => rows.push(row),
                None => drop(traces.insert(trace.into(), vec![row])),
            }
        }
    }
}

/// Recently decoded frames of ids that can only be read as a whole; others are read one by one. Re-sent events mostly
/// come in the order they came in first.
#[derive(Debug)]
pub(super) struct IdFrames {
    frames: HashMap<(u64, usize), Texts>,
    bytes: usize,
    bytes_max: usize,
    /// For what an event says as bytes.
    scratch: Vec<u8>,
}

impl IdFrames {
    /// Keeps frames of so many bytes in all.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { frames: HashMap::new(), bytes: 0, bytes_max, scratch: Vec::new() }
    }

    fn holds(&mut self, part: &SealedPart, row: usize, id: &str) -> Result<bool> {
        if let Some(holds) = part.segment.holds_id(row, id)? {
            return Ok(holds);
        }
        let key = (part.entry.segment.number, row / VECTOR_ROWS);
        let is_it = |frame: &Texts| row % VECTOR_ROWS < frame.len() && frame.get(row % VECTOR_ROWS) == id;
        if let Some(frame) = self.frames.get(&key) {
            return Ok(is_it(frame));
        }
        let mut frame = Texts::default();
        part.segment.frame_ids(row, &mut frame)?;
        let holds = is_it(&frame);
        if self.bytes > self.bytes_max {
            *self = Self::new(self.bytes_max);
        }
        self.bytes += frame.memory_bytes();
        self.frames.insert(key, frame);
        Ok(holds)
    }
}

/// Looks an identity up among the sealed rows that may hold it. A fingerprint that matches is verified against the stored
/// id and workspace, so a collision of hashes changes nothing; whether it is the same event is told by all that the
/// stored one says.
pub(super) fn find_sealed(
    version: &Version,
    candidates: impl Iterator<Item = (u64, usize)>,
    frames: &mut IdFrames,
    fingerprint: Fingerprint,
    (workspace, id): (&str, &str),
    content: ContentHash,
) -> Result<Known> {
    for (segment, row) in candidates {
        let Some(part) = version.part(segment) else { continue };
        if row < part.segment.rows() && frames.holds(part, row, id)? && part.workspace(row)? == workspace {
            let mark = part.segment.mark(row)?;
            // What was first sent is not there any more, but known to a correction.
            if !mark.replaced && !mark.erased {
                let first = ContentHash::of(&mark.strip(&part.segment.event(row)?), &mut frames.scratch);
                return Ok(Known::compare(first, content));
            }
        }
    }
    Ok(version.first(fingerprint)?.map_or(Known::New, |first| Known::compare(first, content)))
}

impl SealedPart {
    /// The workspace of a row.
    pub(super) fn workspace(&self, row: usize) -> Result<Text> {
        let dictionary = self.segment.dictionary(Dimension::Workspace)?;
        let code = if dictionary.len() == 1 { 1 } else { self.segment.code(Dimension::Workspace, row)? };
        Ok(dictionary.get(code).unwrap_or(DEFAULT_WORKSPACE).into())
    }

    /// The identity of the event in a row.
    pub(super) fn identity(&self, secret: &Secret, row: u32) -> Result<Fingerprint> {
        let workspace = self.workspace(row as usize)?;
        Ok(secret.fingerprint(&workspace, &self.segment.id(row as usize)?))
    }

    /// The rows of an event, hidden ones included.
    pub(super) fn rows_of(&self, fingerprint: Fingerprint, workspace: &str, id: &str) -> Result<Vec<u32>> {
        let mut rows = Vec::new();
        for row in self.id_run.candidates(fingerprint)? {
            if row < self.segment.rows() && self.segment.id(row)? == id && self.workspace(row)? == workspace {
                rows.push(u32::try_from(row).expect("a segment has fewer than 2³² rows"));
            }
        }
        Ok(rows)
    }
}

impl Version {
    /// The content hash of what was first sent of an event that was retracted or replaced.
    pub(super) fn first(&self, fingerprint: Fingerprint) -> Result<Option<ContentHash>> {
        for run in &self.corrections {
            if let Some(first) = run.first(fingerprint)? {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// Whether an event of that identity was stored, whatever became of it.
    pub(super) fn is_stored(&self, secret: &Secret, fingerprint: Fingerprint) -> Result<bool> {
        for part in &self.parts {
            for row in part.id_run.candidates(fingerprint)? {
                let row = u32::try_from(row).expect("a segment has fewer than 2³² rows");
                if part.identity(secret, row)? == fingerprint {
                    return Ok(true);
                }
            }
        }
        Ok(self.first(fingerprint)?.is_some())
    }

    /// The row of an event that counts.
    pub(super) fn live_row(
        &self,
        fingerprint: Fingerprint,
        workspace: &str,
        id: &str,
    ) -> Result<Option<(&Arc<SealedPart>, u32)>> {
        for part in &self.parts {
            for row in part.rows_of(fingerprint, workspace, id)? {
                if !part.hidden.contains(row) {
                    return Ok(Some((part, row)));
                }
            }
        }
        Ok(None)
    }
}

impl Shared {
    /// Whether any event of the job was stored.
    pub(super) fn knows_job(&self, state: &State, heads: [Option<&HeadIndex>; 2], hash: u64) -> Result<bool> {
        if heads.into_iter().flatten().any(|head| head.jobs.contains(&hash)) {
            return Ok(true);
        }
        for part in &state.version.parts {
            if part.id_run.has_job(hash)? {
                return Ok(true);
            }
        }
        for run in &state.version.corrections {
            if run.has_job(hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
