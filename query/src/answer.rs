//! The answer: rows with all that is needed to reproduce and to doubt them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quipu_engine::format::container::Touched;
use quipu_engine::{Meter, OutcomeType, PicoUsd, Text, Timestamp};

use crate::filter::Filter;
use crate::measure::Unit;
use crate::query::{Cohort, CostBasis, Query};
use crate::value::Value;

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The columns: first the keys of the grouping, then the measures.
    pub columns: Vec<Column>,
    /// One row per group, as long as [`Self::columns`]. A null key is an absent value.
    pub rows: Vec<Vec<Value>>,
    /// The measures over *all* groups, those beyond the limit too; as long as
    /// [`Self::columns`], null in the columns of keys. A job that touches two groups counts once.
    pub totals: Vec<Value>,
    /// The measures over the groups that are not among [`Self::rows`], together; `None` when all
    /// are. Where an answer was [clipped](Self::clipped), null for measures that do not add up.
    pub other: Option<Vec<Value>>,
    /// How many groups there are; [`Self::rows`] has fewer when a limit or `having` left some out.
    pub groups: u64,
    /// How many groups pass `having`.
    pub passed: u64,
    /// What [`Query::after`](crate::Query::after) takes to go on behind the last row; `None` when
    /// no group is left.
    pub next: Option<String>,
    /// The position in the log that the answer covers.
    pub lsn: u64,
    /// The version of the price book used; `None` when the question needs no prices.
    pub price_book_version: Option<u32>,
    /// Which cost the job measures use.
    pub cost_basis: CostBasis,
    /// The values assumed for outcomes that state none.
    pub assumed_values: BTreeMap<OutcomeType, PicoUsd>,
    /// The time zone of time buckets.
    pub zone: String,
    /// What puts a job into the time range; `None` when the answer is not about jobs.
    pub cohort: Option<Cohort>,
    /// The first instant that was looked at, where the question bounds it.
    pub since: Option<Timestamp>,
    /// The first instant after what was looked at, where the question bounds it.
    pub until: Option<Timestamp>,
    /// The other slice of a comparison.
    pub compared: Option<Compared>,
    /// The columns that are not exact; empty when all are.
    pub approximate: Vec<Approximation>,
    /// Why rows are missing that the question asked for; `None` when none are.
    pub clipped: Option<Clipped>,
    /// Quantities without a rate: what `cost` lacks. Sorted by provider, model and meter.
    pub unpriced: Vec<Unpriced>,
    /// What else a reader should know, in sentences.
    pub notes: Vec<String>,
    /// How the answer was found.
    pub explain: Explain,
}

impl Answer {
    /// An answer without rows that says what was asked.
    pub(crate) fn about(query: &Query) -> Self {
        Self {
            columns: Vec::new(),
            rows: Vec::new(),
            totals: Vec::new(),
            other: None,
            groups: 0,
            passed: 0,
            next: None,
            lsn: 0,
            price_book_version: None,
            cost_basis: query.cost_basis,
            assumed_values: query.assumed_values.clone(),
            zone: query.zone.to_string(),
            cohort: query.cohort,
            since: query.since,
            until: query.until,
            compared: None,
            approximate: Vec::new(),
            clipped: None,
            unpriced: Vec::new(),
            notes: Vec::new(),
            explain: Explain::default(),
        }
    }
}

/// The other slice of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its first instant, where it has one.
    pub since: Option<Timestamp>,
    /// The first instant after it, where there is one.
    pub until: Option<Timestamp>,
    /// Its filter, where it is another one.
    pub filter: Option<Filter>,
}

/// A column whose values are near what is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approximation {
    /// The name of the column.
    pub column: String,
    /// The method and its error.
    pub method: &'static str,
    /// How many of the groups it was used for; the values of the others are exact. Totals have it as
    /// soon as they need it.
    pub groups: u64,
}

/// Rows left out for want of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clipped {
    /// How many rows were kept: none, where the groups took more than the query may use.
    /// [`Answer::totals`] are exact nevertheless, and [`Answer::groups`] is the least there are, about.
    pub rows: u64,
    /// The bytes that the query may use.
    pub memory: u64,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the pivot or measure.
    pub name: String,
    /// What the values count.
    pub unit: Unit,
    /// Whether the column is a key of the grouping.
    pub is_key: bool,
}

/// A quantity that the price book has no rate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpriced {
    /// Who bills it.
    pub provider: Option<Text>,
    /// The model that served it, or that is assumed to have.
    pub model: Option<Text>,
    /// What was counted.
    pub meter: Meter,
    /// How much of it.
    pub quantity: u128,
}

/// How an answer was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explain {
    /// One entry for each kind of rows that a part of the store was read from.
    pub parts: Vec<PartExplain>,
    /// What was done one after the other, and how long each took.
    pub stages: Vec<Stage>,
}

/// A stage of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `prepare` (the price book, the jobs and outcomes that the question is about), `sums` (rollups and counters),
    /// `scan` (events) or `rows` (from groups to the rows of the answer).
    pub name: &'static str,
    /// From its start to its end, on all threads.
    pub took: Duration,
}

impl Explain {
    /// Rows read over all parts.
    pub fn rows_read(&self) -> u64 {
        self.parts.iter().map(|part| part.rows_read).sum()
    }

    /// Takes down how long a stage took that ends now.
    pub(crate) fn end_stage(&mut self, name: &'static str, started: Instant) {
        self.add_stage(Stage { name, took: started.elapsed() });
    }

    /// What was found for another slice of the same question.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
        other.stages.into_iter().for_each(|stage| self.add_stage(stage));
    }

    fn add_stage(&mut self, stage: Stage) {
        match self.stages.iter_mut().find(|known| known.name == stage.name) {
            Some(known) => known.took += stage.took,
            None => self.stages.push(stage),
        }
    }
}

/// How one part was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartExplain {
    /// Its place among the parts.
    pub part: usize,
    /// The rows that were read.
    pub path: Path,
    /// Why not a shorter path.
    pub why: &'static str,
    /// How many rows the part has of that kind.
    pub rows: u64,
    /// How many of them were read; the others lie in blocks that cannot hold a match.
    pub rows_read: u64,
    /// The blocks and bytes of files that this took.
    pub touched: Touched,
}

/// The rows a part was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Nothing had to be read.
    Pruned,
    /// One of its rollups.
    Rollup,
    /// Its counters.
    Counters,
    /// Single events, found by the name of their job or workflow run.
    LookUp,
    /// Its events.
    Scan,
}

impl Path {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pruned => "pruned",
            Self::Rollup => "rollup",
            Self::Counters => "counters",
            Self::LookUp => "look-up",
            Self::Scan => "scan",
        }
    }
}
