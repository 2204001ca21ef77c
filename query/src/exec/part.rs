//! Adds up the rows of one part, block by block.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::rows::{Counter, Part, Quantity};
use quipu_engine::{Dimension, Meter, Number, Result};

use super::carried::Carrying;
use super::condition::Buffers;
use super::jobs::PartJobSums;
use super::keys::KeyColumn;
use super::mask::Mask;
use super::pairs::Pairs;
use super::plan::Plan;
use super::predicate::Predicate;
use super::prices::PartPrices;
use super::rows::{Reading, Rows, Spans};
use super::selected::Selected;
use super::slots::Slots;
use super::sums::{SlotsOfRows, Sums};
use super::times::Times;
use super::timings::Values;
use crate::price::Pricer;

/// What reading a block came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The rows were added.
    Added,
    /// No row passed.
    Nothing,
    /// A counter row lies on both sides of a boundary of time or price: the part must be scanned.
    Straddles,
}

/// The sums of the rows of one part that one thread has read.
///
/// Rows are summed per *slot*: a combination of the keys, and the price code where costs of groups are asked for.
/// All rows of a slot have the same rates, so their cost is that of their sums. Jobs are not slots, see [`super::jobs`].
pub(super) struct PartSums<'a> {
    plan: &'a Plan<'a>,
    rows: Rows<'a>,
    predicate: Predicate,
    /// The place of each key in the grouping; sorted by domain, so that array lookups reach as far as possible.
    pub(super) keys: Vec<(usize, KeyColumn)>,
    pub(super) prices: Option<PartPrices<'a>>,
    pub(super) slots: Slots,
    /// Where jobs are asked for.
    pub(super) jobs: Option<PartJobSums<'a>>,
    counters: Vec<Counter>,
    /// Per counter, per slot.
    sums: Vec<Sums>,
    /// Per slot, where asked for.
    pub(super) unpriced_events: Sums,
    /// Per slot, where asked for: the earliest and the latest start.
    pub(super) spans: Vec<(i64, i64)>,
    /// Per slot, where asked for: the latest end.
    pub(super) ends: Vec<i64>,
    /// Per dimension asked for, per slot: the events that carry it.
    pub(super) carried: Vec<Sums>,
    /// Per dimension asked for: codes and slots.
    pub(super) distinct: Vec<Pairs>,
    /// Per dimension whose values are estimated: codes and slots.
    pub(super) approx_distinct: Vec<Pairs>,
    /// Per number asked for, per slot.
    pub(super) timings: Vec<Vec<Values>>,
    work: Work,
}

/// Space that is used again from block to block.
#[derive(Default)]
struct Work {
    filter: Buffers,
    spans: Spans,
    columns: Vec<Vec<u32>>,
    prices: Vec<u32>,
    rows: SlotsOfRows,
    carrying: Carrying,
    codes: Vec<u32>,
    adds: Vec<u64>,
    flags: Vec<u64>,
}

