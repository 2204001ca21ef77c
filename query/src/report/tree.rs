//! Which span of a workflow run called which.

use std::collections::HashMap;

use quipu_engine::Dimension;

use crate::exec::select::PricedEvent;

/// An event's place in its workflow run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Which event of the report.
    pub event: usize,
    /// How many spans lead to it; 0 where the span that made the call is not in the run.
    pub depth: usize,
}

/// The events, each below the one whose `span_id` is its `parent_id`, or whose id where spans have none; those
/// beside each other in the order of time.
///
/// Whatever the ids say, every event stands there once: of spans that call each other in a circle the first is a root.
pub(super) fn tree(events: &[PricedEvent]) -> Vec<Branch> {
    let mut spans: HashMap<&str, usize> = HashMap::new();
    for (at, priced) in events.iter().enumerate() {
        let named = priced.event.get(Dimension::SpanId).or(priced.event.id.as_deref());
        named.map(|name| spans.entry(name).or_insert(at));
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); events.len()];
    let mut roots = Vec::new();
    for (at, priced) in events.iter().enumerate() {
        let parent = priced.event.get(Dimension::ParentId).and_then(|parent| spans.get(parent));
        match parent.filter(|parent| **parent != at) {
            Some(parent) => children[*parent].push(at),
            None => roots.push(at),
        }
    }
    let mut placed = vec![false; events.len()];
    let mut branches = Vec::with_capacity(events.len());
    for root in roots.into_iter().chain(0..events.len()) {
        let mut waiting = vec![Branch { event: root, depth: 0 }];
        while let Some(branch) = waiting.pop() {
            if std::mem::replace(&mut placed[branch.event], true) {
                continue;
            }
            branches.push(branch);
            let below = children[branch.event].iter().rev();
            waiting.extend(below.map(|child| Branch { event: *child, depth: branch.depth + 1 }));
        }
    }
    branches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quipu_engine::Event;

    use super::*;

    fn events(calls: &[(&str, Option<&str>)]) -> Vec<PricedEvent> {
        let event = |(span, parent): &(&str, Option<&str>)| {
            let event = Event::default().with(Dimension::SpanId, *span);
            let event = parent.map_or(event.clone(), |parent| event.with(Dimension::ParentId, parent));
            PricedEvent { event, cost: None, unpriced: Vec::new() }
        };
        calls.iter().map(event).collect()
    }

    fn shape(calls: &[(&str, Option<&str>)]) -> Vec<(usize, usize)> {
        tree(&events(calls)).iter().map(|branch| (branch.event, branch.depth)).collect()
    }

    #[test]
    fn a_call_stands_below_its_caller_whichever_came_first() {
        let calls = [("b", Some("a")), ("a", None), ("d", Some("b")), ("c", Some("a")), ("x", Some("elsewhere"))];
        assert_eq!(shape(&calls), [(1, 0), (0, 1), (2, 2), (3, 1), (4, 0)]);
        // Events of one span stand beside each other; what the span calls stands below the first.
        assert_eq!(shape(&[("a", None), ("a", None), ("b", Some("a"))]), [(0, 0), (2, 1), (1, 0)]);
    }

    #[test]
    fn circles_are_cut_at_their_first_event() {
        assert_eq!(shape(&[("a", Some("a"))]), [(0, 0)]);
        assert_eq!(shape(&[("r", None), ("a", Some("b")), ("b", Some("a"))]), [(0, 0), (1, 0), (2, 1)]);
    }

    proptest! {
        #[test]
        fn every_event_stands_there_once(calls in prop::collection::vec((0u8..6, prop::option::of(0u8..6)), 0..20)) {
            const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
            let name = |n: u8| NAMES[usize::from(n)];
            let calls: Vec<_> = calls.into_iter().map(|(span, parent)| (name(span), parent.map(name))).collect();
            let mut places: Vec<usize> = shape(&calls).into_iter().map(|(event, _)| event).collect();
            places.sort_unstable();
            prop_assert!(places.into_iter().eq(0..calls.len()));
        }
    }
}
