//! What attributions make of events, naively: all of them are looked at for every event, the newest first.

use quipu_engine::attribution::{ASSIGNABLE, Assignment, KEYS};
use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::{Dimension, Event};

/// One attribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The workspace it is about.
    pub workspace: String,
    /// What it assigns; nothing where it undoes another.
    pub assignments: Vec<Assignment>,
    /// Whether a later one undid it.
    pub undone: bool,
}

impl Assigned {
    pub(crate) fn new(workspace: &str, assignments: &[Assignment]) -> Self {
        Self { workspace: workspace.into(), assignments: assignments.to_vec(), undone: false }
    }

    fn to(&self, event: &Event, dimension: Dimension) -> Option<&str> {
        let of_key = |key: &Dimension| {
            self.assignments.iter().find_map(|assignment| {
                let is_of = assignment.by == *key && event.get(*key) == Some(assignment.key.as_str());
                assignment.values.get(&dimension).filter(|_| is_of).map(|value| value.as_str())
            })
        };
        KEYS.iter().find_map(of_key)
    }
}

/// An event with what it lacks, as far as that was assigned.
pub(crate) fn fill(event: &Event, attributions: &[Assigned]) -> Event {
    let workspace = event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE);
    let in_force = |it: &&Assigned| it.workspace == workspace && !it.undone;
    let mut filled = event.clone();
    for dimension in ASSIGNABLE {
        let value = attributions.iter().rev().filter(in_force).find_map(|it| it.to(event, dimension));
        if let (None, Some(value)) = (event.get(dimension), value) {
            filled = filled.with(dimension, value);
        }
    }
    filled
}
