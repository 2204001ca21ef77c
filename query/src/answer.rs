//! The answer: rows with all that is needed to reproduce and to doubt them.

use std::collections::BTreeMap;

use quipu_engine::{Meter, OutcomeType, PicoUsd, Text};

use crate::measure::Unit;
use crate::query::CostBasis;
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
    /// How many groups there are; [`Self::rows`] has fewer when a limit cut some.
    pub groups: u64,
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
    /// Which jobs a report counts, where it had to choose.
    pub cohort: Option<&'static str>,
    /// Quantities without a rate: what `cost` lacks. Sorted by provider, model and meter.
    pub unpriced: Vec<Unpriced>,
    /// How the answer was found.
    pub explain: Explain,
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
    /// The model that served it.
    pub model: Option<Text>,
    /// What was counted.
    pub meter: Meter,
    /// How much of it.
    pub quantity: u128,
}

/// How an answer was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explain {
    /// One entry per part of the store.
    pub parts: Vec<PartExplain>,
}

impl Explain {
    /// Rows read over all parts.
    pub fn rows_read(&self) -> u64 {
        self.parts.iter().map(|part| part.rows_read).sum()
    }
}

/// How one part was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartExplain {
    /// The rows that were read.
    pub path: Path,
    /// Why not a shorter path.
    pub why: &'static str,
    /// How many rows the part has of that kind.
    pub rows: u64,
    /// How many of them were read; the others lie in blocks that cannot hold a match.
    pub rows_read: u64,
}

/// The rows a part was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Nothing had to be read.
    Pruned,
    /// Its counters.
    Counters,
    /// Its events.
    Scan,
}

impl Path {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pruned => "pruned",
            Self::Counters => "counters",
            Self::Scan => "scan",
        }
    }
}
