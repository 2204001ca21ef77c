//! Attribution: whose usage it was, said afterwards and by somebody else than its source.
//!
//! Usage whose source left out a tenant, a team, a project or a feature is assigned to one by the request, the trace
//! or the credential it went by. Each attribution has a number and says who made it, when and why; a later one undoes
//! it. Nothing that a source or a correction said is overruled: what is assigned fills in what is absent after them.

mod codec;
mod in_force;

pub use in_force::InForce;

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::event::{Sparse, check_text};
use crate::limits;
use crate::schema::{Dimension, Text};
use crate::time::Timestamp;

/// What usage is told by. Where one attribution speaks of an event by several, the first has the say.
pub const KEYS: [Dimension; 3] = [Dimension::RequestId, Dimension::TraceId, Dimension::Credential];
/// What usage can be assigned to.
pub const ASSIGNABLE: [Dimension; 4] = [Dimension::Tenant, Dimension::Team, Dimension::Project, Dimension::Feature];

/// What the usage of one request, trace or credential is assigned to.
///
/// ```
/// use quipu_engine::attribution::Assignment;
/// use quipu_engine::Dimension;
/// let assignment = Assignment::of(Dimension::TraceId, "run-4711").to(Dimension::Tenant, "acme");
/// # let _ = assignment;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What the usage is told by, one of [`KEYS`].
    pub by: Dimension,
    /// Which of these.
    pub key: Text,
    /// What it is assigned to, by dimensions out of [`ASSIGNABLE`].
    pub values: Sparse<Dimension, Text>,
}

impl Assignment {
    /// Nothing yet for the usage of that request, trace or credential.
    pub fn of(by: Dimension, key: impl Into<Text>) -> Self {
        Self { by, key: key.into(), values: Sparse::default() }
    }

    /// Assigns it to that tenant, team, project or feature too.
    #[must_use]
    pub fn to(mut self, dimension: Dimension, value: impl Into<Text>) -> Self {
        self.values.insert(dimension, value.into());
        self
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming what was found and what is allowed.
    pub fn check(&self) -> Result<()> {
        let names = |dimensions: &[Dimension]| dimensions.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
        let Self { by, key, values } = self;
        if !KEYS.contains(by) {
            return Err(Error::invalid(format!("usage is not assigned by {by}; allowed are {}", names(&KEYS))));
        }
        if key.is_empty() {
            return Err(Error::invalid(format!("{by} is empty; name whose usage is assigned")));
        }
        check_text(by.name(), key, by.max_bytes())?;
        if values.is_empty() {
            let allowed = names(&ASSIGNABLE);
            return Err(Error::invalid(format!("{by} {key:?} is assigned to nothing; give one of {allowed}")));
        }
        for (dimension, value) in values.iter() {
            if !ASSIGNABLE.contains(dimension) {
                let allowed = names(&ASSIGNABLE);
                return Err(Error::invalid(format!("{dimension} is not assigned; allowed are {allowed}")));
            }
            if value.is_empty() {
                return Err(Error::invalid(format!(
                    "{dimension} is empty; an attribution is taken back by undoing it"
                )));
            }
            check_text(dimension.name(), value, dimension.max_bytes())?;
        }
        Ok(())
    }
}

/// One numbered attribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Its number, counted from 1 in a store.
    pub number: u64,
    /// When it was made, by the clock of the store's disk.
    pub at: Timestamp,
    /// Who made it.
    pub by: String,
    /// Why.
    pub why: String,
    /// The workspace it is about.
    pub workspace: Text,
    /// What it does.
    pub change: AttributionChange,
}

/// What an attribution does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributionChange {
    /// It assigns usage.
    Assign(Vec<Assignment>),
    /// It undoes the one of that number: what earlier ones assigned is in force again.
    Undo(u64),
}

impl Attribution {
    /// Checks every limit.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the assignment, what was found and what is allowed.
    pub(crate) fn check(&self) -> Result<()> {
        check_text("workspace", &self.workspace, Dimension::Workspace.max_bytes())?;
        check_text("by", &self.by, limits::ATTRIBUTION_TEXT_BYTES)?;
        check_text("why", &self.why, limits::ATTRIBUTION_TEXT_BYTES)?;
        for (name, text) in [("workspace", self.workspace.as_str()), ("by", &self.by), ("why", &self.why)] {
            if text.trim().is_empty() {
                return Err(Error::invalid(format!("{name} is empty; an attribution says who made it and why")));
            }
        }
        let assignments = match &self.change {
            AttributionChange::Assign(assignments) => assignments,
            AttributionChange::Undo(number) if (1..self.number).contains(number) => return Ok(()),
            AttributionChange::Undo(number) => {
                return Err(Error::invalid(format!("attribution {} undoes no earlier one, but {number}", self.number)));
            }
        };
        if assignments.is_empty() || assignments.len() > limits::ATTRIBUTION_ASSIGNMENTS {
            let (found, most) = (assignments.len(), limits::ATTRIBUTION_ASSIGNMENTS);
            return Err(Error::invalid(format!("{found} assignments; allowed are 1 to {most}")));
        }
        let mut known: BTreeMap<(Dimension, &Text), usize> = BTreeMap::new();
        for (place, assignment) in (1..).zip(assignments) {
            assignment.check().map_err(|error| error.context(format!("assignment {place}")))?;
            if let Some(first) = known.insert((assignment.by, &assignment.key), place) {
                let Assignment { by, key, .. } = assignment;
                let what = format!("assignments {first} and {place} both are of {by} {key:?}; say it once");
                return Err(Error::invalid(what));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(assignments: Vec<Assignment>, why: &str) -> String {
        let attribution = Attribution {
            number: 1,
            at: Timestamp::from_seconds(1_767_225_600),
            by: "ops".into(),
            why: why.into(),
            workspace: "default".into(),
            change: AttributionChange::Assign(assignments),
        };
        attribution.check().expect_err("must be refused").to_string()
    }

    #[test]
    fn what_an_attribution_cannot_say_is_named() {
        let trace = || Assignment::of(Dimension::TraceId, "t");
        let to_acme = || trace().to(Dimension::Tenant, "acme");
        assert!(refused(vec![], "why").contains("0 assignments"));
        assert!(refused(vec![to_acme()], " ").contains("why is empty"));
        assert!(refused(vec![trace()], "why").contains("assigned to nothing"));
        assert!(refused(vec![to_acme(), to_acme()], "why").contains("assignments 1 and 2 both are of trace_id \"t\""));
        assert!(refused(vec![trace().to(Dimension::Model, "m")], "why").contains("model is not assigned"));
        assert!(refused(vec![trace().to(Dimension::Team, "")], "why").contains("team is empty"));
        let by_model = Assignment::of(Dimension::Model, "m").to(Dimension::Team, "t");
        assert!(refused(vec![by_model], "why").contains("not assigned by model"));
        let long = Assignment::of(Dimension::Credential, "k".repeat(999)).to(Dimension::Team, "t");
        assert!(refused(vec![to_acme(), long], "why").contains("assignment 2: credential has 999 bytes"));
    }
}
