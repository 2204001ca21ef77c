//! Into the store: items that could not be read keep their place among those that are stored, and
//! everything goes where its sender may send it.

use std::collections::BTreeSet;

use quipu::correction::{Change, Target};
use quipu::filter::{TextField, TextTest};
use quipu::store::{CorrectionItem, CorrectionReceipt, Item, OutcomeItem, OutcomeReceipt, Receipt, Snapshot};
use quipu::{
    Correction, Dimension, Error, ErrorKind, Event, Filter, Measure, Outcome, Query, Result, Scope, Store, Text, Value,
    View, limits,
};

use crate::import::Sink;
use crate::wire::{Origin, origin_tag};

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
                Some(_) => {}
                None => fill_in(event, dimension, wall),
            }
        }
        for (dimension, value) in &self.defaults {
            if named(event, *dimension).is_none() {
                fill_in(event, *dimension, value);
            }
        }
        Ok(())
    }

    /// A correction where its event went, if that event is the sender's to correct.
    fn admit_correction(&self, store: &Store, correction: Correction) -> Result<Correction, CorrectionItem> {
        self.place(store, correction).map_err(CorrectionItem::Rejected)
    }

    fn place(&self, store: &Store, mut correction: Correction) -> Result<Correction> {
        let Some(scope) = &self.scope else { return Ok(correction) };
        match correction.workspace.as_deref() {
            Some(named) if named != scope.workspace() => {
                return Err(foreign(Dimension::Workspace, named, scope.workspace()));
            }
            _ => correction.workspace = Some(scope.workspace().into()),
        }
        if scope.is_whole_workspace() {
            return Ok(correction);
        }
        let Target::Event(id) = &correction.target else {
            return Err(Error::invalid(
                "a trace may hold events of others, which this sender does not see; name each event by its id",
            ));
        };
        let snapshot = store.snapshot();
        if event(&snapshot, scope, id)?.is_none() {
            return Err(no_event(&snapshot, scope, id)?);
        }
        match &mut correction.change {
            Change::Retract => {}
            // What it becomes stays where it was.
            Change::Replace { event, .. } => self.admit(event)?,
            Change::Complete { values, .. } => {
                let mut walls = scope.walls();
                let moved = walls.find_map(|(dimension, wall)| {
                    values.get(dimension).filter(|value| value != wall).map(|value| (dimension, value, wall))
                });
                if let Some((dimension, value, wall)) = moved {
                    return Err(foreign(dimension, value, wall));
                }
            }
        }
        Ok(correction)
    }

    fn is_narrow(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| !scope.is_whole_workspace())
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

/// Gives an event what its sender's token says, and notes that it was the token.
fn fill_in(event: &mut Event, dimension: Dimension, value: &Text) {
    event.dimensions.insert(dimension, value.clone());
    if let (Some(tag), Some(origin)) = (origin_tag(dimension.name()), Origin::Key.name())
        && event.tags.len() < limits::TAGS
    {
        event.tags.insert(tag.into(), origin.into());
    }
}

fn foreign(dimension: Dimension, named: &str, wall: &str) -> Error {
    Error::invalid(format!(
        "{dimension} is {named:?}, but it was sent to {wall:?}; leave the field out, or send it there"
    ))
}

