//! Sealed events: immutable, sorted, dictionary-encoded, checksummed columns in one file.

mod columns;
mod dependent;
mod dictionaries;
mod links;
mod load;
mod marks;
mod mask;
mod merge;
mod reader;
mod row;
mod runs;
mod sections;
mod tag_columns;
mod tag_sets;
mod tags;
mod window;
mod writer;

pub use mask::{read_mask, write_mask};
pub use merge::{INPUTS_MAX, Input, MergedRows};
pub use reader::Segment;
pub use window::{Window, split};
pub use writer::{SortedRows, write};

#[cfg(test)]
mod forged;
#[cfg(test)]
mod tests;
