//! Which sealed rows may hold the events of a batch: looked up part by part, before the batch takes its turn.
//!
//! Whoever brings a batch looks its ids up on their own thread, while others commit. At its turn only the parts that
//! were sealed or merged since then are left.

use super::version::Version;
use crate::dedup::Fingerprint;
use crate::error::Result;

/// The candidates of the events of one batch.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Of each event.
    fingerprints: Vec<u64>,
    /// The segments that were searched, ascending.
    searched: Vec<u64>,
    /// By event: the segment and the row.
    candidates: Vec<(usize, u64, usize)>,
}

impl Screen {
    /// Nothing searched yet.
    pub(super) fn of(fingerprints: impl Iterator<Item = Fingerprint>) -> Self {
        Self { fingerprints: fingerprints.map(Fingerprint::short).collect(), ..Self::default() }
    }

    /// Searches the parts of a version that were not searched yet, and forgets what lies in no part of it.
    pub(super) fn search(&mut self, version: &Version) -> Result<()> {
        if self.fingerprints.is_empty() {
            return Ok(());
        }
        self.candidates.retain(|(_, segment, _)| version.part(*segment).is_some());
        let searched = std::mem::take(&mut self.searched);
        for part in &version.parts {
            let segment = part.entry.segment.number;
            if searched.binary_search(&segment).is_err() {
                let found = |event, row| self.candidates.push((event, segment, row));
                part.id_run.candidates_of(&self.fingerprints, found)?;
            }
            self.searched.push(segment);
        }
        self.searched.sort_unstable();
        self.candidates.sort_unstable();
        Ok(())
    }

    /// The segments and rows that may hold the event at that place of the batch.
    pub(super) fn candidates(&self, event: usize) -> impl Iterator<Item = (u64, usize)> {
        let first = self.candidates.partition_point(|(of, ..)| *of < event);
        let of_event = self.candidates[first..].iter().take_while(move |(of, ..)| *of == event);
        of_event.map(|(_, segment, row)| (*segment, *row))
    }
}
