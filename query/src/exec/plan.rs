//! What a query needs to read, and whether counters can answer it.

use std::collections::BTreeSet;
use std::sync::Arc;

use quipu_engine::jobs::{JobNumbers, JobOutcomes, PartJobs};
use quipu_engine::limits::OUTCOME_VALUE_MAX_PICO;
use quipu_engine::rollup::Rollup;
use quipu_engine::rows::{COUNTER_DIMENSIONS, COUNTER_NUMBERS, Counter};
use quipu_engine::{Dimension, Error, Number, Result, TokenMeter};

use super::cohort::JobCohort;
use crate::filter::{Filter, NumberField, NumberTest, TextField};
use crate::measure::{CostOf, Measure, Statistic};
use crate::pivot::Pivot;
use crate::query::{CostBasis, OrderKey, PathChoice, Query};
use crate::scope::Scope;

/// A checked query with everything that its measures are made of.
pub(super) struct Plan<'q> {
    pub(super) query: &'q Query,
    pub(super) scope: &'q Scope,
    /// The measures that columns, order and `having` are made of.
    pub(super) base: Vec<Measure>,
    /// The jobs that count, where not all do.
    pub(super) cohort: Option<JobCohort>,
    /// The jobs of all parts, where they matter.
    pub(super) job_numbers: Option<Arc<JobNumbers>>,
    /// What came of jobs, where that matters.
    pub(super) outcomes: JobOutcomes,
    /// The sums that measures are made of, sorted.
    pub(super) sums: Vec<Counter>,
    /// Costs are computed.
    pub(super) prices: bool,
    /// Costs of groups are computed, not only those of their jobs.
    pub(super) group_prices: bool,
    /// The parts of the cost that are asked for.
    pub(super) cost_parts: Vec<CostOf>,
    /// Events with an unpriced quantity are counted.
    pub(super) unpriced_events: bool,
    /// The jobs of groups are looked at.
    pub(super) jobs: bool,
    /// What each job of a group costs is needed.
    pub(super) job_costs: bool,
    /// The span of time of each group is kept.
    pub(super) spans: bool,
    /// The latest end of each group is kept.
    pub(super) ends: bool,
    /// The dimensions of which the events that carry one are counted.
    pub(super) carried: Vec<Dimension>,
    pub(super) distinct: Vec<Dimension>,
    /// The dimensions whose distinct values are estimated.
    pub(super) approx_distinct: Vec<Dimension>,
    /// The numbers of which every value is kept.
    pub(super) timings: Vec<Number>,
    /// Why only events can answer; `None` when counters can.
    pub(super) needs_events: Option<&'static str>,
}

impl<'q> Plan<'q> {
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when counters are asked for that cannot answer.
    pub(super) fn new(query: &'q Query, scope: &'q Scope) -> Result<Self> {
        let base = base_measures(query);
        let computed = query.cost_basis == CostBasis::Computed;
        let mut plan = Self {
            query,
            scope,
            cohort: None,
            job_numbers: None,
            outcomes: JobOutcomes::default(),
            sums: Vec::new(),
            prices: base.iter().any(|m| m.needs_prices() || (m.needs_job_cost() && computed)),
            group_prices: base.iter().any(Measure::needs_prices),
            cost_parts: Vec::new(),
            unpriced_events: base.contains(&Measure::Unpriced),
            jobs: base.iter().any(Measure::is_about_jobs),
            job_costs: base.iter().any(Measure::needs_job_cost),
            spans: base.iter().any(|m| matches!(m, Measure::FirstAt | Measure::LastAt | Measure::Elapsed)),
            ends: base.contains(&Measure::Elapsed),
            carried: Vec::new(),
            distinct: Vec::new(),
            approx_distinct: Vec::new(),
            timings: Vec::new(),
            needs_events: None,
            base: Vec::new(),
        };
        let mut sums = BTreeSet::from([Counter::Events]);
        if plan.group_prices {
            sums.insert(Counter::Number(Number::UsageMissing));
        }
        for measure in &base {
            sums.extend(sums_of(measure));
            match measure {
                Measure::Count(dimension) => plan.carried.push(*dimension),
                Measure::Distinct(dimension) => plan.distinct.push(*dimension),
                Measure::ApproxDistinct(dimension) => plan.approx_distinct.push(*dimension),
                Measure::CostOf(part) => plan.cost_parts.push(part.clone()),
                _ => {}
            }
            if let Some((number, statistic)) = measure.timing()
                && !statistic.is_of_sums()
                && !plan.timings.contains(&number)
            {
                plan.timings.push(number);
            }
        }
        plan.base = base;
        plan.sums = sums.into_iter().collect();
        plan.needs_events = plan.why_not(|dimension| COUNTER_DIMENSIONS.contains(&dimension), true);
        match plan.needs_events {
            Some(why) if query.path == PathChoice::Counters => {
                Err(Error::invalid(format!("the counters cannot answer this query: {why}")))
            }
            _ => Ok(plan),
        }
    }

