//! The groups of the whole answer: the sums of all parts, joined by the values of their keys.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use quipu_engine::rows::Counter;
use quipu_engine::{Meter, Number, Result, Text};

use super::chunked::Chunked;
use super::cost::Costs;
use super::distinct::Distinct;
use super::estimates::Estimates;
use super::jobs::{GroupJobs, PartJobSums};
use super::keys::{KeyColumn, KeyValue};
use super::part::PartSums;
use super::plan::Plan;
use super::sums::Sums;
use super::timings::Values;
use crate::answer::Unpriced;

/// Provider, model and meter with a quantity that has no rate.
type UnpricedSums = BTreeMap<(Option<Text>, Option<Text>, Meter), u128>;

/// Bytes that a group takes beside its sums and key, estimated.
const GROUP_BYTES: usize = size_of::<GroupSums>() + 8;
/// Bytes that a distinct value takes beside its text, estimated.
const VALUE_BYTES: usize = 96;
/// A column with so many times more values than a part has slots is sparse.
const SPARSE: usize = 4;

/// Every group with its sums.
#[derive(Default)]
pub(super) struct Groups {
    by: Vec<Numbered>,
    /// Groups by the hash of their keys.
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The keys of all groups, one after the other.
    keys: Vec<u32>,
    pub(super) sums: Chunked<GroupSums>,
    pub(super) jobs: GroupJobs,
    /// Per dimension asked for.
    pub(super) distinct: Vec<Distinct>,
    /// Per dimension whose values are estimated.
    pub(super) estimates: Vec<Estimates>,
    /// Per number asked for, per group.
    pub(super) timings: Vec<Vec<Values>>,
    unpriced: UnpricedSums,
}

/// The additive part of a group.
#[derive(Clone, Debug)]
pub(super) struct GroupSums {
    /// As in [`Plan::sums`].
    pub(super) sums: Vec<u128>,
    pub(super) cost: Costs,
    pub(super) unpriced_events: u128,
    /// As in [`Plan::carried`].
    pub(super) carried: Vec<u128>,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) end: i64,
}

impl GroupSums {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let (sums, carried) = (vec![0; plan.sums.len()], vec![0; plan.carried.len()]);
        let cost = Costs::new(plan);
        Self { sums, cost, unpriced_events: 0, carried, first: i64::MAX, last: i64::MIN, end: i64::MIN }
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        self.cost.add(&other.cost)?;
        self.unpriced_events += other.unpriced_events;
        self.carried.iter_mut().zip(&other.carried).for_each(|(sum, more)| *sum += more);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.end = self.end.max(other.end);
        Ok(())
    }
}

/// Numbers values in the order of first sight.
#[derive(Default)]
pub(super) struct Numbered {
    numbers: HashMap<KeyValue, u32>,
    pub(super) values: Vec<KeyValue>,
}

impl Numbered {
    fn number(&mut self, value: KeyValue) -> u32 {
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// The numbers of a part's codes, found when first needed.
struct Renumbered<'a> {
    column: &'a KeyColumn,
    numbers: Vec<u32>,
    /// Most codes come once at most, so that remembering them would cost more than it saves.
    sparse: bool,
}

impl Renumbered<'_> {
    fn number(&mut self, code: u32, known: &mut Numbered) -> u32 {
        if self.sparse {
            return known.number(self.column.value(code));
        }
        let at = code as usize;
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, u32::MAX);
        }
        if self.numbers[at] == u32::MAX {
            self.numbers[at] = known.number(self.column.value(code));
        }
        self.numbers[at]
    }
}

