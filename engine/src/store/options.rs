//! What can be set about a store, with values that suit most.

/// Options of [`Store::open`](super::Store::open).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The head is sealed when it has so many events.
    pub seal_events: usize,
    /// The head is sealed when it holds so many bytes of memory.
    pub seal_bytes: usize,
    /// Events that may wait for their commit; more are refused.
    pub queue_events: usize,
    /// Free space below which no event is taken, so that reading and sealing go on.
    pub reserve_bytes: u64,
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
            queue_events: 1 << 20,
            reserve_bytes: 256 << 20,
            segment_rows: 1 << 22,
            merge_bytes_per_second: 128 << 20,
            background: true,
        }
    }
}

impl Options {
    /// Seals the head at so many events.
    #[must_use]
    pub fn seal_events(mut self, events: usize) -> Self {
        self.seal_events = events.max(1);
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
