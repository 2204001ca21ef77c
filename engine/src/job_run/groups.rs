//! Which rows are summed up together, and their sums, one counter at a time.

use hashbrown::HashMap;

use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::{COUNTER_DIMENSIONS, COUNTER_NUMBERS, Counter, EventRows, Quantity, ZoneColumn};
use crate::schema::{Dimension, Number};
use crate::time::MICROS_PER_DAY;

/// The codes of the dimensions, then the band, whether the events are retries, and their step of time.
type Key = [u32; STEP + 1];
const BAND: usize = COUNTER_DIMENSIONS.len();
const RETRY: usize = BAND + 1;
const STEP: usize = RETRY + 1;

/// What rows are told apart by, beside the context band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Apart<'a> {
    /// No more than there are in [`COUNTER_DIMENSIONS`].
    pub(crate) dimensions: &'a [Dimension],
    /// Whether retries are told from the rest.
    pub(crate) retries: bool,
    /// Microseconds in a step of time; steps are counted from 1970.
    pub(crate) step: i64,
    /// The dimensions, of others, of which it is counted how many events lack them.
    pub(crate) lacking: &'a [Dimension],
}

impl Apart<'static> {
    /// What tells the counters of a job run apart. Prices mostly change, and questions mostly begin and end, at midnight
    /// in UTC: no counter lies on both sides.
    pub(crate) const COUNTERS: Self =
        Self { dimensions: &COUNTER_DIMENSIONS, retries: true, step: MICROS_PER_DAY, lacking: &[] };
}

/// The group of each row. Rows are read column by column, so of a large segment only this is in memory.
pub(crate) struct Groups<'a> {
    rows: &'a dyn EventRows,
    lacking: Vec<Dimension>,
    of_row: Vec<u32>,
    /// In the order of groups, which is their own, so the bytes do not depend on the order of arrival.
    keys: Vec<Key>,
}

impl<'a> Groups<'a> {
    pub(crate) fn of(rows: &'a dyn EventRows, apart: Apart<'_>) -> Result<Self> {
        let groups = Self::at_most(usize::MAX, rows, apart)?;
        Ok(groups.expect("there are fewer groups than a computer can count"))
    }

    /// The groups, unless they are more than `most`, which ends the search for them early.
    pub(crate) fn at_most(most: usize, rows: &'a dyn EventRows, apart: Apart<'_>) -> Result<Option<Self>> {
        let (lacking, of_row, keys) = (apart.lacking.to_vec(), vec![0; rows.rows()], vec![[0; STEP + 1]]);
        let mut groups = Self { rows, lacking, of_row, keys };
        let (mut codes, mut times) = (Vec::new(), Vec::new());
        for (slot, dimension) in apart.dimensions.iter().enumerate() {
            if groups.len() <= most && !rows.dictionary(*dimension)?.is_empty() {
                groups.refine(slot, |block, out| {
                    rows.codes(*dimension, block, &mut codes)?;
                    out.extend(codes.iter().map(|code| u64::from(*code)));
                    Ok(())
                })?;
            }
        }
        if groups.len() > most {
            return Ok(None);
        }
        groups.refine(BAND, |block, out| {
            rows.quantities(&Quantity::ContextBand, block, out)?;
            out.iter_mut().for_each(|stored| *stored = stored.saturating_sub(1));
            Ok(())
        })?;
        if apart.retries {
            groups.refine(RETRY, |block, out| {
                rows.quantities(&Quantity::Number(Number::RetryDepth), block, out)?;
                out.iter_mut().for_each(|stored| *stored = u64::from(*stored > 1));
                Ok(())
            })?;
        }
        let step = |micros: i64| micros.div_euclid(apart.step);
        let first_step = step(rows.time_range().0.micros());
        groups.refine(STEP, |block, out| {
            rows.times(block, &mut times)?;
            out.extend(times.iter().map(|at| (step(*at) - first_step).unsigned_abs()));
            Ok(())
        })?;
        if groups.len() > most {
            return Ok(None);
        }
        groups.split_overflows()?;
        groups.sort();
        Ok(Some(groups))
    }

