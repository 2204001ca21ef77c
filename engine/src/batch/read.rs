//! Batches as rows that queries read.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Batch, Texts};
use crate::correction::Mark;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, TagSets, Zone, ZoneColumn};
use crate::schema::{Dimension, Meter, Text};
use crate::segment::SortedRows;
use crate::time::Timestamp;

impl Batch {
    fn block(&self, block: usize) -> std::ops::Range<usize> {
        let start = (block * BLOCK_ROWS).min(self.len());
        start..(start + BLOCK_ROWS).min(self.len())
    }
}

/// Replaces `out` by a block of a column, or by zeros where the column does not exist.
fn copy<T: Copy + Default>(column: Option<&Vec<T>>, range: std::ops::Range<usize>, out: &mut Vec<T>) {
    out.clear();
    match column {
        Some(column) => out.extend_from_slice(&column[range]),
        None => out.resize(range.len(), T::default()),
    }
}

impl SortedRows for Batch {
    fn ids(&self, block: usize, out: &mut Texts) -> Result<()> {
        self.block(block).for_each(|row| out.push(self.ids.get(row)));
        Ok(())
    }

    fn marks(&self) -> Result<Vec<Mark>> {
        Ok(self.marks.known().to_vec())
    }

    fn mark_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        out.extend(self.block(block).map(|row| self.marks.code_of(row)));
        Ok(())
    }
}

impl EventRows for Batch {
    fn rows(&self) -> usize {
        self.len()
    }

    fn time_range(&self) -> (Timestamp, Timestamp) {
        let first = self.at.iter().min().copied().unwrap_or_default();
        let last = self.at.iter().max().copied().unwrap_or_default();
        (Timestamp::from_micros(first), Timestamp::from_micros(last))
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        Ok(self.dimensions.get(&dimension).map(|column| Arc::clone(&column.dictionary)).unwrap_or_default())
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        copy(self.dimensions.get(&dimension).map(|column| &column.codes), self.block(block), out);
        Ok(())
    }

    fn times(&self, block: usize, out: &mut Vec<i64>) -> Result<()> {
        copy(Some(&self.at), self.block(block), out);
        Ok(())
    }

    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        let range = self.block(block);
        match quantity {
            Quantity::Meter(meter) => copy(self.usage.get(meter), range, out),
            Quantity::Number(number) => copy(self.numbers.get(number), range, out),
            Quantity::ContextBand => {
                out.clear();
                out.extend(self.bands[range].iter().map(|band| u64::from(*band) + 1));
            }
        }
        Ok(())
    }

    fn meters(&self) -> Vec<Meter> {
        self.usage.keys().cloned().collect()
    }

    fn tag_sets(&self) -> Result<Arc<TagSets>> {
        Ok(Arc::clone(&self.tag_sets))
    }

    fn tag_columns(&self) -> Vec<Text> {
        Vec::new()
    }

    fn tag_set_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        copy(Some(&self.tag_codes), self.block(block), out);
        Ok(())
    }

    fn zone(&self, _column: ZoneColumn<'_>, _block: usize) -> Option<Zone> {
        None
    }

    fn rows_with(&self, _dimension: Dimension, _code: u32) -> Result<Option<Arc<RoaringBitmap>>> {
        Ok(None)
    }

    fn event(&self, row: usize) -> Result<Event> {
        let present = |column: &Vec<u64>| column[row].checked_sub(1);
        Ok(Event {
            id: Some(self.ids.get(row).into()),
            at: Some(Timestamp::from_micros(self.at[row])),
            dimensions: Dimension::ALL.iter().filter_map(|d| Some((*d, self.value(*d, row)?.into()))).collect(),
            numbers: self.numbers.iter().filter_map(|(number, column)| Some((*number, present(column)?))).collect(),
            usage: self.usage.iter().filter_map(|(meter, column)| Some((meter.clone(), present(column)?))).collect(),
            tags: self.tag_sets.get(self.tag_codes[row]).iter().cloned().collect(),
        })
    }
}
