//! One slice of an answer: its groups, with the outcomes of their jobs.

use std::sync::Arc;
use std::time::Instant;

use quipu_engine::price_book::PriceBook;
use quipu_engine::{Number, Result};

use super::cohort::JobCohort;
use super::distinct::Distinct;
use super::groups::{GroupSums, Groups};
use super::measures::Group;
use super::plan::Plan;
use super::read;
use super::tally::Tally;
use super::timings::{EXACT_VALUES, Ranked, Values};
use super::{narrow, price_book, remarks};
use crate::answer::Explain;
use crate::measure::{Measure, Statistic};
use crate::price::Pricer;
use crate::query::{Cohort, Precision, Query};
use crate::scope::Scope;
use crate::source::Source;
use crate::value::Value;

/// The groups of one query, before they become rows.
pub(super) struct Run<'q> {
    pub(super) plan: Plan<'q>,
    pub(super) groups: Groups,
    pub(super) book: Option<Arc<PriceBook>>,
    pub(super) explain: Explain,
    /// Per group, per dimension asked for.
    distinct: Vec<Vec<u64>>,
    /// Per number asked for, per group.
    ranked: Vec<Vec<Ranked>>,
}

impl<'q> Run<'q> {
    /// Reads what a query asks for.
    pub(super) fn new(
        source: &dyn Source,
        scope: &'q Scope,
        query: &'q Query,
        book: Option<Arc<PriceBook>>,
    ) -> Result<Self> {
        let started = Instant::now();
        let mut plan = Plan::new(query, scope)?;
        if plan.jobs || JobCohort::decides(query) {
            plan.job_numbers = Some(source.jobs()?);
        }
        if plan.jobs || query.cohort == Some(Cohort::Outcome) {
            plan.outcomes = source.job_outcomes(scope.workspace(), query.outcomes_as_of)?;
        }
        let numbers = plan.job_numbers.clone().unwrap_or_default();
        plan.cohort = JobCohort::of(source, scope, query, &numbers, &plan.outcomes)?;
        let book = match book {
            None if plan.prices => Some(price_book(source, &query.prices)?),
            book => book,
        };
        let pricer = book.as_deref().filter(|_| plan.prices).map(|book| Pricer::new(book).assuming(&query.what_if));
        let parts = narrow::parts(source.parts(), query)?;
        let mut explain = Explain::default();
        explain.end_stage("prepare", started);
        let groups = read::read(&plan, &parts, pricer.as_ref(), &mut explain)?;
        narrow::explain(&mut explain, &parts, source.parts());
        Ok(Self { plan, groups, book, explain, distinct: Vec::new(), ranked: Vec::new() })
    }

    /// Makes ready for values of groups. No group may be added afterwards.
    pub(super) fn finish(&mut self) -> Result<()> {
        let ranked = self.groups.timings.iter().zip(&self.plan.timings).map(|(groups, number)| {
            let statistics = self.statistics(*number);
            let ranked = |values| Ranked::of(std::iter::once(values), &statistics, self.plan.query.precision);
            groups.iter().map(ranked).collect()
        });
        self.ranked = ranked.collect();
        let groups = self.groups.len();
        self.groups.jobs.finish(self.plan.query, &self.plan.outcomes, groups)?;
        self.distinct = vec![vec![0; self.groups.distinct.len()]; self.groups.len()];
        self.groups.distinct.iter_mut().for_each(Distinct::join);
        for (at, distinct) in self.groups.distinct.iter().enumerate() {
            for (_, group) in distinct.pairs().iter() {
                self.distinct[group as usize][at] += 1;
            }
        }
        Ok(())
    }

    /// What is asked of the values of a number.
    fn statistics(&self, number: Number) -> Vec<Statistic> {
        let timings = self.plan.base.iter().filter_map(Measure::timing);
        timings.filter(|(of, _)| *of == number).map(|(_, statistic)| statistic).collect()
    }

