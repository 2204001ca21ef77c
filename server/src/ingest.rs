//! Into the store: items that could not be read keep their place among those that are stored, and
//! everything goes into the workspace it was sent to.

use quipu::store::{Item, OutcomeItem, OutcomeReceipt, Receipt};
use quipu::{Dimension, Error, Event, Outcome, Result, Store};

use crate::import::Sink;

/// Stores the events that could be read; one fate per item, in order.
///
/// Where `workspace` is `None`, an event goes into the one that it names.
///
/// # Errors
/// As [`Store::append`].
pub fn events(
    store: &Store,
    workspace: Option<&str>,
    items: impl IntoIterator<Item = Result<Event>>,
) -> Result<Receipt> {
    let (good, places) = sort_out(items, |event| assign(event, workspace));
    let Receipt { lsn, items } = store.append(good)?;
    Ok(Receipt { lsn, items: put_back(places, items, Item::Rejected) })
}

/// Stores the outcomes that could be read; else as [`events`].
///
/// # Errors
/// As [`Store::record_outcomes`].
pub fn outcomes(
    store: &Store,
    workspace: Option<&str>,
    items: impl IntoIterator<Item = Result<Outcome>>,
) -> Result<OutcomeReceipt> {
    let (good, places) = sort_out(items, |outcome| assign_outcome(outcome, workspace));
    let OutcomeReceipt { lsn, items } = store.record_outcomes(good)?;
    Ok(OutcomeReceipt { lsn, items: put_back(places, items, OutcomeItem::Rejected) })
}

fn assign(event: &mut Event, workspace: Option<&str>) -> Result<()> {
    let Some(workspace) = workspace else { return Ok(()) };
    match event.get(Dimension::Workspace).filter(|named| !named.is_empty()) {
        Some(named) if named != workspace => Err(foreign(named, workspace)),
        _ => {
            event.dimensions.insert(Dimension::Workspace, workspace.into());
            Ok(())
        }
    }
}

fn assign_outcome(outcome: &mut Outcome, workspace: Option<&str>) -> Result<()> {
    let Some(workspace) = workspace else { return Ok(()) };
    match outcome.workspace.as_deref() {
        Some(named) if named != workspace => Err(foreign(named, workspace)),
        _ => {
            outcome.workspace = Some(workspace.into());
            Ok(())
        }
    }
}

fn foreign(named: &str, workspace: &str) -> Error {
    Error::invalid(format!(
        "workspace is {named:?}, but it was sent to {workspace:?}; leave the field out, or send it there"
    ))
}

/// The items that may go on, and for every place the error where there is one.
fn sort_out<T>(
    items: impl IntoIterator<Item = Result<T>>,
    admit: impl Fn(&mut T) -> Result<()>,
) -> (Vec<T>, Vec<Option<Error>>) {
    let (mut good, mut places) = (Vec::new(), Vec::new());
    for item in items {
        let admitted = item.and_then(|mut item| admit(&mut item).map(|()| item));
        places.push(admitted.map(|item| good.push(item)).err());
    }
    (good, places)
}

fn put_back<F>(places: Vec<Option<Error>>, fates: Vec<F>, refused: impl Fn(Error) -> F) -> Vec<F> {
    let mut fates = fates.into_iter();
    places.into_iter().filter_map(|place| place.map(&refused).or_else(|| fates.next())).collect()
}

/// A store as an import sees it, for a workspace of its own.
pub struct StoreSink<'a> {
    /// The store.
    pub store: &'a Store,
    /// Where everything goes; `None` leaves it where it says.
    pub workspace: Option<&'a str>,
}

impl Sink for StoreSink<'_> {
    fn events(&mut self, batch: Vec<Event>) -> Result<Vec<Item>> {
        Ok(events(self.store, self.workspace, batch.into_iter().map(Ok))?.items)
    }

    fn outcomes(&mut self, batch: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(outcomes(self.store, self.workspace, batch.into_iter().map(Ok))?.items)
    }
}
