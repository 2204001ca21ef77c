//! The rows of several segments as those of one.
//!
//! Each input is sorted already, so the merged order is told by the input that each row comes from: one byte a row.
//! Columns are then put together one at a time, block by block, their codes renumbered for a dictionary that merges
//! those of the inputs. A merge of any length needs the memory of one column's dictionaries and a few blocks.

mod cursor;
mod marks;
mod order;
mod tags;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use self::cursor::{Column, Cursor};
use self::marks::merge_marks;
use self::order::Order;
use self::tags::MergedTags;
use super::{Segment, SortedRows};
use crate::batch::Texts;
use crate::correction::Mark;
use crate::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Quantity, TagSets, Zone, ZoneColumn, event_at, time_of_zone};
use crate::schema::{Dimension, Meter, Text};
use crate::time::Timestamp;

/// The most segments that are merged at once.
pub const INPUTS_MAX: usize = 256;

/// A segment to be merged.
#[derive(Debug)]
pub struct Input {
    /// Its rows.
    pub segment: Arc<Segment>,
    /// Those of them that do not go on, because something newer took their place.
    pub left_out: Option<Arc<RoaringBitmap>>,
}

/// The rows of several segments, sorted as one. Equal rows keep the order of the inputs.
#[derive(Debug)]
pub struct MergedRows {
    inputs: Vec<Kept>,
    order: Order,
    dictionary: Mutex<Option<(Column, Arc<Renumbered>)>>,
    tags: MergedTags,
    marks: Vec<Mark>,
    mark_codes: Vec<Vec<u32>>,
    /// The column being read, and where.
    numbers: Mutex<(Column, Vec<Cursor<Vec<u64>>>)>,
    texts: Mutex<Vec<Cursor<Texts>>>,
}

/// An input, and how many of its rows go on.
#[derive(Debug)]
struct Kept {
    input: Input,
    /// The rows that go on before each block, and in all.
    before: Vec<u32>,
}

/// A dictionary of all inputs, and for each input the new code of each of its own.
#[derive(Debug)]
struct Renumbered {
    dictionary: Arc<Dictionary>,
    codes: Vec<Vec<u32>>,
}

impl Kept {
    fn new(input: Input) -> Self {
        let rows = u32::try_from(input.segment.rows()).expect("a segment has fewer than 2³² rows");
        let starts = (0..=rows.div_ceil(BLOCK_ROWS as u32)).map(|block| (block * BLOCK_ROWS as u32).min(rows));
        let before = starts.map(|start| start - input.left_out.as_ref().map_or(0, |out| rows_below(out, start)));
        Self { before: before.collect(), input }
    }

    fn rows(&self) -> usize {
        self.before.last().copied().unwrap_or(0) as usize
    }

    /// Fills the empty `out` with what goes on of a block of a column, codes renumbered by `codes`.
    fn read(&self, column: &Column, codes: Option<&Vec<u32>>, block: usize, out: &mut Vec<u64>) -> Result<()> {
        column.read(&self.input.segment, codes.map_or(0, Vec::len), block, out)?;
        self.keep(block, out);
        if let Some(codes) = codes {
            out.iter_mut().for_each(|code| *code = codes[*code as usize].into());
        }
        Ok(())
    }

    /// Removes from the values of a block those of rows that do not go on.
    fn keep<T>(&self, block: usize, values: &mut Vec<T>) {
        if let Some(out) = &self.input.left_out {
            let mut row = (block * BLOCK_ROWS) as u32;
            values.retain(|_| {
                row += 1;
                !out.contains(row - 1)
            });
        }
    }
}

fn rows_below(rows: &RoaringBitmap, end: u32) -> u32 {
    end.checked_sub(1).map_or(0, |last| u32::try_from(rows.rank(last)).unwrap_or(u32::MAX))
}

impl MergedRows {
    /// Finds the order of the rows of `inputs`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where;
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for more than [`INPUTS_MAX`] segments or 2³¹ rows.
    pub fn new(inputs: Vec<Input>) -> Result<Self> {
        let inputs: Vec<Kept> = inputs.into_iter().map(Kept::new).collect();
        if inputs.len() > INPUTS_MAX || inputs.iter().map(Kept::rows).sum::<usize>() > i32::MAX as usize {
            return Err(Error::invalid(format!("{} segments are too many to merge at once", inputs.len())));
        }
        let order = Order::of(&inputs)?;
        let tags = MergedTags::of(&inputs)?;
        let (marks, mark_codes) = merge_marks(&inputs)?;
        Ok(Self {
            inputs,
            order,
            dictionary: Mutex::default(),
            tags,
            marks,
            mark_codes,
            numbers: Mutex::new((Column::Time, Vec::new())),
            texts: Mutex::default(),
        })
    }

