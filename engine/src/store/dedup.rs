//! Whether an event was stored before: in the head, in the head being sealed, or in a segment.

use hashbrown::{HashMap, HashSet};

use super::state::{Shared, State};
use super::version::SealedPart;
use crate::batch::Texts;
use crate::dedup::Fingerprint;
use crate::error::Result;
use crate::limits::VECTOR_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};

/// What is known of the events of a head without reading them.
#[derive(Debug, Default)]
pub(super) struct HeadIndex {
    /// The content check of each event.
    pub(super) events: HashMap<Fingerprint, u32>,
    /// The hashes of the jobs.
    pub(super) jobs: HashSet<u64>,
    /// The named meters.
    pub(super) meters: HashSet<Text>,
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
    fn compare(stored: u32, check: u32) -> Self {
        if stored == check { Self::Same } else { Self::Other }
    }
}

impl HeadIndex {
    pub(super) fn find(&self, fingerprint: Fingerprint, check: u32) -> Known {
        self.events.get(&fingerprint).map_or(Known::New, |stored| Known::compare(*stored, check))
    }
}

/// Recently decoded frames of ids that can only be read as a whole; others are read one by one. Re-sent events mostly
/// come in the order they came in first.
#[derive(Debug)]
pub(super) struct IdFrames {
    frames: HashMap<(u64, usize), Texts>,
    bytes: usize,
    bytes_max: usize,
}

impl IdFrames {
    /// Keeps frames of so many bytes in all.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { frames: HashMap::new(), bytes: 0, bytes_max }
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

/// Looks an identity up in every segment. A fingerprint that matches is verified against the
/// stored id and workspace, so a collision of hashes changes nothing.
pub(super) fn find_sealed(
    state: &State,
    frames: &mut IdFrames,
    fingerprint: Fingerprint,
    workspace: &str,
    id: &str,
    check: u32,
) -> Result<Known> {
    for part in &state.version.parts {
        for (row, stored) in part.id_run.candidates(fingerprint)? {
            if row < part.segment.rows() && frames.holds(part, row, id)? && workspace_of(part, row)? == workspace {
                return Ok(Known::compare(stored, check));
            }
        }
    }
    Ok(Known::New)
}

fn workspace_of(part: &SealedPart, row: usize) -> Result<Text> {
    let dictionary = part.segment.dictionary(Dimension::Workspace)?;
    let code = if dictionary.len() == 1 { 1 } else { part.segment.code(Dimension::Workspace, row)? };
    Ok(dictionary.get(code).unwrap_or(DEFAULT_WORKSPACE).into())
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
        Ok(false)
    }
}
