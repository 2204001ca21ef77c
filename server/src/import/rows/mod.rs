//! Rows of tabular inputs: named columns, values as text.

pub(super) mod csv;
pub(super) mod jsonl;
pub(super) mod parquet;
mod paths;
mod records;

use quipu::{Error, Result, Text};

use super::identity::Identity;
use crate::wire::{Ignored, Place, excerpt, shown};

/// A stream of rows. A value is text in the form in which JSON would write it, without quotes;
/// null, a missing member and an empty CSV cell are absent.
pub(super) trait Rows {
    /// The columns' names, where the format states them up front.
    fn header(&self) -> Option<&[String]>;

    /// Says which columns [`cell`](Self::cell) will ask for.
    fn bind(&mut self, columns: &[String]) -> Result<()>;

    /// Reads the next row; false at the end.
    fn advance(&mut self) -> Result<bool, RowFault>;

    /// Where the row last read stands.
    fn place(&self) -> Place;

    /// Makes ready for [`id`](Self::id).
    ///
    /// # Errors
    /// When what ids are made of cannot be read.
    fn identify(&mut self) -> Result<()> {
        Ok(())
    }

    /// An id for the row last read, made of all that it says.
    fn id(&self, identity: &mut Identity) -> Text;

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

/// Columns that a message lists.
const LISTED_COLUMNS: usize = 60;

/// The names of columns for a message.
pub(super) fn listed(columns: &[String]) -> String {
    let mut list = columns.iter().take(LISTED_COLUMNS).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if let Some(more) = columns.len().checked_sub(LISTED_COLUMNS).filter(|more| *more > 0) {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// Finds the bound columns in a header.
fn find_columns(header: &[String], columns: &[String]) -> Result<Vec<usize>> {
    let find = |column: &String| {
        let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(at, _)| at);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok(at),
            (Some(_), Some(_)) => {
                let name = excerpt(column);
                Err(Error::invalid(format!(
                    "two columns are named {name}; rename one, as it cannot be told which is meant"
                )))
            }
            (None, _) => {
                let (name, listed) = (excerpt(column), listed(header));
                Err(Error::invalid(format!("there is no column {name}; the columns are {listed}")))
            }
        }
    };
    columns.iter().map(find).collect()
}