    /// The place of each row of an input among the merged rows; `None` for one that does not go on.
    pub fn places(&self, input: usize) -> Vec<Option<u32>> {
        let mut places = self.order.places(input);
        let rows = 0..u32::try_from(self.inputs[input].input.segment.rows()).unwrap_or(u32::MAX);
        let out = self.inputs[input].input.left_out.as_deref();
        rows.map(|row| if out.is_some_and(|out| out.contains(row)) { None } else { places.next() }).collect()
    }

    /// The merged dictionary of a column of codes; `None` for other columns.
    fn renumbered(&self, column: &Column) -> Result<Option<Arc<Renumbered>>> {
        if !column.has_dictionary() {
            return Ok(None);
        }
        let mut cached = self.dictionary.lock();
        match &*cached {
            Some((known, renumbered)) if known == column => return Ok(Some(Arc::clone(renumbered))),
            // Goes before its successor comes: two would need twice the memory.
            _ => *cached = None,
        }
        let renumbered = match column {
            Column::Codes(dimension) => renumber(&self.inputs, *dimension)?,
            Column::Tag(key) => self.tags.renumber(&self.inputs, key)?,
            Column::Time | Column::Quantity(_) | Column::TagSets | Column::Marks => return Ok(None),
        };
        let renumbered = Arc::new(renumbered);
        *cached = Some((column.clone(), Arc::clone(&renumbered)));
        Ok(Some(renumbered))
    }

    fn dictionary_of(&self, column: &Column) -> Result<Arc<Dictionary>> {
        Ok(self.renumbered(column)?.map(|renumbered| Arc::clone(&renumbered.dictionary)).unwrap_or_default())
    }

    /// Appends a block of a column to `out`, everything widened to 64 bits.
    fn column(&self, column: &Column, block: usize, out: &mut Vec<u64>) -> Result<()> {
        let renumbered = self.renumbered(column)?;
        let mut cached = self.numbers.lock();
        let (known, cursors) = &mut *cached;
        if known != column || cursors.is_empty() {
            *known = column.clone();
            *cursors = self.inputs.iter().map(|_| Cursor::default()).collect();
        }
        let load = |input: usize, at: usize, values: &mut Vec<u64>| {
            values.clear();
            let kept = &self.inputs[input];
            let codes = match (column, &renumbered) {
                (Column::TagSets, _) => Some(&self.tags.set_codes[input]),
                (Column::Marks, _) => Some(&self.mark_codes[input]),
                (_, renumbered) => renumbered.as_ref().map(|renumbered| &renumbered.codes[input]),
            };
            match column {
                Column::Tag(key) => kept.read(&self.tags.source(key, input), codes, at, values),
                column => kept.read(column, codes, at, values),
            }
        };
        self.interleave(cursors, block, load, |values, at| out.push(values[at]))
    }

    /// Calls `emit` with the place of each row of a block, in order, of which `load` reads the block of an input.
    fn interleave<B: Default>(
        &self,
        cursors: &mut [Cursor<B>],
        block: usize,
        load: impl Fn(usize, usize, &mut B) -> Result<()>,
        mut emit: impl FnMut(&B, usize),
    ) -> Result<()> {
        for ((cursor, kept), start) in cursors.iter_mut().zip(&self.inputs).zip(self.order.starts(block)) {
            cursor.seek(*start, &kept.before);
        }
        for input in self.order.block(block) {
            let input = usize::from(*input);
            let kept = &self.inputs[input];
            let (values, at) = cursors[input].next(&kept.before, |at, values| load(input, at, values))?;
            emit(values, at);
        }
        Ok(())
    }
}

/// Merges the dictionaries of a dimension, keeping only values that still occur.
fn renumber(inputs: &[Kept], dimension: Dimension) -> Result<Renumbered> {
    let mut dictionaries = Vec::new();
    for kept in inputs {
        let dictionary = kept.input.segment.read_dictionary(dimension)?;
        let used = match &kept.input.left_out {
            Some(_) => Some(used_codes(kept, &Column::Codes(dimension), dictionary.len() + 1)?),
            None => None,
        };
        dictionaries.push((dictionary, used));
    }
    merge_dictionaries(&dictionaries, &dimension)
}

/// Merges dictionaries, of each only the values that are used where that is said.
fn merge_dictionaries(
    dictionaries: &[(Arc<Dictionary>, Option<Vec<bool>>)],
    of: &dyn std::fmt::Display,
) -> Result<Renumbered> {
    let mut merged = Dictionary::default();
    let mut codes: Vec<Vec<u32>> = dictionaries.iter().map(|(d, _)| vec![0; d.len() + 1]).collect();
    let next = |input: usize, after: u32| {
        let (dictionary, used) = &dictionaries[input];
        let mut codes = after + 1..=u32::try_from(dictionary.len()).unwrap_or(u32::MAX);
        let code = codes.find(|code| used.as_ref().is_none_or(|used| used[*code as usize]))?;
        Some(std::cmp::Reverse((dictionary.get(code)?, input, code)))
    };
    let mut heap: std::collections::BinaryHeap<_> =
        (0..dictionaries.len()).filter_map(|input| next(input, 0)).collect();
    let mut last: Option<(&str, u32)> = None;
    while let Some(std::cmp::Reverse((value, input, code))) = heap.pop() {
        let new = match last {
            Some((known, new)) if known == value => new,
            _ if merged.has_room_for(value) => merged.push(value),
            _ => return Err(Error::invalid(format!("the values of {of} are too large to merge"))),
        };
        last = Some((value, new));
        codes[input][code as usize] = new;
        heap.extend(next(input, code));
    }
    Ok(Renumbered { dictionary: Arc::new(merged), codes })
}

