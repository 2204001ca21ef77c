//! Imports against a sink that keeps everything, and against independently computed totals.

mod files;
mod hostile;
mod truth;

use std::collections::HashMap;
use std::sync::Arc;

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
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<EventFate>> {
        let fate = |mut event: Event| {
            if let Err(error) = event.normalise(NOW) {
                return EventFate::Rejected(error.to_string());
            }
            let id = event.id.clone().expect("an import gives every event an id");
            match self.by_id.get(&id) {
                Some(at) if self.events[*at] == event => EventFate::Duplicate,
                Some(_) => EventFate::Conflict,
                None => {
                    self.by_id.insert(id, self.events.len());
                    self.events.push(event);
                    EventFate::Stored
                }
            }
        };
        Ok(events.into_iter().map(fate).collect())
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeFate>> {
        let fate = |outcome: Outcome| match self.outcomes.get(&outcome.job_id) {
            _ if outcome.check(NOW).is_err() => OutcomeFate::Rejected("breaks a limit".into()),
            Some(first) if *first == outcome => OutcomeFate::Replayed,
            Some(_) => OutcomeFate::AlreadyReported,
            None => {
                self.outcomes.insert(outcome.job_id.clone(), outcome);
                OutcomeFate::Stored
            }
        };
        Ok(outcomes.into_iter().map(fate).collect())
    }
}

pub(super) fn run(sink: &mut dyn Sink, inputs: &[Input], options: &Options) -> Summary {
    import(inputs, options, sink, |_| {}).expect("a sink that never fails")
}

pub(super) fn with_map(name: &str) -> Options {
    Options { map: Some(Arc::new(Map::load(name).expect("a map"))), ..Options::default() }
}
