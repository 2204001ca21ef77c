//! Rollups: the sums of a segment's events by a few declared dimensions, for questions about very many events.
//!
//! A row of a rollup sums the events of one value of each declared dimension, one price class and one step of time, a UTC
//! hour or day. It is what a counter of a job run is, without the job: additive, so prices are applied when a question is
//! asked, and derived, so without it every query gives the same integers. Which rollups there are is declared per store;
//! a part keeps those of them that have few rows beside its events.

mod declared;
mod reader;
mod writer;

pub use declared::{Every, Rollup};
pub use reader::RollupRun;
pub use writer::{most_rows, write};

#[cfg(test)]
mod tests;

/// The steps of time from the first of the segment's events.
const STEP: &str = "step";

/// The name of a section of the rollup in that place.
fn section(place: usize, name: &str) -> String {
    format!("{place}.{name}")
}

/// The name of the codes of a dimension.
fn codes(place: usize, dimension: crate::schema::Dimension) -> String {
    section(place, &format!("dim.{dimension}"))
}
