//! The query: plain data that the builder, JSON and the command line all make.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use quipu_engine::price_book::PriceBook;
use quipu_engine::{Error, Number, OutcomeType, PicoUsd, Result, Timestamp};

use crate::calendar::Zone;
use crate::filter::{Filter, NumberField, NumberTest};
use crate::measure::Measure;
use crate::pivot::Pivot;
use crate::price::WhatIf;

/// A question about the events of a workspace.
///
/// ```
/// use quipu_engine::Dimension;
/// use quipu_query::{Bucket, Filter, Measure, Query};
/// let query = Query::new()
///     .measure(Measure::Cost)
///     .measure(Measure::CostPerSuccess)
///     .by(Dimension::Team)
///     .by(Bucket::Month)
///     .filter(Filter::parse("environment = prod and model ^= gpt-")?)
///     .limit(20);
/// assert_eq!(query.by.len(), 2);
/// # Ok::<(), quipu_engine::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What to measure; at least one.
    pub measures: Vec<Measure>,
    /// What to group by, outermost first; nothing gives one row for everything.
    pub by: Vec<Pivot>,
    /// Which events to look at; all when `None`.
    pub filter: Option<Filter>,
    /// Events that start before this are left out.
    pub since: Option<Timestamp>,
    /// Events that start at this or later are left out.
    pub until: Option<Timestamp>,
    /// The order of rows; ties are ordered by key. When empty: by time if the first key is a time
    /// bucket, else by the first measure, largest first.
    pub order: Vec<Order>,
    /// How many rows to return; totals cover all of them nevertheless.
    pub limit: Option<u64>,
    /// The clock and calendar of time buckets; UTC by default.
    pub zone: Zone,
    /// Which cost the job measures use.
    pub cost_basis: CostBasis,
    /// Which price book computes costs.
    pub prices: PriceChoice,
    /// What computed costs assume that was not so.
    pub what_if: WhatIf,
    /// When outcomes were known: those reported and amended later do not count. Now, when `None`.
    pub outcomes_as_of: Option<Timestamp>,
    /// The value of an outcome of that type that states none.
    pub assumed_values: BTreeMap<OutcomeType, PicoUsd>,
    /// Which rows to read; for proofs and measurements.
    pub path: PathChoice,
    /// How many threads to use; as many as the machine runs at once when `None`.
    pub threads: Option<NonZeroUsize>,
}

/// Which cost ROI and costs per job are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CostBasis {
    /// What the price book says.
    #[default]
    Computed,
    /// What the callers reported.
    Reported,
}

impl CostBasis {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Reported => "reported",
        }
    }

    /// The basis of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::Computed, Self::Reported]
            .into_iter()
            .find(|basis| basis.name() == name)
            .ok_or_else(|| Error::invalid(format!("cost basis is {name:?}; allowed are computed and reported")))
    }
}

/// Which price book a query uses.
#[derive(Clone, Debug, Default)]
pub enum PriceChoice {
    /// The newest of the store.
    #[default]
    Current,
    /// A numbered version of the store.
    Version(u32),
    /// The one that was the newest at an instant; the empty book before the first.
    KnownAt(Timestamp),
    /// One that the store need not know: what if?
    Book(Arc<PriceBook>),
}

/// Which rows a query reads. Every path gives the same answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PathChoice {
    /// Counters where they can answer exactly, events elsewhere.
    #[default]
    Auto,
    /// Events only.
    Scan,
    /// Counters; refused when the question cannot be answered from them. Parts without counters,
    /// and parts where a counter row straddles a boundary of time or price, are still scanned.
    Counters,
}

impl PathChoice {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Scan => "scan",
            Self::Counters => "counters",
        }
    }

    /// The path of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::Auto, Self::Scan, Self::Counters]
            .into_iter()
            .find(|path| path.name() == name)
            .ok_or_else(|| Error::invalid(format!("path is {name:?}; allowed are auto, scan and counters")))
    }
}

/// One key of the order of rows. Null comes last in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// The column, which must be among the measures or pivots of the query.
    pub by: OrderKey,
    /// Largest first.
    pub descending: bool,
}

/// A column to order by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrderKey {
    /// A measure.
    Measure(Measure),
    /// A key of the grouping.
    Pivot(Pivot),
}

