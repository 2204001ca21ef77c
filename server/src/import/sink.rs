//! Where an import puts what it read.

use quipu::store::{CorrectionItem, Item, OutcomeItem};
use quipu::{Correction, Error, Event, Outcome, Result, Store};

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

    /// Takes what is known later of events; one item per correction, in order.
    ///
    /// # Errors
    /// Only when nothing more can be stored; the import stops.
    fn corrections(&mut self, corrections: Vec<Correction>) -> Result<Vec<CorrectionItem>> {
        let refused = || CorrectionItem::Rejected(Error::invalid("corrections are not taken here"));
        Ok(corrections.iter().map(|_| refused()).collect())
    }
}

impl Sink for &Store {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
        Ok(self.append(events)?.items)
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(self.record_outcomes(outcomes)?.items)
    }

    fn corrections(&mut self, corrections: Vec<Correction>) -> Result<Vec<CorrectionItem>> {
        Ok(self.correct(corrections)?.items)
    }
}
