//! Job runs: the counters of a segment, published with it.
//!
//! A counter row sums the events of one job (or of none), one price class, one value of each
//! of [`COUNTER_DIMENSIONS`](crate::rows::COUNTER_DIMENSIONS) and one UTC day, retries apart from the
//! rest. All of it is derived: without the counters every query gives the same integers, only slower.

mod build;
mod groups;
mod reader;
mod writer;

pub use build::Counters;
pub use reader::JobRun;
pub use writer::write;

use crate::rows::Counter;

/// Earliest starts, through [`crate::rows::zone_time`].
const FIRST: &str = "first";
/// From the earliest to the latest start, in microseconds.
const SPAN: &str = "span";

/// The name of a counter's section.
fn section(counter: &Counter) -> String {
    match counter {
        Counter::ContextBand => "band".into(),
        Counter::Events => "events".into(),
        Counter::Errors => "errors".into(),
        Counter::Cancelled => "cancelled".into(),
        Counter::Retries => "retries".into(),
        Counter::Meter(meter) => format!("use.{meter}"),
        Counter::Number(number) => format!("sum.{number}"),
        Counter::NumberEvents(number) => format!("count.{number}"),
    }
}

#[cfg(test)]
mod tests;
