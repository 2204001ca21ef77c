//! A filter made ready for one part: texts become sets of codes, tested once per distinct value.

use std::sync::Arc;

use quipu_engine::jobs::PartJobs;
use quipu_engine::rows::{Counter, Part, Quantity, Zone, ZoneColumn, time_of_zone};
use quipu_engine::{Dimension, Number, Result, Timestamp};
use roaring::RoaringBitmap;

use super::cohort::{JobCohort, event_range};
use super::mask::Mask;
use super::plan::Plan;
use super::rows::{Rows, Spans};
use super::selected::Selected;
use crate::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::query::{PathChoice, Query};
use crate::scope::Scope;

/// A filter over the codes of one part.
pub(super) struct Predicate {
    test: Test,
    /// Zone maps and bitmaps may decide; without them, every row is tested.
    indexed: bool,
}

enum Test {
    Always,
    Never,
    Codes {
        dimension: Dimension,
        accepted: Vec<bool>,
    },
    /// Any value, or none.
    Carries {
        dimension: Dimension,
        present: bool,
    },
    /// One value.
    Code {
        dimension: Dimension,
        code: u32,
    },
    /// The rows of one value, by its index.
    Indexed(Arc<RoaringBitmap>),
    TagSets(Vec<bool>),
    Number(Quantity, NumberTest),
    /// Starts at the first or later and before the second.
    Time(i64, i64),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

/// Space that is used again from block to block.
#[derive(Default)]
pub(super) struct Buffers {
    indexed: bool,
    codes: Vec<u32>,
    values: Vec<u64>,
    spans: Spans,
}

impl Predicate {
    /// The rows that a plan is about.
    pub(super) fn of(plan: &Plan<'_>, at: usize, part: &Part, rows: Rows<'_>) -> Result<Self> {
        let indexed = plan.query.path != PathChoice::Scan;
        let mut predicate = Self::new(plan.scope, plan.query, part, rows, indexed)?;
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
        let time = time_test(since, until, span);
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
            Filter::Time(since, until) => time_test(*since, *until, self.span),
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
        let accepted: Vec<bool> = match test {
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
        };
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

fn cohort_test(cohort: &JobCohort, jobs: Option<PartJobs<'_>>) -> Result<Test> {
    let accepted: Vec<bool> = match (cohort, jobs) {
        (JobCohort::These(_), Some(jobs)) => {
            std::iter::once(false).chain(jobs.numbers().map(|job| cohort.instant(job).is_some())).collect()
        }
        _ => return Ok(Test::Carries { dimension: Dimension::JobId, present: true }),
    };
    Ok(constant(&accepted).unwrap_or(Test::Codes { dimension: Dimension::JobId, accepted }))
}

fn all(tests: Vec<Test>) -> Test {
    let mut tests: Vec<Test> = tests.into_iter().filter(|test| !matches!(test, Test::Always)).collect();
    if tests.iter().any(|test| matches!(test, Test::Never)) {
        return Test::Never;
    }
    match tests.len() {
        0 => Test::Always,
        1 => tests.remove(0),
        _ => {
            // What an earlier test leaves out, a later one need not read.
            tests.sort_by_key(Test::effort);
            Test::All(tests)
        }
    }
}

fn any(tests: Vec<Test>) -> Test {
    let mut tests: Vec<Test> = tests.into_iter().filter(|test| !matches!(test, Test::Never)).collect();
    if tests.iter().any(|test| matches!(test, Test::Always)) {
        return Test::Always;
    }
    match tests.len() {
        0 => Test::Never,
        1 => tests.remove(0),
        _ => Test::Any(tests),
    }
}

fn tag_test(key: &str, test: &TextTest, rows: Rows<'_>) -> Result<Test> {
    let Rows::Events(events) = rows else { return Ok(Test::Never) };
    let sets = events.tag_sets()?;
    let codes = 0..u32::try_from(sets.len()).unwrap_or(u32::MAX);
    let accepted: Vec<bool> = codes.map(|code| test.holds(sets.value(code, key))).collect();
    Ok(constant(&accepted).unwrap_or(Test::TagSets(accepted)))
}

fn constant(accepted: &[bool]) -> Option<Test> {
    if accepted.iter().all(|accepted| *accepted) {
        Some(Test::Always)
    } else if accepted.iter().any(|accepted| *accepted) {
        None
    } else {
        Some(Test::Never)
    }
}

fn time_test(since: Option<Timestamp>, until: Option<Timestamp>, (first, last): Span) -> Test {
    let from = since.unwrap_or(Timestamp::MIN).micros();
    let until = until.unwrap_or(Timestamp::MAX).micros();
    match side(first.micros(), last.micros(), from, until) {
        Some(true) => Test::Always,
        Some(false) => Test::Never,
        None => Test::Time(from, until),
    }
}

/// Whether all of `first..=last` lies in `from..until`, or none of it does; `None` when only a part does.
fn side(first: i64, last: i64, from: i64, until: i64) -> Option<bool> {
    if first >= from && last < until {
        Some(true)
    } else if last < from || first >= until {
        Some(false)
    } else {
        None
    }
}

impl Test {
    fn most(&self) -> Option<u64> {
        match self {
            Self::Indexed(index) => Some(index.len()),
            Self::All(tests) => tests.iter().filter_map(Self::most).min(),
            _ => None,
        }
    }

    /// More for what takes longer to test.
    fn effort(&self) -> u8 {
        match self {
            Self::Always | Self::Never | Self::Indexed(_) => 0,
            Self::Codes { .. } | Self::Carries { .. } | Self::Code { .. } => 1,
            Self::TagSets(_) | Self::Number(..) => 2,
            Self::Time(..) => 3,
            Self::All(tests) | Self::Any(tests) => tests.iter().map(Self::effort).max().unwrap_or(0),
            Self::Not(test) => test.effort(),
        }
    }

    fn mask(&self, rows: Rows<'_>, block: usize, candidates: &Mask, buffers: &mut Buffers) -> Result<Option<Mask>> {
        if buffers.indexed
            && let Some(mask) = self.by_zone(rows, block)
        {
            return Ok(Some(mask));
        }
        let len = rows.block_len(block);
        // Where few rows are left to be tested, only these are read.
        let selected = Selected::few(candidates, len);
        Ok(Some(match self {
            Self::Always => Mask::All,
            Self::Never => Mask::None,
            Self::Codes { dimension, accepted } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |code| accepted[code as usize])
            }
            Self::Carries { dimension, present } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |code| (code != 0) == *present)
            }
            Self::Code { dimension, code } => {
                rows.codes_of(*dimension, block, &selected, &mut buffers.codes)?;
                selected.mask(&buffers.codes, |found| found == *code)
            }
            Self::Indexed(index) => Mask::of_index(index, rows, block),
            Self::TagSets(accepted) => match rows {
                Rows::Events(events) => {
                    selected.tag_set_codes(events, block, &mut buffers.codes)?;
                    selected.mask(&buffers.codes, |code| accepted[code as usize])
                }
                Rows::Counters(_) => return Ok(None),
            },
            Self::Number(quantity, test) => match rows {
                Rows::Events(events) => {
                    selected.quantities(events, quantity, block, &mut buffers.values)?;
                    selected.mask(&buffers.values, |stored| test.holds(stored.checked_sub(1)))
                }
                // A counter sums up either retries or other events.
                Rows::Counters(counters)
                    if (quantity, test) == (&Quantity::Number(Number::RetryDepth), &NumberTest::IS_RETRY) =>
                {
                    counters.sums(&Counter::Retries, block, &mut buffers.values)?;
                    Mask::of(&buffers.values, |retries| retries > 0)
                }
                Rows::Counters(_) => return Ok(None),
            },
            Self::Time(from, until) => {
                buffers.spans.start(block);
                if let Rows::Events(_) = rows {
                    buffers.spans.load(rows, &selected)?;
                    return Ok(Some(selected.mask(&buffers.spans.first, |at| *from <= at && at < *until)));
                }
                buffers.spans.load(rows, &Selected::new(&Mask::All, len))?;
                let spans = buffers.spans.first.iter().zip(buffers.spans.last());
                let sides = spans.enumerate().map(|(row, (first, last))| {
                    if candidates.contains(row) { side(*first, *last, *from, *until) } else { Some(false) }
                });
                match sides.collect::<Option<Vec<bool>>>() {
                    Some(passes) => Mask::of(&passes, |passes| passes),
                    None => return Ok(None),
                }
            }
            Self::All(tests) => return all_of(tests, rows, block, candidates, buffers),
            Self::Any(tests) => {
                let mut passes = Mask::None;
                for test in tests {
                    let Some(more) = test.mask(rows, block, candidates, buffers)? else { return Ok(None) };
                    passes = passes.or(more, len);
                }
                passes
            }
            Self::Not(test) => match test.mask(rows, block, candidates, buffers)? {
                Some(mask) => mask.not(len),
                None => return Ok(None),
            },
        }))
    }

    /// What the zone map of a block decides without reading it.
    fn by_zone(&self, rows: Rows<'_>, block: usize) -> Option<Mask> {
        let Rows::Events(events) = rows else { return None };
        match self {
            Self::Codes { dimension, accepted } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                let within = accepted.get(usize::try_from(min).ok()?..=usize::try_from(max).ok()?)?;
                match constant(within)? {
                    Self::Always => Some(Mask::All),
                    _ => Some(Mask::None),
                }
            }
            Self::Carries { dimension, present } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                (min > 0 || max == 0).then(|| Mask::constant((min > 0) == *present))
            }
            Self::Code { dimension, code } => {
                let Zone { min, max } = events.zone(ZoneColumn::Codes(*dimension), block)?;
                let within = (min..=max).contains(&u64::from(*code));
                (min == max || !within).then(|| Mask::constant(within))
            }
            Self::Time(from, until) => {
                let Zone { min, max } = events.zone(ZoneColumn::Time, block)?;
                side(time_of_zone(min), time_of_zone(max), *from, *until).map(Mask::constant)
            }
            Self::Number(quantity, test) => {
                let Zone { min, max } = events.zone(ZoneColumn::Quantity(quantity), block)?;
                (min == max).then(|| Mask::constant(test.holds(min.checked_sub(1))))
            }
            _ => None,
        }
    }
}

fn all_of(
    tests: &[Test],
    rows: Rows<'_>,
    block: usize,
    candidates: &Mask,
    buffers: &mut Buffers,
) -> Result<Option<Mask>> {
    let mut passes = candidates.clone();
    for test in tests {
        if passes == Mask::None {
            break;
        }
        let Some(more) = test.mask(rows, block, &passes, buffers)? else { return Ok(None) };
        passes = passes.and(more, rows.block_len(block));
    }
    Ok(Some(passes))
}
