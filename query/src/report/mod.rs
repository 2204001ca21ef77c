//! Reports: queries that everyone asks, with their measures chosen.

mod facet;
mod job;
mod jobs;
mod outcomes;
mod tree;

pub(crate) use facet::{dimensions, values};
pub use job::{EVENTS_LISTED, JobReport, TraceReport};
pub(crate) use job::{job, trace};
pub(crate) use jobs::jobs;
pub(crate) use outcomes::{funnel, job_types, rates, roi};
pub use tree::Branch;
