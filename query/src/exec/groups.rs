//! The groups of the whole answer: the sums of all parts, joined by the values of their keys.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use quipu_engine::rows::Counter;
use quipu_engine::{Meter, Number, Result, Text};

use super::cost::Cost;
use super::keys::{KeyColumn, KeyValue};
use super::part::{PartSums, Role};
use super::plan::Plan;
use super::timings::Timings;
use crate::answer::Unpriced;
use crate::query::CostBasis;
use crate::value::Value;

/// Provider, model and meter with a quantity that has no rate.
type UnpricedSums = BTreeMap<(Option<Text>, Option<Text>, Meter), u128>;

/// Every group with its sums.
#[derive(Default)]
pub(super) struct Groups {
    by: Vec<Numbered>,
    ids: HashMap<Box<[u32]>, u32>,
    keys: Vec<Box<[u32]>>,
    pub(super) sums: Vec<GroupSums>,
    /// The job of each number.
    pub(super) job_names: Numbered,
    /// The cost of a job within a group, by group and job.
    pub(super) jobs: HashMap<(u32, u32), Cost>,
    /// Per dimension asked for: groups with the numbers of their values.
    pub(super) distinct: Vec<(Numbered, HashSet<(u32, u32)>)>,
    /// Per number asked for.
    pub(super) timings: Vec<Timings>,
    unpriced: UnpricedSums,
}

/// The additive part of a group.
#[derive(Clone, Debug)]
pub(super) struct GroupSums {
    /// As in [`Plan::sums`].
    pub(super) sums: Vec<u128>,
    pub(super) cost: Cost,
    pub(super) unpriced_events: u128,
    pub(super) first: i64,
    pub(super) last: i64,
}

impl GroupSums {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let sums = vec![0; plan.sums.len()];
        Self { sums, cost: Cost::default(), unpriced_events: 0, first: i64::MAX, last: i64::MIN }
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        self.cost.add(other.cost)?;
        self.unpriced_events += other.unpriced_events;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
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
}

