//! A moment of the store, immutable.

use std::sync::{Arc, OnceLock};

use super::outcomes::revisions;
use super::state::State;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::log::TornTail;
use crate::outcome::Outcome;
use crate::price_book::PriceBook;
use crate::rows::{EventRows, Part};
use crate::time::Timestamp;

/// What was stored at one moment. Later commits, seals and removals do not touch it.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) state: Arc<State>,
    secret: Secret,
    parts: Arc<OnceLock<Vec<Part>>>,
    unfinished: Option<TornTail>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("lsn", &self.lsn()).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) fn new(state: Arc<State>, secret: Secret) -> Self {
        Self { state, secret, parts: Arc::default(), unfinished: None }
    }

    pub(super) fn with_unfinished(self, unfinished: Option<TornTail>) -> Self {
        Self { unfinished, ..self }
    }

    /// What lay behind the last commit in the log when a store was read without its lock: a commit being
    /// written at that moment, or left by a crash. The snapshot does not show it.
    pub fn unfinished(&self) -> Option<TornTail> {
        self.unfinished
    }

    /// The LSN of the last record it shows.
    pub fn lsn(&self) -> u64 {
        self.state.lsn
    }

    /// All events: sealed parts with their counters, then the batches of the head.
    pub fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| {
            let sealed = self.state.version.parts.iter().map(|part| part.part());
            let frozen = self.state.frozen.iter().flat_map(|frozen| &frozen.head.batches);
            let batches = frozen.chain(&self.state.head.batches);
            let head = batches.map(|batch| Part { events: Arc::clone(batch) as Arc<dyn EventRows>, counters: None });
            sealed.chain(head).collect()
        })
    }

    /// The newest outcome of a job; `None` while it is pending.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn outcome(&self, workspace: &str, job_id: &str) -> Result<Option<Outcome>> {
        Ok(self.revisions(workspace, job_id)?.pop())
    }

    /// The outcome of a job with all its amendments, in the order they were made.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn revisions(&self, workspace: &str, job_id: &str) -> Result<Vec<Outcome>> {
        revisions(&self.state, self.secret.job(workspace, job_id), workspace, job_id)
    }

    /// The outcomes of the jobs of a workspace, by job, as they were known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<Vec<Outcome>> {
        let mut all = self.all_revisions(workspace)?;
        all.retain(|outcome| as_of.is_none_or(|as_of| outcome.known_at.is_none_or(|known| known <= as_of)));
        // Of the revisions of a job, which stand one behind the other, the last stays.
        all.reverse();
        all.dedup_by(|earlier, newest| earlier.job_id == newest.job_id);
        all.reverse();
        Ok(all)
    }

    /// Every revision of every outcome in a workspace, by job and then in the order they were made.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn all_revisions(&self, workspace: &str) -> Result<Vec<Outcome>> {
        let mut all = Vec::new();
        for run in &self.state.version.outcomes {
            all.extend(run.all()?);
        }
        let frozen = self.state.frozen.iter().flat_map(|frozen| &frozen.head.outcomes);
        for chunk in frozen.chain(&self.state.head.outcomes) {
            all.extend(chunk.iter().map(|(_, outcome)| Outcome::clone(outcome)));
        }
        all.retain(|outcome| outcome.workspace() == workspace);
        all.sort_unstable_by(|a, b| (&a.job_id, a.revision).cmp(&(&b.job_id, b.revision)));
        Ok(all)
    }

    /// A version of the price book, the newest when `None`; the empty book while there is none.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], naming the versions there are.
    pub fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>> {
        let books = &self.state.version.books;
        let Some(version) = version else { return Ok(books.last().cloned().unwrap_or_default()) };
        books.iter().find(|book| book.version == version).cloned().ok_or_else(|| {
            let newest = books.last().map_or(0, |book| book.version);
            Error::new(ErrorKind::NotFound, format!("there is no price book {version}; the newest is {newest}"))
        })
    }

    /// The version of the price book that was the newest at an instant; the empty book before the first.
    pub fn price_book_known_at(&self, at: Timestamp) -> Arc<PriceBook> {
        self.price_books().iter().rev().find(|book| book.known_at <= at).cloned().unwrap_or_default()
    }

    /// Every version of the price book, ascending.
    pub fn price_books(&self) -> &[Arc<PriceBook>] {
        &self.state.version.books
    }
}
