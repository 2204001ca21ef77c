//! A frozen state of a store, seen from one workspace: where every question is asked.

use quipu_engine::{Result, Timestamp};

use crate::advice;
use crate::answer::Answer;
use crate::coverage::{self, CoverageReport};
use crate::exec;
use crate::pivot::Pivot;
use crate::price::Pricer;
use crate::query::{PriceChoice, Query};
use crate::report::{self, JobReport, TraceOrder, TraceReport};
use crate::runaway::{self, RunawayRule, Runaways};
use crate::scope::Scope;
use crate::source::Source;
use crate::versions::{self, VersionReport, Versions};

pub use crate::exec::select::PricedEvent;

/// Answers questions about one workspace.
///
/// The reports take a [`Query`] for what they share with it: filter, time range, order, limit,
/// price book, cost basis, assumed values; they bring their own measures.
#[derive(Clone)]
pub struct View<'a> {
    source: &'a dyn Source,
    scope: Scope,
}

impl<'a> View<'a> {
    /// The view of a workspace on a source.
    pub fn new(source: &'a dyn Source, scope: Scope) -> Self {
        Self { source, scope }
    }

    /// Answers a query. Where its groups take more than it may use, the totals alone are answered and the answer is
    /// [clipped](Answer::clipped); where it finds nothing, a note says why.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when the query contradicts itself,
    /// [`ErrorKind::NotFound`](quipu_engine::ErrorKind::NotFound) when there is no such version of
    /// the price book, [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt) when what is read is damaged.
    pub fn query(&self, query: &Query) -> Result<Answer> {
        advice::answer(self.source, &self.scope, &query.assumed())
    }

    /// Answers a query for whoever goes on with all its groups: what would be clipped is an error.
    ///
    /// # Errors
    /// As [`View::query`], and [`ErrorKind::TooLarge`](quipu_engine::ErrorKind::TooLarge).
    pub fn whole(&self, query: &Query) -> Result<Answer> {
        exec::run(self.source, &self.scope, &query.assumed())
    }

    /// Jobs with cost, effort, time and outcome; by default the most expensive first.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn jobs(&self, query: &Query) -> Result<Answer> {
        report::jobs(self, query)
    }

    /// One job in full.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](quipu_engine::ErrorKind::NotFound) when it has no event here, else
    /// as [`View::query`].
    pub fn job(&self, job_id: &str, query: &Query) -> Result<JobReport> {
        report::job(self, job_id, query)
    }

    /// One workflow run with its events, which name their parents.
    ///
    /// # Errors
    /// As [`View::job`].
    pub fn trace(&self, trace_id: &str, query: &Query) -> Result<TraceReport> {
        report::trace(self, trace_id, query)
    }

    /// Jobs from start to conversion, per group of [`Query::by`].
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn funnel(&self, query: &Query) -> Result<Answer> {
        report::funnel(self, query)
    }

    /// What the jobs of each group of [`Query::by`] cost and were worth.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn roi(&self, query: &Query) -> Result<Answer> {
        report::roi(self, query)
    }

    /// Workflow runs with cost, effort, how their calls ended, and time.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn traces(&self, query: &Query, order: TraceOrder) -> Result<Answer> {
        report::traces(self, &query.plain(), order)
    }

    /// Computed beside reported cost, per group of [`Query::by`]: the difference, what has no
    /// price, and how much is estimated.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn reconcile(&self, query: &Query) -> Result<Answer> {
        report::reconcile(self, &query.plain())
    }

    /// Two versions of whatever does the work: cost per job and per success, success rate and ROI,
    /// each with an interval and a verdict.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](quipu_engine::ErrorKind::NotFound) when a version has no job here, else as [`View::query`].
    pub fn compare_versions(&self, query: &Query, versions: Versions) -> Result<VersionReport> {
        versions::compare(self, &query.plain(), versions)
    }

    /// How much of calls and spend lacks who it was for and what it was; what looks wrong; what
    /// retries cost and cheaper model tiers would save.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn coverage(&self, query: &Query) -> Result<CoverageReport> {
        coverage::coverage(self, &query.plain())
    }

    /// The groups that used far more than in the window before, over all windows of a span of time.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when the rule cannot be evaluated, else as [`View::query`].
    pub fn runaways(&self, query: &Query, rule: &RunawayRule, since: Timestamp, until: Timestamp) -> Result<Runaways> {
        runaway::evaluate(self, &query.plain(), rule, since, until)
    }

    /// What the groups of [`Query::by`] cost under two price books, and the difference; and the
    /// answer under the old one, which says what that has no price for.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn price_diff(&self, query: &Query, old: PriceChoice, new: PriceChoice) -> Result<(Answer, Answer)> {
        report::price_diff(self, &query.plain(), old, new)
    }

    /// What share of the jobs of each group of [`Query::by`] is pending, succeeded, converted, was
    /// deflected or escalated, and succeeded without escalation.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn rates(&self, query: &Query) -> Result<Answer> {
        report::rates(self, query)
    }

    /// One row per job type, within the groups of [`Query::by`]: jobs, rates, cost and value.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn job_types(&self, query: &Query) -> Result<Answer> {
        report::job_types(self, query)
    }

    /// Every dimension and tag that events carry, with how many values and events it has.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn dimensions(&self, query: &Query) -> Result<Answer> {
        report::dimensions(self, query)
    }

    /// The values of a key that begin with `prefix`, with the events that carry each; the most
    /// frequent first unless the query orders them.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn values(&self, query: &Query, key: &Pivot, prefix: &str) -> Result<Answer> {
        report::values(self, query, key, prefix)
    }

    /// The first `limit` events in the order of time that pass the filter and the time range, and
    /// how many there are.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn events(&self, query: &Query, limit: usize) -> Result<(Vec<PricedEvent>, u64)> {
        let book = exec::price_book(self.source, &query.prices)?;
        let pricer = Pricer::new(&book).assuming(&query.what_if);
        exec::select::events(self.source, &self.scope, &query.assumed(), &pricer, limit)
    }

    pub(crate) fn source(&self) -> &'a dyn Source {
        self.source
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }
}
