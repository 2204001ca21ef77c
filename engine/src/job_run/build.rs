//! Sums up the rows of a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::batch::Batch;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::{COUNTER_DIMENSIONS, COUNTER_NUMBERS, Counter, CounterRows};
use crate::schema::{Dimension, Meter, Number};

/// Counter rows in memory, sorted by key.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) codes: Vec<(Dimension, Arc<Dictionary>, Vec<u32>)>,
    pub(super) sums: BTreeMap<Counter, Vec<u64>>,
    pub(super) first: Vec<i64>,
    pub(super) last: Vec<i64>,
}

/// The codes of the dimensions, then the band.
type Key = [u32; COUNTER_DIMENSIONS.len() + 1];

impl Counters {
    /// The counters of all rows of `batch`.
    pub fn of(batch: &Batch) -> Self {
        let (keys, groups) = group(batch);
        // Row numbers of groups in the order of their keys, so the bytes do not depend on arrival.
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|group| (keys[*group], *group));
        let mut counters =
            Self { first: vec![i64::MAX; keys.len()], last: vec![i64::MIN; keys.len()], ..Self::default() };
        for (row, group) in groups.iter().enumerate() {
            let group = *group as usize;
            counters.first[group] = counters.first[group].min(batch.at[row]);
            counters.last[group] = counters.last[group].max(batch.at[row]);
        }
        counters.first = order.iter().map(|group| counters.first[*group]).collect();
        counters.last = order.iter().map(|group| counters.last[*group]).collect();
        for (counter, sums) in sums(batch, &groups, keys.len()) {
            counters.sums.insert(counter, order.iter().map(|group| sums[*group]).collect());
        }
        counters.sums.insert(
            Counter::ContextBand,
            order.iter().map(|group| u64::from(keys[*group][COUNTER_DIMENSIONS.len()])).collect(),
        );
        for (at, dimension) in COUNTER_DIMENSIONS.into_iter().enumerate() {
            if let Some(column) = batch.dimensions.get(&dimension) {
                let codes = order.iter().map(|group| keys[*group][at]).collect();
                counters.codes.push((dimension, Arc::clone(&column.dictionary), codes));
            }
        }
        counters
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

/// The distinct keys and, for each row, the number of its key.
fn group(batch: &Batch) -> (Vec<Key>, Vec<u32>) {
    let columns = COUNTER_DIMENSIONS.map(|dimension| batch.dimensions.get(&dimension).map(|column| &column.codes));
    let mut known: HashMap<Key, u32> = HashMap::new();
    let (mut keys, mut groups) = (Vec::<Key>::new(), Vec::with_capacity(batch.len()));
    let mut room = Room::default();
    for row in 0..batch.len() {
        let mut key = [0; COUNTER_DIMENSIONS.len() + 1];
        for (slot, column) in key.iter_mut().zip(&columns) {
            *slot = column.map_or(0, |codes| codes[row]);
        }
        key[COUNTER_DIMENSIONS.len()] = batch.bands[row].into();
        let next = u32::try_from(keys.len()).expect("there are no more groups than rows");
        let group = match groups.last() {
            Some(last) if keys[*last as usize] == key => *last,
            _ => *known.entry(key).or_insert(next),
        };
        // Several rows may share a key, so a sum that would overflow simply starts another one.
        let group = if group != next && !room.fits(batch, row, group) {
            known.insert(key, next);
            next
        } else {
            group
        };
        if group == next {
            keys.push(key);
        }
        room.add(batch, row, group);
        groups.push(group);
    }
    (keys, groups)
}

/// Watches the one sum that can overflow: reported cost reaches 10¹⁸ pico-USD a row, while a
/// segment's meters stay below 2⁴⁰ × 2²³ rows.
#[derive(Default)]
struct Room(Vec<u64>);

impl Room {
    fn reported(batch: &Batch, row: usize) -> u64 {
        batch.numbers.get(&Number::ReportedCost).map_or(0, |column| column[row].saturating_sub(1))
    }

    fn fits(&self, batch: &Batch, row: usize, group: u32) -> bool {
        self.0[group as usize].checked_add(Self::reported(batch, row)).is_some()
    }

    fn add(&mut self, batch: &Batch, row: usize, group: u32) {
        if self.0.len() <= group as usize {
            self.0.push(0);
        }
        self.0[group as usize] += Self::reported(batch, row);
    }
}

fn sums(batch: &Batch, groups: &[u32], len: usize) -> BTreeMap<Counter, Vec<u64>> {
    let mut all = BTreeMap::new();
    let mut add = |counter: Counter, value: &dyn Fn(usize) -> u64| {
        let mut sums = vec![0_u64; len];
        groups.iter().enumerate().for_each(|(row, group)| sums[*group as usize] += value(row));
        if counter == Counter::Events || sums.iter().any(|sum| *sum != 0) {
            all.insert(counter, sums);
        }
    };
    add(Counter::Events, &|_| 1);
    if let Some(status) = batch.dimensions.get(&Dimension::Status) {
        for (name, counter) in [("error", Counter::Errors), ("cancelled", Counter::Cancelled)] {
            if let Some(code) = status.dictionary.find(name) {
                add(counter, &|row| u64::from(status.codes[row] == code));
            }
        }
    }
    if let Some(depth) = batch.numbers.get(&Number::RetryDepth) {
        add(Counter::Retries, &|row| u64::from(depth[row] > 1));
    }
    for (meter, column) in &batch.usage {
        add(Counter::Meter(meter.clone()), &|row| column[row].saturating_sub(1));
    }
    for number in COUNTER_NUMBERS {
        if let Some(column) = batch.numbers.get(&number) {
            add(Counter::Number(number), &|row| column[row].saturating_sub(1));
            add(Counter::NumberEvents(number), &|row| u64::from(column[row] > 0));
        }
    }
    all
}
