//! Single events with their cost.

use hashbrown::HashMap;
use quipu_engine::limits::BLOCK_ROWS;
use quipu_engine::rows::Part;
use quipu_engine::{Dimension, Event, Meter, PicoUsd, Result, Text, Timestamp};

use super::condition::Buffers;
use super::cost::Cost;
use super::mask::Mask;
use super::narrow;
use super::predicate::Predicate;
use super::prices::CLASS_DIMENSIONS;
use super::rows::{Rows, Spans};
use crate::price::{PriceClass, Pricer, PromptSize, Rates, Schedule};
use crate::query::Query;
use crate::scope::Scope;
use crate::source::Source;

/// An event with what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedEvent {
    /// The event.
    pub event: Event,
    /// The computed cost; `None` where nothing of the event has a price.
    pub cost: Option<PicoUsd>,
    /// The quantities that have no rate: what the cost lacks.
    pub unpriced: Vec<(Meter, u64)>,
}

/// The first `limit` events, in the order of time and then of id, that pass the filter and the time
/// range of a query; and how many there are.
pub(crate) fn events(
    source: &dyn Source,
    scope: &Scope,
    query: &Query,
    pricer: &Pricer<'_>,
    limit: usize,
) -> Result<(Vec<PricedEvent>, u64)> {
    let parts = narrow::parts(source.parts(), query)?;
    let mut found = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        find(scope, query, part, |time, row| found.push((time, at, row)))?;
    }
    found.sort_unstable();
    let count = found.len() as u64;
    // Events of the same instant are ordered by id, which is not known yet.
    if let Some((last, _, _)) = limit.checked_sub(1).and_then(|last| found.get(last)).copied() {
        found.truncate(found.partition_point(|(time, _, _)| *time <= last));
    }
    let mut events = Vec::with_capacity(found.len());
    for (_, part, row) in found {
        events.push(parts[part].events.event(row)?);
    }
    events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    events.truncate(limit);
    let mut prices = EventPrices { pricer, scope, schedules: HashMap::new() };
    let priced = events.into_iter().map(|event| prices.price(event)).collect::<Result<_>>()?;
    Ok((priced, count))
}

/// Calls `found` with the time and the row number of every row that passes.
fn find(scope: &Scope, query: &Query, part: &Part, mut found: impl FnMut(i64, usize)) -> Result<()> {
    let rows = Rows::Events(&*part.events);
    let predicate = Predicate::new(scope, query, part, rows, true)?;
    if predicate.is_never() {
        return Ok(());
    }
    let (mut buffers, mut spans) = (Buffers::default(), Spans::default());
    for block in 0..rows.blocks() {
        let mask = predicate.mask(rows, block, &mut buffers)?.unwrap_or(Mask::None);
        if mask == Mask::None {
            continue;
        }
        rows.spans(block, &mut spans)?;
        for (row, time) in spans.first.iter().enumerate().filter(|(row, _)| mask.contains(*row)) {
            found(*time, block * BLOCK_ROWS + row);
        }
    }
    Ok(())
}

/// The parts of a price class: the dimensions and the size of the prompt.
type ClassKey = ([Option<Text>; CLASS_DIMENSIONS.len()], PromptSize);

/// Prices events one by one, looking every price class up once.
struct EventPrices<'a> {
    pricer: &'a Pricer<'a>,
    scope: &'a Scope,
    schedules: HashMap<ClassKey, Schedule>,
}

impl EventPrices<'_> {
    fn price(&mut self, event: Event) -> Result<PricedEvent> {
        let size = self.pricer.size(event.input_tokens());
        let key = (CLASS_DIMENSIONS.map(|dimension| event.get(dimension).map(Text::from)), size);
        let schedule = self.schedules.entry(key).or_insert_with_key(|(values, size)| {
            let [provider, model, region, service_tier, tenant] = values.each_ref().map(Option::as_deref);
            let workspace = Some(self.scope.workspace());
            self.pricer.schedule(&PriceClass { workspace, tenant, provider, model, region, service_tier, size: *size })
        });
        let rates = &schedule.periods[schedule.period_at(event.at.unwrap_or(Timestamp::MIN))];
        let (cost, unpriced) = cost(&event, rates)?;
        Ok(PricedEvent { cost: cost.amount(), unpriced, event })
    }
}

fn cost(event: &Event, rates: &Rates) -> Result<(Cost, Vec<(Meter, u64)>)> {
    let mut cost = Cost::default();
    let mut unpriced = Vec::new();
    for (meter, quantity) in event.usage.iter().filter(|(_, quantity)| **quantity > 0) {
        match rates.rate(meter) {
            Some(rate) => cost.add_priced(u128::from(*quantity), rate)?,
            None => unpriced.push((meter.clone(), *quantity)),
        }
    }
    if let Some(fee) = rates.per_request() {
        cost.add_priced(1, fee)?;
    }
    cost.unknown = !unpriced.is_empty() || event.number(quipu_engine::Number::UsageMissing) == Some(1);
    Ok((cost, unpriced))
}

/// The condition that an event carries that value.
pub(crate) fn only(query: &Query, dimension: Dimension, value: &str) -> Query {
    query.clone().filter(crate::filter::Filter::is(dimension, value))
}
