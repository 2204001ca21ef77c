//! A filter made ready for one part: texts become sets of codes, tested once per distinct value.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::jobs::PartJobs;
use quipu_engine::rows::{Part, Quantity};
use quipu_engine::{Dimension, Result, Timestamp};

use super::cohort::{JobCohort, event_range};
use super::condition::{Buffers, Test, all, any, constant, side};
use super::mask::Mask;
use super::plan::Plan;
use super::rows::Rows;
use super::times::Times;
use crate::filter::{Filter, NumberField, TextField, TextTest};
use crate::query::{PathChoice, Query};
use crate::scope::Scope;

/// A filter over the codes of one part.
pub(super) struct Predicate {
    test: Test,
    /// Zone maps and bitmaps may decide; without them, every row is tested.
    indexed: bool,
}

impl Predicate {
    /// The rows that a plan is about, of those within `times` where only some are wanted.
    pub(super) fn of(plan: &Plan<'_>, at: usize, part: &Part, rows: Rows<'_>, times: Option<&Times>) -> Result<Self> {
        let indexed = plan.query.path != PathChoice::Scan;
        let mut predicate = Self::new(plan.scope, plan.query, part, rows, indexed)?;
        if let Some(times) = times {
            let span = part.events.time_range();
            let within = times.spans().map(|(from, until)| time_test(from, until, span));
            predicate.test = all(vec![any(within.collect()), predicate.test]);
        }
        if let (Some(cohort), false) = (&plan.cohort, predicate.is_never()) {
            let jobs = cohort_test(cohort, plan.part_jobs(at))?;
            predicate.test = all(vec![predicate.test, jobs]);
        }
        Ok(predicate)
    }

    /// The rows of the scope that pass the filter of `query` and start within its range. The scope
    /// cannot be left out: it is the wall between workspaces, and between tenants and teams within one.
    pub(super) fn new(scope: &Scope, query: &Query, part: &Part, rows: Rows<'_>, indexed: bool) -> Result<Self> {
        let span = part.events.time_range();
        let (since, until) = event_range(query);
        let time = range_test(since, until, span);
        if matches!(time, Test::Never) {
            return Ok(Self { test: time, indexed });
        }
        let context = Context { rows, span, indexed };
        let mut tests = vec![time];
        for (dimension, value) in scope.walls() {
            tests.push(context.codes(dimension, &TextTest::In(vec![value.clone()]))?);
        }
        if let (Rows::Events(_), false) = (rows, part.hidden.is_empty()) {
            tests.push(Test::Not(Box::new(Test::Indexed(Arc::clone(&part.hidden)))));
        }
        if let Some(filter) = &query.filter {
            tests.push(context.prepare(filter)?);
        }
        Ok(Self { test: all(tests), indexed })
    }

    /// Whether no row can pass.
    pub(super) fn is_never(&self) -> bool {
        matches!(self.test, Test::Never)
    }

    /// How many rows can pass, as far as an index knows; `None` when it does not.
    pub(super) fn most(&self) -> Option<u64> {
        self.test.most()
    }

    /// The rows of a block that pass; `None` when a counter row lies on both sides of a time.
    pub(super) fn mask(&self, rows: Rows<'_>, block: usize, buffers: &mut Buffers) -> Result<Option<Mask>> {
        buffers.indexed = self.indexed;
        self.test.mask(rows, block, &Mask::All, buffers)
    }
}

/// The first and the last start of a part's events.
type Span = (Timestamp, Timestamp);

/// Where a filter is made ready for.
#[derive(Clone, Copy)]
struct Context<'a> {
    rows: Rows<'a>,
    span: Span,
    indexed: bool,
}

