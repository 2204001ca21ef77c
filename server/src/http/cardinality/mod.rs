//! How many values a pivot may have in a workspace: beyond that, further values are put under one.
//!
//! A client that writes ids where a label belongs makes a pivot useless for everybody and every dictionary large. What is
//! counted is not touched: neither quantities nor anything that a price or an identity depends on is ever coarsened.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quipu::correction::{Change, Correction};
use quipu::{Dimension, Event, Pivot, Query, Result, Scope, Store, Text, Value, View};

/// What stands for every value beyond the most.
pub(super) const OVERFLOW: &str = "__overflow__";

/// The dimensions that are labels. The others are identities, have few values by their nature, or decide on
/// prices or on who may see an event.
const LABELS: [Dimension; 20] = [
    Dimension::Team,
    Dimension::Project,
    Dimension::Feature,
    Dimension::Product,
    Dimension::Workflow,
    Dimension::JobType,
    Dimension::JobVersion,
    Dimension::TraceType,
    Dimension::TaskType,
    Dimension::OperationSubtype,
    Dimension::Operation,
    Dimension::Agent,
    Dimension::AgentVersion,
    Dimension::ModelTier,
    Dimension::Environment,
    Dimension::Config,
    Dimension::Variant,
    Dimension::StopReason,
    Dimension::ToolName,
    Dimension::Source,
];

/// What is known of the values of every workspace.
#[derive(Debug)]
pub(super) struct Cardinality {
    most: AtomicUsize,
    workspaces: Mutex<HashMap<Text, Arc<Mutex<Values>>>>,
}

/// The values of one workspace, by their hashes.
#[derive(Debug, Default)]
struct Values {
    hasher: RandomState,
    by_label: HashMap<Dimension, HashSet<u64>>,
    /// Whether those that were stored before this process began are among them. Until then none is too many.
    complete: bool,
}

/// How often which dimension was coarsened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coarsened(pub(super) BTreeMap<&'static str, u64>);

impl Cardinality {
    /// Lets each dimension have `most` values in a workspace.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.into(), workspaces: Mutex::default() }
    }

    /// Lets each have that many from now on.
    pub(super) fn allow(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Coarsens what goes into a workspace of `store`, whose values are read back the first time.
    pub(super) fn coarsen(
        &self,
        store: &Arc<Store>,
        workspace: &str,
        events: &mut [Result<Event>],
        corrections: &mut [Correction],
    ) -> Coarsened {
        let (values, most) = (self.of(store, workspace), self.most.load(Ordering::Relaxed));
        let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut coarsened = Coarsened::default();
        for event in events.iter_mut().flatten() {
            values.coarsen(event, most, &mut coarsened);
        }
        for correction in corrections {
            match &mut correction.change {
                Change::Retract => {}
                Change::Replace { event, .. } => values.coarsen(event, most, &mut coarsened),
                Change::Complete { values: later, .. } => values.coarsen(later, most, &mut coarsened),
            }
        }
        coarsened
    }

    fn of(&self, store: &Arc<Store>, workspace: &str) -> Arc<Mutex<Values>> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(values) = workspaces.get(workspace) {
            return Arc::clone(values);
        }
        let values = Arc::new(Mutex::new(Values::default()));
        workspaces.insert(workspace.into(), Arc::clone(&values));
        let (store, workspace, most) = (Arc::clone(store), workspace.to_owned(), self.most.load(Ordering::Relaxed));
        let known = Arc::clone(&values);
        // Much may be stored, and nobody should wait for it to be read.
        std::thread::spawn(move || {
            let stored = stored(&store, &workspace, most).unwrap_or_else(|error| {
                tracing::error!(%error, workspace, "the values that are stored could not be read; they count as new");
                Vec::new()
            });
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            for (label, value) in stored {
                known.add(label, &value);
            }
            known.complete = true;
        });
        values
    }
}

/// The values that a workspace holds, of each label those of most events.
fn stored(store: &Store, workspace: &str, most: usize) -> Result<Vec<(Dimension, Text)>> {
    let (snapshot, scope) = (store.snapshot(), Scope::new(workspace)?);
    let view = View::new(&snapshot, scope);
    let query = Query { limit: Some(most as u64), ..Query::new() };
    let mut stored = Vec::new();
    for label in LABELS {
        let rows = view.values(&query, &Pivot::Dimension(label), "")?.rows.into_iter();
        stored.extend(rows.filter_map(|row| match row.into_iter().next() {
            Some(Value::Text(value)) => Some((label, value)),
            _ => None,
        }));
    }
    Ok(stored)
}

