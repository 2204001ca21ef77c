//! What a query needs of a store.

use std::sync::Arc;

use quipu_engine::jobs::{JobNumbers, JobOutcomes};
use quipu_engine::price_book::PriceBook;
use quipu_engine::retention::Retention;
use quipu_engine::rows::Part;
use quipu_engine::store::Snapshot;
use quipu_engine::{Outcome, Result, Timestamp};

/// A frozen state of a store, as queries read it.
pub trait Source: Sync {
    /// The position in the log up to which this state holds everything.
    fn lsn(&self) -> u64;

    /// A key that only this store has: it seals the cursors of pages.
    fn secret(&self) -> [u8; 32];

    /// All rows, in parts that do not overlap.
    fn parts(&self) -> &[Part];

    /// The jobs of [`Source::parts`] under one numbering, and with them all that have an outcome.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt), saying where.
    fn jobs(&self) -> Result<Arc<JobNumbers>>;

    /// The outcomes of the jobs of a workspace by [`Source::jobs`], as they were known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt), saying where.
    fn job_outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<JobOutcomes>;

    /// The outcome of one job with all that was said of it, as it was known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt), saying where.
    fn outcome(&self, workspace: &str, job_id: &str, as_of: Option<Timestamp>) -> Result<Option<Outcome>>;

    /// How long a workspace keeps its events, and from when on they are there; `None` where it keeps them for ever.
    fn retention(&self, workspace: &str) -> Option<&Retention>;

    /// A version of the price book, or the newest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](quipu_engine::ErrorKind::NotFound) when there is no such version.
    fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>>;

    /// The version of the price book that was the newest at an instant; the empty book before the first.
    ///
    /// # Errors
    /// What the source says.
    fn price_book_known_at(&self, at: Timestamp) -> Result<Arc<PriceBook>>;
}

impl Source for Snapshot {
    fn lsn(&self) -> u64 {
        Self::lsn(self)
    }

    fn secret(&self) -> [u8; 32] {
        Self::query_key(self)
    }

    fn parts(&self) -> &[Part] {
        Self::parts(self)
    }

    fn jobs(&self) -> Result<Arc<JobNumbers>> {
        Self::jobs(self)
    }

    fn job_outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<JobOutcomes> {
        Self::job_outcomes(self, workspace, as_of)
    }

    fn outcome(&self, workspace: &str, job_id: &str, as_of: Option<Timestamp>) -> Result<Option<Outcome>> {
        let known = |outcome: &Outcome| as_of.is_none_or(|at| outcome.known_at.is_none_or(|known| known <= at));
        Ok(self.revisions(workspace, job_id)?.into_iter().rev().find(known))
    }

    fn retention(&self, workspace: &str) -> Option<&Retention> {
        Self::retention(self, workspace)
    }

    fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>> {
        Self::price_book(self, version)
    }

    fn price_book_known_at(&self, at: Timestamp) -> Result<Arc<PriceBook>> {
        Ok(Self::price_book_known_at(self, at))
    }
}
