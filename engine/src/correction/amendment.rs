//! All that corrections say of one target, joined.
//!
//! Joining is commutative, associative and idempotent: a retraction stays, the greatest version
//! wins, and so does the nearest value of each field. An event's final state follows from what its
//! source first sent and the amendments of its id and of its trace, whatever came when.

use std::borrow::Borrow;
use std::cmp::Ordering;

use super::{Change, Correction, Field, Mark, PERSON};
use crate::attribution::InForce;
use crate::event::{Event, Sparse};
use crate::limits;
use crate::schema::{Dimension, Number, Text};

/// All that corrections say of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// The workspace of the target; empty while nothing is said.
    pub workspace: Text,
    /// It does not count.
    pub retracted: bool,
    /// The version that stands, unless the event as first sent is greater.
    pub version: Option<Box<Version>>,
    /// Values for absent dimensions.
    pub dimensions: Sparse<Dimension, Ranked<Text>>,
    /// Values for absent numbers.
    pub numbers: Sparse<Number, Ranked<u64>>,
    /// Values for absent tags.
    pub tags: Sparse<Text, Ranked<Text>>,
}

/// A version of an event, without what the event is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Higher ones win.
    pub revision: u64,
    /// All that this version says.
    pub event: Event,
}

/// A value with the distance it comes from; the smallest is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranked<T> {
    /// The distance.
    pub rank: u32,
    /// The value.
    pub value: T,
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It stays as it is.
    Same,
    /// It does not count.
    Retracted,
    /// It now reads so.
    Changed(Box<Event>, Mark),
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank =
            |version: &Self| (version.revision, version.event.usage.iter().map(|(_, q)| u128::from(*q)).sum::<u128>());
        let Event { id: _, at, dimensions, numbers, usage, tags } = &self.event;
        let said = (at, dimensions, numbers, usage, tags);
        let Event { id: _, at, dimensions, numbers, usage, tags } = &other.event;
        rank(self).cmp(&rank(other)).then_with(|| said.cmp(&(at, dimensions, numbers, usage, tags)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Version {
    /// What an event says as its source first sent it.
    pub(crate) fn first(event: &Event) -> Self {
        let mut event = Event { id: None, ..event.clone() };
        for dimension in [Dimension::Workspace, Dimension::TraceId] {
            event.dimensions.remove(&dimension);
        }
        Self { revision: 0, event }
    }
}

impl From<&Correction> for Amendment {
    /// What one correction, in its stored form, says.
    fn from(correction: &Correction) -> Self {
        let nothing = Self { workspace: correction.workspace().into(), ..Self::default() };
        match &correction.change {
            Change::Retract => Self { retracted: true, ..nothing },
            Change::Replace { revision, event } => {
                let version = Version { revision: *revision, event: Event::clone(event) };
                Self { version: Some(Box::new(version)), ..nothing }
            }
            Change::Complete { rank, values } => {
                let mut amendment = nothing;
                amendment.offer(*rank, values);
                amendment
            }
        }
    }
}

impl Amendment {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self { workspace: self.workspace.clone(), ..Self::default() }
    }

    /// Adds the values of an event's dimensions, numbers and tags.
    pub fn offer(&mut self, rank: u32, values: &Event) {
        let ranked = |value: &Text| Ranked { rank, value: value.clone() };
        for (dimension, value) in values.dimensions.iter() {
            lower(&mut self.dimensions, dimension, &ranked(value));
        }
        for (number, value) in values.numbers.iter() {
            lower(&mut self.numbers, number, &Ranked { rank, value: *value });
        }
        for (key, value) in values.tags.iter() {
            lower(&mut self.tags, key, &ranked(value));
        }
    }

    /// Adds what another says of the same target; whether that was more than was known.
    pub fn join(&mut self, other: &Self) -> bool {
        let mut more = other.retracted && !self.retracted;
        if self.workspace.is_empty() {
            self.workspace.clone_from(&other.workspace);
        }
        self.retracted |= other.retracted;
        if let Some(version) = &other.version
            && self.version.as_ref().is_none_or(|known| known < version)
        {
            self.version = Some(version.clone());
            more = true;
        }
        for (dimension, value) in other.dimensions.iter() {
            more |= lower(&mut self.dimensions, dimension, value);
        }
        for (number, value) in other.numbers.iter() {
            more |= lower(&mut self.numbers, number, value);
        }
        for (key, value) in other.tags.iter() {
            more |= lower(&mut self.tags, key, value);
        }
        more
    }

    /// What becomes of a row of `event` with `mark`, where these are the amendments of its id and of its
    /// trace, joined; what is still absent then is filled in by the attributions that are `in_force`.
    pub fn settle(&self, event: &Event, mark: &Mark, in_force: &InForce) -> Settled {
        if self.retracted {
            return Settled::Retracted;
        }
        let mut settled = mark.strip(event);
        let mut replaced = mark.replaced;
        // A row that was replaced before is one of the versions, so the greatest of them stands.
        if let Some(version) = &self.version
            && !mark.erased
            && (replaced || **version > Version::first(&settled))
        {
            settled = version.of(&settled);
            replaced = true;
        }
        let mut completed = self.fill(&mut settled, mark.erased);
        completed.extend(in_force.fill(&mut settled));
        completed.sort_unstable();
        let settled_mark = Mark { replaced, erased: mark.erased, completed };
        if settled == *event && settled_mark == *mark {
            return Settled::Same;
        }
        Settled::Changed(Box::new(settled), settled_mark)
    }

    /// Completes the fields that are absent, but not who it was for where that was `erased`; which they are.
    fn fill(&self, event: &mut Event, erased: bool) -> Vec<Field> {
        let mut completed = Vec::new();
        for (dimension, ranked) in self.dimensions.iter() {
            if event.get(*dimension).is_none() && !(erased && PERSON.contains(dimension)) {
                event.dimensions.insert(*dimension, ranked.value.clone());
                completed.push(Field::Dimension(*dimension));
            }
        }
        for (number, ranked) in self.numbers.iter() {
            if event.number(*number).is_none() {
                event.numbers.insert(*number, ranked.value);
                completed.push(Field::Number(*number));
            }
        }
        for (key, ranked) in self.tags.iter() {
            if event.tags.get(key).is_none() && event.tags.len() < limits::TAGS {
                event.tags.insert(key.clone(), ranked.value.clone());
                completed.push(Field::Tag(key.clone()));
            }
        }
        completed
    }
}

impl Version {
    /// The event that `known` is, in this version.
    fn of(&self, known: &Event) -> Event {
        let mut event = Event { id: known.id.clone(), ..self.event.clone() };
        for dimension in [Dimension::Workspace, Dimension::TraceId] {
            if let Some(value) = known.dimensions.get(&dimension) {
                event.dimensions.insert(dimension, value.clone());
            }
        }
        event
    }
}

/// Sets `value` under `key` unless a lower one stands there; whether it did.
fn lower<K: Ord + Clone + Borrow<K>, V: Ord + Clone>(values: &mut Sparse<K, V>, key: &K, value: &V) -> bool {
    let lower = values.get(key).is_none_or(|known| value < known);
    if lower {
        values.insert(key.clone(), value.clone());
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::super::Target;
    use super::*;
    use crate::schema::TokenMeter;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

    fn event(usage: u64, tenant: Option<&str>) -> Event {
        let event = Event::new("e", NOW).with(Dimension::Workspace, "w").used(TokenMeter::Input, usage);
        let event = event.with(Dimension::TraceId, "t");
        tenant.into_iter().fold(event, |event, tenant| event.with(Dimension::Tenant, tenant))
    }

    fn correction() -> impl Strategy<Value = Correction> {
        let name = prop::option::of(prop::sample::select(&["a", "b"][..]));
        let version = (0..3_u64, 0..4_u64, name.clone())
            .prop_map(|(revision, usage, tenant)| Correction::replace(revision, event(usage, tenant)));
        let complete =
            (any::<bool>(), 0..3_u32, 0..3_u8, "[xy]", 0..3_u64).prop_map(|(trace, rank, what, text, number)| {
                let target = if trace { Target::Trace("t".into()) } else { Target::Event("e".into()) };
                let values = match what {
                    0 => Event::default().with(Dimension::Tenant, text),
                    1 => Event::default().with_number(Number::TtftMs, number),
                    _ => Event::default().tagged("k", text).with(Dimension::Team, "red"),
                };
                Correction::complete(target, rank, values)
            });
        prop_oneof![
            1 => Just(Correction::retract(Target::Event("e".into()))),
            6 => version,
            8 => complete,
        ]
    }

    /// The state after each correction was applied to what the one before left.
    fn one_by_one(first: &Event, corrections: &[Correction]) -> Option<(Event, Mark)> {
        let mut known = Amendment::default();
        let mut state = Some((first.clone(), Mark::default()));
        for correction in corrections {
            known.join(&Amendment::from(correction));
            let Some((event, mark)) = &state else { continue };
            state = match known.settle(event, mark, &InForce::default()) {
                Settled::Same => state,
                Settled::Retracted => None,
                Settled::Changed(event, mark) => Some((*event, mark)),
            };
        }
        state
    }

    proptest! {
        #[test]
        fn the_order_of_corrections_never_matters(
            usage in 0..4_u64,
            tenant in prop::option::of(prop::sample::select(&["a", "b"][..])),
            (corrections, shuffled) in prop::collection::vec(correction(), 0..8)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            twice in 0..8_usize,
        ) {
            let mut corrections = corrections;
            for correction in &mut corrections {
                correction.normalise(NOW).expect("valid");
            }
            let mut shuffled = shuffled;
            for correction in &mut shuffled {
                correction.normalise(NOW).expect("valid");
            }
            shuffled.extend(corrections.get(twice).cloned());
            let first = event(usage, tenant);
            let state = one_by_one(&first, &corrections);
            prop_assert_eq!(&state, &one_by_one(&first, &shuffled));
            let mut all = Amendment::default();
            for correction in &corrections {
                all.join(&Amendment::from(correction));
            }
            let at_once = match all.settle(&first, &Mark::default(), &InForce::default()) {
                Settled::Same => Some((first, Mark::default())),
                Settled::Retracted => None,
                Settled::Changed(event, mark) => Some((*event, mark)),
            };
            prop_assert_eq!(state, at_once);
        }
    }

    #[test]
    fn the_source_of_an_event_is_never_overruled_by_a_completion() {
        let mut amendment = Amendment::default();
        amendment.offer(1, &Event::default().with(Dimension::Tenant, "other").with(Dimension::Team, "far"));
        amendment.offer(0, &Event::default().with(Dimension::Team, "near"));
        let Settled::Changed(settled, mark) =
            amendment.settle(&event(1, Some("own")), &Mark::default(), &InForce::default())
        else {
            panic!("the team is new");
        };
        assert_eq!((settled.get(Dimension::Tenant), settled.get(Dimension::Team)), (Some("own"), Some("near")));
        assert_eq!(mark.completed, [Field::Dimension(Dimension::Team)]);
        assert_eq!(mark.strip(&settled), event(1, Some("own")));
    }
}
