//! The correction: what a source learns later about an event that was accepted.
//!
//! A correction names its target and says one of three things: the event does not count, the event
//! really is this, or these fields are missing. What an event comes to is a function of the *set* of
//! its corrections, never of the order in which they and the event arrive; see [`Amendment`].

mod amendment;
mod mark;

pub use amendment::{Amendment, Ranked, Settled, Version};
pub use mark::{Field, Mark};

use crate::error::{Error, Result};
use crate::event::{Event, check_text};
use crate::limits;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::{Dimension, Number, Text};
use crate::time::Timestamp;

/// The dimensions that name a person.
pub(crate) const PERSON: [Dimension; 2] = [Dimension::SubscriberId, Dimension::SubscriberEmail];

/// A later word about an event, or about all events of a workflow run.
///
/// It may arrive before what it speaks of, and it may arrive twice. The workspace, the id and the
/// trace of an event are those it was first sent with, whatever a correction says.
///
/// ```
/// use quipu_engine::correction::{Correction, Target};
/// use quipu_engine::{Dimension, Event, Timestamp, TokenMeter};
/// let at = Timestamp::from_seconds(1_767_225_600);
/// // A parent span that turned out to repeat its children.
/// let parent = Correction::retract(Target::Event("span-1".into()));
/// // A stream's later snapshot: the larger one stands, whichever comes first.
/// let grown = Correction::grow(Event::new("call-1", at).used(TokenMeter::Output, 90));
/// // What only the root span of a trace knows, two levels above the call.
/// let root = Event::default().with(Dimension::Tenant, "acme");
/// let late = Correction::complete(Target::Trace("trace-1".into()), 2, root);
/// # let _ = (parent, grown, late);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The workspace of the target; `None` is the default workspace.
    pub workspace: Option<Text>,
    /// What is corrected.
    pub target: Target,
    /// What is said of it.
    pub change: Change,
}

/// What a correction is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The event of that id.
    Event(Text),
    /// Every event of that workflow run, those still to come too.
    Trace(Text),
}

/// What a correction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It does not count. For ever: nothing undoes a retraction, and its id stays taken.
    Retract,
    /// It really is this. Of all versions, the one first sent included, the one of the highest
    /// revision stands; of several, the one with the most usage; of those, the one that is greatest
    /// field by field. An event as it was first sent has revision 0.
    Replace {
        /// Which version this is.
        revision: u64,
        /// All that is known of the event, its start included.
        event: Box<Event>,
    },
    /// Fields for whatever its source left out: dimensions, numbers and tags. Of several values for a
    /// field, the one of the lowest rank is taken; of those, the smallest.
    Complete {
        /// How far the values come from: 0 for the event's own source, more for a remoter ancestor.
        rank: u32,
        /// The values; no id, no start, no usage.
        values: Box<Event>,
    },
}

impl Correction {
    /// The target does not count.
    pub fn retract(target: Target) -> Self {
        Self { workspace: None, target, change: Change::Retract }
    }

    /// The event of `event.id` is replaced by this version of it; see [`Change::Replace`].
    pub fn replace(revision: u64, mut event: Event) -> Self {
        let workspace = event.dimensions.remove(&Dimension::Workspace);
        let target = Target::Event(event.id.take().unwrap_or_default());
        Self { workspace, target, change: Change::Replace { revision, event: Box::new(event) } }
    }

    /// A snapshot of the event of `event.id`: of all snapshots, the one first sent included, the one
    /// with the most usage stands.
    pub fn grow(event: Event) -> Self {
        Self::replace(0, event)
    }

    /// The dimensions, numbers and tags of `values` are filled in where the target has none.
    pub fn complete(target: Target, rank: u32, values: Event) -> Self {
        Self { workspace: None, target, change: Change::Complete { rank, values: Box::new(values) } }
    }

    /// The same in a workspace.
    #[must_use]
    pub fn within(mut self, workspace: impl Into<Text>) -> Self {
        self.workspace = Some(workspace.into());
        self
    }

    /// The workspace of the target.
    pub fn workspace(&self) -> &str {
        self.workspace.as_deref().filter(|workspace| !workspace.is_empty()).unwrap_or(DEFAULT_WORKSPACE)
    }