    /// Whether a rollup knows all that the answer is made of, but for what happens within its steps of time.
    pub(super) fn fits(&self, rollup: &Rollup, knows_tenants: bool) -> bool {
        let needed = self.scope.walls().map(|(dimension, _)| dimension);
        let needed = needed
            .chain(self.cohort.is_some().then_some(Dimension::JobId))
            .chain(knows_tenants.then_some(Dimension::Tenant));
        // Jobs are followed to where their rows end, and those of a rollup do not lie together.
        !(self.jobs || self.spans)
            && needed.into_iter().all(|dimension| rollup.keeps(dimension))
            && self.why_not(|dimension| rollup.keeps(dimension), false).is_none()
    }

    /// Why sums that keep some dimensions cannot answer; `None` when they can. Those of jobs tell retries apart, those of
    /// rollups know what events lack of the other dimensions.
    fn why_not(&self, keeps: impl Fn(Dimension) -> bool, of_jobs: bool) -> Option<&'static str> {
        let kept = |dimension: &Dimension| keeps(*dimension);
        let pivot = |pivot: &Pivot| match pivot {
            Pivot::Dimension(dimension) => kept(dimension),
            Pivot::Time(_) => true,
            Pivot::Number(_) | Pivot::Tag(_) | Pivot::Lacking => false,
        };
        let sum = |sum: &Counter| match sum {
            Counter::Number(number) | Counter::NumberEvents(number) => COUNTER_NUMBERS.contains(number),
            _ => true,
        };
        let mut seen = self.distinct.iter().chain(&self.approx_distinct);
        let carried = !of_jobs || self.carried.iter().all(kept);
        if !self.query.by.iter().all(pivot) {
            Some("a key of the grouping is not among the dimensions that counters keep")
        } else if !self.query.filter.as_ref().is_none_or(|filter| sums_decide(filter, &kept, of_jobs)) {
            Some("the filter looks at what counters do not keep")
        } else if !self.timings.is_empty() {
            Some("minima, maxima and percentiles need every event")
        } else if self.ends {
            Some("when events end is not among what counters keep")
        } else if self.unpriced_events || !self.sums.iter().all(sum) || !carried || !seen.all(kept) {
            Some("a measure counts what counters do not keep")
        } else {
            None
        }
    }

    /// The jobs of the part at that place, where jobs matter.
    pub(super) fn part_jobs(&self, part: usize) -> Option<PartJobs<'_>> {
        self.job_numbers.as_ref().map(|numbers| numbers.part(part))
    }

    /// The position of a sum in [`Self::sums`].
    pub(super) fn sum(&self, counter: &Counter) -> Option<usize> {
        self.sums.binary_search(counter).ok()
    }
}

/// The measures that the columns and `having` are made of, each once.
fn base_measures(query: &Query) -> Vec<Measure> {
    let columns = query.columns();
    let having = query.having.iter().flat_map(|having| having.measures());
    let mut base: Vec<Measure> = Vec::new();
    for measure in columns.iter().chain(having).map(Measure::base) {
        if !base.contains(measure) {
            base.push(measure.clone());
        }
    }
    base
}