/// Stores the events that could be read, in the form that `coarsen` gives them; one fate per item, in order.
///
/// # Errors
/// As [`Store::append_with`].
pub fn events(
    store: &Store,
    admission: &Admission,
    items: impl IntoIterator<Item = Result<Event>>,
    coarsen: impl FnMut(&Event) -> Option<Event>,
) -> Result<Receipt> {
    Ok(events_with(store, admission, items, Vec::new(), coarsen)?.0)
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
    coarsen: impl FnMut(&Event) -> Option<Event>,
) -> Result<(Receipt, CorrectionReceipt)> {
    let (good, places) = sort_out(
        items,
        |mut event: Event| admission.admit(&mut event).map(|()| event).map_err(Item::Rejected),
        Item::Rejected,
    );
    if admission.is_narrow() {
        // What these senders may correct shows only once their own events are stored.
        let (Receipt { lsn, items }, _) = store.append_with(good, Vec::new(), coarsen)?;
        let corrected = self::corrections(store, admission, corrections.into_iter().map(Ok))?;
        return Ok((Receipt { lsn, items: put_back(places, items) }, corrected));
    }
    let (corrections, corrected) =
        sort_out(corrections.into_iter().map(Ok), |it| admission.admit_correction(store, it), CorrectionItem::Rejected);
    let (Receipt { lsn, items }, receipt) = store.append_with(good, corrections, coarsen)?;
    let corrected = CorrectionReceipt { lsn: receipt.lsn, items: put_back(corrected, receipt.items) };
    Ok((Receipt { lsn, items: put_back(places, items) }, corrected))
}

/// Takes the corrections that could be read; one fate per item, in order. Whoever sees only a part of a workspace
/// corrects events that they see, by their ids.
///
/// # Errors
/// As [`Store::correct`].
pub fn corrections(
    store: &Store,
    admission: &Admission,
    items: impl IntoIterator<Item = Result<Correction>>,
) -> Result<CorrectionReceipt> {
    let (good, places) = sort_out(items, |it| admission.admit_correction(store, it), CorrectionItem::Rejected);
    let CorrectionReceipt { lsn, items } = store.correct(good)?;
    Ok(CorrectionReceipt { lsn, items: put_back(places, items) })
}

/// The word for what became of a correction, and how many events it changed.
pub fn told(item: &CorrectionItem) -> (&'static str, u64) {
    match item {
        CorrectionItem::Applied { events } => ("applied", *events),
        CorrectionItem::Pending => ("pending", 0),
        CorrectionItem::Outweighed | CorrectionItem::Unchanged => ("unchanged", 0),
        CorrectionItem::Rejected(_) => ("rejected", 0),
    }
}

/// Why a correction that was taken changed nothing.
pub fn why(item: &CorrectionItem) -> Option<&'static str> {
    match item {
        CorrectionItem::Pending => Some("nothing of that name is stored yet; the correction waits for it"),
        CorrectionItem::Outweighed => Some("what is stored says otherwise already, and stands"),
        CorrectionItem::Unchanged => Some("nothing of it is new, or what it speaks of does not count any more"),
        CorrectionItem::Applied { .. } | CorrectionItem::Rejected(_) => None,
    }
}

/// The event of that id, where the scope shows it.
///
/// # Errors
/// As [`Snapshot::event`].
pub fn event(snapshot: &Snapshot, scope: &Scope, id: &str) -> Result<Option<Event>> {
    let event = snapshot.event(scope.workspace(), id)?;
    Ok(event.filter(|event| scope.walls().all(|(dimension, wall)| event.get(dimension) == Some(wall))))
}

/// Why there is no event of that id for who asks.
///
/// # Errors
/// As [`Snapshot::is_retracted`].
pub fn no_event(snapshot: &Snapshot, scope: &Scope, id: &str) -> Result<Error> {
    let is_retracted = scope.is_whole_workspace() && snapshot.is_retracted(scope.workspace(), id)?;
    let what = if is_retracted { format!("event {id:?} was retracted") } else { format!("there is no event {id:?}") };
    Ok(Error::new(ErrorKind::NotFound, what))
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
    let answer = View::new(&store.snapshot(), scope.clone()).whole(&query)?;
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
        Ok(events(self.store, &self.admission, batch.into_iter().map(Ok), |_| None)?.items)
    }

    fn outcomes(&mut self, batch: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(outcomes(self.store, &self.admission, batch.into_iter().map(Ok))?.items)
    }

    fn corrections(&mut self, batch: Vec<Correction>) -> Result<Vec<CorrectionItem>> {
        Ok(corrections(self.store, &self.admission, batch.into_iter().map(Ok))?.items)
    }
}