    /// The memory that the correction takes, in bytes, but for what its allocations round up to.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.change {
                Change::Retract => 0,
                Change::Replace { event: says, .. } | Change::Complete { values: says, .. } => says.memory_bytes(),
            }
    }

    /// Brings the correction into its stored form and checks every limit; `now` is the clock's time.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the field, what was found and what is allowed.
    pub fn normalise(&mut self, now: Timestamp) -> Result<()> {
        self.workspace = Some(self.workspace().into());
        check_text("workspace", self.workspace(), Dimension::Workspace.max_bytes())?;
        let (field, name, limit) = match &self.target {
            Target::Event(id) => ("id", id, limits::ID_BYTES),
            Target::Trace(trace) => ("trace_id", trace, Dimension::TraceId.max_bytes()),
        };
        if name.is_empty() {
            return Err(Error::invalid(format!("{field} is empty; name what is to be corrected")));
        }
        check_text(field, name, limit)?;
        match &mut self.change {
            Change::Retract => Ok(()),
            Change::Replace { event, .. } => normalise_version(&self.target, event, now),
            Change::Complete { values, .. } => normalise_values(values, now),
        }
    }
}

/// What an event is known by stays as it was first sent, so it is no part of a version.
fn normalise_version(target: &Target, event: &mut Event, now: Timestamp) -> Result<()> {
    if matches!(target, Target::Trace(_)) {
        return Err(Error::invalid("one event cannot replace all events of a trace; name the event by its id"));
    }
    if event.at.is_none() {
        return Err(Error::invalid("at is missing; a version of an event says all that is known of it"));
    }
    event.normalise(now)?;
    event.id = None;
    for dimension in [Dimension::Workspace, Dimension::TraceId] {
        event.dimensions.remove(&dimension);
    }
    for number in [Number::IdDerived, Number::AtAssigned] {
        event.numbers.remove(&number);
    }
    Ok(())
}

fn normalise_values(values: &mut Event, now: Timestamp) -> Result<()> {
    if values.id.is_some() || values.at.is_some() || !values.usage.is_empty() {
        return Err(Error::invalid("only dimensions, numbers and tags can be completed; replace the event instead"));
    }
    values.normalise(now)?;
    for dimension in [Dimension::Workspace, Dimension::TraceId] {
        if values.get(dimension).is_some() {
            return Err(Error::invalid(format!("{dimension} cannot be completed: an event is known by it")));
        }
    }
    for number in [Number::IdDerived, Number::AtAssigned, Number::UsageMissing, Number::UsageMismatch] {
        if values.number(number).is_some() {
            return Err(Error::invalid(format!("{number} cannot be completed; replace the event instead")));
        }
    }
    if values.dimensions.is_empty() && values.numbers.is_empty() && values.tags.is_empty() {
        return Err(Error::invalid("there is nothing to complete with: no dimension, number or tag is given"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TokenMeter;

    const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

    fn refused(mut correction: Correction) -> String {
        correction.normalise(NOW).map_err(|error| error.to_string()).expect_err("must be refused")
    }

    #[test]
    fn what_a_correction_cannot_say_is_named() {
        let trace = || Target::Trace("t".into());
        let values = || Event::default().with(Dimension::Tenant, "acme");
        assert!(refused(Correction::retract(Target::Event("".into()))).contains("id is empty"));
        assert!(refused(Correction::retract(Target::Trace("t".repeat(257).into()))).contains("trace_id has 257 bytes"));
        assert!(refused(Correction::grow(Event { at: None, ..Event::new("e", NOW) })).contains("at is missing"));
        let of_trace = Correction { target: trace(), ..Correction::grow(Event::new("e", NOW)) };
        assert!(refused(of_trace).contains("cannot replace all events"));
        assert!(refused(Correction::complete(trace(), 0, Event::default())).contains("nothing to complete with"));
        let usage = values().used(TokenMeter::Input, 1);
        assert!(refused(Correction::complete(trace(), 0, usage)).contains("replace the event"));
        let moved = values().with(Dimension::TraceId, "other");
        assert!(refused(Correction::complete(trace(), 0, moved)).contains("trace_id cannot be completed"));
        let long = Event::default().with(Dimension::Team, "t".repeat(129));
        assert!(refused(Correction::complete(trace(), 0, long)).contains("team has 129 bytes"));
    }

    #[test]
    fn a_version_leaves_out_what_the_event_is_known_by() {
        let event = Event::new("e", NOW).with(Dimension::Workspace, "w").with(Dimension::TraceId, "t");
        let mut correction = Correction::replace(3, event.with(Dimension::JobType, "Support"));
        correction.normalise(NOW).expect("valid");
        assert_eq!((correction.workspace(), &correction.target), ("w", &Target::Event("e".into())));
        let event = Event { id: None, ..Event::new("", NOW) }.with(Dimension::JobType, "support");
        assert_eq!(correction.change, Change::Replace { revision: 3, event: Box::new(event) });
    }
}