    /// Tells rows apart by one more part of the key.
    fn refine(&mut self, slot: usize, read: impl FnMut(usize, &mut Vec<u64>) -> Result<()>) -> Result<()> {
        let mut known: HashMap<(u32, u64), u32> = HashMap::new();
        let mut keys: Vec<Key> = Vec::new();
        let mut last = None;
        let (before, of_row) = (&self.keys, &mut self.of_row);
        each_row(of_row.len(), read, |row, value| {
            let pair = (of_row[row], value);
            // Neighbouring rows mostly agree, so the last answer is tried before the hash.
            let group = match last {
                Some((known, group)) if known == pair => group,
                _ => *known.entry(pair).or_insert_with(|| {
                    let mut key = before[pair.0 as usize];
                    key[slot] = u32::try_from(value).expect("codes, bands and steps are 32 bits wide");
                    keys.push(key);
                    u32::try_from(keys.len() - 1).expect("there are no more groups than rows")
                }),
            };
            last = Some((pair, group));
            of_row[row] = group;
        })?;
        self.keys = keys;
        Ok(())
    }

    /// Several groups may share a key, so a sum that would overflow simply starts another one. Only one can:
    /// reported cost reaches 10¹⁸ pico-USD a row, while a segment's meters stay below 2⁴⁰ × 2²³ rows.
    fn split_overflows(&mut self) -> Result<()> {
        let mut sums = vec![0_u64; self.keys.len()];
        let mut current: Vec<u32> = (0..).take(self.keys.len()).collect();
        let (rows, of_row, keys) = (self.rows, &mut self.of_row, &mut self.keys);
        let reported = Quantity::Number(Number::ReportedCost);
        each_row(
            of_row.len(),
            |block, out| rows.quantities(&reported, block, out),
            |row, stored| {
                let group = current[of_row[row] as usize];
                let cost = stored.saturating_sub(1);
                of_row[row] = match sums[group as usize].checked_add(cost) {
                    Some(sum) => {
                        sums[group as usize] = sum;
                        group
                    }
                    None => {
                        let next = u32::try_from(keys.len()).expect("there are no more groups than rows");
                        current[of_row[row] as usize] = next;
                        keys.push(keys[group as usize]);
                        sums.push(cost);
                        next
                    }
                };
            },
        )
    }

    fn sort(&mut self) {
        let mut order: Vec<u32> = (0..).take(self.keys.len()).collect();
        order.sort_unstable_by_key(|group| (self.keys[*group as usize], *group));
        let mut places = vec![0; order.len()];
        (0..).zip(&order).for_each(|(place, group)| places[*group as usize] = place);
        self.of_row.iter_mut().for_each(|group| *group = places[*group as usize]);
        self.keys = order.iter().map(|group| self.keys[*group as usize]).collect();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The code that each group has of the dimension in that place.
    pub(crate) fn codes(&self, place: usize) -> impl Iterator<Item = u32> + '_ {
        self.keys.iter().map(move |key| key[place])
    }

