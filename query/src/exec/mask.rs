//! Which rows of a block pass: one bit a row.

use quipu_engine::limits::BLOCK_ROWS;
use roaring::RoaringBitmap;

use super::rows::Rows;

const WORD: usize = u64::BITS as usize;

/// The rows of a block that pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    None,
    All,
    /// Bit *r* of the words together stands for row *r*; some are set and some are not.
    Some(Bits),
}

/// A bit per row of a block; those beyond its rows are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits(Box<[u64; BLOCK_ROWS / WORD]>);

impl Bits {
    fn zero() -> Self {
        Self(Box::new([0; BLOCK_ROWS / WORD]))
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

impl Mask {
    pub(super) fn constant(passes: bool) -> Self {
        if passes { Self::All } else { Self::None }
    }

    /// The rows whose value passes.
    pub(super) fn of<T: Copy>(values: &[T], passes: impl Fn(T) -> bool) -> Self {
        let mut bits = Bits::zero();
        for (word, values) in bits.0.iter_mut().zip(values.chunks(WORD)) {
            for (at, value) in values.iter().enumerate() {
                *word |= u64::from(passes(*value)) << at;
            }
        }
        Self::of_bits(bits, values.len())
    }

    /// The rows that are named, of so many.
    pub(super) fn of_rows(rows: impl Iterator<Item = u32>, len: usize) -> Self {
        let mut bits = Bits::zero();
        rows.for_each(|row| bits.0[row as usize / WORD] |= 1 << (row as usize % WORD));
        Self::of_bits(bits, len)
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
        Self::of_rows(index.range(range).map(|row| row - start), length)
    }

    fn of_bits(bits: Bits, len: usize) -> Self {
        match bits.count() {
            0 => Self::None,
            count if count == len => Self::All,
            _ => Self::Some(bits),
        }
    }

    /// How many of `len` rows pass.
    pub(super) fn count(&self, len: usize) -> usize {
        match self {
            Self::None => 0,
            Self::All => len,
            Self::Some(bits) => bits.count(),
        }
    }

    /// The numbers of the rows that pass, ascending; nothing stands for all of them.
    pub(super) fn rows(&self) -> Vec<u32> {
        let Self::Some(bits) = self else { return Vec::new() };
        let mut rows = Vec::with_capacity(bits.count());
        for (first, word) in (0..).step_by(WORD).zip(bits.0.iter()) {
            let mut word = *word;
            while word != 0 {
                rows.push(first + word.trailing_zeros());
                word &= word - 1;
            }
        }
        rows
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(bits) => bits.0[row / WORD] >> (row % WORD) & 1 == 1,
        }
    }

    pub(super) fn and(self, other: Self, len: usize) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, mask) | (mask, Self::All) => mask,
            (Self::Some(mut a), Self::Some(b)) => {
                a.0.iter_mut().zip(b.0.iter()).for_each(|(a, b)| *a &= b);
                Self::of_bits(a, len)
            }
        }
    }

    pub(super) fn or(self, other: Self, len: usize) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, mask) | (mask, Self::None) => mask,
            (Self::Some(mut a), Self::Some(b)) => {
                a.0.iter_mut().zip(b.0.iter()).for_each(|(a, b)| *a |= b);
                Self::of_bits(a, len)
            }
        }
    }

    pub(super) fn not(self, len: usize) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Some(mut bits) => {
                for (first, word) in (0..).step_by(WORD).zip(bits.0.iter_mut()) {
                    let rows = len.saturating_sub(first).min(WORD);
                    *word = !*word & u64::MAX.checked_shr((WORD - rows) as u32).unwrap_or(0);
                }
                Self::Some(bits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn masks_are_sets_of_rows(
            rows in prop::collection::vec((any::<bool>(), any::<bool>()), 1..300),
        ) {
            let len = rows.len();
            let masks = [Mask::of(&rows, |row| row.0), Mask::of(&rows, |row| row.1)];
            let set = |mask: &Mask| (0..len).filter(|row| mask.contains(*row)).collect::<Vec<_>>();
            let expected = |test: &dyn Fn(&(bool, bool)) -> bool| (0..len).filter(|row| test(&rows[*row])).collect::<Vec<_>>();
            let [a, b] = masks;
            prop_assert_eq!(set(&a), expected(&|row| row.0));
            prop_assert_eq!(a.count(len), set(&a).len());
            if let Mask::Some(_) = &a {
                let named: Vec<u32> = set(&a).into_iter().map(|row| u32::try_from(row).unwrap()).collect();
                prop_assert_eq!(a.rows(), named.clone());
                prop_assert_eq!(Mask::of_rows(named.into_iter(), len), a.clone());
            }
            prop_assert_eq!(set(&a.clone().and(b.clone(), len)), expected(&|row| row.0 && row.1));
            prop_assert_eq!(set(&a.clone().or(b, len)), expected(&|row| row.0 || row.1));
            prop_assert_eq!(set(&a.clone().not(len)), expected(&|row| !row.0));
            prop_assert_eq!(a.clone().not(len).not(len), a);
        }
    }
}
