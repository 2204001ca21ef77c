//! Where an import puts what it read.

use quipu::store::{Item, OutcomeItem};
use quipu::{Event, Outcome, Result, Store};

/// Takes batches of events and outcomes and says what became of each.
pub trait Sink {
    /// Stores events; one item per event, in order.
    ///
    /// # Errors
    /// Only when nothing more can be stored; the import stops.
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>>;

    /// Stores outcomes; one item per outcome, in order.
    ///
    /// # Errors
    /// Only when nothing more can be stored; the import stops.
    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>>;
}

impl Sink for &Store {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
        Ok(self.append(events)?.items)
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(self.record_outcomes(outcomes)?.items)
    }
}