    /// The base measures of one group.
    pub(super) fn values(&self, group: usize) -> Vec<Value> {
        self.of_group(group, |group| self.plan.base.iter().map(|measure| group.value(measure)).collect())
    }

    /// The base measure of that number of one group.
    pub(super) fn value(&self, group: usize, at: usize) -> Value {
        self.of_group(group, |group| group.value(&self.plan.base[at]))
    }

    fn of_group<T>(&self, group: usize, ask: impl FnOnce(&Group<'_>) -> T) -> T {
        let estimates = self.groups.estimates.iter().map(|one| one.over(std::iter::once(group))).collect::<Vec<_>>();
        let timings = self.ranked.iter().map(|of_groups| &of_groups[group]).collect::<Vec<_>>();
        let group = Group {
            plan: &self.plan,
            sums: &self.groups.sums[group],
            tally: &self.groups.jobs.tallies[group],
            distinct: &self.distinct[group],
            estimates: &estimates,
            timings: &timings,
        };
        ask(&group)
    }

    /// The base measures over the groups that are included, together: a job that touches two of them
    /// counts once, and so does a distinct value.
    pub(super) fn values_over(&self, includes: impl Fn(usize) -> bool) -> Result<Vec<Value>> {
        Ok(self.over(includes)?.0)
    }

    /// The base measures over all groups, with remarks on them.
    pub(super) fn totals(&self) -> Result<(Vec<Value>, Vec<String>)> {
        let (values, jobs) = self.over(|_| true)?;
        let in_several = self.groups.jobs.in_several();
        Ok((values, if self.plan.jobs { remarks::on_jobs(&self.plan, &jobs, in_several) } else { Vec::new() }))
    }

    fn over(&self, includes: impl Fn(usize) -> bool) -> Result<(Vec<Value>, Tally)> {
        let groups = &self.groups;
        let included = || (0..groups.len()).filter(|group| includes(*group));
        let mut sums = GroupSums::new(&self.plan);
        included().try_for_each(|group| sums.add(&groups.sums[group]))?;
        let tally = groups.jobs.over(self.plan.query, &self.plan.outcomes, &includes)?;
        let distinct: Vec<u64> = groups.distinct.iter().map(|one| one.pairs().numbers_of(&includes)).collect();
        let estimates: Vec<u64> = groups.estimates.iter().map(|one| one.over(included())).collect();
        let timings = groups.timings.iter().zip(&self.plan.timings).map(|(of_groups, number)| {
            let values = included().map(|group| &of_groups[group]);
            Ranked::of(values, &self.statistics(*number), self.plan.query.precision)
        });
        let timings: Vec<Ranked> = timings.collect();
        let timings: Vec<&Ranked> = timings.iter().collect();
        let group = Group {
            plan: &self.plan,
            sums: &sums,
            tally: &tally,
            distinct: &distinct,
            estimates: &estimates,
            timings: &timings,
        };
        let values = self.plan.base.iter().map(|measure| group.value(measure)).collect();
        Ok((values, tally))
    }

    /// The base measures of a group without an event.
    pub(super) fn values_of_nothing(&self) -> Result<Vec<Value>> {
        self.values_over(|_| false)
    }

    /// How many groups have a sketch in the place of the values that a percentile is of; `None` when
    /// neither a group nor all of them together have one.
    pub(super) fn sketched(&self, measure: &Measure) -> Option<u64> {
        let Some((number, Statistic::Percentile(_))) = measure.timing() else { return None };
        let at = self.plan.timings.iter().position(|one| *one == number)?;
        let groups = &self.groups.timings[at];
        let sketched = groups.iter().filter(|values| !values.is_exact()).count() as u64;
        let all: u64 = groups.iter().map(Values::len).sum();
        let exact = self.plan.query.precision == Precision::Exact || all <= EXACT_VALUES as u64;
        (sketched > 0 || !exact).then_some(sketched)
    }
}
