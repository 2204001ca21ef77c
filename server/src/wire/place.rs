//! Where in a body or file something stands.

use std::fmt;

/// A place in a body or file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, where every line is an item.
    Line(u64),
    /// An item of an array, or of documents that take several lines each.
    Item(u64),
    /// A row of a table without lines.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Item(number) => write!(f, "item {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}
