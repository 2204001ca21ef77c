//! Which spans of a trace count, whatever order and batch they come in.
//!
//! 1. A span that carries usage and has a span inside it that carries usage too does not count: it repeats it.
//! 2. Of nested calls without usage the innermost counts; a call without usage inside one with usage does not.
//! 3. Of two accounts of one call — the same answer id — the one with more detail counts.
//! 4. What the dropped account knows beyond the one that counts is added to it.
//! 5. A business field that a call lacks is taken from the nearest span around it, then from the process.
//!
//! Spans of one batch are decided before they are stored. For what is stored already, a later batch yields
//! [`Correction`]s; their effect does not depend on their order either. What is known of recent traces
//! is kept in a [`Memory`] of bounded size.

mod fields;
mod recall;
mod tree;

use std::collections::{HashMap, HashSet};

use quipu::correction::{Correction, Target};
use quipu::{Event, Number, Text};

use super::super::Ignored;
use super::super::call::{Call, Origin};
use super::role::Role;
use super::span::{Span, add_resource};
use fields::{apart, business, fill, has_business, inherit, note_ancestor, told, without_quantities};
use tree::{Known, Place, Tree};

/// Distance of what the other account of one call says.
const TWIN_RANK: u32 = 1;
/// Distance of the nearest span around a call.
const NEAREST_RANK: u32 = 2;
/// The same where the spans between are no longer known.
const RECALLED_RANK: u32 = 500;
/// Distance of the business fields of the other account, behind those of all spans around.
const KIN_RANK: u32 = 900;
/// Distance of what is said of the process.
const RESOURCE_RANK: u32 = 1_000;

/// What is known of recent traces of one workspace.
#[derive(Debug, Default)]
pub struct Memory {
    tree: Tree,
    /// Corrections of batches that could not be stored; they are true all the same.
    unsent: Vec<Correction>,
}

/// What a batch comes to.
#[derive(Debug, Default)]
pub struct Decided {
    /// The calls that are new.
    pub events: Vec<Event>,
    /// What is now known of calls that were handed on before.
    pub corrections: Vec<Correction>,
    /// Calls that were handed on before and came again.
    pub repeated: u64,
    handed_on: Vec<Place>,
}

impl Memory {
    /// Decides about a batch of spans.
    pub(in crate::wire) fn decide(&mut self, spans: Vec<Span>, ignored: &mut Ignored) -> Decided {
        let mut batch = Batch::default();
        for span in spans {
            self.add(span, &mut batch);
        }
        let decided = self.finish(batch, ignored);
        self.tree.forget();
        decided
    }

    fn add(&mut self, span: Span, batch: &mut Batch) {
        let place = (span.trace_id, span.span_id);
        if let Some(known) = self.tree.get_mut(place) {
            if known.confirmed && span.may_tell_more_than(known) {
                // A log record told of the call before its span did.
                batch.twins.push((place, told(&span.event)));
            }
            if known.counts() && known.stored && !known.confirmed {
                // Handed on once, but nobody knows yet whether it is durable: this one must not be taken for granted.
                if batch.again.insert(place) {
                    known.event = span.event;
                    batch.new.push(place);
                }
            } else {
                batch.repeated += u64::from(known.may_count());
            }
            return;
        }
        let known = Known {
            parent: span.parent_id,
            role: span.role,
            bears_tokens: span.bears_tokens,
            detail: span.detail,
            event: span.event,
            resource: span.resource,
            dropped: false,
            stored: false,
            confirmed: false,
            recalled: false,
        };
        self.tree.insert(place, known);
        batch.new.push(place);
        self.relate(place, batch);
        self.compare_accounts(place, batch);
    }

    /// Applies the rules to every pair of spans, one around the other, that the new one takes part in or links.
    fn relate(&mut self, place: Place, batch: &mut Batch) {
        let around: Vec<Place> = std::iter::once(place).chain(self.tree.around(place)).collect();
        let within = self.tree.within(place);
        // Spans that contain each other say nothing about which of them repeats which.
        if within.iter().skip(1).any(|inner| around.contains(inner)) {
            return;
        }
        for outer in around {
            for inner in within.iter().filter(|inner| **inner != outer) {
                self.pair(outer, *inner, batch);
                if self.tree.get(*inner).is_some_and(|inner| inner.stored) && self.has_business(outer) {
                    batch.inherit.insert(*inner);
                }
            }
        }
    }

