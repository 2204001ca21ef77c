//! Where the rows of one job or one workflow run lie, for whoever looks one up.
//!
//! Rows of a job lie together, and within them those of a workflow run, so nearly every value has one run of rows. Where
//! each begins is read from the column when somebody first looks a value up, and kept as long as the segment is open.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::{Segment, sections};
use crate::error::Result;
use crate::limits::{BLOCK_ROWS, VECTOR_ROWS};
use crate::rows::EventRows;
use crate::schema::Dimension;

/// The dimensions of which single values are looked up.
pub(super) const LOOKED_UP: [Dimension; 2] = [Dimension::JobId, Dimension::TraceId];

/// No row.
const NONE: u32 = u32::MAX;

/// The runs of rows of each value of a dimension.
#[derive(Debug)]
pub(super) struct RowRuns {
    /// By code, where its first run begins.
    first: Vec<u32>,
    /// The code and the beginning of each further run, in order.
    further: Vec<(u32, u32)>,
}

impl RowRuns {
    fn read(segment: &Segment, dimension: Dimension) -> Result<Self> {
        let values = segment.values(dimension)?;
        let mut runs = Self { first: vec![NONE; values + 1], further: Vec::new() };
        let (mut codes, mut last) = (Vec::new(), 0);
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            segment.codes_below(dimension, values, block, &mut codes)?;
            let start = u32::try_from(block * BLOCK_ROWS).unwrap_or(NONE);
            for (row, code) in (start..).zip(&codes) {
                if *code != last {
                    last = *code;
                    // Codes were held against the number of values when they were read.
                    match &mut runs.first[*code as usize] {
                        first if *first == NONE => *first = row,
                        _ => runs.further.push((*code, row)),
                    }
                }
            }
        }
        runs.further.sort_unstable();
        runs.further.shrink_to_fit();
        Ok(runs)
    }

    /// Where the runs of a code begin, ascending.
    fn of(&self, code: u32) -> impl Iterator<Item = u32> {
        let first = self.first.get(code as usize).copied().filter(|row| *row != NONE);
        let start = self.further.partition_point(|(known, _)| *known < code);
        let further = self.further[start..].iter().take_while(move |(known, _)| *known == code);
        first.into_iter().chain(further.map(|(_, row)| *row))
    }
}

impl Segment {
    /// The rows that carry a value other than none of one of [`LOOKED_UP`].
    pub(super) fn looked_up(&self, dimension: Dimension, code: u32) -> Result<RoaringBitmap> {
        let Some(cell) = LOOKED_UP.iter().position(|one| *one == dimension).map(|at| &self.runs[at]) else {
            return Ok(RoaringBitmap::new());
        };
        let runs = match cell.get() {
            Some(runs) => runs,
            None => {
                let runs = RowRuns::read(self, dimension)?;
                cell.get_or_init(|| runs)
            }
        };
        let mut rows = RoaringBitmap::new();
        for start in runs.of(code) {
            rows.insert_range(self.run_at(dimension, code, start as usize)?);
        }
        Ok(rows)
    }

    /// The rows with a code from `start` on.
    fn run_at(&self, dimension: Dimension, code: u32, start: usize) -> Result<Range<u32>> {
        let section = self.section(&sections::codes(dimension))?;
        let mut end = start;
        let mut codes: Vec<u32> = Vec::with_capacity(VECTOR_ROWS);
        while end < self.rows() {
            codes.clear();
            self.container().vector(section, end / BLOCK_ROWS, end % BLOCK_ROWS / VECTOR_ROWS, &mut codes)?;
            let rest = &codes[(end % VECTOR_ROWS).min(codes.len())..];
            let same = rest.iter().take_while(|one| **one == code).count();
            end += same;
            if same == 0 || same < rest.len() {
                break;
            }
        }
        Ok(u32::try_from(start).unwrap_or(NONE)..u32::try_from(end).unwrap_or(NONE))
    }
}
