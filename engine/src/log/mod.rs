//! The write-ahead log: what was acknowledged before it is in a segment.
//!
//! [`LogWriter`] appends frames to numbered files in `wal/`; [`recover`] reads them back and
//! tells a torn tail (never acknowledged, dropped) from damage (refused, with what is lost).
//! Each record has an LSN, counted from 1. Each frame is chained to the one before by checksum,
//! each file to its predecessor, and each frame states how far the log was synced when it was
//! composed: that statement is what makes the verdict exact.
//!
//! This module only reports. It never truncates, renames or deletes a file with records, and it
//! never appends to a file that existed before.

mod chain;
mod file;
mod payload;
mod recover;
mod salvage;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

pub use crate::format::log_frame::FrameKind;
pub use crate::format::log_header::Predecessor;
pub use recover::{Frame, Recovery, Start, TornTail, follow, recover};
pub use salvage::{LostRecords, salvage};
pub use writer::{LogIdentity, LogWriter};

/// Space reserved for a log file when it is created, and the size at which the caller should rotate.
pub const FILE_BYTES: u64 = 64 << 20;
