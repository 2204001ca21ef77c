//! The head: events and outcomes that are durable in the log but not yet in files of their own.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::overlay::Overlay;
use crate::batch::Batch;
use crate::outcome::Outcome;

/// Outcomes with the hashes of their jobs, ascending.
pub(super) type Outcomes = Vec<(u64, Arc<Outcome>)>;

/// Immutable chunks; a commit adds one, and small neighbours are joined so that few remain.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) batches: Vec<Arc<Batch>>,
    pub(super) outcomes: Vec<Arc<Outcomes>>,
    /// Rows, hidden ones included.
    pub(super) events: usize,
    pub(super) bytes: usize,
    /// Corrections that are in the log only.
    pub(super) corrections: usize,
    /// Rows of its own that no longer count, numbered in the order of arrival.
    pub(super) hidden: Arc<RoaringBitmap>,
    /// Rows below that its corrections hide.
    pub(super) over: Arc<Overlay>,
}

/// Chunks are joined while the older is less than so many times the newer: each row is then
/// copied a few times in all, and a head of n single commits has some log n chunks.
const GROWTH: usize = 4;
/// A chunk of this size is left alone: a full head has some dozens of them.
const LARGE_ROWS: usize = 1 << 12;

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.outcomes.is_empty() && self.corrections == 0
    }

    /// The batch that holds a row, and which of its rows it is.
    ///
    /// # Panics
    /// When there is no such row.
    pub(super) fn row(&self, row: u32) -> (&Arc<Batch>, usize) {
        let mut row = row as usize;
        for batch in &self.batches {
            if row < batch.len() {
                return (batch, row);
            }
            row -= batch.len();
        }
        unreachable!("rows of a head are numbered without gaps")
    }

    /// Each batch with the number of its first row.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &Arc<Batch>)> {
        let mut next = 0;
        self.batches.iter().map(move |batch| {
            let first = next;
            next += u32::try_from(batch.len()).expect("a head has fewer than 2³² rows");
            (first, batch)
        })
    }

    /// Hides rows of its own and of what lies below.
    pub(super) fn hide(&mut self, own: &RoaringBitmap, below: &Overlay) {
        if !own.is_empty() {
            *Arc::make_mut(&mut self.hidden) |= own;
        }
        if !below.is_empty() {
            Arc::make_mut(&mut self.over).join(below);
        }
    }

    pub(super) fn push_events(&mut self, batch: Batch) {
        self.events += batch.len();
        self.bytes += batch.memory_bytes();
        push(&mut self.batches, batch, |batch| batch.len(), Batch::concat);
    }

    pub(super) fn push_outcomes(&mut self, outcomes: Outcomes) {
        push(&mut self.outcomes, outcomes, Vec::len, |chunks| {
            let mut joined: Outcomes = chunks.iter().flat_map(|chunk| chunk.iter().cloned()).collect();
            joined.sort_by_key(|(hash, _)| *hash);
            joined
        });
    }

    /// The revisions of the outcome of a job.
    pub(super) fn outcomes_of<'a>(
        &'a self,
        hash: u64,
        workspace: &'a str,
        job_id: &'a str,
    ) -> impl Iterator<Item = &'a Outcome> {
        let same = self.outcomes.iter().flat_map(move |chunk| {
            let start = chunk.partition_point(|(known, _)| *known < hash);
            chunk[start..].iter().take_while(move |(known, _)| *known == hash)
        });
        let outcomes = same.map(|(_, outcome)| &**outcome);
        outcomes.filter(move |outcome| outcome.workspace() == workspace && outcome.job_id == job_id)
    }
}

fn push<T>(chunks: &mut Vec<Arc<T>>, chunk: T, len: fn(&T) -> usize, join: fn(&[Arc<T>]) -> T) {
    let mut rows = len(&chunk);
    chunks.push(Arc::new(chunk));
    let mut joined = chunks.len() - 1;
    while joined > 0 {
        let before = len(&chunks[joined - 1]);
        if before >= LARGE_ROWS || before >= rows * GROWTH {
            break;
        }
        rows += before;
        joined -= 1;
    }
    if joined < chunks.len() - 1 {
        let all = join(&chunks[joined..]);
        chunks.truncate(joined);
        chunks.push(Arc::new(all));
    }
}
