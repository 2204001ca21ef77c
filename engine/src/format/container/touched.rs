//! How much each thread has read of containers, for whoever explains where time goes.

use std::cell::Cell;
use std::ops::{AddAssign, Sub};

use super::BlockEntry;
use crate::limits::VECTOR_ROWS;

/// What was read of files: at most so much, for of a vector in which one row is wanted not all is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Blocks of which anything was decoded, as often as it was.
    pub blocks: u64,
    /// The bytes of the vectors and frames that were decoded.
    pub bytes: u64,
}

thread_local! {
    static TOUCHED: Cell<Touched> = const { Cell::new(Touched { blocks: 0, bytes: 0 }) };
}

impl Touched {
    /// By this thread, ever since it began.
    pub fn so_far() -> Self {
        TOUCHED.get()
    }
}

impl Sub for Touched {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { blocks: self.blocks - before.blocks, bytes: self.bytes - before.bytes }
    }
}

impl AddAssign for Touched {
    fn add_assign(&mut self, more: Self) {
        self.blocks += more.blocks;
        self.bytes += more.bytes;
    }
}

impl BlockEntry {
    /// Takes down that this thread decodes at most so many vectors or frames of the block.
    #[inline]
    pub(super) fn touch(&self, vectors: usize) {
        let all = (self.rows as usize).div_ceil(VECTOR_ROWS).max(1) as u64;
        let bytes = u64::from(self.len) * (vectors as u64).min(all) / all;
        let mut touched = TOUCHED.get();
        touched += Touched { blocks: 1, bytes };
        TOUCHED.set(touched);
    }
}
