//! What a query may take: memory, and time until somebody stops it.

use std::sync::atomic::{AtomicU64, Ordering};

use quipu_engine::{Error, ErrorKind, Result};

use crate::query::{Cancel, DEFAULT_MEMORY, Query};

/// Counts the bytes of groups over all threads of a query.
pub(super) struct Budget {
    limit: u64,
    used: AtomicU64,
    cancel: Option<Cancel>,
}

impl Budget {
    pub(super) fn of(query: &Query) -> Self {
        let limit = query.memory.unwrap_or(DEFAULT_MEMORY);
        Self { limit, used: AtomicU64::new(0), cancel: query.cancel.clone() }
    }

    /// Replaces `before` bytes by `now`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when that is more than the query may take.
    pub(super) fn replace(&self, before: usize, now: usize) -> Result<()> {
        let (before, now) = (before as u64, now as u64);
        self.used.fetch_sub(before.min(self.used.load(Ordering::Relaxed)), Ordering::Relaxed);
        let used = self.used.fetch_add(now, Ordering::Relaxed) + now;
        if used <= self.limit {
            return Ok(());
        }
        let limit = self.limit;
        Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "the query needs more than the {limit} bytes it may use; raise its memory, narrow its filter or time \
                 range, group by fewer keys, or ask for approx_distinct instead of distinct"
            ),
        ))
    }

    /// # Errors
    /// [`ErrorKind::Cancelled`] once somebody asked the query to stop.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        match &self.cancel {
            Some(cancel) if cancel.is_cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "the query was stopped before it was done"))
            }
            _ => Ok(()),
        }
    }
}
