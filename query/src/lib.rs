//! Cost, ROI and funnels over arbitrary pivots of a Quipu store.
//!
//! A [`Query`] is plain data, made by its builder or from the text forms of its pieces. Everything
//! is exact: quantities and money are integers, quotients stay quotients until they are shown.

mod advice;
mod answer;
mod calendar;
mod coverage;
mod cursor;
mod exec;
mod expression;
pub mod filter;
pub mod having;
mod measure;
mod names;
mod pivot;
pub mod price;
mod query;
mod report;
mod runaway;
mod scope;
mod source;
mod value;
mod versions;
mod view;

pub use answer::{Answer, Approximation, Clipped, Column, Compared, Explain, PartExplain, Path, Stage, Unpriced};
pub use calendar::{Bucket, Zone};
pub use coverage::{CoverageReport, Warning};
pub use filter::Filter;
pub use having::Having;
pub use measure::{CostOf, Measure, Statistic, Unit};
pub use names::did_you_mean;
pub use pivot::Pivot;
pub use query::{
    Cancel, Cohort, Compare, CostBasis, DEFAULT_MEMORY, Order, OrderKey, PathChoice, Precision, PriceChoice, Query,
};
pub use report::{Branch, EVENTS_LISTED, JobReport, TraceOrder, TraceReport, tag_keys};
pub use runaway::{Alarm, Limits, RunawayRule, Runaways};
pub use scope::Scope;
pub use source::Source;
pub use value::{Ratio, Value};
pub use versions::{Finding, Interval, VersionReport, Versions};
pub use view::{PricedEvent, View};
