//! What a query needs of a store.

use std::sync::Arc;

use quipu_engine::price_book::PriceBook;
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

    /// The outcomes of the jobs of a workspace, at most one per job, as they were known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt), saying where.
    fn outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<Vec<Outcome>>;

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

    fn outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<Vec<Outcome>> {
        Self::outcomes(self, workspace, as_of)
    }

    fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>> {
        Self::price_book(self, version)
    }

    fn price_book_known_at(&self, at: Timestamp) -> Result<Arc<PriceBook>> {
        Ok(Self::price_book_known_at(self, at))
    }
}
