//! Into the store: what imports and requests do with events before and after.

use quipu::store::{Item, OutcomeItem, Store};
use quipu::{Dimension, Event, Outcome, Result};

use crate::import::{EventFate, OutcomeFate, Sink};

/// Puts an event into the workspace it was sent to.
///
/// # Errors
/// A sentence when the event names another one.
pub fn assign(event: &mut Event, workspace: &str) -> Result<(), String> {
    match event.get(Dimension::Workspace).filter(|named| !named.is_empty()) {
        Some(named) if named != workspace => Err(foreign(named, workspace)),
        _ => {
            event.dimensions.insert(Dimension::Workspace, workspace.into());
            Ok(())
        }
    }
}

/// Puts an outcome into the workspace it was sent to.
///
/// # Errors
/// A sentence when the outcome names another one.
pub fn assign_outcome(outcome: &mut Outcome, workspace: &str) -> Result<(), String> {
    match outcome.workspace.as_deref() {
        Some(named) if named != workspace => Err(foreign(named, workspace)),
        _ => {
            outcome.workspace = Some(workspace.into());
            Ok(())
        }
    }
}

fn foreign(named: &str, workspace: &str) -> String {
    format!("workspace is {named:?}, but it was sent to {workspace:?}; leave the field out, or send it there")
}

/// Splits items into those that may go on and, by their place, those that may not; keeps every place.
pub fn sort_out<T>(items: Vec<T>, mut admit: impl FnMut(&mut T) -> Result<(), String>) -> (Vec<T>, Vec<Option<String>>) {
    let (mut good, mut refusals) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for mut item in items {
        let refusal = admit(&mut item).err();
        if refusal.is_none() {
            good.push(item);
        }
        refusals.push(refusal);
    }
    (good, refusals)
}

/// Stores what an import reads.
pub struct StoreSink<'a> {
    store: &'a Store,
    workspace: Option<&'a str>,
}

impl<'a> StoreSink<'a> {
    /// Everything goes into `workspace`; where it is `None`, into the one that each item names.
    pub fn new(store: &'a Store, workspace: Option<&'a str>) -> Self {
        Self { store, workspace }
    }
}

impl Sink for StoreSink<'_> {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<EventFate>> {
        let workspace = self.workspace;
        let admit = |event: &mut Event| workspace.map_or(Ok(()), |workspace| assign(event, workspace));
        let (good, refusals) = sort_out(events, admit);
        let mut stored = self.store.append(good)?.items.into_iter().map(|item| match item {
            Item::Stored { .. } => EventFate::Stored,
            Item::Duplicate { .. } => EventFate::Duplicate,
            Item::Conflict { .. } => EventFate::Conflict,
            Item::Rejected(error) => EventFate::Rejected(error.to_string()),
        });
        let fates = refusals.into_iter().filter_map(|refusal| refusal.map(EventFate::Rejected).or_else(|| stored.next()));
        Ok(fates.collect())
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeFate>> {
        let workspace = self.workspace;
        let admit = |outcome: &mut Outcome| workspace.map_or(Ok(()), |workspace| assign_outcome(outcome, workspace));
        let (good, refusals) = sort_out(outcomes, admit);
        let mut stored = self.store.record_outcomes(good)?.items.into_iter().map(|item| match item {
            OutcomeItem::Stored => OutcomeFate::Stored,
            OutcomeItem::Replayed => OutcomeFate::Replayed,
            OutcomeItem::AlreadyReported(_) => OutcomeFate::AlreadyReported,
            OutcomeItem::UnknownJob => OutcomeFate::UnknownJob,
            OutcomeItem::Rejected(error) => OutcomeFate::Rejected(error.to_string()),
        });
        let fates =
            refusals.into_iter().filter_map(|refusal| refusal.map(OutcomeFate::Rejected).or_else(|| stored.next()));
        Ok(fates.collect())
    }
}