    /// The steps of time between the first of all events and those of each group.
    pub(crate) fn steps(&self) -> impl Iterator<Item = u32> + '_ {
        self.codes(STEP)
    }

    /// Every counter that may be other than zero.
    fn counters(&self) -> Result<Vec<Counter>> {
        let mut counters = vec![Counter::ContextBand, Counter::Events];
        let status = self.rows.dictionary(Dimension::Status)?;
        let statuses = [("error", Counter::Errors), ("cancelled", Counter::Cancelled)];
        counters.extend(statuses.into_iter().filter(|(name, _)| status.find(name).is_some()).map(|(_, c)| c));
        counters.push(Counter::Retries);
        counters.extend(self.rows.meters().into_iter().map(Counter::Meter));
        counters.extend(COUNTER_NUMBERS.map(Counter::Number));
        counters.extend(COUNTER_NUMBERS.map(Counter::NumberEvents));
        for dimension in &self.lacking {
            // What no event carries needs no counting.
            if !self.rows.dictionary(*dimension)?.is_empty() {
                counters.push(Counter::Lacking(*dimension));
            }
        }
        Ok(counters)
    }

    /// Calls `visit` with each counter that is not zero throughout, and with those that are always kept.
    pub(crate) fn each_counter(&self, mut visit: impl FnMut(Counter, Vec<u64>) -> Result<()>) -> Result<()> {
        for counter in self.counters()? {
            let sums = self.sums(&counter)?;
            if matches!(counter, Counter::ContextBand | Counter::Events) || sums.iter().any(|sum| *sum != 0) {
                visit(counter, sums)?;
            }
        }
        Ok(())
    }

    /// A counter of each group.
    fn sums(&self, counter: &Counter) -> Result<Vec<u64>> {
        match counter {
            Counter::ContextBand => Ok(self.codes(BAND).map(u64::from).collect()),
            Counter::Events => Ok(self.events()),
            Counter::Errors => self.with_status("error"),
            Counter::Cancelled => self.with_status("cancelled"),
            Counter::Lacking(dimension) => self.with_code(*dimension, 0),
            Counter::Retries => self.add_up(&Quantity::Number(Number::RetryDepth), |stored| u64::from(stored > 1)),
            Counter::Meter(meter) => self.add_up(&Quantity::Meter(meter.clone()), |stored| stored.saturating_sub(1)),
            Counter::Number(number) => self.add_up(&Quantity::Number(*number), |stored| stored.saturating_sub(1)),
            Counter::NumberEvents(number) => self.add_up(&Quantity::Number(*number), |stored| u64::from(stored > 0)),
        }
    }

    fn with_status(&self, status: &str) -> Result<Vec<u64>> {
        match self.rows.dictionary(Dimension::Status)?.find(status) {
            Some(code) => self.with_code(Dimension::Status, code),
            None => Ok(vec![0; self.len()]),
        }
    }

    /// How many events of each group have a code of a dimension.
    fn with_code(&self, dimension: Dimension, wanted: u32) -> Result<Vec<u64>> {
        let (mut sums, mut codes) = (vec![0; self.len()], Vec::new());
        for (block, groups) in self.of_row.chunks(BLOCK_ROWS).enumerate() {
            let zone = self.rows.zone(ZoneColumn::Codes(dimension), block);
            if zone.is_some_and(|zone| !(zone.min..=zone.max).contains(&u64::from(wanted))) {
                continue;
            }
            self.rows.codes(dimension, block, &mut codes)?;
            for (group, code) in groups.iter().zip(&codes) {
                sums[*group as usize] += u64::from(*code == wanted);
            }
        }
        Ok(sums)
    }

    fn add_up(&self, quantity: &Quantity, value: impl Fn(u64) -> u64) -> Result<Vec<u64>> {
        let mut sums = vec![0; self.len()];
        let read = |block, out: &mut Vec<u64>| self.rows.quantities(quantity, block, out);
        each_row(self.of_row.len(), read, |row, stored| sums[self.of_row[row] as usize] += value(stored))?;
        Ok(sums)
    }

    /// How many events there are in each group.
    pub(crate) fn events(&self) -> Vec<u64> {
        let mut events = vec![0; self.len()];
        self.of_row.iter().for_each(|group| events[*group as usize] += 1);
        events
    }

    /// When the events of each group were.
    pub(crate) fn times(&self) -> Result<Times> {
        let len = self.len();
        let mut known = Times { row: vec![0; len], first: vec![i64::MAX; len], last: vec![i64::MIN; len] };
        let mut times = Vec::new();
        for (block, groups) in self.of_row.chunks(BLOCK_ROWS).enumerate() {
            self.rows.times(block, &mut times)?;
            for ((row, group), at) in (block * BLOCK_ROWS..).zip(groups).zip(&times) {
                let group = *group as usize;
                if *at < known.first[group] {
                    known.first[group] = *at;
                    known.row[group] = u32::try_from(row).expect("a segment has fewer than 2³² rows");
                }
                known.last[group] = known.last[group].max(*at);
            }
        }
        Ok(known)
    }
}

/// When the events of each group were, in microseconds.
pub(crate) struct Times {
    /// The row of the earliest; the first of several such.
    pub(crate) row: Vec<u32>,
    pub(crate) first: Vec<i64>,
    pub(crate) last: Vec<i64>,
}

/// Calls `visit` with each row and its value, of which `read` gives a block at a time.
fn each_row(
    rows: usize,
    mut read: impl FnMut(usize, &mut Vec<u64>) -> Result<()>,
    mut visit: impl FnMut(usize, u64),
) -> Result<()> {
    let mut values = Vec::new();
    for block in 0..rows.div_ceil(BLOCK_ROWS) {
        values.clear();
        read(block, &mut values)?;
        values.iter().enumerate().for_each(|(within, value)| visit(block * BLOCK_ROWS + within, *value));
    }
    Ok(())
}
