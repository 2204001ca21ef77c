//! What all attributions together come to: of several for one field, the newest that was not undone.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Attribution, AttributionChange, KEYS};
use crate::correction::Field;
use crate::event::Event;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::{Dimension, Text};

/// What is assigned to the usage of each request, trace and credential. Derived from the attributions, and in memory.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// By workspace; then by what usage is told by, in the order of [`KEYS`], and which of these.
    workspaces: HashMap<Text, [HashMap<Text, Vec<Assigned>>; KEYS.len()]>,
}

/// A value with the number of its attribution.
#[derive(Clone, Debug)]
struct Assigned {
    dimension: Dimension,
    number: u64,
    value: Text,
}

impl InForce {
    /// What these attributions come to; they are in the order of their numbers.
    pub fn of(attributions: &[Arc<Attribution>]) -> Self {
        let undone = undone(attributions);
        let mut in_force = Self::default();
        for attribution in attributions.iter().filter(|attribution| !undone.contains(&attribution.number)) {
            in_force.add(attribution);
        }
        in_force
    }

    fn add(&mut self, attribution: &Attribution) {
        let AttributionChange::Assign(assignments) = &attribution.change else { return };
        let keys = self.workspaces.entry(attribution.workspace.clone()).or_default();
        for assignment in assignments {
            let Some(place) = KEYS.iter().position(|key| *key == assignment.by) else { continue };
            let assigned = keys[place].entry(assignment.key.clone()).or_default();
            for (dimension, value) in assignment.values.iter() {
                assigned.retain(|known| known.dimension != *dimension);
                assigned.push(Assigned { dimension: *dimension, number: attribution.number, value: value.clone() });
            }
        }
    }

    /// Whether nothing is assigned.
    pub fn is_empty(&self) -> bool {
        self.workspaces.is_empty()
    }

    /// Of how many requests, traces and credentials usage is assigned.
    pub fn len(&self) -> usize {
        self.workspaces.values().flatten().map(HashMap::len).sum()
    }

    /// Fills in what an event lacks; which fields these are.
    pub(crate) fn fill(&self, event: &mut Event) -> Vec<Field> {
        let Some(keys) = self.workspaces.get(event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE)) else {
            return Vec::new();
        };
        let of_key = |(by, known): (&Dimension, &'_ HashMap<Text, Vec<Assigned>>)| known.get(event.get(*by)?).cloned();
        let mut assigned: Vec<Assigned> = KEYS.iter().zip(keys).filter_map(of_key).flatten().collect();
        // Stable, so that of one attribution's values for a field the one of the first key comes first.
        assigned.sort_by_key(|assigned| std::cmp::Reverse(assigned.number));
        let mut filled = Vec::new();
        for Assigned { dimension, value, .. } in assigned {
            if event.get(dimension).is_none() {
                event.dimensions.insert(dimension, value);
                filled.push(Field::Dimension(dimension));
            }
        }
        filled
    }
}

/// The numbers of those that were undone.
fn undone(attributions: &[Arc<Attribution>]) -> HashSet<u64> {
    let undone = attributions.iter().filter_map(|attribution| match attribution.change {
        AttributionChange::Undo(number) => Some(number),
        AttributionChange::Assign(_) => None,
    });
    undone.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Assignment;
    use super::*;
    use crate::time::Timestamp;

    fn attribution(number: u64, change: AttributionChange) -> Arc<Attribution> {
        let at = Timestamp::from_seconds(1_767_225_600);
        let (by, why, workspace) = ("ops".into(), "late".into(), DEFAULT_WORKSPACE.into());
        Arc::new(Attribution { number, at, by, why, workspace, change })
    }

    #[test]
    fn the_newest_that_was_not_undone_fills_in_what_is_absent() {
        let assign = |number, by, key: &str, team: &str| {
            attribution(number, AttributionChange::Assign(vec![Assignment::of(by, key).to(Dimension::Team, team)]))
        };
        let all = [
            assign(1, Dimension::TraceId, "t", "first"),
            assign(2, Dimension::Credential, "c", "second"),
            attribution(3, AttributionChange::Undo(2)),
        ];
        let event = Event::default().with(Dimension::TraceId, "t").with(Dimension::Credential, "c");
        for (known, team) in [(1, "first"), (2, "second"), (3, "first")] {
            let mut filled = event.clone();
            assert_eq!(InForce::of(&all[..known]).fill(&mut filled), [Field::Dimension(Dimension::Team)]);
            assert_eq!(filled.get(Dimension::Team), Some(team), "{known}");
        }
        let mut own = event.clone().with(Dimension::Team, "own");
        assert!(InForce::of(&all).fill(&mut own).is_empty() && own.get(Dimension::Team) == Some("own"));
        let mut other = event.with(Dimension::Workspace, "other");
        assert!(InForce::of(&all).fill(&mut other).is_empty());
    }

    #[test]
    fn of_one_attribution_the_request_has_the_say_before_the_trace() {
        let to = |by, key: &str, team: &str| Assignment::of(by, key).to(Dimension::Team, team);
        let both = vec![to(Dimension::TraceId, "t", "trace"), to(Dimension::RequestId, "r", "request")];
        let in_force = InForce::of(&[attribution(1, AttributionChange::Assign(both))]);
        let mut event = Event::default().with(Dimension::TraceId, "t").with(Dimension::RequestId, "r");
        in_force.fill(&mut event);
        assert_eq!((event.get(Dimension::Team), in_force.len()), (Some("request"), 2));
    }
}
