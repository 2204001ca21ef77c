//! Sealed events: immutable, sorted, dictionary-encoded, checksummed columns in one file.

mod load;
mod marks;
mod mask;
mod merge;
mod reader;
mod sections;
mod tag_sets;
mod window;
mod writer;

pub use mask::{read_mask, write_mask};
pub use merge::{INPUTS_MAX, Input, MergedRows};
pub(crate) use reader::DictionaryCache;
pub use reader::Segment;
pub(crate) use reader::read_codes;
pub use window::{Window, split};
pub(crate) use writer::write_codes;
pub use writer::{SortedRows, write};

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;
