//! Imports against a sink that keeps everything, and against independently computed totals.

mod again;
mod files;
mod hostile;
mod later;
mod parquet;
mod revisions;
mod truth;

use std::collections::HashMap;
use std::sync::Arc;

use quipu::store::{Item, OutcomeItem};
use quipu::{Event, Outcome, Result, Text, Timestamp};

use super::*;

/// Long after every event of the test data.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Keeps events and outcomes the way a store does: by id, the first one stands.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) events: Vec<Event>,
    pub(super) by_id: HashMap<Text, usize>,
    pub(super) outcomes: HashMap<Text, Outcome>,
}

impl Sink for Memory {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
        let item = |mut event: Event| {
            if let Err(error) = event.normalise(NOW) {
                return Item::Rejected(error);
            }
            let id = event.id.clone().expect("an import gives every event an id");
            match self.by_id.get(&id) {
                Some(at) if self.events[*at] == event => Item::Duplicate { id },
                Some(_) => Item::Conflict { id },
                None => {
                    self.by_id.insert(id.clone(), self.events.len());
                    self.events.push(event);
                    Item::Stored { id }
                }
            }
        };
        Ok(events.into_iter().map(item).collect())
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        let item = |outcome: Outcome| match (outcome.check(NOW), self.outcomes.get(&outcome.job_id)) {
            (Err(error), _) => OutcomeItem::Rejected(error),
            (_, Some(first)) if *first == outcome => OutcomeItem::Replayed,
            (_, Some(first)) => OutcomeItem::AlreadyReported(Box::new(first.clone())),
            (_, None) => {
                self.outcomes.insert(outcome.job_id.clone(), outcome);
                OutcomeItem::Stored
            }
        };
        Ok(outcomes.into_iter().map(item).collect())
    }
}

pub(super) fn run(sink: &mut dyn Sink, inputs: &[Input], options: &Options) -> Summary {
    import(inputs, options, sink, |_| {})
}

pub(super) fn with_map(name: &str) -> Options {
    Options { map: Some(Arc::new(Map::load(name).expect("a map"))), ..Options::default() }
}