impl<'a> PartSums<'a> {
    /// Nothing added yet; `None` when no row of the part, of those within `times`, can pass the filter.
    pub(super) fn new(
        plan: &'a Plan<'a>,
        at: usize,
        part: &Part,
        rows: Rows<'a>,
        pricer: Option<&'a Pricer<'a>>,
        times: Option<&Times>,
    ) -> Result<Option<Self>> {
        let query = plan.query;
        let predicate = Predicate::of(plan, at, part, rows, times)?;
        if predicate.is_never() {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for (key, pivot) in query.by.iter().enumerate() {
            keys.push((key, KeyColumn::new(pivot, plan, at, rows, part.events.time_range())?));
        }
        keys.sort_by_key(|(_, column)| column.domain(rows));
        let mut domains: Vec<u64> = keys.iter().map(|(_, column)| column.domain(rows)).collect();
        let prices =
            pricer.map(|pricer| PartPrices::new(pricer, plan.scope, rows, part.events.time_range())).transpose()?;
        if plan.group_prices {
            domains.push(1 << 32);
        }
        let jobs = plan.part_jobs(at).filter(|_| plan.jobs);
        let meters = rows.meters();
        let mut counters: Vec<Counter> = match plan.group_prices {
            true => meters.iter().cloned().map(Counter::Meter).collect(),
            false => Vec::new(),
        };
        for sum in &plan.sums {
            let exists = match sum {
                Counter::Meter(meter) => meters.contains(meter),
                _ => true,
            };
            if exists && !counters.contains(sum) {
                counters.push(sum.clone());
            }
        }
        Ok(Some(Self {
            plan,
            rows,
            predicate,
            work: Work { columns: vec![Vec::new(); domains.len()], ..Work::default() },
            slots: Slots::new(&domains),
            jobs: jobs.map(|jobs| PartJobSums::new(plan, jobs, &plan.outcomes, rows, keys.len())),
            keys,
            prices,
            sums: counters.iter().map(|_| Sums::default()).collect(),
            counters,
            unpriced_events: Sums::default(),
            spans: Vec::new(),
            ends: Vec::new(),
            carried: plan.carried.iter().map(|_| Sums::default()).collect(),
            distinct: plan.distinct.iter().map(|_| Pairs::default()).collect(),
            approx_distinct: plan.approx_distinct.iter().map(|_| Pairs::default()).collect(),
            timings: plan.timings.iter().map(|_| Vec::new()).collect(),
        }))
    }

    /// Adds the rows of a block that pass the filter.
    pub(super) fn add(&mut self, block: usize) -> Result<Outcome> {
        let selected = match self.predicate.mask(self.rows, block, &mut self.work.filter)? {
            None => return Ok(Outcome::Straddles),
            Some(Mask::None) => return Ok(Outcome::Nothing),
            Some(mask) => Selected::new(&mask, self.rows.block_len(block)),
        };
        if !self.find_slots(block, &selected)? {
            return Ok(Outcome::Straddles);
        }
        if let Some(jobs) = &mut self.jobs {
            let prices = self.prices.as_ref().map(|prices| (prices, self.work.prices.as_slice()));
            jobs.add(self.rows, block, &selected, (&self.slots, &self.work.rows.slots), prices)?;
        }
        self.add_sums(block, &selected)?;
        self.add_unpriced(block, &selected)?;
        self.add_spans(&selected)?;
        self.add_ends(block, &selected)?;
        self.add_carried(block, &selected)?;
        self.add_distinct(block, &selected)?;
        self.add_timings(block, &selected)?;
        Ok(Outcome::Added)
    }

    fn find_slots(&mut self, block: usize, selected: &Selected) -> Result<bool> {
        let work = &mut self.work;
        work.spans.start(block);
        for ((_, key), column) in self.keys.iter_mut().zip(&mut work.columns) {
            if !key.read(self.rows, block, selected, &mut work.spans, column)? {
                return Ok(false);
            }
        }
        if let Some(prices) = &mut self.prices {
            if !prices.read(self.rows, block, selected, &mut work.spans, &mut work.prices)? {
                return Ok(false);
            }
            if let (true, Some(column)) = (self.plan.group_prices, work.columns.last_mut()) {
                column.clone_from(&work.prices);
            }
        }
        self.slots.number(&work.columns, selected.len, &mut work.rows.slots);
        work.rows.find_runs();
        Ok(true)
    }

    fn add_sums(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let work = &mut self.work;
        for (counter, sums) in self.counters.iter().zip(&mut self.sums) {
            let reading = self.rows.read(counter, block, selected, &mut work.codes, &mut work.adds)?;
            let slots = self.slots.len();
            // One loop for each way of reading.
            match reading {
                Reading::Nothing => {}
                Reading::One => sums.count(&work.rows, slots),
                Reading::Stored => sums.add(&work.rows, &work.adds, slots, |stored| stored.saturating_sub(1)),
                Reading::Sum => sums.add(&work.rows, &work.adds, slots, |add| add),
                Reading::Above(_) => sums.add(&work.rows, &work.adds, slots, |value| reading.of(value)),
            }
        }
        Ok(())
    }

    fn add_unpriced(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let (true, Some(prices), Rows::Events(events)) = (self.plan.unpriced_events, &self.prices, self.rows) else {
            return Ok(());
        };
        let work = &mut self.work;
        let codes = &work.prices;
        work.flags.clear();
        work.flags.resize(selected.len, 0);
        for counter in &self.counters {
            let Counter::Meter(meter) = counter else { continue };
            let lacks: Vec<bool> = (0..prices.len()).map(|code| prices.rates(code).rate(meter).is_none()).collect();
            if lacks.iter().any(|lacks| *lacks) {
                selected.quantities(events, &Quantity::Meter(meter.clone()), block, &mut work.adds)?;
                for ((flag, stored), code) in work.flags.iter_mut().zip(&work.adds).zip(codes) {
                    *flag |= u64::from(*stored > 1 && lacks[*code as usize]);
                }
            }
        }
        self.unpriced_events.add(&work.rows, &work.flags, self.slots.len(), |flag| flag);
        Ok(())
    }

    fn add_spans(&mut self, selected: &Selected) -> Result<()> {
        if !self.plan.spans {
            return Ok(());
        }
        self.work.spans.load(self.rows, selected)?;
        self.spans.resize(self.slots.len(), (i64::MAX, i64::MIN));
        let spans = self.work.spans.first.iter().zip(self.work.spans.last());
        for (slot, (first, last)) in self.work.rows.slots.iter().zip(spans) {
            let span = &mut self.spans[*slot as usize];
            *span = (span.0.min(*first), span.1.max(*last));
        }
        Ok(())
    }

    fn add_ends(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let (true, Rows::Events(events)) = (self.plan.ends, self.rows) else { return Ok(()) };
        let work = &mut self.work;
        work.spans.load(self.rows, selected)?;
        selected.quantities(events, &Quantity::Number(Number::DurationMs), block, &mut work.adds)?;
        self.ends.resize(self.slots.len(), i64::MIN);
        for ((slot, start), stored) in work.rows.slots.iter().zip(&work.spans.first).zip(&work.adds) {
            let micros = i64::try_from(stored.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(1_000);
            let end = &mut self.ends[*slot as usize];
            *end = (*end).max(start.saturating_add(micros));
        }
        Ok(())
    }

    fn add_carried(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let slots = (&self.work.rows, self.slots.len());
        self.work.carrying.add((self.rows, block), selected, slots, &self.plan.carried, &mut self.carried)
    }

    fn add_distinct(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let work = &mut self.work;
        let exact = self.plan.distinct.iter().zip(&mut self.distinct);
        let estimated = self.plan.approx_distinct.iter().zip(&mut self.approx_distinct);
        for (dimension, seen) in exact.chain(estimated) {
            self.rows.codes_of(*dimension, block, selected, &mut work.codes)?;
            let mut last = None;
            for (slot, code) in work.rows.slots.iter().copied().zip(work.codes.iter().copied()) {
                // Rows of a job lie together, so most pairs repeat the one before.
                if code != 0 && last != Some((code, slot)) {
                    seen.insert(code, slot);
                    last = Some((code, slot));
                }
            }
        }
        Ok(())
    }

    fn add_timings(&mut self, block: usize, selected: &Selected) -> Result<()> {
        let Rows::Events(events) = self.rows else { return Ok(()) };
        let work = &mut self.work;
        for (number, timings) in self.plan.timings.iter().zip(&mut self.timings) {
            selected.quantities(events, &Quantity::Number(*number), block, &mut work.adds)?;
            timings.resize_with(self.slots.len(), Values::default);
            for (slot, stored) in work.rows.slots.iter().zip(&work.adds) {
                if let Some(value) = stored.checked_sub(1) {
                    timings[*slot as usize].push(value, self.plan.query.precision);
                }
            }
        }
        Ok(())
    }

    /// Bytes taken, estimated.
    pub(super) fn bytes(&self) -> usize {
        let sums: usize = self.sums.iter().chain(&self.carried).chain([&self.unpriced_events]).map(Sums::bytes).sum();
        let times = self.spans.capacity() * size_of::<(i64, i64)>() + self.ends.capacity() * size_of::<i64>();
        let pairs: usize = self.distinct.iter().chain(&self.approx_distinct).map(Pairs::bytes).sum();
        let values: usize = self.timings.iter().flatten().map(|values| size_of::<Values>() + values.bytes()).sum();
        let jobs = self.jobs.as_ref().map_or(0, PartJobSums::bytes);
        self.slots.len() * self.slots.bytes_per_slot() + sums + times + pairs + values + jobs
    }

    /// The values of a dimension in this part.
    pub(super) fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.rows.dictionary(dimension)
    }

    /// The meters among the counters, with their sums per slot.
    pub(super) fn meters(&self) -> impl Iterator<Item = (&Meter, &Sums)> {
        self.counters.iter().zip(&self.sums).filter_map(|(counter, sums)| match counter {
            Counter::Meter(meter) => Some((meter, sums)),
            _ => None,
        })
    }

    /// The sums of a counter per slot; `None` when the part has none, that is, when all are 0.
    pub(super) fn column(&self, counter: &Counter) -> Option<&Sums> {
        let at = self.counters.iter().position(|one| one == counter)?;
        Some(&self.sums[at])
    }
}