impl Renumbered<'_> {
    fn number(&mut self, code: u32, known: &mut Numbered) -> u32 {
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
            timings: plan.timings.iter().map(|_| Timings::default()).collect(),
            ..Self::default()
        }
    }

    /// Adds the sums of a part.
    pub(super) fn absorb(&mut self, plan: &Plan<'_>, mut part: PartSums<'_>) -> Result<()> {
        let costs = self.price(&part)?;
        let groups = self.join_keys(plan, &part, &costs)?;
        let sums: Vec<Option<&[u128]>> = plan.sums.iter().map(|sum| part.column(sum)).collect();
        for (slot, group) in groups.iter().enumerate() {
            let into = &mut self.sums[*group as usize];
            for (sum, column) in into.sums.iter_mut().zip(&sums) {
                *sum += at(*column, slot);
            }
            into.cost.add(costs[slot])?;
            into.unpriced_events += part.unpriced_events.get(slot).copied().unwrap_or(0);
            if let Some((first, last)) = part.spans.get(slot) {
                into.first = into.first.min(*first);
                into.last = into.last.max(*last);
            }
        }
        for (((names, all), seen), dimension) in self.distinct.iter_mut().zip(&part.distinct).zip(&plan.distinct) {
            let dictionary = part.dictionary(*dimension)?;
            for (slot, code) in seen {
                let value = dictionary.get(*code).map_or(KeyValue::Null, |value| KeyValue::Text(value.into()));
                all.insert((groups[*slot as usize], names.number(value)));
            }
        }
        for (into, timings) in self.timings.iter_mut().zip(&mut part.timings) {
            timings.sort();
            timings.regroup(|slot| groups[slot as usize], into);
        }
        Ok(())
    }

    /// The cost of each slot of a part.
    fn price(&mut self, part: &PartSums<'_>) -> Result<Vec<Cost>> {
        let mut costs = vec![Cost::default(); part.slots.len()];
        let Some(prices) = &part.prices else { return Ok(costs) };
        let meters: Vec<(&Meter, &[u128])> = part.meters().collect();
        // Slots are many, price codes few: rates are looked up once per code.
        let rates: Vec<(Vec<Option<u64>>, Option<u64>)> = (0..prices.len())
            .map(|code| prices.rates(code))
            .map(|rates| (meters.iter().map(|(meter, _)| rates.rate(meter)).collect(), rates.per_request()))
            .collect();
        let events = part.column(&Counter::Events);
        let missing = part.column(&Counter::Number(Number::UsageMissing));
        for (slot, cost) in costs.iter_mut().enumerate() {
            let code = part.slots.codes(slot).last().map_or(0, |code| *code as usize);
            let (of_meters, of_request) = &rates[code];
            for ((meter, quantities), rate) in meters.iter().zip(of_meters) {
                match rate {
                    _ if quantities[slot] == 0 => {}
                    Some(rate) => cost.add_priced(quantities[slot], *rate)?,
                    None => {
                        cost.unknown = true;
                        let (provider, model) = prices.names(code);
                        *self.unpriced.entry((provider, model, Meter::clone(meter))).or_default() += quantities[slot];
                    }
                }
            }
            if let Some(fee) = of_request {
                cost.add_priced(at(events, slot), *fee)?;
            }
            cost.unknown |= at(missing, slot) > 0;
        }
        Ok(costs)
    }

    /// The group of each slot of a part; jobs are recorded on the way.
    fn join_keys(&mut self, plan: &Plan<'_>, part: &PartSums<'_>, costs: &[Cost]) -> Result<Vec<u32>> {
        let mut columns: Vec<Renumbered<'_>> =
            part.keys.iter().map(|(_, column)| Renumbered { column, numbers: Vec::new() }).collect();
        let mut key = vec![0; self.by.len()];
        let mut groups = Vec::with_capacity(part.slots.len());
        let job_costs = match plan.query.cost_basis {
            CostBasis::Computed => Cow::Borrowed(costs),
            CostBasis::Reported => Cow::Owned(reported(part)),
        };
        for (slot, cost) in job_costs.iter().enumerate() {
            let mut job = None;
            for (((role, _), column), code) in part.keys.iter().zip(&mut columns).zip(part.slots.codes(slot)) {
                match role {
                    Role::Pivot(at) => key[*at] = column.number(*code, &mut self.by[*at]),
                    Role::Job if *code != 0 => job = Some(column.number(*code, &mut self.job_names)),
                    Role::Job => {}
                }
            }
            let group = self.group(plan, &key);
            if let Some(job) = job {
                self.jobs.entry((group, job)).or_default().add(*cost)?;
            }
            groups.push(group);
        }
        Ok(groups)
    }

    fn group(&mut self, plan: &Plan<'_>, key: &[u32]) -> u32 {
        if let Some(group) = self.ids.get(key) {
            return *group;
        }
        let group = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.ids.insert(key.into(), group);
        self.keys.push(key.into());
        self.sums.push(GroupSums::new(plan));
        group
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of a group.
    pub(super) fn key(&self, group: usize) -> impl Iterator<Item = Value> {
        self.keys[group].iter().zip(&self.by).map(|(number, values)| Value::from(&values.values[*number as usize]))
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
fn at(column: Option<&[u128]>, slot: usize) -> u128 {
    column.map_or(0, |column| column[slot])
}

/// The reported cost of each slot: known as far as its events state one.
fn reported(part: &PartSums<'_>) -> Vec<Cost> {
    let events = part.column(&Counter::Events);
    let stated = part.column(&Counter::NumberEvents(Number::ReportedCost));
    let pico = part.column(&Counter::Number(Number::ReportedCost));
    (0..part.slots.len())
        .map(|slot| Cost {
            pico: i128::try_from(at(pico, slot)).unwrap_or(i128::MAX),
            known: at(stated, slot) > 0,
            unknown: at(stated, slot) < at(events, slot),
        })
        .collect()
}
