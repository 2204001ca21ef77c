//! The head: events and outcomes that are durable in the log but not yet in files of their own.

use std::sync::Arc;

use crate::batch::Batch;
use crate::outcome::Outcome;

/// Outcomes with the hashes of their jobs, ascending.
pub(super) type Outcomes = Vec<(u64, Arc<Outcome>)>;

/// Immutable chunks; a commit adds one, and small neighbours are joined so that few remain.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) batches: Vec<Arc<Batch>>,
    pub(super) outcomes: Vec<Arc<Outcomes>>,
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// Chunks are joined while the older is less than so many times the newer: each row is then
/// copied a few times in all, and a head of n single commits has some log n chunks.
const GROWTH: usize = 4;
/// A chunk of this size is left alone: a full head has some dozens of them.
const LARGE_ROWS: usize = 1 << 12;

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.outcomes.is_empty()
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
