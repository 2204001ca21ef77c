//! Reports: queries that everyone asks, with their measures chosen.

mod facet;
mod job;
mod jobs;
mod join;
mod outcomes;
mod price_diff;
mod reconcile;
mod traces;
mod tree;
mod unpriced;

pub use facet::tag_keys;
pub(crate) use facet::{dimensions, values};
pub use job::{EVENTS_LISTED, JobReport, TraceReport};
pub(crate) use job::{job, trace};
pub(crate) use jobs::jobs;
pub(crate) use join::columns;
pub(crate) use outcomes::{funnel, job_types, rates, roi};
pub(crate) use price_diff::price_diff;
pub(crate) use reconcile::{reconcile, share};
pub use traces::TraceOrder;
pub(crate) use traces::traces;
pub use tree::Branch;
pub(crate) use unpriced::UnpricedUsage;
