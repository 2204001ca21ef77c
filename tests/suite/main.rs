//! The tests that need more than one crate, or a disk that fails.

mod format_doc;
mod log;
mod promises;
mod store;
