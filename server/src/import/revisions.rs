//! What a source says of an event again, in a later revision: the highest one counts, whatever order they come in and
//! however they are spread over files.
//!
//! Of events the store knows which version stands ([`Correction::replace`]). The amendments of an outcome stand in the
//! order in which they come, so a report names its revision in its idempotency key, and an older one amends nothing.

use std::sync::Arc;

use quipu::store::{CorrectionItem, Item, OutcomeItem};
use quipu::{Correction, Event, Outcome, Result};

use super::sink::Sink;
use super::summary::Summary;
use crate::wire::Place;

/// The revision of what was said for the first time. It may be said again, and more: then the version with the most
/// usage stands.
pub(super) const FIRST: u64 = 1;

/// Makes an outcome, whose idempotency key is the id of its event, that of one revision.
pub(super) fn number(outcome: &mut Outcome, revision: u64) {
    let id = outcome.idempotency_key.as_deref().unwrap_or_default();
    outcome.idempotency_key = Some(format!("{id}#{revision}").into());
}

/// The revision of what is stored, where that is a report of the same source on the same event as `outcome`, which
/// is of `revision`.
fn standing(stored: &Outcome, outcome: &Outcome, revision: u64) -> Option<u64> {
    let id = outcome.idempotency_key.as_deref()?.strip_suffix(&revision.to_string())?;
    stored.idempotency_key.as_deref()?.strip_prefix(id)?.parse().ok()
}

/// Stores events, each of which is some revision.
pub(super) fn store_events(
    file: &Arc<str>,
    events: Vec<(Place, u64, Event)>,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<()> {
    let later = events.iter().filter(|(_, revision, _)| *revision > FIRST);
    let later: Vec<_> =
        later.map(|(_, revision, event)| Correction::replace(revision - FIRST, event.clone())).collect();
    // First, so that an event that is new is what it really is from the start.
    let mut said = if later.is_empty() { Vec::new() } else { sink.corrections(later)? }.into_iter();
    let mut taken = Vec::with_capacity(events.len());
    for (place, revision, event) in events {
        match (revision > FIRST).then(|| said.next()).flatten() {
            Some(CorrectionItem::Rejected(error)) => summary.reject(file, place, error.to_string()),
            said => taken.push((place, said, event)),
        }
    }
    let items = sink.events(taken.iter().map(|(_, _, event)| event.clone()).collect())?;
    let (mut places, mut again) = (Vec::new(), Vec::new());
    for ((place, said, event), item) in taken.into_iter().zip(items) {
        match (item, said) {
            (Item::Conflict { .. }, None) => {
                places.push(place);
                again.push(Correction::grow(event));
            }
            (Item::Conflict { .. }, Some(said))
            | (Item::Duplicate { .. }, Some(said @ CorrectionItem::Applied { .. })) => {
                summary.revision(file, place, said);
            }
            (item, _) => summary.event(file, place, item),
        }
    }
    if !again.is_empty() {
        for (place, item) in places.into_iter().zip(sink.corrections(again)?) {
            summary.revision(file, place, item);
        }
    }
    Ok(())
}

/// Stores outcomes, each of which is some revision.
pub(super) fn store_outcomes(
    file: &Arc<str>,
    outcomes: Vec<(Place, u64, Outcome)>,
    sink: &mut dyn Sink,
    summary: &mut Summary,
) -> Result<()> {
    let items = sink.outcomes(outcomes.iter().map(|(_, _, outcome)| outcome.clone()).collect())?;
    let mut later = Vec::new();
    for ((place, revision, outcome), item) in outcomes.into_iter().zip(items) {
        let OutcomeItem::AlreadyReported(stored) = &item else {
            summary.outcome(file, place, item);
            continue;
        };
        match standing(stored, &outcome, revision) {
            Some(standing) if standing < revision => later.push((revision, place, outcome)),
            Some(standing) if standing > revision || says_the_same(stored, &outcome) => {
                summary.outcome(file, place, OutcomeItem::Replayed);
            }
            _ => summary.outcome(file, place, item),
        }
    }
    if later.is_empty() {
        return Ok(());
    }
    // Of several for one job the highest comes last, and stands.
    later.sort_by_key(|(revision, ..)| *revision);
    let amend = |(revision, _, outcome): &(u64, Place, Outcome)| {
        outcome.clone().amending(format!("the source published revision {revision}"))
    };
    let items = sink.outcomes(later.iter().map(amend).collect())?;
    for ((_, place, _), item) in later.into_iter().zip(items) {
        match item {
            OutcomeItem::Stored => summary.outcomes_amended += 1,
            item => summary.outcome(file, place, item),
        }
    }
    Ok(())
}

fn says_the_same(a: &Outcome, b: &Outcome) -> bool {
    (a.status, a.kind, a.value, &a.metadata) == (b.status, b.kind, b.value, &b.metadata)
        && (b.at.is_none() || a.at == b.at)
}
