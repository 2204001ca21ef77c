//! The rows that the counters of a block begin in, and what a column of the segment says there.

use std::ops::Range;

use crate::error::Result;
use crate::limits::BLOCK_ROWS;

/// Where at least one row in so many is asked for, whole blocks are decoded; where fewer are, row by row. Decoding a block
/// takes some 10 µs, one row of it 0.05 to 0.5 µs.
const ROWS_PER_COUNTER: usize = 64;

/// The counters of a block.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) block: usize,
    /// The row of the earliest event of each.
    rows: Vec<u32>,
    /// How many events each has.
    pub(super) events: Vec<u64>,
    /// Which have more than one.
    pub(super) several: Vec<u32>,
    /// The blocks of the segment that are worth decoding whole, each with the range of counters in which those lie that
    /// begin there; none where rows are few.
    blocks: Vec<(usize, Range<usize>)>,
}

impl Places {
    pub(super) fn new(block: usize, rows: Vec<u32>, events: Vec<u64>) -> Self {
        let several = (0..).zip(&events).filter(|(_, events)| **events > 1).map(|(at, _)| at).collect();
        let mut places = Self { block, rows, events, several, blocks: Vec::new() };
        let (Some(min), Some(max)) = (places.rows.iter().min(), places.rows.iter().max()) else { return places };
        let (first, last) = (*min as usize / BLOCK_ROWS, *max as usize / BLOCK_ROWS);
        if (last - first + 1) * BLOCK_ROWS <= places.rows.len() * ROWS_PER_COUNTER {
            places.blocks = (first..=last).map(|block| (block, places.rows.len()..0)).collect();
            for (at, row) in places.rows.iter().enumerate() {
                let range = &mut places.blocks[*row as usize / BLOCK_ROWS - first].1;
                *range = range.start.min(at)..at + 1;
            }
            places.blocks.retain(|(_, range)| !range.is_empty());
        }
        places
    }

    /// Replaces `out` by the values of a column, of which one reads a block and the other a row.
    pub(super) fn gather<T: Copy + Default>(
        &self,
        mut block: impl FnMut(usize, &mut Vec<T>) -> Result<()>,
        mut row: impl FnMut(usize) -> Result<T>,
        out: &mut Vec<T>,
    ) -> Result<()> {
        out.clear();
        if self.blocks.is_empty() {
            for at in &self.rows {
                out.push(row(*at as usize)?);
            }
            return Ok(());
        }
        out.resize(self.rows.len(), T::default());
        let mut values = Vec::new();
        for (at, range) in &self.blocks {
            block(*at, &mut values)?;
            // Rows mostly ascend, so nearly all counters of the range begin in this block.
            for (row, out) in self.rows[range.clone()].iter().zip(&mut out[range.clone()]) {
                if let Some(value) = (*row as usize).checked_sub(at * BLOCK_ROWS).and_then(|row| values.get(row)) {
                    *out = *value;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_rows_say_is_the_same_block_by_block_and_row_by_row(
            steps in prop::collection::vec(prop_oneof![9 => -3..90_i64, 1 => -20_000..20_000_i64], 0..4_000), far: bool,
        ) {
            let factor = if far { 40 } else { 1 };
            let rows: Vec<u32> = steps.iter().scan(0_i64, |row, step| {
                *row = (*row + step * factor).max(0);
                u32::try_from(*row).ok()
            }).collect();
            let value = |row: usize| row as u64 * 7 + 1;
            let places = Places::new(0, rows.clone(), vec![1; rows.len()]);
            let mut out = vec![9];
            let block = |block: usize, values: &mut Vec<u64>| {
                values.clear();
                values.extend((block * BLOCK_ROWS..(block + 1) * BLOCK_ROWS).map(value));
                Ok(())
            };
            places.gather(block, |row| Ok(value(row)), &mut out).unwrap();
            prop_assert_eq!(out, rows.iter().map(|row| value(*row as usize)).collect::<Vec<_>>());
        }
    }
}
