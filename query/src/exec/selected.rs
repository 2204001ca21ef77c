//! The rows of a block that are read.

use quipu_engine::Result;
use quipu_engine::rows::{EventRows, Quantity, keep};

use super::mask::Mask;

/// Of fewer than one row in so many, only these are unpacked.
const SPARSE: usize = 16;

/// The rows of a block that pass the filter.
pub(super) struct Selected {
    /// `None` when all do.
    rows: Option<Vec<u32>>,
    /// How many they are.
    pub(super) len: usize,
    /// How many rows the block has.
    of: usize,
}

impl Selected {
    /// Those of a mask, of `of` rows.
    pub(super) fn new(mask: &Mask, of: usize) -> Self {
        match mask {
            Mask::None => Self { rows: Some(Vec::new()), len: 0, of },
            Mask::All => Self { rows: None, len: of, of },
            Mask::Some(_) => {
                let rows = mask.rows();
                Self { len: rows.len(), rows: Some(rows), of }
            }
        }
    }

    /// Those of a mask where they are few; else all of `of` rows.
    pub(super) fn few(mask: &Mask, of: usize) -> Self {
        if mask.count(of) * SPARSE < of { Self::new(mask, of) } else { Self::new(&Mask::All, of) }
    }

    /// The selected rows where they are few enough to be read one by one.
    pub(super) fn sparse(&self) -> Option<&[u32]> {
        self.rows.as_deref().filter(|rows| rows.len() * SPARSE < self.of)
    }

    /// Drops the values of all other rows.
    pub(super) fn compact<T: Copy>(&self, values: &mut Vec<T>) {
        self.rows.iter().for_each(|rows| keep(rows, values));
    }

    /// Replaces `out` by a quantity of the selected rows of a block, in stored form.
    pub(super) fn quantities(
        &self,
        events: &dyn EventRows,
        quantity: &Quantity,
        block: usize,
        out: &mut Vec<u64>,
    ) -> Result<()> {
        match self.sparse() {
            Some(rows) => return events.quantities_of(quantity, block, rows, out),
            None => events.quantities(quantity, block, out)?,
        }
        self.compact(out);
        Ok(())
    }

    /// Replaces `out` by the tag sets of the selected rows of a block.
    pub(super) fn tag_set_codes(&self, events: &dyn EventRows, block: usize, out: &mut Vec<u32>) -> Result<()> {
        match self.sparse() {
            Some(rows) => return events.tag_set_codes_of(block, rows, out),
            None => events.tag_set_codes(block, out)?,
        }
        self.compact(out);
        Ok(())
    }

    /// Replaces `out` by the codes of a tag with a column of its own in the selected rows of a block.
    pub(super) fn tag_codes(&self, events: &dyn EventRows, key: &str, block: usize, out: &mut Vec<u32>) -> Result<()> {
        match self.sparse() {
            Some(rows) => return events.tag_codes_of(key, block, rows, out),
            None => events.tag_codes(key, block, out)?,
        }
        self.compact(out);
        Ok(())
    }

    /// The rows whose value, read for the selected ones, passes.
    pub(super) fn mask<T: Copy>(&self, values: &[T], passes: impl Fn(T) -> bool) -> Mask {
        match &self.rows {
            None => Mask::of(values, passes),
            Some(rows) => {
                let rows = rows.iter().zip(values).filter(|(_, value)| passes(**value));
                Mask::of_rows(rows.map(|(row, _)| *row), self.of)
            }
        }
    }
}
