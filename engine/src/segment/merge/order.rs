//! The order of merged rows: which input each of them comes from.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::cursor::Column;
use super::{Kept, renumber};
use crate::batch::SORT_DIMENSIONS;
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::time_of_zone;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Order {
    inputs: Vec<u8>,
    /// For each block, how many rows of each input come before it.
    starts: Vec<Vec<u32>>,
    first: u64,
    last: u64,
}

/// What rows are sorted by: their codes in the merged dictionaries, then their time.
type Key = [u64; SORT_DIMENSIONS.len() + 1];

impl Order {
    pub(super) fn of(inputs: &[Kept]) -> Result<Self> {
        let rows: usize = inputs.iter().map(Kept::rows).sum();
        let mut order = Self { inputs: Vec::with_capacity(rows), starts: Vec::new(), first: u64::MAX, last: 0 };
        let mut readers = KeyReader::all(inputs)?;
        let mut heap = BinaryHeap::new();
        for (input, reader) in readers.iter_mut().enumerate() {
            heap.extend(reader.next()?.map(|key| Reverse((key, input))));
        }
        let mut taken = vec![0; inputs.len()];
        while let Some(mut least) = heap.peek_mut() {
            let Reverse((key, input)) = *least;
            if order.inputs.len().is_multiple_of(BLOCK_ROWS) {
                order.starts.push(taken.clone());
            }
            order.inputs.push(u8::try_from(input).expect("there are at most 256 inputs"));
            taken[input] += 1;
            let at = key[SORT_DIMENSIONS.len()];
            (order.first, order.last) = (order.first.min(at), order.last.max(at));
            match readers[input].next()? {
                Some(key) => *least = Reverse((key, input)),
                None => drop(PeekMut::pop(least)),
            }
        }
        Ok(order)
    }

    pub(super) fn rows(&self) -> usize {
        self.inputs.len()
    }

    pub(super) fn time_range(&self) -> (Timestamp, Timestamp) {
        match self.inputs.is_empty() {
            true => (Timestamp::default(), Timestamp::default()),
            false => [self.first, self.last].map(|at| Timestamp::from_micros(time_of_zone(at))).into(),
        }
    }

    /// The input of each row of a block.
    pub(super) fn block(&self, block: usize) -> &[u8] {
        let start = (block * BLOCK_ROWS).min(self.inputs.len());
        &self.inputs[start..(start + BLOCK_ROWS).min(self.inputs.len())]
    }

    /// How many rows of each input come before a block.
    pub(super) fn starts(&self, block: usize) -> &[u32] {
        self.starts.get(block).map_or(&[], Vec::as_slice)
    }

    /// Where the rows of an input are, in their order.
    pub(super) fn places(&self, input: usize) -> impl Iterator<Item = u32> {
        let of_input = move |(_, from): &(u32, &u8)| usize::from(**from) == input;
        (0..).zip(&self.inputs).filter(of_input).map(|(place, _)| place)
    }
}

/// The keys of the rows of an input that go on, in order.
struct KeyReader<'a> {
    kept: &'a Kept,
    /// The new code of each code, by dimension.
    renumbered: Vec<Vec<u32>>,
    block: usize,
    columns: Vec<Vec<u64>>,
    at: usize,
}

impl<'a> KeyReader<'a> {
    fn all(inputs: &'a [Kept]) -> Result<Vec<Self>> {
        let new = |kept| Self { kept, renumbered: Vec::new(), block: 0, columns: Vec::new(), at: 0 };
        let mut readers: Vec<Self> = inputs.iter().map(new).collect();
        for dimension in SORT_DIMENSIONS {
            let renumbered = renumber(inputs, dimension)?;
            readers.iter_mut().zip(renumbered.codes).for_each(|(reader, codes)| reader.renumbered.push(codes));
        }
        Ok(readers)
    }

    fn next(&mut self) -> Result<Option<Key>> {
        while self.columns.first().is_none_or(|column| self.at == column.len()) {
            if self.block + 1 >= self.kept.before.len() {
                return Ok(None);
            }
            self.load()?;
        }
        let mut key = Key::default();
        key.iter_mut().zip(&self.columns).for_each(|(slot, column)| *slot = column[self.at]);
        self.at += 1;
        Ok(Some(key))
    }

    fn load(&mut self) -> Result<()> {
        self.columns.clear();
        let columns = SORT_DIMENSIONS.map(Column::Codes);
        let codes = self.renumbered.iter().map(Some).chain([None]);
        for (column, codes) in columns.iter().chain([&Column::Time]).zip(codes) {
            let mut values = Vec::new();
            self.kept.read(column, codes, self.block, &mut values)?;
            self.columns.push(values);
        }
        (self.block, self.at) = (self.block + 1, 0);
        Ok(())
    }
}
