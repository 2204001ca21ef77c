//! How many values a pivot may have in a workspace: beyond that, further values are put under one.
//!
//! A client that writes ids where a label belongs makes a pivot useless for everybody and every dictionary large. What is
//! counted is not touched: neither quantities nor anything that a price depends on is ever coarsened, and the store knows
//! an event by how it was sent, before it is.
//! Tags may be labels or identities, so they may have more values; and there may be only so many keys of them.

#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quipu::coarse::OVERFLOW;
use quipu::correction::{Change, Correction};
use quipu::{Event, Pivot, Query, Result, Scope, Store, Text, Value, View, tag_keys};

use self::values::Values;
use crate::ask::LABELS;
use crate::config::Variety;

/// What is known of the values of every workspace.
#[derive(Debug)]
pub(super) struct Cardinality {
    most: Mutex<Variety>,
    workspaces: Mutex<HashMap<Text, Arc<Mutex<Values>>>>,
}

/// One request's events and corrections, as they are coarsened.
#[derive(Debug)]
pub(super) struct Coarsening {
    values: Arc<Mutex<Values>>,
    most: Variety,
    /// What was, so far.
    pub(super) done: Coarsened,
}

/// How often what was coarsened: the dimensions by name, `tag` for values of tags, `tag_key` for keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coarsened(pub(super) BTreeMap<&'static str, u64>);

impl Cardinality {
    /// Lets pivots have so many values in a workspace.
    pub(super) fn new(most: Variety) -> Self {
        Self { most: most.into(), workspaces: Mutex::default() }
    }

    /// Lets them have that many from now on.
    pub(super) fn allow(&self, most: Variety) {
        *locked(&self.most) = most;
    }

    /// For what goes into a workspace of `store`, whose values are read back the first time.
    pub(super) fn coarsening(&self, store: &Arc<Store>, workspace: &str) -> Coarsening {
        Coarsening { values: self.of(store, workspace), most: *locked(&self.most), done: Coarsened::default() }
    }

    fn of(&self, store: &Arc<Store>, workspace: &str) -> Arc<Mutex<Values>> {
        let mut workspaces = locked(&self.workspaces);
        if let Some(values) = workspaces.get(workspace) {
            return Arc::clone(values);
        }
        let values = Arc::new(Mutex::new(Values::default()));
        workspaces.insert(workspace.into(), Arc::clone(&values));
        let (store, workspace, most) = (Arc::clone(store), workspace.to_owned(), *locked(&self.most));
        let known = Arc::clone(&values);
        // Much may be stored, and nobody should wait for it to be read.
        std::thread::spawn(move || {
            let stored = stored(&store, &workspace, &most).unwrap_or_else(|error| {
                tracing::error!(%error, workspace, "the values that are stored could not be read; they count as new");
                Vec::new()
            });
            let mut known = locked(&known);
            for (pivot, value) in stored {
                known.add(&pivot, &value);
            }
            known.complete = true;
        });
        values
    }
}

/// A panic while values are counted leaves some that are not known, which is no harm.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The values that a workspace holds, of each pivot those of most events.
fn stored(store: &Store, workspace: &str, most: &Variety) -> Result<Vec<(Pivot, Text)>> {
    let (snapshot, scope) = (store.snapshot(), Scope::new(workspace)?);
    let view = View::new(&snapshot, scope);
    let labels = LABELS.into_iter().map(|label| (Pivot::Dimension(label), most.labels));
    let tags = tag_keys(&snapshot)?.into_iter().take(most.tag_keys).map(|key| (Pivot::Tag(key), most.tag_values));
    let mut stored = Vec::new();
    for (pivot, most) in labels.chain(tags) {
        // One more, for what was coarsened may be among them.
        let query = Query { limit: Some(most as u64 + 1), ..Query::new() };
        let rows = view.values(&query, &pivot, "")?.rows.into_iter();
        stored.extend(rows.filter_map(|row| match row.into_iter().next() {
            Some(Value::Text(value)) if value != OVERFLOW => Some((pivot.clone(), value)),
            _ => None,
        }));
    }
    Ok(stored)
}

impl Coarsening {
    /// What to store in place of an event; `None` for the event as it is.
    pub(super) fn event(&mut self, event: &Event) -> Option<Event> {
        locked(&self.values).coarsen(event, &self.most, &mut self.done)
    }

    /// Coarsens what corrections say.
    pub(super) fn corrections<'a>(&mut self, corrections: impl IntoIterator<Item = &'a mut Correction>) {
        for correction in corrections {
            let says = match &mut correction.change {
                Change::Retract => continue,
                Change::Replace { event, .. } => event,
                Change::Complete { values, .. } => values,
            };
            if let Some(coarse) = self.event(says) {
                **says = coarse;
            }
        }
    }
}

impl Coarsened {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// What to tell whoever sent it; `None` where nothing was coarsened.
    pub(super) fn told(&self) -> Option<String> {
        let of = |(label, times): (&&str, &u64)| format!("{times} values of {label}");
        let all = self.0.iter().map(of).collect::<Vec<_>>().join(", ");
        (!all.is_empty()).then(|| format!("{all} are put under {OVERFLOW}, for there are too many different ones"))
    }
}