fn used_codes(kept: &Kept, column: &Column, codes: usize) -> Result<Vec<bool>> {
    let (mut used, mut values) = (vec![false; codes], Vec::new());
    for block in 0..kept.input.segment.rows().div_ceil(BLOCK_ROWS) {
        values.clear();
        column.read(&kept.input.segment, codes, block, &mut values)?;
        kept.keep(block, &mut values);
        values.iter().for_each(|code| used[*code as usize] = true);
    }
    Ok(used)
}

impl SortedRows for MergedRows {
    fn ids(&self, block: usize, out: &mut Texts) -> Result<()> {
        let mut cursors = self.texts.lock();
        if cursors.is_empty() {
            *cursors = self.inputs.iter().map(|_| Cursor::default()).collect();
        }
        let load = |input: usize, at: usize, ids: &mut Texts| {
            ids.clear();
            let kept = &self.inputs[input];
            let mut all = Texts::default();
            kept.input.segment.ids(at, &mut all)?;
            let out = kept.input.left_out.as_deref();
            let rows = (at * BLOCK_ROWS) as u32..;
            let going_on = rows.zip(all.iter()).filter(|(row, _)| out.is_none_or(|out| !out.contains(*row)));
            going_on.for_each(|(_, id)| ids.push(id));
            Ok(())
        };
        self.interleave(&mut cursors, block, load, |ids, at| out.push(ids.get(at)))
    }

    fn marks(&self) -> Result<Vec<Mark>> {
        Ok(self.marks.clone())
    }

    fn mark_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        if self.marks.is_empty() {
            out.clear();
            out.resize(self.order.block(block).len(), 0);
            return Ok(());
        }
        narrow(out, |wide| self.column(&Column::Marks, block, wide))
    }
}

impl EventRows for MergedRows {
    fn rows(&self) -> usize {
        self.order.rows()
    }

    fn time_range(&self) -> (Timestamp, Timestamp) {
        self.order.time_range()
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.dictionary_of(&Column::Codes(dimension))
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        narrow(out, |wide| self.column(&Column::Codes(dimension), block, wide))
    }

    fn times(&self, block: usize, out: &mut Vec<i64>) -> Result<()> {
        let mut wide = Vec::new();
        self.column(&Column::Time, block, &mut wide)?;
        out.clear();
        out.extend(wide.into_iter().map(time_of_zone));
        Ok(())
    }

    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        out.clear();
        self.column(&Column::Quantity(quantity.clone()), block, out)
    }

    fn meters(&self) -> Vec<Meter> {
        let meters: BTreeSet<Meter> = self.inputs.iter().flat_map(|kept| kept.input.segment.meters()).collect();
        meters.into_iter().collect()
    }

    fn tag_sets(&self) -> Result<Arc<TagSets>> {
        Ok(Arc::clone(&self.tags.sets))
    }

    fn tag_set_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        narrow(out, |wide| self.column(&Column::TagSets, block, wide))
    }

    fn tag_columns(&self) -> Vec<Text> {
        self.tags.keys()
    }

    fn tag_dictionary(&self, key: &str) -> Result<Arc<Dictionary>> {
        self.dictionary_of(&Column::Tag(key.into()))
    }

    fn tag_codes(&self, key: &str, block: usize, out: &mut Vec<u32>) -> Result<()> {
        narrow(out, |wide| self.column(&Column::Tag(key.into()), block, wide))
    }

    fn zone(&self, _column: ZoneColumn<'_>, _block: usize) -> Option<Zone> {
        None
    }

    fn rows_with(&self, _dimension: Dimension, _code: u32) -> Result<Option<Arc<RoaringBitmap>>> {
        Ok(None)
    }

    fn event(&self, row: usize) -> Result<Event> {
        let mut ids = Texts::default();
        self.ids(row / BLOCK_ROWS, &mut ids)?;
        event_at(self, row, ids.get(row % BLOCK_ROWS))
    }
}

/// Replaces `out` by codes that were read wide.
fn narrow(out: &mut Vec<u32>, read: impl FnOnce(&mut Vec<u64>) -> Result<()>) -> Result<()> {
    let mut wide = Vec::new();
    read(&mut wide)?;
    out.clear();
    out.extend(wide.into_iter().map(|code| u32::try_from(code).expect("codes are 32 bits wide")));
    Ok(())
}

#[cfg(test)]
mod tests;
