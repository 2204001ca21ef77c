//! What a memory that began anew must know of traces that began before it.
//!
//! A span around calls says nothing that is stored, so which spans lay between a stored call and the root is not known
//! any more. Its parent is; and a root lies around all calls of its trace.

use std::collections::HashSet;

use quipu::{Dimension, Event, Text, Timestamp};

use super::super::role::Role;
use super::super::span::Span;
use super::Memory;
use super::fields::{without_business, without_quantities};
use super::tree::Known;

impl Memory {
    /// The traces of a batch that began before an instant and of which nothing is known.
    pub(in crate::wire) fn unknown(&self, spans: &[Span], began: Timestamp) -> Vec<Text> {
        let strange = spans.iter().filter(|span| {
            span.started.is_some_and(|at| at < began) && !self.tree.knows((span.trace_id, span.span_id))
        });
        let traces: HashSet<u128> =
            strange.map(|span| span.trace_id).filter(|trace| !self.tree.is_recalled(*trace)).collect();
        traces.into_iter().map(|trace| format!("{trace:032x}").into()).collect()
    }

    /// Remembers what is stored of traces that were unknown. What spans around them said may have been completed from afar, so a nearer
    /// one says it again.
    pub fn recall(&mut self, traces: &[Text], events: Vec<Event>) {
        traces.iter().filter_map(|trace| hex(trace)).for_each(|trace| self.tree.note_recalled(trace));
        for event in events {
            let Some(place) = event.id.as_deref().and_then(place) else { continue };
            if self.tree.knows(place) {
                continue;
            }
            let parent = event.get(Dimension::ParentId).and_then(hex);
            let known = Known {
                parent: parent.unwrap_or(0),
                role: if event.get(Dimension::Operation) == Some("tool") { Role::Tool } else { Role::Call },
                bears_tokens: !event.usage.is_empty(),
                detail: event.usage.len(),
                resource: Vec::new(),
                dropped: false,
                stored: true,
                confirmed: true,
                recalled: true,
                event: without_business(without_quantities(event)),
            };
            if let Some(answer) = known.answer().map(Text::from) {
                self.tree.answers.insert(answer, place);
            }
            self.tree.insert(place, known);
        }
        self.tree.forget();
    }
}

/// `TRACE:SPAN`.
fn place(id: &str) -> Option<(u128, u128)> {
    let (trace, span) = id.split_once(':')?;
    hex(trace).zip(hex(span)).filter(|_| trace.len() == 32 && span.len() == 16)
}

fn hex(text: &str) -> Option<u128> {
    u128::from_str_radix(text, 16).ok()
}
