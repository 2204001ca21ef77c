//! Sums of rows, as they are kept beside them.

use std::sync::Arc;

use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::rollup::Rollup;
use crate::schema::{Dimension, Meter, Number};

/// Sums of the rows of one job (or of none), price class, set of [`COUNTER_DIMENSIONS`] and UTC day;
/// either of retries or of other events.
///
/// All events of the part are covered, those without a job too. Several counter rows may have
/// the same key; they add up.
pub trait CounterRows: Send + Sync {
    /// How many counter rows there are.
    fn rows(&self) -> usize;

    /// The values of one of [`COUNTER_DIMENSIONS`].
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>>;

    /// Replaces `out` by the codes of one of [`COUNTER_DIMENSIONS`] in a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()>;

    /// Replaces `out` by sums of a block.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn sums(&self, counter: &Counter, block: usize, out: &mut Vec<u64>) -> Result<()>;

    /// Replaces `first` and `last` by the earliest and the latest start, in microseconds; those of a rollup may be bounds.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    fn times(&self, block: usize, first: &mut Vec<i64>, last: &mut Vec<i64>) -> Result<()>;

    /// The meters that occur.
    fn meters(&self) -> Vec<Meter>;
}

/// What counter rows add up. Every additive measure is made of these, so counters and rows
/// give the same answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Not a sum but part of the key: the context band.
    ContextBand,
    /// Events.
    Events,
    /// Events with status `error`.
    Errors,
    /// Events with status `cancelled`.
    Cancelled,
    /// Events with a retry depth above 0.
    Retries,
    /// A metered quantity.
    Meter(Meter),
    /// A number other than a metered quantity; kept for those of [`COUNTER_NUMBERS`].
    Number(Number),
    /// Events that carry that number.
    NumberEvents(Number),
    /// Events without a value of that dimension. Job runs know of [`COUNTER_DIMENSIONS`], rollups of all dimensions.
    Lacking(Dimension),
}

/// The dimensions of the key of counter rows. A question that names no other dimension can be
/// answered from them.
pub const COUNTER_DIMENSIONS: [Dimension; 13] = [
    Dimension::Workspace,
    Dimension::Tenant,
    Dimension::JobType,
    Dimension::JobId,
    Dimension::JobVersion,
    Dimension::Team,
    Dimension::Project,
    Dimension::Agent,
    Dimension::Environment,
    Dimension::Provider,
    Dimension::Model,
    Dimension::Region,
    Dimension::ServiceTier,
];

/// The numbers that counter rows add up.
pub const COUNTER_NUMBERS: [Number; 4] =
    [Number::DurationMs, Number::TtftMs, Number::ReportedCost, Number::UsageMissing];

/// The rows of a rollup. They are counters without the jobs, told apart by what the rollup keeps.
#[derive(Clone)]
pub struct Rolled {
    /// What it keeps.
    pub rollup: Rollup,
    /// Its rows.
    pub rows: Arc<dyn CounterRows>,
}
