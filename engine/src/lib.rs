//! The storage engine of Quipu: an append-only, crash-safe, columnar segment store for LLM usage events.
//!
//! The engine is synchronous. It knows no JSON and no HTTP, and reaches disk, clock and
//! randomness through one trait only, [`io::Disk`]. With the feature `tracing` it says what it does.

pub mod attribution;
pub mod batch;
pub mod coarse;
pub mod codec;
pub mod correction;
pub mod correction_run;
pub mod dedup;
pub mod dictionary;
pub mod error;
pub mod event;
pub mod few_rows;
pub mod format;
pub mod index;
pub mod io;
pub mod job_run;
pub mod jobs;
pub mod limits;
pub mod log;
pub mod money;
pub mod outcome;
pub mod outcome_run;
pub mod price_book;
pub mod retention;
pub mod rollup;
pub mod rows;
pub mod schema;
pub mod segment;
pub mod store;
mod telling;
pub mod time;

pub use correction::Correction;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Sparse};
pub use money::PicoUsd;
pub use outcome::{Outcome, OutcomeStatus, OutcomeType};
pub use price_book::PriceBook;
pub use schema::{Dimension, Meter, Number, Text, TokenMeter};
pub use store::{Options, Snapshot, Store};
pub use time::Timestamp;
