//! The counters of rows, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::{Apart, Groups};
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::{Counter, CounterRows, EventRows};
use crate::schema::{Dimension, Meter};

/// Counter rows in memory, sorted by key.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) codes: Vec<(Dimension, Arc<Dictionary>, Vec<u32>)>,
    pub(super) sums: BTreeMap<Counter, Vec<u64>>,
    pub(super) first: Vec<i64>,
    pub(super) last: Vec<i64>,
}

impl Counters {
    /// The counters of all of `rows`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn of(rows: &dyn EventRows) -> Result<Self> {
        Self::told(rows, Apart::COUNTERS)
    }

    /// The sums of all of `rows` that are told apart like that.
    pub(crate) fn told(rows: &dyn EventRows, apart: Apart<'_>) -> Result<Self> {
        let groups = Groups::of(rows, apart)?;
        let times = groups.times()?;
        let mut counters = Self { first: times.first, last: times.last, ..Self::default() };
        groups.each_counter(|counter, sums| {
            counters.sums.insert(counter, sums);
            Ok(())
        })?;
        for (place, dimension) in apart.dimensions.iter().enumerate() {
            counters.codes.push((*dimension, rows.dictionary(*dimension)?, groups.codes(place).collect()));
        }
        Ok(counters)
    }

    /// How many counter rows there are.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

fn block<T: Copy + Default>(column: Option<&Vec<T>>, rows: usize, block: usize, out: &mut Vec<T>) {
    let start = (block * BLOCK_ROWS).min(rows);
    let range = start..(start + BLOCK_ROWS).min(rows);
    out.clear();
    match column {
        Some(column) => out.extend_from_slice(&column[range]),
        None => out.resize(range.len(), T::default()),
    }
}

impl CounterRows for Counters {
    fn rows(&self) -> usize {
        self.len()
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        let column = self.codes.iter().find(|(known, ..)| *known == dimension);
        Ok(column.map(|(_, dictionary, _)| Arc::clone(dictionary)).unwrap_or_default())
    }

    fn codes(&self, dimension: Dimension, at: usize, out: &mut Vec<u32>) -> Result<()> {
        let column = self.codes.iter().find(|(known, ..)| *known == dimension);
        block(column.map(|(_, _, codes)| codes), self.len(), at, out);
        Ok(())
    }

    fn sums(&self, counter: &Counter, at: usize, out: &mut Vec<u64>) -> Result<()> {
        block(self.sums.get(counter), self.len(), at, out);
        Ok(())
    }

    fn times(&self, at: usize, first: &mut Vec<i64>, last: &mut Vec<i64>) -> Result<()> {
        block(Some(&self.first), self.len(), at, first);
        block(Some(&self.last), self.len(), at, last);
        Ok(())
    }

    fn meters(&self) -> Vec<Meter> {
        let meter = |counter: &Counter| match counter {
            Counter::Meter(meter) => Some(meter.clone()),
            _ => None,
        };
        self.sums.keys().filter_map(meter).collect()
    }
}