impl Context<'_> {
    fn prepare(self, filter: &Filter) -> Result<Test> {
        let each = |filters: &[Filter]| filters.iter().map(|filter| self.prepare(filter)).collect::<Result<_>>();
        Ok(match filter {
            Filter::Text(TextField::Dimension(dimension), test) => self.codes(*dimension, test)?,
            Filter::Text(TextField::Tag(key), test) => tag_test(key, test, self.rows)?,
            Filter::Number(NumberField::Number(number), test) => Test::Number(Quantity::Number(*number), test.clone()),
            Filter::Number(NumberField::Meter(meter), test) => {
                Test::Number(Quantity::Meter(meter.clone()), test.clone())
            }
            Filter::Time(since, until) => range_test(*since, *until, self.span),
            Filter::And(filters) => all(each(filters)?),
            Filter::Or(filters) => any(each(filters)?),
            Filter::Not(filter) => match self.prepare(filter)? {
                Test::Always => Test::Never,
                Test::Never => Test::Always,
                test => Test::Not(Box::new(test)),
            },
        })
    }

    fn codes(self, dimension: Dimension, test: &TextTest) -> Result<Test> {
        let test = &*test.of_stored(dimension);
        // Looked up rather than compared with every value: a dictionary of jobs may be large.
        if let TextTest::In(values) = test {
            let found = values.iter().map(|value| self.rows.find(dimension, value));
            match *found.filter_map(Result::transpose).collect::<Result<Vec<u32>>>()? {
                [] => return Ok(Test::Never),
                [code] => return Ok(self.index(dimension, code)?.unwrap_or(Test::Code { dimension, code })),
                _ => {}
            }
        }
        let dictionary = self.rows.dictionary(dimension)?;
        if let (TextTest::Null | TextTest::NotNull, false) = (test, dictionary.is_empty()) {
            return Ok(Test::Carries { dimension, present: *test == TextTest::NotNull });
        }
        let accepted = accepted(test, &dictionary);
        let mut codes = accepted.iter().enumerate().filter(|(_, accepted)| **accepted).map(|(code, _)| code);
        let (first, second) = (codes.next(), codes.next());
        if let (Some(code @ 1..), None) = (first, second)
            && let Some(index) = self.index(dimension, u32::try_from(code).unwrap_or(u32::MAX))?
        {
            return Ok(index);
        }
        Ok(constant(&accepted).unwrap_or(Test::Codes { dimension, accepted }))
    }

    /// The test for one value by its index, where there is one.
    fn index(self, dimension: Dimension, code: u32) -> Result<Option<Test>> {
        match self.rows {
            Rows::Events(events) if self.indexed => Ok(events.rows_with(dimension, code)?.map(Test::Indexed)),
            _ => Ok(None),
        }
    }
}

/// Which codes of a dictionary, 0 for absent included, pass.
fn accepted(test: &TextTest, dictionary: &Dictionary) -> Vec<bool> {
    match test {
        // Looked up rather than compared with every value: a dictionary of jobs may be large.
        TextTest::In(values) | TextTest::NotIn(values) => {
            let excludes = matches!(test, TextTest::NotIn(_));
            let mut accepted = vec![excludes; dictionary.len() + 1];
            for code in values.iter().filter_map(|value| dictionary.find(value)) {
                accepted[code as usize] = !excludes;
            }
            accepted
        }
        _ => std::iter::once(test.holds(None))
            .chain(dictionary.iter().map(|(_, value)| test.holds(Some(value))))
            .collect(),
    }
}

fn cohort_test(cohort: &JobCohort, jobs: Option<PartJobs<'_>>) -> Result<Test> {
    let accepted: Vec<bool> = match (cohort, jobs) {
        (JobCohort::These(_), Some(jobs)) => {
            std::iter::once(false).chain(jobs.numbers().map(|job| cohort.instant(job).is_some())).collect()
        }
        _ => return Ok(Test::Carries { dimension: Dimension::JobId, present: true }),
    };
    Ok(constant(&accepted).unwrap_or(Test::Codes { dimension: Dimension::JobId, accepted }))
}

fn tag_test(key: &str, test: &TextTest, rows: Rows<'_>) -> Result<Test> {
    let Rows::Events(events) = rows else { return Ok(Test::Never) };
    if events.has_tag_column(key) {
        let dictionary = events.tag_dictionary(key)?;
        let accepted = accepted(test, &dictionary);
        return Ok(constant(&accepted).unwrap_or(Test::TagCodes { key: key.into(), accepted }));
    }
    let sets = events.tag_sets()?;
    let codes = 0..u32::try_from(sets.len()).unwrap_or(u32::MAX);
    let accepted: Vec<bool> = codes.map(|code| test.holds(sets.value(code, key))).collect();
    Ok(constant(&accepted).unwrap_or(Test::TagSets(accepted)))
}

fn range_test(since: Option<Timestamp>, until: Option<Timestamp>, span: Span) -> Test {
    time_test(since.unwrap_or(Timestamp::MIN).micros(), until.unwrap_or(Timestamp::MAX).micros(), span)
}

fn time_test(from: i64, until: i64, (first, last): Span) -> Test {
    match side(first.micros(), last.micros(), from, until) {
        Some(true) => Test::Always,
        Some(false) => Test::Never,
        None => Test::Time(from, until),
    }
}
