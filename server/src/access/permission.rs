//! What a token allows.

use serde::{Deserialize, Serialize};

/// One thing that a token may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Send events.
    Ingest,
    /// Ask questions.
    Query,
    /// Report what came of jobs.
    Outcome,
    /// See and do what concerns the whole store: metrics, how an answer was found, attributions and erasures.
    Admin,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Query, Self::Outcome, Self::Admin];

    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Query => "query",
            Self::Outcome => "outcome",
            Self::Admin => "admin",
        }
    }
}
