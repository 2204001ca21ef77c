//! Reads a whole segment into a batch, for verification.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Segment;
use crate::batch::{Batch, Codes};
use crate::error::Result;
use crate::event::Sparse;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, TagSets};
use crate::schema::{Dimension, Number, Text};

impl Segment {
    /// Every row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn load(&self) -> Result<Batch> {
        let mut batch = Batch { tag_sets: self.tag_sets()?, marks: self.marks()?, ..Batch::default() };
        self.column(&mut batch.at, |block, out| self.times(block, out))?;
        self.column(&mut batch.tag_codes, |block, out| self.tag_set_codes(block, out))?;
        self.join_tag_columns(&mut batch)?;
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

    /// Puts the tags that have columns of their own back into sets.
    fn join_tag_columns(&self, batch: &mut Batch) -> Result<()> {
        let keys = self.tag_columns();
        if keys.is_empty() {
            return Ok(());
        }
        let mut columns = Vec::new();
        for key in keys {
            let (dictionary, mut codes) = (self.tag_dictionary(&key)?, Vec::new());
            self.column(&mut codes, |block, out| self.tag_codes(&key, block, out))?;
            columns.push((key, dictionary, codes));
        }
        let mut known: HashMap<_, u32> = std::iter::once((Vec::new(), 0)).collect();
        let mut sets = vec![Vec::new()];
        for (row, code) in batch.tag_codes.iter_mut().enumerate() {
            let mut set: Sparse<Text, Text> = batch.tag_sets.get(*code).iter().cloned().collect();
            for (key, dictionary, codes) in &columns {
                let value = dictionary.get(codes[row]);
                let _ = value.map(|value| set.insert(key.clone(), value.into()));
            }
            let set: Vec<(Text, Text)> = set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            *code = *known.entry(set).or_insert_with_key(|set| {
                sets.push(set.clone());
                u32::try_from(sets.len() - 1).expect("a segment has fewer than 2³² rows")
            });
        }
        batch.tag_sets = Arc::new(TagSets::new(sets));
        Ok(())
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
