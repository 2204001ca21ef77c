//! Spans by their place in a trace.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use quipu::{Dimension, Event, Text};

use super::super::role::Role;

/// Spans that are remembered; at some 1 KiB each.
const SPANS: usize = 65_536;
/// Spans around one, and spans inside one, that are looked at.
const REACH: usize = 4_096;

/// One span of one trace of one workspace.
pub(super) type Place = (u128, u128);

/// Recent spans, and which lie inside which.
#[derive(Debug, Default)]
pub(super) struct Tree {
    spans: HashMap<Place, Known>,
    inside: HashMap<Place, Vec<u128>>,
    age: VecDeque<Place>,
    /// The account that counts, by the id of the answer.
    pub(super) answers: HashMap<Text, Place>,
    /// The traces that were recalled, with their calls.
    recalled: HashMap<u128, Vec<Place>>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) parent: u128,
    pub(super) role: Role,
    pub(super) bears_tokens: bool,
    pub(super) detail: usize,
    pub(super) event: Event,
    pub(super) resource: Vec<(Text, Text)>,
    /// It does not count.
    pub(super) dropped: bool,
    /// It was handed on to be stored.
    pub(super) stored: bool,
    /// It is durable.
    pub(super) confirmed: bool,
    /// It was stored before this memory began; what lay between it and the root is not known.
    pub(super) recalled: bool,
}

impl Known {
    pub(super) fn may_count(&self) -> bool {
        self.role != Role::Container || self.bears_tokens
    }

    pub(super) fn counts(&self) -> bool {
        self.may_count() && !self.dropped
    }

    pub(super) fn answer(&self) -> Option<&str> {
        self.event.get(Dimension::RequestId).filter(|_| self.role == Role::Call)
    }
}

impl Tree {
    pub(super) fn get(&self, place: Place) -> Option<&Known> {
        self.spans.get(&place)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Known> {
        self.spans.get_mut(&place)
    }

    pub(super) fn knows(&self, place: Place) -> bool {
        self.spans.contains_key(&place)
    }

    /// Whether it is known what was stored of that trace.
    pub(super) fn is_recalled(&self, trace: u128) -> bool {
        self.recalled.contains_key(&trace)
    }

    pub(super) fn note_recalled(&mut self, trace: u128) {
        self.recalled.entry(trace).or_default();
    }

    /// Adds a span that is not known yet. A root lies around all calls of its trace, those too to which no chain of
    /// known spans leads.
    pub(super) fn insert(&mut self, place: Place, span: Known) {
        if span.parent != 0 && span.parent != place.1 {
            self.inside.entry((place.0, span.parent)).or_default().push(place.1);
        }
        if span.recalled {
            self.recalled.entry(place.0).or_default().push(place);
        }
        let is_root = span.parent == 0;
        self.spans.insert(place, span);
        self.age.push_back(place);
        if is_root {
            self.adopt(place);
        }
    }

    fn adopt(&mut self, root: Place) {
        let strays = self.recalled.get(&root.0).cloned().unwrap_or_default();
        for stray in strays {
            let outermost = self.around(stray).last().copied().unwrap_or(stray);
            if let Some(span) = self.spans.get_mut(&outermost).filter(|span| span.parent != 0 && outermost != root) {
                span.parent = root.1;
                self.inside.entry(root).or_default().push(outermost.1);
            }
        }
    }

    /// The spans around one, the nearest first.
    pub(super) fn around(&self, place: Place) -> Vec<Place> {
        let mut around = Vec::new();
        let mut at = place;
        while around.len() < REACH
            && let Some(span) = self.spans.get(&at)
            && span.parent != 0
        {
            at = (place.0, span.parent);
            // A trace whose spans contain each other is broken, not endless.
            if at == place || around.contains(&at) || !self.spans.contains_key(&at) {
                break;
            }
            around.push(at);
        }
        around
    }

    /// The span and all spans inside it.
    pub(super) fn within(&self, place: Place) -> Vec<Place> {
        let mut within = vec![place];
        let mut seen = HashSet::from([place]);
        let mut next = 0;
        while let Some(at) = within.get(next)
            && within.len() < REACH
        {
            let inside = self.inside.get(at).into_iter().flatten().map(|inner| (place.0, *inner));
            let fresh: Vec<Place> = inside.filter(|at| self.spans.contains_key(at) && seen.insert(*at)).collect();
            within.extend(fresh);
            next += 1;
        }
        within
    }

    /// Whether no further span can turn out to lie around one.
    pub(super) fn reaches_root(&self, place: Place, around: &[Place]) -> bool {
        let outermost = around.last().unwrap_or(&place);
        self.spans.get(outermost).is_some_and(|span| span.parent == 0)
    }

    /// Forgets the oldest spans beyond what may be kept.
    pub(super) fn forget(&mut self) {
        while self.age.len() > SPANS
            && let Some(oldest) = self.age.pop_front()
        {
            self.inside.remove(&oldest);
            self.recalled.remove(&oldest.0);
            let Some(span) = self.spans.remove(&oldest) else { continue };
            // The span around it may never have come.
            if let Entry::Occupied(mut siblings) = self.inside.entry((oldest.0, span.parent)) {
                siblings.get_mut().retain(|sibling| *sibling != oldest.1);
                if siblings.get().is_empty() {
                    siblings.remove();
                }
            }
            if let Some(answer) = span.event.get(Dimension::RequestId)
                && self.answers.get(answer) == Some(&oldest)
            {
                self.answers.remove(answer);
            }
        }
    }
}