    fn has_business(&self, place: Place) -> bool {
        self.tree.get(place).is_some_and(|span| has_business(&span.event))
    }

    /// Rules 1 and 2.
    fn pair(&mut self, outer: Place, inner: Place, batch: &mut Batch) {
        let (Some(around), Some(within)) = (self.tree.get(outer), self.tree.get(inner)) else { return };
        if !around.may_count() || around.role == Role::Tool || !within.may_count() || within.role == Role::Tool {
            return;
        }
        let outer_call = around.role == Role::Call;
        let drop_outer = match (around.bears_tokens, within.bears_tokens) {
            (true, true) => within.role == Role::Call || !outer_call,
            (false, true) => outer_call,
            (false, false) => outer_call && within.role == Role::Call,
            (true, false) => false,
        };
        if drop_outer {
            let same = around.answer().is_some() && around.answer() == within.answer();
            self.drop(outer, (same || outer_call).then_some(inner), batch);
        } else if outer_call {
            self.drop(inner, Some(outer), batch);
        }
    }

    /// Rule 3.
    fn compare_accounts(&mut self, place: Place, batch: &mut Batch) {
        let Some(new) = self.tree.get(place).filter(|new| !new.dropped) else { return };
        let Some(answer) = new.answer().map(Text::from) else { return };
        let other = self.tree.answers.get(&answer).copied().filter(|other| *other != place);
        match other.and_then(|other| Some((other, self.tree.get(other)?))) {
            Some((other, known)) if !known.dropped && known.role == Role::Call => {
                let (loser, winner) = if self.is_better(place, other) { (other, place) } else { (place, other) };
                let business = self.tree.get(loser).map(|span| business(&span.event)).unwrap_or_default();
                batch.kin.push((winner, business));
                self.drop(loser, Some(winner), batch);
                self.tree.answers.insert(answer, winner);
            }
            _ => {
                self.tree.answers.insert(answer, place);
            }
        }
    }

    fn is_better(&self, a: Place, b: Place) -> bool {
        let key = |place: Place| {
            self.tree.get(place).map(|span| {
                let start = span.event.at.map_or(i64::MAX, quipu::Timestamp::micros);
                (span.parent != 0, span.bears_tokens, span.detail, std::cmp::Reverse((start, place)))
            })
        };
        key(a) > key(b)
    }

    fn drop(&mut self, place: Place, in_favour_of: Option<Place>, batch: &mut Batch) {
        let Some(span) = self.tree.get_mut(place) else { return };
        if !span.dropped {
            span.dropped = true;
            if span.stored {
                batch.retract.push(place);
            }
        }
        if let Some(winner) = in_favour_of {
            batch.twins.push((winner, told(&span.event)));
        }
    }

