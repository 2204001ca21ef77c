//! Sealed events: immutable, sorted, dictionary-encoded, checksummed columns in one file.

mod load;
mod reader;
mod sections;
mod tag_sets;
mod window;
mod writer;

pub(crate) use reader::DictionaryCache;
pub use reader::Segment;
pub(crate) use reader::read_codes;
pub use window::{Window, split};
pub use writer::write;
pub(crate) use writer::write_codes;

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;
