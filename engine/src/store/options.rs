//! What can be set about a store, with values that suit most.

use std::time::Duration;

use crate::limits;

/// Options of [`Store::open`](super::Store::open).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The head is sealed when it has so many events.
    pub seal_events: usize,
    /// The head is sealed when it holds so many bytes of memory.
    pub seal_bytes: usize,
    /// Bytes of memory that batches may take that wait for their commit; more are refused. A batch by itself is not.
    pub queue_bytes: usize,
    /// How long a commit waits for others to share its sync. Not at all by default: the next group forms during the sync
    /// of the one before, which is best where syncs take milliseconds.
    pub flush_interval: Duration,
    /// So many events and corrections are waited for at most.
    pub flush_events: usize,
    /// Free space below which no event is taken, so that reading and sealing go on.
    pub reserve_bytes: u64,
    /// Bytes of decoded ids that are kept to recognise events that are sent again.
    pub id_cache_bytes: usize,
    /// Most rows of a segment that comes out of a merge.
    pub segment_rows: u64,
    /// Bytes that merging beside other work writes in a second, at most.
    pub merge_bytes_per_second: u64,
    /// Whether sealing and merging run on threads of their own. If not, sealing runs inside the commit that fills the
    /// head, and merging when [`Store::merge_due`](super::Store::merge_due) is called.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seal_events: 1 << 18,
            seal_bytes: 128 << 20,
            id_cache_bytes: 32 << 20,
            queue_bytes: 256 << 20,
            flush_interval: Duration::ZERO,
            flush_events: limits::COMMIT_EVENTS,
            reserve_bytes: 256 << 20,
            segment_rows: 1 << 22,
            merge_bytes_per_second: 128 << 20,
            background: true,
        }
    }
}

impl Options {
    /// Divides a budget of memory, in bytes, among what writing needs: an eighth for the head and an eighth for the one
    /// being sealed, a quarter for a merge, a quarter for what waits to be committed, and the rest for what comes
    /// and goes. The defaults are those of 1 GiB. What queries need comes on top, and so do the files, which are mapped.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: usize) -> Self {
        self.seal_bytes = bytes / 8;
        // An event with its dedup record takes some 512 bytes in the head.
        self.seal_events = (bytes / 8 / 512).clamp(1 << 10, 1 << 18);
        self.queue_bytes = bytes / 4;
        self.id_cache_bytes = bytes / 32;
        // A merge takes some 64 bytes a row: its place in the order, its counter row and its dedup record.
        self.segment_rows = (bytes as u64 / 4 / 64).clamp(1 << 16, 1 << 22);
        self
    }

    /// Seals the head at so many events.
    #[must_use]
    pub fn seal_events(mut self, events: usize) -> Self {
        self.seal_events = events.max(1);
        self
    }

    /// Lets batches of so many bytes wait for their commit.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Waits so long before each commit for others to share its sync.
    #[must_use]
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = interval;
        self
    }

    /// Commits without waiting on once so many events and corrections are there.
    #[must_use]
    pub fn flush_events(mut self, events: usize) -> Self {
        self.flush_events = events.max(1);
        self
    }

    /// Keeps so many bytes of the disk free.
    #[must_use]
    pub fn reserve_bytes(mut self, bytes: u64) -> Self {
        self.reserve_bytes = bytes;
        self
    }

    /// Merges parts as long as the result has no more than so many rows.
    #[must_use]
    pub fn segment_rows(mut self, rows: u64) -> Self {
        self.segment_rows = rows;
        self
    }

    /// Writes at most so many bytes a second when merging beside other work.
    #[must_use]
    pub fn merge_bytes_per_second(mut self, bytes: u64) -> Self {
        self.merge_bytes_per_second = bytes;
        self
    }

    /// Seals and merges on threads of their own, or not.
    #[must_use]
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_a_gibibyte() {
        let (default, budget) = (Options::default(), Options::default().memory_bytes(1 << 30));
        assert_eq!(format!("{default:?}"), format!("{budget:?}"));
        let small = Options::default().memory_bytes(64 << 20);
        assert!(small.seal_bytes == 8 << 20 && small.seal_events == 1 << 14 && small.segment_rows == 1 << 18);
    }
}