    fn finish(&mut self, batch: Batch, ignored: &mut Ignored) -> Decided {
        let mut decided = Decided { repeated: batch.repeated, ..Decided::default() };
        decided.corrections.append(&mut self.unsent);
        let mut twins: HashMap<Place, Vec<Event>> = HashMap::new();
        for (place, told) in batch.twins {
            twins.entry(place).or_default().push(told);
        }
        for place in batch.retract {
            if let Some(id) = self.tree.get(place).and_then(|span| span.event.id.clone()) {
                decided.corrections.push(Correction::retract(Target::Event(id)));
            }
        }
        for place in &batch.new {
            if !self.tree.get(*place).is_some_and(Known::counts) {
                continue;
            }
            let around = self.tree.around(*place);
            let told = twins.remove(place).unwrap_or_default();
            let mut event = self.tree.get(*place).map(|span| span.event.clone()).unwrap_or_default();
            for told in &told {
                fill(&mut event, told);
            }
            let mut call = Call::resume(event, ignored).from(Origin::Ancestor);
            for outer in around.iter().filter_map(|outer| self.tree.get(*outer)) {
                inherit(&mut call, &outer.event);
            }
            let event = call.event;
            let complete = self.tree.reaches_root(*place, &around);
            let Some(span) = self.tree.get_mut(*place) else { continue };
            span.stored = true;
            let with_resource = add_resource(event.clone(), &span.resource, ignored);
            let (event, late) = if complete { (with_resource, None) } else { apart(event, with_resource) };
            if let (Some(late), Some(id)) = (late, &event.id) {
                decided.corrections.push(Correction::complete(Target::Event(id.clone()), RESOURCE_RANK, late));
            }
            span.event = without_quantities(event.clone());
            decided.events.push(event);
            decided.handed_on.push(*place);
        }
        for (place, told) in twins {
            self.complete(place, TWIN_RANK, told.iter(), &mut decided);
        }
        for (place, business) in batch.kin {
            self.complete(place, KIN_RANK, std::iter::once(&business), &mut decided);
        }
        for place in batch.inherit {
            let around = self.tree.around(place);
            let around: Vec<Event> =
                around.iter().filter_map(|outer| Some(business(&self.tree.get(*outer)?.event))).collect();
            let recalled = self.tree.get(place).is_some_and(|span| span.recalled);
            for (event, rank) in around.iter().zip(if recalled { RECALLED_RANK } else { NEAREST_RANK }..) {
                self.complete(place, rank, std::iter::once(event), &mut decided);
            }
        }
        decided
    }

    /// What a stored call lacks, as a correction.
    fn complete<'e>(
        &mut self,
        place: Place,
        rank: u32,
        values: impl Iterator<Item = &'e Event>,
        decided: &mut Decided,
    ) {
        let Some(span) = self.tree.get_mut(place).filter(|span| span.counts()) else { return };
        let mut missing = Event::default();
        for values in values {
            for (dimension, value) in values.dimensions.iter() {
                if span.event.get(*dimension).is_none() {
                    missing.dimensions.insert(*dimension, value.clone());
                }
            }
            for (number, value) in values.numbers.iter() {
                if span.event.number(*number).is_none()
                    && !matches!(number, Number::UsageMissing | Number::UsageMismatch)
                {
                    missing.numbers.insert(*number, *value);
                }
            }
        }
        let Some(id) = span.event.id.clone() else { return };
        if missing.dimensions.is_empty() && missing.numbers.is_empty() {
            return;
        }
        fill(&mut span.event, &missing);
        let rank = if rank > TWIN_RANK && rank < KIN_RANK {
            note_ancestor(&mut missing);
            rank.min(KIN_RANK - 1)
        } else {
            rank
        };
        decided.corrections.push(Correction::complete(Target::Event(id), rank, missing));
    }

    /// Notes that what was decided is durable.
    pub fn confirm(&mut self, decided: &Settled) {
        for place in &decided.0 {
            if let Some(span) = self.tree.get_mut(*place) {
                span.confirmed = true;
            }
        }
    }

    /// Keeps the corrections of a batch that could not be stored; its spans will be sent again.
    pub fn keep(&mut self, corrections: Vec<Correction>) {
        self.unsent.extend(corrections);
    }
}

/// Which spans a batch handed on.
#[derive(Debug)]
pub struct Settled(Vec<Place>);

impl Decided {
    /// Takes out what [`Memory::confirm`] wants once the rest is durable.
    pub fn settled(&mut self) -> Settled {
        Settled(std::mem::take(&mut self.handed_on))
    }
}

/// What one batch does, while its spans come in.
#[derive(Default)]
struct Batch {
    new: Vec<Place>,
    /// Those of them that were handed on before.
    again: HashSet<Place>,
    retract: Vec<Place>,
    /// Calls, with what another account of them says.
    twins: Vec<(Place, Event)>,
    /// Stored calls that a new span with business fields lies around.
    inherit: HashSet<Place>,
    /// Calls, with the business fields of another account of them.
    kin: Vec<(Place, Event)>,
    repeated: u64,
}

impl Span {
    /// Whether this second record of one span brings something.
    fn may_tell_more_than(&self, known: &Known) -> bool {
        self.role != Role::Container
            && (self.event.number(Number::DurationMs).is_some() && known.event.number(Number::DurationMs).is_none())
    }
}
