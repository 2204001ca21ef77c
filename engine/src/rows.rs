//! What queries read: rows of events and rows of counters, column by column, block by block.
//!
//! Sealed segments and the batches of the head both implement [`EventRows`]; published job runs
//! and the counters of the head both implement [`CounterRows`]. Nothing above this line knows
//! whether rows lie on disk or in memory.

mod counters;
mod tag_sets;

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::schema::{Dimension, Meter, Number, Text};
use crate::time::Timestamp;

pub use counters::{COUNTER_DIMENSIONS, COUNTER_NUMBERS, Counter, CounterRows, Rolled};
pub use tag_sets::TagSets;

/// Rows of events in blocks of [`crate::limits::BLOCK_ROWS`]; the last block may be shorter.
///
/// Dimension columns are read as *codes* into the part's own dictionary, where code 0 means
/// absent. Quantities are read in *stored form*, where 0 means absent and any other value is one
/// more than the quantity, so that absent, zero and present are told apart without a mask.
pub trait EventRows: Send + Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// The first and the last start of an event.
    fn time_range(&self) -> (Timestamp, Timestamp);

    /// The values of a dimension; empty when no row has one.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>>;

    /// The code of a value of a dimension; `None` when no row has it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn find(&self, dimension: Dimension, value: &str) -> Result<Option<u32>> {
        Ok(self.dictionary(dimension)?.find(value))
    }

    /// Replaces `out` by the codes of a dimension in a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()>;

    /// Replaces `out` by the starts of the events of a block, in microseconds.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn times(&self, block: usize, out: &mut Vec<i64>) -> Result<()>;

    /// Replaces `out` by a quantity of the rows of a block, in stored form.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()>;

    /// The meters that occur in these rows.
    fn meters(&self) -> Vec<Meter>;

    /// The distinct sets of tags of these rows, without those that have a [column](EventRows::tag_columns) of their own.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_sets(&self) -> Result<Arc<TagSets>>;

    /// Replaces `out` by the number of the tag set of each row of a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_set_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()>;

    /// The keys of tags that vary too much to be kept in sets: each has a column of codes, like a dimension.
    fn tag_columns(&self) -> Vec<Text>;

    /// Whether a tag has a column of its own.
    fn has_tag_column(&self, key: &str) -> bool {
        self.tag_columns().iter().any(|column| column == key)
    }

    /// The values of a tag with a column of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_dictionary(&self, _key: &str) -> Result<Arc<Dictionary>> {
        Ok(Arc::default())
    }

    /// Replaces `out` by the codes of a tag with a column of its own in a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_codes(&self, _key: &str, block: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        out.resize(self.rows().saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS), 0);
        Ok(())
    }

    /// What is known of a block without reading it; `None` when nothing is.
    fn zone(&self, column: ZoneColumn<'_>, block: usize) -> Option<Zone>;

    /// The rows that carry `code`, where an index knows them.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn rows_with(&self, dimension: Dimension, code: u32) -> Result<Option<Arc<RoaringBitmap>>>;

    /// The value of a dimension in one row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn value(&self, dimension: Dimension, row: usize) -> Result<Option<Text>> {
        let mut codes = Vec::new();
        self.codes(dimension, row / BLOCK_ROWS, &mut codes)?;
        Ok(self.dictionary(dimension)?.get(codes[row % BLOCK_ROWS]).map(Text::from))
    }

    /// Replaces `out` by the codes of a dimension in some rows of a block, numbered within it and ascending.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn codes_of(&self, dimension: Dimension, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        self.codes(dimension, block, out)?;
        keep(rows, out);
        Ok(())
    }

    /// Replaces `out` by the starts of the events of some rows of a block, as [`Self::codes_of`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn times_of(&self, block: usize, rows: &[u32], out: &mut Vec<i64>) -> Result<()> {
        self.times(block, out)?;
        keep(rows, out);
        Ok(())
    }

    /// Replaces `out` by a quantity of some rows of a block, in stored form, as [`Self::codes_of`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn quantities_of(&self, quantity: &Quantity, block: usize, rows: &[u32], out: &mut Vec<u64>) -> Result<()> {
        self.quantities(quantity, block, out)?;
        keep(rows, out);
        Ok(())
    }

    /// Replaces `out` by the tag sets of some rows of a block, as [`Self::codes_of`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_set_codes_of(&self, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        self.tag_set_codes(block, out)?;
        keep(rows, out);
        Ok(())
    }

    /// Replaces `out` by the codes of a tag with a column of its own in some rows of a block, as [`Self::codes_of`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn tag_codes_of(&self, key: &str, block: usize, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        self.tag_codes(key, block, out)?;
        keep(rows, out);
        Ok(())
    }

    /// The whole event of a row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn event(&self, row: usize) -> Result<Event>;
}

