//! What an answer says about itself, beside its rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the numbers of a sheet come from; a fact that does not apply is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// How many groups there are, those beyond the limit too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<u64>,
    /// How many of them pass `having`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed: Option<u64>,
    /// What `after` takes to go on behind the last row; absent when no row is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The first instant that was looked at, where the question bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The first instant after what was looked at, where the question bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The other slice of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<ComparedFact>,
    /// Columns that are not exact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approximate: Vec<ApproximateFact>,
    /// How many rows were kept where memory did not suffice for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipped: Option<u64>,
    /// The position in the log that the answer covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn: Option<u64>,
    /// The version of the price book, where prices were needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_book_version: Option<u32>,
    /// What the price book is called, where prices were needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_book: Option<String>,
    /// When outcomes were known, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes_as_of: Option<String>,
    /// What computed costs assume that was not so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<String>,
    /// `computed` or `reported`: which cost ROI and costs per job are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_basis: Option<String>,
    /// USD per outcome of a type that states no value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assumed_values: BTreeMap<String, String>,
    /// The time zone of time buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// `event`, `job_start` or `outcome`: what puts a job into the time range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Quantities without a rate; `None` where prices were not needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<Vec<UnpricedFact>>,
    /// How the answer was found, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Vec<PartFact>>,
    /// How long each stage of finding it took, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<StageFact>>,
    /// Anything else a reader must know, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The other slice of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComparedFact {
    /// Its first instant, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The first instant after it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Its filter, where it is another one.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// A column whose values are near what is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproximateFact {
    /// The name of the column.
    pub column: String,
    /// The method and its error.
    pub method: String,
    /// How many groups it was used for; the others are exact.
    pub groups: u64,
}

/// A quantity that the price book has no rate for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpricedFact {
    /// Who bills it.
    pub provider: Option<String>,
    /// The model that served it.
    pub model: Option<String>,
    /// What was counted.
    pub meter: String,
    /// How much of it.
    pub quantity: u64,
}

/// How one part of the store was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFact {
    /// `pruned`, `rollup`, `counters`, `look-up` or `scan`.
    pub path: String,
    /// Why not a shorter path.
    pub why: String,
    /// Rows the part has of that kind.
    pub rows: u64,
    /// Rows that were read.
    pub rows_read: u64,
    /// Blocks of files that were decoded for that, in whole or in part.
    pub blocks: u64,
    /// At most so many bytes of these were looked at.
    pub bytes: u64,
}

/// What was done to find an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageFact {
    /// `prepare`, `sums`, `scan` or `rows`.
    pub stage: String,
    /// How long it took.
    pub microseconds: u64,
}
