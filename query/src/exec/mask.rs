//! Which rows of a block pass a test.

use quipu_engine::limits::BLOCK_ROWS;
use roaring::RoaringBitmap;

use super::rows::Rows;

/// Which rows of a block pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    None,
    All,
    Some(Vec<bool>),
}

impl Mask {
    pub(super) fn constant(passes: bool) -> Self {
        if passes { Self::All } else { Self::None }
    }

    pub(super) fn of(passes: impl Iterator<Item = bool>) -> Self {
        let passes: Vec<bool> = passes.collect();
        if passes.iter().all(|passes| *passes) {
            Self::All
        } else if passes.iter().any(|passes| *passes) {
            Self::Some(passes)
        } else {
            Self::None
        }
    }

    /// The rows of a block that an index names.
    pub(super) fn of_index(index: &RoaringBitmap, rows: Rows<'_>, block: usize) -> Self {
        let length = rows.block_len(block);
        let start = u32::try_from(block * BLOCK_ROWS).unwrap_or(u32::MAX);
        let range = start..start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
        let found = index.range_cardinality(range.clone());
        if found == 0 {
            return Self::None;
        }
        if found == length as u64 {
            return Self::All;
        }
        let mut passes = vec![false; length];
        index.range(range).for_each(|row| passes[(row - start) as usize] = true);
        Self::Some(passes)
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(passes) => passes[row],
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, mask) | (mask, Self::All) => mask,
            (Self::Some(a), Self::Some(b)) => Self::of(a.iter().zip(&b).map(|(a, b)| *a & *b)),
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, mask) | (mask, Self::None) => mask,
            (Self::Some(a), Self::Some(b)) => Self::of(a.iter().zip(&b).map(|(a, b)| *a | *b)),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Some(passes) => Self::Some(passes.iter().map(|passes| !passes).collect()),
        }
    }
}
