//! Reading one column of one input from front to back, a block at a time.

use crate::error::Result;
use crate::rows::{EventRows, Quantity, zone_time};
use crate::schema::{Dimension, Text};
use crate::segment::Segment;

/// A column of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Codes(Dimension),
    Quantity(Quantity),
    TagSets,
    /// The codes of a tag with a column of its own.
    Tag(Text),
    Marks,
}

impl Column {
    /// Whether its numbers are codes of a dictionary.
    pub(super) fn has_dictionary(&self) -> bool {
        matches!(self, Self::Codes(_) | Self::Tag(_))
    }

    /// Appends a block of a segment, everything widened to 64 bits. All codes are less than `below`.
    pub(super) fn read(&self, segment: &Segment, below: usize, block: usize, out: &mut Vec<u64>) -> Result<()> {
        match self {
            Self::Time => {
                let mut times = Vec::new();
                segment.times(block, &mut times)?;
                out.extend(times.into_iter().map(zone_time));
            }
            Self::Codes(dimension) => {
                let mut codes = Vec::new();
                segment.codes_below(*dimension, below - 1, block, &mut codes)?;
                out.extend(codes.into_iter().map(u64::from));
            }
            Self::TagSets => {
                let mut codes = Vec::new();
                segment.tag_set_codes_below(below, block, &mut codes)?;
                out.extend(codes.into_iter().map(u64::from));
            }
            Self::Tag(key) => {
                let mut codes = Vec::new();
                segment.tag_codes_below(key, below - 1, block, &mut codes)?;
                out.extend(codes.into_iter().map(u64::from));
            }
            Self::Marks => {
                let mut codes = Vec::new();
                segment.mark_codes(below - 1, block, &mut codes)?;
                out.extend(codes.into_iter().map(u64::from));
            }
            Self::Quantity(quantity) => segment.quantities(quantity, block, out)?,
        }
        Ok(())
    }
}

/// A place among the rows of an input that go on.
#[derive(Debug, Default)]
pub(super) struct Cursor<B> {
    /// The rows from `start` to `end` that are loaded.
    values: B,
    start: u32,
    end: u32,
    next: u32,
}

impl<B> Cursor<B> {
    /// Goes to row `next`; `before` tells how many rows go on before each block of the input.
    pub(super) fn seek(&mut self, next: u32, before: &[u32]) {
        debug_assert!(before.last().is_some_and(|rows| next <= *rows), "row {next} is one that goes on, or the end");
        self.next = next;
    }

    /// The place of the next row, where `load` reads a block of the input.
    pub(super) fn next(
        &mut self,
        before: &[u32],
        load: impl FnOnce(usize, &mut B) -> Result<()>,
    ) -> Result<(&B, usize)> {
        if !(self.start..self.end).contains(&self.next) {
            // The last block that begins at or before the row; blocks of which nothing goes on are passed over.
            let block = before.partition_point(|rows| *rows <= self.next) - 1;
            load(block, &mut self.values)?;
            (self.start, self.end) = (before[block], before[block + 1]);
        }
        self.next += 1;
        Ok((&self.values, (self.next - 1 - self.start) as usize))
    }
}
