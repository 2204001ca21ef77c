//! Rows of tabular inputs: named columns, values as text.

pub(super) mod csv;
pub(super) mod jsonl;
pub(super) mod parquet;
mod paths;

use quipu::{Error, Result};

use crate::wire::Ignored;

/// A stream of rows. A value is text in the form in which JSON would write it, without quotes;
/// null, a missing member and an empty CSV cell are absent.
pub(super) trait Rows {
    /// The columns' names, where the format states them up front.
    fn header(&self) -> Option<&[String]>;

    /// Says which columns [`cell`](Self::cell) will ask for.
    fn bind(&mut self, columns: &[String]) -> Result<()>;

    /// Reads the next row; false at the end.
    fn advance(&mut self) -> Result<bool, RowFault>;

    /// The line of the row last read; its number in formats without lines.
    fn line(&self) -> u64;

    /// The value in the bound column `column` of the row last read.
    fn cell(&self, column: usize) -> Option<&str>;

    /// Takes note that the row last read is used: its other columns count as ignored.
    fn used(&mut self);

    /// The columns that no field was made of, with the number of used rows that have them.
    fn ignored(&self) -> Ignored;
}

/// Why a row cannot be read.
pub(super) enum RowFault {
    /// This row is broken, the next may be fine.
    Row(String),
    /// Nothing after this can be read.
    File(Error),
}

/// Finds the bound columns in a header.
fn find_columns(header: &[String], columns: &[String]) -> Result<Vec<usize>> {
    let find = |column: &String| {
        header.iter().position(|name| name == column).ok_or_else(|| {
            Error::invalid(format!("there is no column {column:?}; the columns are {}", header.join(", ")))
        })
    };
    columns.iter().map(find).collect()
}
