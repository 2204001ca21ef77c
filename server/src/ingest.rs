//! Into the store: items that could not be read keep their place among those that are stored, and
//! everything goes where its sender may send it.

use std::collections::BTreeSet;

use quipu::filter::{TextField, TextTest};
use quipu::store::{Item, OutcomeItem, OutcomeReceipt, Receipt};
use quipu::{
    Correction, Dimension, Error, Event, Filter, Measure, Outcome, Query, Result, Scope, Store, Text, Value, View,
};

use crate::import::Sink;

/// Where what is sent may go, and what it carries where it does not say so itself.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    scope: Option<Scope>,
    defaults: Vec<(Dimension, Text)>,
}

impl Admission {
    /// Everything goes where it says.
    pub fn anywhere() -> Self {
        Self::default()
    }

    /// Everything goes into `scope`; what names another one is refused.
    pub fn within(scope: Scope) -> Self {
        Self { scope: Some(scope), defaults: Vec::new() }
    }

    /// Events that lack one of these dimensions get it.
    #[must_use]
    pub fn with_defaults(self, defaults: Vec<(Dimension, Text)>) -> Self {
        Self { defaults, ..self }
    }

    fn admit(&self, event: &mut Event) -> Result<()> {
        let named = |event: &Event, dimension| event.get(dimension).filter(|named| !named.is_empty()).map(Text::from);
        for (dimension, wall) in self.scope.iter().flat_map(Scope::walls) {
            match named(event, dimension) {
                Some(named) if named != *wall => return Err(foreign(dimension, &named, wall)),
                _ => event.dimensions.insert(dimension, wall.clone()),
            };
        }
        for (dimension, value) in &self.defaults {
            if named(event, *dimension).is_none() {
                event.dimensions.insert(*dimension, value.clone());
            }
        }
        Ok(())
    }

    /// A correction where its event went.
    fn place(&self, correction: Correction) -> Correction {
        match &self.scope {
            Some(scope) => correction.within(scope.workspace()),
            None => correction,
        }
    }

    fn admit_outcome(&self, outcome: &mut Outcome) -> Result<()> {
        let Some(scope) = &self.scope else { return Ok(()) };
        match outcome.workspace.as_deref() {
            Some(named) if named != scope.workspace() => Err(foreign(Dimension::Workspace, named, scope.workspace())),
            _ => {
                outcome.workspace = Some(scope.workspace().into());
                Ok(())
            }
        }
    }
}

fn foreign(dimension: Dimension, named: &str, wall: &str) -> Error {
    Error::invalid(format!(
        "{dimension} is {named:?}, but it was sent to {wall:?}; leave the field out, or send it there"
    ))
}

/// Stores the events that could be read; one fate per item, in order.
///
/// # Errors
/// As [`Store::append`].
pub fn events(store: &Store, admission: &Admission, items: impl IntoIterator<Item = Result<Event>>) -> Result<Receipt> {
    events_with(store, admission, items, Vec::new())
}

/// Stores events together with what is now known of earlier ones; else as [`events`].
///
/// # Errors
/// As [`Store::append`].
pub fn events_with(
    store: &Store,
    admission: &Admission,
    items: impl IntoIterator<Item = Result<Event>>,
    corrections: Vec<Correction>,
) -> Result<Receipt> {
    let (good, places) = sort_out(
        items,
        |mut event: Event| admission.admit(&mut event).map(|()| event).map_err(Item::Rejected),
        Item::Rejected,
    );
    let corrections = corrections.into_iter().map(|correction| admission.place(correction)).collect();
    let (Receipt { lsn, items }, _) = store.append_with(good, corrections)?;
    Ok(Receipt { lsn, items: put_back(places, items) })
}

/// Stores the outcomes that could be read; else as [`events`]. A job that the sender may not see is unknown.
///
/// # Errors
/// As [`Store::record_outcomes`].
pub fn outcomes(
    store: &Store,
    admission: &Admission,
    items: impl IntoIterator<Item = Result<Outcome>>,
) -> Result<OutcomeReceipt> {
    let items: Vec<Result<Outcome>> = items.into_iter().collect();
    let seen = match &admission.scope {
        Some(scope) if !scope.is_whole_workspace() => {
            let jobs = items.iter().flatten().map(|outcome| outcome.job_id.clone()).collect();
            Some(jobs_within(store, scope, jobs)?)
        }
        _ => None,
    };
    let admit = |mut outcome: Outcome| {
        admission.admit_outcome(&mut outcome).map_err(OutcomeItem::Rejected)?;
        match &seen {
            Some(seen) if !seen.contains(&outcome.job_id) => Err(OutcomeItem::UnknownJob),
            _ => Ok(outcome),
        }
    };
    let (good, places) = sort_out(items, admit, OutcomeItem::Rejected);
    let OutcomeReceipt { lsn, items } = store.record_outcomes(good)?;
    Ok(OutcomeReceipt { lsn, items: put_back(places, items) })
}

/// Those of `jobs` that have an event in a scope.
fn jobs_within(store: &Store, scope: &Scope, jobs: Vec<Text>) -> Result<BTreeSet<Text>> {
    let among = Filter::Text(TextField::Dimension(Dimension::JobId), TextTest::In(jobs));
    let query = Query::new().measure(Measure::Requests).by(Dimension::JobId).filter(among);
    let answer = View::new(&store.snapshot(), scope.clone()).query(&query)?;
    let job = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(job)) => Some(job),
        _ => None,
    };
    Ok(answer.rows.into_iter().filter_map(job).collect())
}

/// The items that may go on, and for every place the fate of those that may not.
fn sort_out<T, F>(
    items: impl IntoIterator<Item = Result<T>>,
    admit: impl Fn(T) -> Result<T, F>,
    refused: impl Fn(Error) -> F,
) -> (Vec<T>, Vec<Option<F>>) {
    let (mut good, mut places) = (Vec::new(), Vec::new());
    for item in items {
        let admitted = item.map_err(&refused).and_then(&admit);
        places.push(admitted.map(|item| good.push(item)).err());
    }
    (good, places)
}

fn put_back<F>(places: Vec<Option<F>>, fates: Vec<F>) -> Vec<F> {
    let mut fates = fates.into_iter();
    places.into_iter().filter_map(|place| place.or_else(|| fates.next())).collect()
}

/// A store as an import sees it.
pub struct StoreSink<'a> {
    /// The store.
    pub store: &'a Store,
    /// Where everything goes.
    pub admission: Admission,
}

impl Sink for StoreSink<'_> {
    fn events(&mut self, batch: Vec<Event>) -> Result<Vec<Item>> {
        Ok(events(self.store, &self.admission, batch.into_iter().map(Ok))?.items)
    }

    fn outcomes(&mut self, batch: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(outcomes(self.store, &self.admission, batch.into_iter().map(Ok))?.items)
    }
}
