//! The query: plain data that the builder, JSON and the command line all make.

mod cancel;
mod choice;
mod compare;
mod order;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use quipu_engine::{OutcomeType, PicoUsd, Timestamp};

use crate::calendar::Zone;
use crate::filter::Filter;
use crate::having::Having;
use crate::measure::Measure;
use crate::pivot::Pivot;
use crate::price::WhatIf;

pub use cancel::Cancel;
pub use choice::{Cohort, CostBasis, PathChoice, Precision, PriceChoice};
pub use compare::Compare;
pub use order::{Order, OrderKey};

/// The bytes that the groups of a query may take when it does not say.
pub const DEFAULT_MEMORY: u64 = 2 << 30;

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
    /// What puts a job into the time range: plain queries count events, reports count by job start.
    pub cohort: Option<Cohort>,
    /// Which groups to return; totals cover all of them nevertheless.
    pub having: Option<Having>,
    /// Another slice to compare with.
    pub compare: Option<Compare>,
    /// Whether time buckets without an event are returned too. When `None`: where time is the only
    /// key of the grouping.
    pub fill: Option<bool>,
    /// The order of rows; ties are ordered by key. When empty: by time if the first key is a time
    /// bucket, else by the first measure, largest first.
    pub order: Vec<Order>,
    /// How many rows to return; totals cover all of them nevertheless.
    pub limit: Option<u64>,
    /// The [`Answer::next`](crate::Answer::next) of the page before.
    pub after: Option<String>,
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
    /// How percentiles are found.
    pub precision: Precision,
    /// Which rows to read; for proofs and measurements.
    pub path: PathChoice,
    /// How many threads to use; as many as the machine runs at once when `None`.
    pub threads: Option<NonZeroUsize>,
    /// The bytes that groups, distinct values and percentiles may take; [`DEFAULT_MEMORY`] when `None`.
    pub memory: Option<u64>,
    /// Stops the query from another thread.
    pub cancel: Option<Cancel>,
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

    /// Sets what puts a job into the time range.
    #[must_use]
    pub fn cohort(mut self, cohort: Cohort) -> Self {
        self.cohort = Some(cohort);
        self
    }

    /// Returns only groups that pass this.
    #[must_use]
    pub fn having(mut self, having: Having) -> Self {
        self.having = Some(having);
        self
    }

    /// Compares with another slice.
    #[must_use]
    pub fn compare(mut self, compare: Compare) -> Self {
        self.compare = Some(compare);
        self
    }

    /// Returns time buckets without an event too, or not.
    #[must_use]
    pub fn fill(mut self, fill: bool) -> Self {
        self.fill = Some(fill);
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

    /// Continues after the page that ended with this [`Answer::next`](crate::Answer::next).
    #[must_use]
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
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
        Cow::Owned(self.clone().filter(Filter::Not(Box::new(Filter::is_retry()))))
    }

    /// The query without what reports with columns of their own have no use for: conditions on
    /// groups, comparison, pages.
    pub(crate) fn plain(&self) -> Self {
        Self { having: None, compare: None, after: None, fill: None, ..self.clone() }
    }

    /// Assumes a value for the outcomes of a type that state none.
    #[must_use]
    pub fn assume_value(mut self, kind: OutcomeType, value: PicoUsd) -> Self {
        self.assumed_values.insert(kind, value);
        self
    }

    /// Sets how percentiles are found.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
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

    /// Bounds the bytes that groups, distinct values and percentiles may take.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Lets `cancel` stop the query.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// The measures of the answer's columns: those asked for, and, where the query compares and
    /// names no comparison itself, each with what it was before, its change and its growth.
    pub fn columns(&self) -> Vec<Measure> {
        if self.compare.is_none() || self.measures.iter().any(Measure::compares) {
            return self.measures.clone();
        }
        let with_comparison = |measure: &Measure| {
            let of = || Box::new(measure.clone());
            let compared = match measure {
                Measure::Share(_) => vec![],
                measure if !measure.has_difference() => vec![Measure::Before(of())],
                _ => vec![Measure::Before(of()), Measure::Change(of()), Measure::Growth(of())],
            };
            std::iter::once(measure.clone()).chain(compared)
        };
        self.measures.iter().flat_map(with_comparison).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_a_builder_add_up() {
        let filter = |text| Filter::parse(text).expect("valid");
        let query = Query::new().filter(filter("team = a")).filter(filter("model = b"));
        assert_eq!(query.filter, Some(filter("team = a and model = b")));
    }

    #[test]
    fn a_comparison_brings_its_columns_unless_some_are_named() {
        let query = Query::new().measures([Measure::Cost, Measure::LastAt]).compare(Compare::Previous);
        let names = |query: &Query| query.columns().iter().map(Measure::to_string).collect::<Vec<_>>();
        assert_eq!(
            names(&query),
            ["cost", "before(cost)", "change(cost)", "growth(cost)", "last_at", "before(last_at)"]
        );
        let query = query.measure(Measure::Growth(Box::new(Measure::Cost)));
        assert_eq!(names(&query), ["cost", "last_at", "growth(cost)"]);
    }
}