impl Order {
    /// By `key`, smallest first.
    pub fn ascending(key: impl Into<OrderKey>) -> Self {
        Self { by: key.into(), descending: false }
    }

    /// By `key`, largest first.
    pub fn descending(key: impl Into<OrderKey>) -> Self {
        Self { by: key.into(), descending: true }
    }

    /// Reads a measure or a pivot; a `-` in front means largest first.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = match (Measure::parse(name), Pivot::parse(name)) {
            (Ok(measure), _) => OrderKey::Measure(measure),
            (_, Ok(pivot)) => OrderKey::Pivot(pivot),
            (Err(error), _) => return Err(error.context("cannot order")),
        };
        Ok(Self { by, descending })
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measure(measure) => fmt::Display::fmt(measure, f),
            Self::Pivot(pivot) => fmt::Display::fmt(pivot, f),
        }
    }
}

impl From<Measure> for OrderKey {
    fn from(measure: Measure) -> Self {
        Self::Measure(measure)
    }
}

impl<P: Into<Pivot>> From<P> for OrderKey {
    fn from(pivot: P) -> Self {
        Self::Pivot(pivot.into())
    }
}

impl Query {
    /// A query that measures nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a measure.
    #[must_use]
    pub fn measure(mut self, measure: Measure) -> Self {
        self.measures.push(measure);
        self
    }

    /// Adds several measures.
    #[must_use]
    pub fn measures(mut self, measures: impl IntoIterator<Item = Measure>) -> Self {
        self.measures.extend(measures);
        self
    }

    /// Groups by one more key.
    #[must_use]
    pub fn by(mut self, pivot: impl Into<Pivot>) -> Self {
        self.by.push(pivot.into());
        self
    }

    /// Looks only at events that pass this filter too.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter.take() {
            None => filter,
            Some(before) => before.and(filter),
        });
        self
    }

    /// Leaves out events that start before `at`.
    #[must_use]
    pub fn since(mut self, at: Timestamp) -> Self {
        self.since = Some(at);
        self
    }

    /// Leaves out events that start at `at` or later.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// Adds a key to the order of rows.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order.push(order);
        self
    }

    /// Returns at most that many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Sets the time zone of time buckets.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets which cost the job measures use.
    #[must_use]
    pub fn cost_basis(mut self, basis: CostBasis) -> Self {
        self.cost_basis = basis;
        self
    }

    /// Sets which price book computes costs.
    #[must_use]
    pub fn prices(mut self, prices: PriceChoice) -> Self {
        self.prices = prices;
        self
    }

    /// Computes costs under an assumption.
    #[must_use]
    pub fn what_if(mut self, what_if: WhatIf) -> Self {
        self.what_if = what_if;
        self
    }

    /// The query without the events that its assumptions leave out.
    pub(crate) fn assumed(&self) -> Cow<'_, Self> {
        if !self.what_if.no_retries {
            return Cow::Borrowed(self);
        }
        let retry = Filter::Number(NumberField::Number(Number::RetryDepth), NumberTest::Between(1, u64::MAX));
        Cow::Owned(self.clone().filter(Filter::Not(Box::new(retry))))
    }

    /// Assumes a value for the outcomes of a type that state none.
    #[must_use]
    pub fn assume_value(mut self, kind: OutcomeType, value: PicoUsd) -> Self {
        self.assumed_values.insert(kind, value);
        self
    }

    /// Forces a path.
    #[must_use]
    pub fn path(mut self, path: PathChoice) -> Self {
        self.path = path;
        self
    }

    /// Sets how many threads to use.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Bucket;

    #[test]
    fn orders_are_read_from_names_with_a_sign() {
        assert_eq!(Order::parse("-cost").ok(), Some(Order::descending(Measure::Cost)));
        assert_eq!(Order::parse("day").ok(), Some(Order::ascending(Bucket::Day)));
        assert!(Order::parse("-nothing").is_err_and(|error| error.to_string().starts_with("cannot order: ")));
    }

    #[test]
    fn filters_of_a_builder_add_up() {
        let filter = |text| Filter::parse(text).expect("valid");
        let query = Query::new().filter(filter("team = a")).filter(filter("model = b"));
        assert_eq!(query.filter, Some(filter("team = a and model = b")));
    }
}
