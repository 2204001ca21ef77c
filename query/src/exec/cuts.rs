//! Where time is cut: no sum of events from both sides of a cut can answer.

use quipu_engine::Timestamp;

use super::plan::Plan;
use super::times::Times;
use crate::calendar::{Bucket, Zone};
use crate::filter::Filter;
use crate::pivot::Pivot;
use crate::price::{Pricer, Schedule};

/// The cuts of a query: instants that its filter names, starts of its time buckets, changes of any price.
pub(super) struct Cuts<'q> {
    /// Ascending.
    instants: Vec<i64>,
    buckets: Vec<Bucket>,
    zone: &'q Zone,
    prices: Option<Schedule>,
}

impl<'q> Cuts<'q> {
    pub(super) fn of(plan: &Plan<'q>, pricer: Option<&Pricer<'_>>) -> Self {
        let mut instants = Vec::new();
        plan.query.filter.iter().for_each(|filter| add_instants(filter, &mut instants));
        instants.sort_unstable();
        // The time of a cohort is that of its jobs, whenever their events were.
        let by = plan.query.by.iter().filter(|_| plan.cohort.is_none());
        let bucket = |pivot: &Pivot| match pivot {
            Pivot::Time(bucket) => Some(*bucket),
            _ => None,
        };
        let prices = pricer.map(Pricer::changes);
        Self { instants, buckets: by.filter_map(bucket).collect(), zone: &plan.query.zone, prices }
    }

    /// The steps of that length, counted from 1970, whose every instant between two events is among `times`, without a
    /// cut within.
    pub(super) fn whole_steps(&self, times: &Times, events: (Timestamp, Timestamp), length: i64) -> Times {
        let (first, end) = (events.0.micros(), events.1.micros().saturating_add(1));
        let mut whole = Times::default();
        // Where the bucket that was looked up last ends, for each that rows are grouped by.
        let mut ends = vec![i64::MIN; self.buckets.len()];
        for (from, until) in times.spans() {
            let mut step = from.div_euclid(length).saturating_mul(length);
            while step < until {
                let next = step.saturating_add(length);
                let (start, stop) = (step.max(first), next.min(end));
                if from <= start && start < stop && stop <= until && !self.within(start, stop - 1, &mut ends) {
                    whole.push(start, stop);
                }
                step = next;
            }
        }
        whole
    }

    /// Whether there is a cut after `first`, up to `last`.
    fn within(&self, first: i64, last: i64, ends: &mut [i64]) -> bool {
        let next = self.instants.partition_point(|instant| *instant <= first);
        if self.instants.get(next).is_some_and(|instant| *instant <= last) {
            return true;
        }
        let at = |micros| Timestamp::from_micros(micros);
        if self.prices.as_ref().is_some_and(|prices| prices.boundary_within(at(first), at(last))) {
            return true;
        }
        for (bucket, end) in self.buckets.iter().zip(ends) {
            if first >= *end {
                *end = self.zone.bucket(*bucket, at(first)).1.micros();
            }
            if last >= *end {
                return true;
            }
        }
        false
    }
}

fn add_instants(filter: &Filter, instants: &mut Vec<i64>) {
    match filter {
        Filter::Time(since, until) => instants.extend(since.iter().chain(until).map(|at| at.micros())),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().for_each(|filter| add_instants(filter, instants)),
        Filter::Not(filter) => add_instants(filter, instants),
        Filter::Text(..) | Filter::Number(..) => {}
    }
}