impl Groups {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        Self {
            by: plan.query.by.iter().map(|_| Numbered::default()).collect(),
            distinct: plan.distinct.iter().map(|_| Default::default()).collect(),
            estimates: plan.approx_distinct.iter().map(|_| Estimates::default()).collect(),
            timings: plan.timings.iter().map(|_| Vec::new()).collect(),
            ..Self::default()
        }
    }

    /// Adds the sums of a part.
    pub(super) fn absorb(&mut self, plan: &Plan<'_>, mut part: PartSums<'_>) -> Result<()> {
        let costs = self.price(plan, &part)?;
        let groups = self.join_keys(plan, &part);
        if let Some(jobs) = &part.jobs {
            self.jobs.absorb(jobs, &groups)?;
        }
        let sums: Vec<Option<&Sums>> = plan.sums.iter().map(|sum| part.column(sum)).collect();
        for (slot, group) in groups.iter().enumerate() {
            let into = &mut self.sums[*group as usize];
            for (sum, column) in into.sums.iter_mut().zip(&sums) {
                *sum += at(*column, slot);
            }
            into.cost.add(&costs[slot])?;
            into.unpriced_events += part.unpriced_events.get(slot);
            for (sum, carried) in into.carried.iter_mut().zip(&part.carried) {
                *sum += carried.get(slot);
            }
            into.end = part.ends.get(slot).map_or(into.end, |end| into.end.max(*end));
            if let Some((first, last)) = part.spans.get(slot) {
                into.first = into.first.min(*first);
                into.last = into.last.max(*last);
            }
        }
        for ((distinct, seen), dimension) in self.distinct.iter_mut().zip(&part.distinct).zip(&plan.distinct) {
            distinct.add(part.dictionary(*dimension)?, seen, &groups);
        }
        let seen = self.estimates.iter_mut().zip(&part.approx_distinct).zip(&plan.approx_distinct);
        for ((estimates, seen), dimension) in seen {
            let dictionary = part.dictionary(*dimension)?;
            for (code, slot) in seen.iter() {
                dictionary.get(code).into_iter().for_each(|value| estimates.add(groups[slot as usize], value));
            }
        }
        for (into, values) in self.timings.iter_mut().zip(part.timings.drain(..)) {
            for (slot, values) in values.into_iter().enumerate() {
                into[groups[slot] as usize].add(values, plan.query.precision);
            }
        }
        Ok(())
    }

    /// The costs of each slot of a part.
    fn price(&mut self, plan: &Plan<'_>, part: &PartSums<'_>) -> Result<Vec<Costs>> {
        let mut costs = vec![Costs::new(plan); part.slots.len()];
        let Some(prices) = &part.prices else { return Ok(costs) };
        if !plan.group_prices {
            for (meter, code, quantity) in part.jobs.iter().flat_map(PartJobSums::unpriced) {
                let (provider, model) = prices.names(code);
                *self.unpriced.entry((provider, model, meter.clone())).or_default() += quantity;
            }
            return Ok(costs);
        }
        let meters: Vec<(&Meter, &Sums, Vec<usize>)> =
            part.meters().map(|(meter, sums)| (meter, sums, Costs::parts_of(plan, meter))).collect();
        // Slots are many, price codes few: rates are looked up once per code.
        let rates: Vec<(Vec<Option<u64>>, Option<u64>)> = (0..prices.len())
            .map(|code| prices.rates(code))
            .map(|rates| (meters.iter().map(|(meter, ..)| rates.rate(meter)).collect(), rates.per_request()))
            .collect();
        let events = part.column(&Counter::Events);
        let missing = part.column(&Counter::Number(Number::UsageMissing));
        for (slot, cost) in costs.iter_mut().enumerate() {
            let code = part.slots.codes(slot).last().map_or(0, |code| *code as usize);
            let (of_meters, of_request) = &rates[code];
            for ((meter, quantities, parts), rate) in meters.iter().zip(of_meters) {
                let quantity = quantities.get(slot);
                match rate {
                    _ if quantity == 0 => {}
                    Some(rate) => cost.add_priced(parts, quantity, *rate)?,
                    None => {
                        cost.set_unknown(parts);
                        let (provider, model) = prices.names(code);
                        *self.unpriced.entry((provider, model, Meter::clone(meter))).or_default() += quantity;
                    }
                }
            }
            if let Some(fee) = of_request {
                cost.add_fees(plan, at(events, slot), *fee)?;
            }
            if at(missing, slot) > 0 {
                cost.set_usage_missing(plan);
            }
        }
        Ok(costs)
    }

    /// The group of each slot of a part.
    fn join_keys(&mut self, plan: &Plan<'_>, part: &PartSums<'_>) -> Vec<u32> {
        let sparse = |column: &KeyColumn| column.dictionary_len() > part.slots.len() * SPARSE;
        let columns = part.keys.iter();
        let mut columns: Vec<Renumbered<'_>> =
            columns.map(|(_, column)| Renumbered { column, numbers: Vec::new(), sparse: sparse(column) }).collect();
        let mut key = vec![0; self.by.len()];
        let mut groups = Vec::with_capacity(part.slots.len());
        for slot in 0..part.slots.len() {
            for (((at, _), column), code) in part.keys.iter().zip(&mut columns).zip(part.slots.codes(slot)) {
                key[*at] = column.number(*code, &mut self.by[*at]);
            }
            groups.push(self.group(plan, &key));
        }
        groups
    }

    fn group(&mut self, plan: &Plan<'_>, key: &[u32]) -> u32 {
        let Self { ids, keys, hasher, .. } = self;
        let width = key.len();
        let hash = hasher.hash_one(key);
        if let Some(group) = ids.find(hash, |group| keys[*group as usize * width..][..width] == *key) {
            return *group;
        }
        let group = u32::try_from(self.sums.len()).unwrap_or(u32::MAX);
        ids.insert_unique(hash, group, |group| hasher.hash_one(&keys[*group as usize * width..][..width]));
        keys.extend_from_slice(key);
        self.sums.push(GroupSums::new(plan));
        self.estimates.iter_mut().for_each(Estimates::add_group);
        self.timings.iter_mut().for_each(|timings| timings.push(Values::default()));
        group
    }

    /// Adds a group without an event, unless it exists.
    pub(super) fn add_empty(&mut self, plan: &Plan<'_>, key: Vec<KeyValue>) {
        let key: Vec<u32> = self.by.iter_mut().zip(key).map(|(known, value)| known.number(value)).collect();
        self.group(plan, &key);
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// The key of a group.
    pub(super) fn key_values(&self, group: usize) -> impl Iterator<Item = &KeyValue> {
        let width = self.by.len();
        self.keys[group * width..][..width]
            .iter()
            .zip(&self.by)
            .map(|(number, values)| &values.values[*number as usize])
    }

    /// The values that occur as the key of that number.
    pub(super) fn values_of_key(&self, at: usize) -> &[KeyValue] {
        &self.by[at].values
    }

    /// Bytes taken, estimated.
    pub(super) fn bytes(&self, plan: &Plan<'_>) -> usize {
        let sums = (plan.sums.len() + plan.carried.len() + 2 * (plan.cost_parts.len() + 1)) * size_of::<u128>();
        let groups = self.sums.len() * (GROUP_BYTES + sums + 4 * self.by.len());
        let names = self.by.iter();
        let names: usize = names.map(|names| names.values.len() * VALUE_BYTES).sum();
        let pairs: usize = self.distinct.iter().map(Distinct::bytes).sum();
        let timings: usize = self.timings.iter().flatten().map(Values::bytes).sum();
        let estimates: usize = self.estimates.iter().map(Estimates::bytes).sum();
        groups + names + pairs + timings + estimates + self.jobs.bytes()
    }

    /// What could not be priced.
    pub(super) fn unpriced(&self) -> Vec<Unpriced> {
        let entries = self.unpriced.iter();
        entries
            .map(|((provider, model, meter), quantity)| Unpriced {
                provider: provider.clone(),
                model: model.clone(),
                meter: meter.clone(),
                quantity: *quantity,
            })
            .collect()
    }
}

/// A slot of a column; zero where the part has no such column.
fn at(column: Option<&Sums>, slot: usize) -> u128 {
    column.map_or(0, |column| column.get(slot))
}
