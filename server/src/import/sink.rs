//! Where an import puts what it read.

use quipu::{Event, Outcome, Result};

/// Takes batches of events and outcomes and says what became of each.
pub trait Sink {
    /// Stores events; one fate per event, in order.
    ///
    /// # Errors
    /// Only when nothing more can be stored; the import stops.
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<EventFate>>;

    /// Stores outcomes; one fate per outcome, in order.
    ///
    /// # Errors
    /// Only when nothing more can be stored; the import stops.
    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeFate>>;
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFate {
    /// It is stored.
    Stored,
    /// The same event was stored before.
    Duplicate,
    /// An event of the same id and other content was stored before, and stands.
    Conflict,
    /// It breaks a limit.
    Rejected(String),
}

/// What became of one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeFate {
    /// It is stored.
    Stored,
    /// The same report was stored before.
    Replayed,
    /// The job has another outcome already, which stands.
    AlreadyReported,
    /// There is no such job.
    UnknownJob,
    /// It breaks a limit.
    Rejected(String),
}
