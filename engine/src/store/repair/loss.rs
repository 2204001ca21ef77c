//! What a damaged file takes with it.

use std::fmt;

use crate::log::LostRecords;
use crate::schema::Text;
use crate::time::Timestamp;

/// What one damaged or missing file takes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The file, or the directory of the log.
    pub file: String,
    /// What is lost.
    pub what: Lost,
}

/// What is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing: it follows from what is whole.
    Nothing,
    /// Events.
    Events {
        /// How many rows, those included that no longer counted.
        rows: u64,
        /// Of how many in the file.
        of: u64,
        /// No event among them began earlier.
        from: Timestamp,
        /// Nor later.
        to: Timestamp,
        /// Their workspaces; `None` where that cannot be read any more.
        workspaces: Option<Vec<Text>>,
    },
    /// Which of so many rows did not count; what is known of corrections says it again.
    Hidden(u64),
    /// So many outcomes.
    Outcomes(u64),
    /// What was said of so many events, traces and jobs. What it made of events that are stored stays.
    Corrections(u64),
    /// The attribution of that number. What it made of events that are stored stays; it can no longer be undone.
    Attribution(u64),
    /// That version of the price book.
    PriceBook(u64),
    /// Records of the log: events, outcomes and corrections that were not in other files yet.
    Records(LostRecords),
}

impl Loss {
    /// Whether a file that a manifest names was damaged, and not the log.
    pub(super) fn is_of_a_file(&self) -> bool {
        !matches!(self.what, Lost::Records(_))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "nothing is lost, it was made anew"),
            Self::Events { rows, of, from, to, workspaces } => {
                write!(f, "{rows} of {of} events are lost, which began from {from} to {to}")?;
                match workspaces {
                    Some(names) => write!(f, ", of the workspaces {}", names.join(", ")),
                    None => write!(f, ", of which workspaces cannot be told"),
                }
            }
            Self::Hidden(rows) => write!(f, "which {rows} rows did not count was told anew from corrections"),
            Self::Outcomes(number) => write!(f, "{number} outcomes are lost"),
            Self::Corrections(number) => {
                write!(f, "what corrections said of {number} events, traces and jobs is lost; what they did stays")
            }
            Self::Attribution(number) => {
                write!(f, "attribution {number} is lost and can no longer be undone; what it did stays")
            }
            Self::PriceBook(version) => write!(f, "price book {version} is lost"),
            Self::Records(lost) => write!(f, "{lost} are lost"),
        }
    }
}