/// Keeps the values of some rows, which ascend, so that nothing is overwritten before it is read.
pub fn keep<T: Copy>(rows: &[u32], values: &mut Vec<T>) {
    for (to, from) in rows.iter().enumerate() {
        values[to] = values[*from as usize];
    }
    values.truncate(rows.len());
}

/// The whole event of a row whose id is known, put together from its columns.
pub(crate) fn event_at(rows: &dyn EventRows, row: usize, id: &str) -> Result<Event> {
    let (block, within) = (row / BLOCK_ROWS, row % BLOCK_ROWS);
    let (mut codes, mut times, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
    rows.times(block, &mut times)?;
    let mut event = Event::new(id, Timestamp::from_micros(times[within]));
    for dimension in Dimension::ALL {
        if let Some(value) = rows.value(*dimension, row)? {
            event.dimensions.insert(*dimension, value);
        }
    }
    for number in Number::ALL {
        rows.quantities(&Quantity::Number(*number), block, &mut quantities)?;
        if let Some(value) = quantities[within].checked_sub(1) {
            event.numbers.insert(*number, value);
        }
    }
    for meter in rows.meters() {
        rows.quantities(&Quantity::Meter(meter.clone()), block, &mut quantities)?;
        if let Some(value) = quantities[within].checked_sub(1) {
            event.usage.insert(meter, value);
        }
    }
    rows.tag_set_codes(block, &mut codes)?;
    event.tags = rows.tag_sets()?.get(codes[within]).iter().cloned().collect();
    for key in rows.tag_columns() {
        rows.tag_codes(&key, block, &mut codes)?;
        if let Some(value) = rows.tag_dictionary(&key)?.get(codes[within]) {
            event.tags.insert(key, value.into());
        }
    }
    Ok(event)
}

/// A number of an event row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// A metered quantity.
    Meter(Meter),
    /// Any other number.
    Number(Number),
    /// The context band of the prompt; never absent.
    ContextBand,
}

/// A column that a zone map may describe.
#[derive(Clone, Copy, Debug)]
pub enum ZoneColumn<'a> {
    /// The start of the event; bounds are microseconds reinterpreted through [`zone_time`].
    Time,
    /// The codes of a dimension.
    Codes(Dimension),
    /// A quantity in stored form.
    Quantity(&'a Quantity),
}

/// Bounds of one block of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
}

/// Maps microseconds to the unsigned order that zones and encodings use.
pub const fn zone_time(micros: i64) -> u64 {
    micros.cast_unsigned() ^ (1 << 63)
}

/// The inverse of [`zone_time`].
pub const fn time_of_zone(value: u64) -> i64 {
    (value ^ (1 << 63)).cast_signed()
}

/// A set of rows with the counters that sum them up.
#[derive(Clone)]
pub struct Part {
    /// The events.
    pub events: Arc<dyn EventRows>,
    /// Their counters, where they are kept; they sum up all the rows, hidden ones too.
    pub counters: Option<Arc<dyn CounterRows>>,
    /// The rollups that are kept of them; they too sum up all the rows.
    pub rollups: Vec<Rolled>,
    /// The rows that corrections hide: no question counts them.
    pub hidden: Arc<RoaringBitmap>,
}

impl Part {
    /// All of `events`, without counters.
    pub fn of(events: Arc<dyn EventRows>) -> Self {
        Self { events, counters: None, rollups: Vec::new(), hidden: Arc::default() }
    }

    /// The rows that count.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0_u32..).zip(0..self.events.rows()).filter(|(row, _)| !self.hidden.contains(*row)).map(|(_, row)| row)
    }

    /// How many rows count.
    pub fn len(&self) -> usize {
        self.events.rows() - self.hidden.len() as usize
    }

    /// Whether no row counts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
