//! Reads a whole segment into a batch, for verification.

use super::Segment;
use crate::batch::{Batch, Codes};
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity};
use crate::schema::{Dimension, Number};

impl Segment {
    /// Every row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn load(&self) -> Result<Batch> {
        let mut batch = Batch { tag_sets: self.tag_sets()?, marks: self.marks()?, ..Batch::default() };
        self.column(&mut batch.at, |block, out| self.times(block, out))?;
        self.column(&mut batch.tag_codes, |block, out| self.tag_set_codes(block, out))?;
        let mut bands = Vec::new();
        self.column(&mut bands, |block, out| self.quantities(&Quantity::ContextBand, block, out))?;
        batch.bands = bands.into_iter().map(|band| band.saturating_sub(1) as u8).collect();
        for block in 0..self.rows().div_ceil(BLOCK_ROWS) {
            self.ids(block, &mut batch.ids)?;
        }
        for dimension in Dimension::ALL {
            let dictionary = self.dictionary(*dimension)?;
            if !dictionary.is_empty() {
                let mut codes = Vec::new();
                self.column(&mut codes, |block, out| self.codes(*dimension, block, out))?;
                batch.dimensions.insert(*dimension, Codes { dictionary, codes });
            }
        }
        for number in Number::ALL {
            let mut column = Vec::new();
            self.column(&mut column, |block, out| self.quantities(&Quantity::Number(*number), block, out))?;
            if column.iter().any(|value| *value != 0) {
                batch.numbers.insert(*number, column);
            }
        }
        for meter in self.meters() {
            let mut column = Vec::new();
            self.column(&mut column, |block, out| self.quantities(&Quantity::Meter(meter.clone()), block, out))?;
            batch.usage.insert(meter, column);
        }
        Ok(batch)
    }

    fn column<T>(&self, all: &mut Vec<T>, read: impl Fn(usize, &mut Vec<T>) -> Result<()>) -> Result<()> {
        let mut part = Vec::new();
        for block in 0..self.rows().div_ceil(BLOCK_ROWS) {
            read(block, &mut part)?;
            all.append(&mut part);
        }
        Ok(())
    }
}