/// # Errors
/// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when the query contradicts itself.
pub(super) fn check(query: &Query) -> Result<()> {
    if query.measures.is_empty() {
        return Err(Error::invalid("the query has no measure; ask for requests, cost, jobs…"));
    }
    let columns = query.columns();
    let having = query.having.iter().flat_map(|having| having.measures());
    if query.compare.is_none()
        && let Some(measure) = columns.iter().chain(having).find(|measure| measure.compares())
    {
        return Err(Error::invalid(format!("{measure} compares with nothing; say with what (compare=previous)")));
    }
    for order in &query.order {
        let known = match &order.by {
            OrderKey::Measure(measure) => columns.contains(measure),
            OrderKey::Pivot(pivot) => query.by.contains(pivot),
        };
        if !known {
            let columns: Vec<String> =
                query.by.iter().map(Pivot::to_string).chain(columns.iter().map(Measure::to_string)).collect();
            let (by, columns) = (&order.by, columns.join(", "));
            return Err(Error::invalid(format!("cannot order by {by}: it is not a column; the columns are {columns}")));
        }
    }
    if let (Some(since), Some(until)) = (query.since, query.until)
        && since >= until
    {
        return Err(Error::invalid(format!("the time range is empty: since {since} is not before until {until}")));
    }
    for (kind, value) in &query.assumed_values {
        if value.pico().abs() > OUTCOME_VALUE_MAX_PICO {
            let name = kind.name();
            return Err(Error::invalid(format!(
                "the value assumed for {name} is {value} USD; the largest allowed is 10^12"
            )));
        }
    }
    Ok(())
}

/// Whether sums know all that a filter looks at.
fn sums_decide(filter: &Filter, kept: &impl Fn(&Dimension) -> bool, retries: bool) -> bool {
    match filter {
        Filter::Text(TextField::Dimension(dimension), _) => kept(dimension),
        Filter::Text(TextField::Tag(_), _) => false,
        Filter::Number(NumberField::Number(Number::RetryDepth), test) => retries && *test == NumberTest::IS_RETRY,
        Filter::Number(..) => false,
        Filter::Time(..) => true,
        Filter::And(filters) | Filter::Or(filters) => filters.iter().all(|filter| sums_decide(filter, kept, retries)),
        Filter::Not(filter) => sums_decide(filter, kept, retries),
    }
}

/// The sums that a measure is made of.
fn sums_of(measure: &Measure) -> Vec<Counter> {
    let reported = || vec![Counter::Number(Number::ReportedCost), Counter::NumberEvents(Number::ReportedCost)];
    match measure {
        Measure::Errors | Measure::ErrorRate => vec![Counter::Errors],
        Measure::Cancelled => vec![Counter::Cancelled],
        Measure::Retries => vec![Counter::Retries],
        Measure::UsageMissing => vec![Counter::Number(Number::UsageMissing)],
        Measure::Meter(meter) => vec![Counter::Meter(meter.clone())],
        Measure::CountNumber(number) => vec![Counter::NumberEvents(*number)],
        Measure::ReportedCost | Measure::ReportedUnknown | Measure::CostDelta => reported(),
        Measure::Duration(Statistic::Total | Statistic::Average) => stated(Number::DurationMs),
        Measure::Ttft(Statistic::Total | Statistic::Average) => stated(Number::TtftMs),
        measure => tokens_of(measure).map_or_else(Vec::new, |tokens| {
            TokenMeter::ALL
                .iter()
                .filter(|token| tokens(**token))
                .map(|token| Counter::Meter((*token).into()))
                .collect()
        }),
    }
}

/// The sum of a number, and how many events state it.
fn stated(number: Number) -> Vec<Counter> {
    vec![Counter::Number(number), Counter::NumberEvents(number)]
}

/// Which token meters a derived measure adds up.
pub(super) fn tokens_of(measure: &Measure) -> Option<fn(TokenMeter) -> bool> {
    match measure {
        Measure::InputTokens => Some(TokenMeter::is_input),
        Measure::OutputTokens => Some(|token| !token.is_input()),
        Measure::CacheWrite => Some(TokenMeter::is_cache_write),
        Measure::TotalTokens => Some(|_| true),
        _ => None,
    }
}
