//! Events in memory, column by column: what the head is made of and what segments are written from.

mod build;
mod marks;
mod order;
mod read;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dedup::ContentHash;
use crate::dictionary::Dictionary;
use crate::rows::TagSets;
use crate::schema::{Dimension, Meter, Number};

pub use build::BatchBuilder;
pub(crate) use marks::Marks;
pub(crate) use order::SORT_DIMENSIONS;
pub use texts::Texts;

/// Immutable rows of events in columns. Columns that no row uses do not exist.
///
/// Codes and quantities are in the forms that [`crate::rows::EventRows`] describes.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) at: Vec<i64>,
    pub(crate) ids: Texts,
    pub(crate) bands: Vec<u8>,
    /// The hash of how each event was first sent, which tells a retry from a conflict; not part of what queries read, and
    /// none in a batch that was read back from a segment.
    pub(crate) firsts: Vec<ContentHash>,
    pub(crate) dimensions: BTreeMap<Dimension, Codes>,
    pub(crate) numbers: BTreeMap<Number, Vec<u64>>,
    pub(crate) usage: BTreeMap<Meter, Vec<u64>>,
    pub(crate) tag_sets: Arc<TagSets>,
    pub(crate) tag_codes: Vec<u32>,
    /// What corrections gave to each row; not part of what queries read.
    pub(crate) marks: Marks,
}

/// A column of codes with their dictionary.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) codes: Vec<u32>,
}

impl Batch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The value of a dimension in a row.
    pub fn value(&self, dimension: Dimension, row: usize) -> Option<&str> {
        let column = self.dimensions.get(&dimension)?;
        column.dictionary.get(column.codes[row])
    }

    /// Bytes of memory held, near enough to bound it.
    pub fn memory_bytes(&self) -> usize {
        let dictionaries: usize = self.dimensions.values().map(|column| column.dictionary.memory_bytes()).sum();
        let row =
            8 + 1 + ContentHash::BYTES + 4 * (self.dimensions.len() + 1) + 8 * (self.numbers.len() + self.usage.len());
        dictionaries + self.ids.memory_bytes() + self.marks.memory_bytes() + row * self.len()
    }
}
