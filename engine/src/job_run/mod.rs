//! Job runs: the counters of a segment, published with it.
//!
//! A counter row sums the events of one job (or of none), one price class, one value of each
//! of [`COUNTER_DIMENSIONS`](crate::rows::COUNTER_DIMENSIONS) and one UTC day, retries apart from the
//! rest. All of it is derived: without the counters every query gives the same integers, only slower.
//!
//! A job run names the row of the segment in which each counter begins. That row says what the counter's key is and when
//! its first event was, and where it is the only event it says all the sums too; only those of several events are stored.

mod build;
mod gather;
pub(crate) mod groups;
mod reader;
mod writer;

pub use build::Counters;
pub use reader::JobRun;
pub use writer::write;

use crate::rows::Counter;

/// The row of the earliest event of each counter.
const ROW: &str = "row";
/// How many events each counter sums up.
const EVENTS: &str = "events";
/// From the earliest to the latest start of several events, in microseconds.
const SPAN: &str = "span";

/// The name of a counter's section.
pub(crate) fn section(counter: &Counter) -> String {
    match counter {
        Counter::ContextBand => "band".into(),
        Counter::Events => EVENTS.into(),
        Counter::Errors => "errors".into(),
        Counter::Cancelled => "cancelled".into(),
        Counter::Retries => "retries".into(),
        Counter::Meter(meter) => format!("use.{meter}"),
        Counter::Number(number) => format!("sum.{number}"),
        Counter::NumberEvents(number) => format!("count.{number}"),
        Counter::Lacking(dimension) => format!("lack.{dimension}"),
    }
}

#[cfg(test)]
mod tests;
