//! Two versions of whatever does the work, compared: which is cheaper, which succeeds more often,
//! which is worth more, and how sure that is.
//!
//! Every job counts once, with what its events under that version cost; jobs that ran under both
//! are left out, since the two samples must not depend on each other. Sums, sums of squares and
//! of products are exact integers; only what is inferred from them is a float.
//!
//! * Costs per job and per success, and ROI, are ratios of two means. The variance of each is that
//!   of the linearised ratio (Cochran, *Sampling Techniques*, 3rd ed., 1977, §6.4). Costs are
//!   compared by the quotient of the versions, with the interval of its logarithm (delta method),
//!   ROI by the difference; both with Student's t at the degrees of freedom of Welch (*Biometrika*
//!   34, 1947) and Satterthwaite.
//! * Cost per success, success rate and ROI are of the *settled* jobs: those with an outcome. One that states no
//!   value, and has none assumed, is worth 0 there as soon as any job of either version has a value.
//! * Success rates are compared by their difference, with the hybrid score interval of Newcombe
//!   (*Statistics in Medicine* 17, 1998, method 10), made of Wilson's intervals.

#![expect(clippy::float_arithmetic, reason = "what is inferred from exact sums is no money, and has bounds of its own")]

mod interval;
mod moments;
mod verdict;

use hashbrown::HashMap;
use quipu_engine::{Dimension, Error, ErrorKind, Result};

use crate::filter::{Filter, TextField, TextTest};
use crate::measure::Measure;
use crate::pivot::Pivot;
use crate::query::{CostBasis, Query};
use crate::value::Value;
use crate::view::View;
use moments::{JobResult, Moments};

pub use interval::Interval;
pub use verdict::Finding;

/// What to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// What tells the two apart: `job_version`, `variant`, `model`, a tag…
    pub pivot: Pivot,
    /// The value of the one that is there.
    pub a: String,
    /// The value of the one that might take its place.
    pub b: String,
    /// How sure the intervals are, in per cent: 95 by custom.
    pub confidence: u8,
}

/// How two versions compare.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionReport {
    /// What was compared.
    pub versions: Versions,
    /// The jobs of A and of B.
    pub jobs: [u64; 2],
    /// Those of them without an outcome, which only the cost per job counts.
    pub pending: [u64; 2],
    /// Those with an outcome that has no value: worth 0 in the ROI, where any has one.
    pub without_value: [u64; 2],
    /// Those whose cost is unknown or known in part, which no cost counts.
    pub cost_unknown: [u64; 2],
    /// Jobs that ran under both versions, left out.
    pub shared: u64,
    /// Cost per job, cost per success, success rate and ROI.
    pub findings: Vec<Finding>,
    /// The version of the price book used.
    pub price_book_version: Option<u32>,
    /// The position in the log that the report covers.
    pub lsn: u64,
}

/// Compares two versions over the jobs that pass the query.
pub(crate) fn compare(view: &View<'_>, query: &Query, versions: Versions) -> Result<VersionReport> {
    if versions.a == versions.b {
        return Err(Error::invalid(format!("both versions are {:?}; name two", versions.a)));
    }
    if !(50..100).contains(&versions.confidence) {
        return Err(Error::invalid(format!("confidence is {} %; allowed are 50 to 99", versions.confidence)));
    }
    let (a, b) = (jobs(view, query, &versions.pivot, &versions.a)?, jobs(view, query, &versions.pivot, &versions.b)?);
    for (jobs, version) in [(&a.jobs, &versions.a), (&b.jobs, &versions.b)] {
        if jobs.is_empty() {
            let pivot = &versions.pivot;
            return Err(Error::new(ErrorKind::NotFound, format!("no job here has {pivot} {version:?}")));
        }
    }
    let shared = a.jobs.keys().filter(|job| b.jobs.contains_key(*job)).count();
    let moments = [(&a, &b), (&b, &a)].map(|(own, other)| {
        let own = own.jobs.iter().filter(|(job, _)| !other.jobs.contains_key(*job));
        own.fold(Moments::default(), |mut moments, (_, job)| {
            moments.add(job);
            moments
        })
    });
    Ok(VersionReport {
        jobs: moments.each_ref().map(|moments| moments.jobs),
        pending: moments.each_ref().map(|moments| moments.pending),
        without_value: moments.each_ref().map(|moments| moments.settled - moments.valued),
        cost_unknown: moments.each_ref().map(|moments| moments.cost_unknown),
        shared: shared as u64,
        findings: verdict::findings(&versions, &moments),
        price_book_version: a.price_book_version,
        lsn: a.lsn,
        versions,
    })
}

/// The jobs of one version.
struct Jobs {
    jobs: HashMap<String, JobResult>,
    price_book_version: Option<u32>,
    lsn: u64,
}

fn jobs(view: &View<'_>, query: &Query, pivot: &Pivot, version: &str) -> Result<Jobs> {
    use Measure as M;
    let field = match pivot {
        Pivot::Dimension(dimension) => TextField::Dimension(*dimension),
        Pivot::Tag(key) => TextField::Tag(key.clone()),
        Pivot::Number(_) | Pivot::Time(_) | Pivot::Lacking => {
            return Err(Error::invalid(format!("versions cannot be told apart by {pivot}; name a dimension or a tag")));
        }
    };
    let only = Filter::Text(field, TextTest::In(vec![version.into()])).and(Filter::has(Dimension::JobId));
    let missing = match query.cost_basis {
        CostBasis::Computed => M::UsageMissing,
        CostBasis::Reported => M::ReportedUnknown,
    };
    let measures = vec![M::Pending, M::Successful, M::Value, M::JobCost, missing];
    let by = vec![Dimension::JobId.into()];
    let mut query = Query { by, measures, order: Vec::new(), limit: None, ..query.clone() }.filter(only);
    let mut answer = view.whole(&query)?;
    // Only events can tell whose quantities have no price; where all have one, counters do.
    if query.cost_basis == CostBasis::Computed && !answer.unpriced.is_empty() {
        query.measures.push(M::Unpriced);
        answer = view.whole(&query)?;
    }
    let jobs = answer.rows.iter().map(|row| (row[0].to_string(), result(&row[1..]))).collect();
    Ok(Jobs { jobs, price_book_version: answer.price_book_version, lsn: answer.lsn })
}

/// What a job came to: pending, successful, value, cost, then counts of what its cost lacks.
fn result(row: &[Value]) -> JobResult {
    let is_some = |value: &Value| matches!(value, Value::Count(1..));
    let money = |value: &Value| match value {
        Value::Money(amount) => Some(amount.pico()),
        _ => None,
    };
    JobResult {
        successful: (!is_some(&row[0])).then(|| is_some(&row[1])),
        value: money(&row[2]),
        cost: money(&row[3]).filter(|_| !row[4..].iter().any(is_some)),
    }
}
