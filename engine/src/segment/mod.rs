//! Sealed events: immutable, sorted, dictionary-encoded, checksummed columns in one file.

mod dependent;
mod links;
mod load;
mod marks;
mod mask;
mod merge;
mod reader;
mod row;
mod sections;
mod tag_sets;
mod window;
mod writer;

pub(crate) use dependent::{Dependency, source_of};
pub use mask::{read_mask, write_mask};
pub use merge::{INPUTS_MAX, Input, MergedRows};
pub(crate) use reader::DictionaryCache;
pub use reader::Segment;
pub(crate) use reader::read_codes;
pub use window::{Window, split};
pub use writer::{SortedRows, write};
pub(crate) use writer::{write_codes, write_dependent};

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;
