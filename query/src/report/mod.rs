//! Reports: queries that everyone asks, with their measures chosen.

mod job;
mod jobs;
mod outcomes;
mod tree;

pub use job::{EVENTS_LISTED, JobReport, TraceReport};
pub(crate) use job::{job, trace};
pub(crate) use jobs::jobs;
pub(crate) use outcomes::{funnel, roi};
pub use tree::Branch;