impl Values {
    fn add(&mut self, label: Dimension, value: &str) {
        let hash = self.hasher.hash_one(value);
        self.by_label.entry(label).or_default().insert(hash);
    }

    fn coarsen(&mut self, event: &mut Event, most: usize, coarsened: &mut Coarsened) {
        for label in LABELS {
            let Some(value) = event.get(label) else { continue };
            let hash = self.hasher.hash_one(value);
            let known = self.by_label.entry(label).or_default();
            if known.contains(&hash) || value == OVERFLOW {
                continue;
            }
            if known.len() < most || !self.complete {
                known.insert(hash);
                continue;
            }
            event.dimensions.insert(label, OVERFLOW.into());
            *coarsened.0.entry(label.name()).or_default() += 1;
        }
    }
}

impl Coarsened {
    /// What to tell whoever sent it; `None` where nothing was coarsened.
    pub(super) fn told(&self) -> Option<String> {
        let of = |(label, times): (&&str, &u64)| format!("{times} values of {label}");
        let all = self.0.iter().map(of).collect::<Vec<_>>().join(", ");
        (!all.is_empty()).then(|| format!("{all} are put under {OVERFLOW}, for there are too many different ones"))
    }
}

#[cfg(test)]
mod tests {
    use quipu::correction::Target;
    use quipu::store::Options;
    use quipu::{Timestamp, TokenMeter};

    use super::*;

    fn event(team: &str) -> Result<Event> {
        let at = Timestamp::from_seconds(1_780_000_000);
        Ok(Event::new(team, at).with(Dimension::Team, team).with(Dimension::Tenant, team).used(TokenMeter::Input, 7))
    }

    /// Coarsens once what is stored is known.
    fn coarsened(cardinality: &Cardinality, store: &Arc<Store>, workspace: &str, teams: &[&str]) -> (Vec<String>, u64) {
        let values = cardinality.of(store, workspace);
        while !values.lock().expect("no panic").complete {
            std::thread::yield_now();
        }
        let mut events: Vec<_> = teams.iter().map(|team| event(team)).collect();
        let coarsened = cardinality.coarsen(store, workspace, &mut events, &mut []);
        let events: Vec<Event> = events.into_iter().map(|event| event.expect("an event")).collect();
        assert!(events.iter().all(|event| event.get(Dimension::Tenant) != Some(OVERFLOW)), "a price may depend on it");
        let tokens: u64 = events.iter().map(Event::total_tokens).sum();
        assert_eq!(tokens, 7 * teams.len() as u64);
        let teams = events.iter().map(|event| event.get(Dimension::Team).unwrap_or_default().to_owned()).collect();
        (teams, coarsened.0.get("team").copied().unwrap_or(0))
    }

    #[test]
    fn values_beyond_the_most_are_one_value_and_those_that_are_stored_stay() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Arc::new(Store::open(dir.path(), Options::default()).expect("a store"));
        store.append(vec![event("stored").expect("an event")]).expect("stored");
        let cardinality = Cardinality::new(2);
        let (teams, times) = coarsened(&cardinality, &store, "default", &["a", "b", "stored", "a", "c"]);
        assert_eq!((teams, times), (["a", OVERFLOW, "stored", "a", OVERFLOW].map(String::from).to_vec(), 2));
        // Another workspace has its own.
        assert_eq!(coarsened(&cardinality, &store, "other", &["b", "c"]).1, 0);
        cardinality.allow(3);
        assert_eq!(coarsened(&cardinality, &store, "default", &["b", "c"]).1, 1);
        let later = Event::default().with(Dimension::Team, "d");
        let mut corrections = [Correction::complete(Target::Event("a".into()), 1, later)];
        let coarsened = cardinality.coarsen(&store, "default", &mut [], &mut corrections);
        assert_eq!(
            coarsened.told().expect("told"),
            "1 values of team are put under __overflow__, for there are too many different ones"
        );
        let Change::Complete { values, .. } = &corrections[0].change else { panic!("a completion") };
        assert_eq!(values.get(Dimension::Team), Some(OVERFLOW));
    }
}
