//! What corrections make of events, naively: all of them are looked at for every event.

use quipu_engine::correction::{Change, Correction, Target};
use quipu_engine::limits;
use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::{Dimension, Event, Number};

use crate::Model;

/// What must become of one correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionFate {
    /// It changes so many events.
    Applied(u64),
    /// It is kept for what is still to come.
    Pending,
    /// It is kept, and what is stored stands.
    Outweighed,
    /// It says nothing new.
    Unchanged,
    /// It breaks a rule.
    Rejected,
}

/// The dimensions that name a person.
pub(crate) const PERSON: [Dimension; 2] = [Dimension::SubscriberId, Dimension::SubscriberEmail];

/// What an event comes to.
pub(crate) struct Settled {
    pub(crate) event: Event,
    /// The event without what completed it.
    pub(crate) source: Event,
    /// Whether a version stands for what was first sent.
    pub(crate) replaced: bool,
}

/// Whether a correction speaks of an event, which is in its stored form.
pub(crate) fn speaks_of(correction: &Correction, event: &Event) -> bool {
    correction.workspace() == event.get(Dimension::Workspace).unwrap_or(DEFAULT_WORKSPACE)
        && match &correction.target {
            Target::Event(id) => event.id.as_ref() == Some(id),
            Target::Trace(trace) => event.get(Dimension::TraceId) == Some(trace),
        }
}

/// What `sent` comes to after all corrections; `None` when it does not count.
pub(crate) fn corrected(sent: &Event, corrections: &[Correction]) -> Option<Settled> {
    let of_it: Vec<&Correction> = corrections.iter().filter(|correction| speaks_of(correction, sent)).collect();
    let mut event = sent.clone();
    let mut highest = (0, usage(sent), content(sent));
    let mut replaced = false;
    for correction in &of_it {
        if let Change::Replace { revision, event: version } = &correction.change {
            let rank = (*revision, usage(version), content(version));
            if rank > highest {
                (highest, replaced) = (rank, true);
                event = Event { id: sent.id.clone(), ..Event::clone(version) };
                for known_by in [Dimension::Workspace, Dimension::TraceId] {
                    if let Some(value) = sent.get(known_by) {
                        event = event.with(known_by, value);
                    }
                }
            }
        }
    }
    completed(event, replaced, &of_it, &[])
}

/// What an event from which a person was erased comes to: nothing replaces it, and nobody says who it was for.
pub(crate) fn corrected_erased(source: &Event, replaced: bool, corrections: &[Correction]) -> Option<Settled> {
    let of_it: Vec<&Correction> = corrections.iter().filter(|correction| speaks_of(correction, source)).collect();
    completed(source.clone(), replaced, &of_it, &PERSON)
}

/// An event with the fields that it lacks from corrections, but for those that are `barred`.
fn completed(source: Event, replaced: bool, of_it: &[&Correction], barred: &[Dimension]) -> Option<Settled> {
    if of_it.iter().any(|correction| correction.change == Change::Retract) {
        return None;
    }
    let mut event = source.clone();
    let mut offers: Vec<(u32, &Event)> = Vec::new();
    for correction in of_it {
        if let Change::Complete { rank, values } = &correction.change {
            offers.push((*rank, values));
        }
    }
    for dimension in Dimension::ALL.iter().filter(|dimension| !barred.contains(dimension)) {
        let values = offers.iter().filter_map(|(rank, values)| Some((rank, values.get(*dimension)?)));
        if let (None, Some((_, value))) = (source.get(*dimension), values.min()) {
            event = event.with(*dimension, value);
        }
    }
    for number in Number::ALL {
        let values = offers.iter().filter_map(|(rank, values)| Some((rank, values.number(*number)?)));
        if let (None, Some((_, value))) = (source.number(*number), values.min()) {
            event = event.with_number(*number, value);
        }
    }
    let mut keys: Vec<&str> =
        offers.iter().flat_map(|(_, values)| values.tags.iter().map(|(k, _)| k.as_str())).collect();
    keys.sort_unstable();
    for key in keys {
        let values = offers.iter().filter_map(|(rank, values)| Some((rank, values.tags.get(key)?)));
        if let (None, Some((_, value))) = (event.tags.get(key), values.min())
            && event.tags.len() < limits::TAGS
        {
            event = event.tagged(key, value.clone());
        }
    }
    Some(Settled { event, source, replaced })
}

pub(crate) fn usage(event: &Event) -> u128 {
    event.usage.iter().map(|(_, quantity)| u128::from(*quantity)).sum()
}

/// What an event says besides what it is known by, in an order of its own.
pub(crate) fn content(event: &Event) -> impl Ord + use<> {
    let own = |dimension: &Dimension| ![Dimension::Workspace, Dimension::TraceId].contains(dimension);
    let dimensions: Vec<_> = event.dimensions.iter().filter(|(d, _)| own(d)).map(|(d, v)| (*d, v.clone())).collect();
    (event.at, dimensions, event.numbers.clone(), event.usage.clone(), event.tags.clone())
}

/// The job that a correction names.
fn job_of(correction: &Correction) -> Option<&str> {
    match &correction.change {
        Change::Retract => None,
        Change::Replace { event, .. } => event.get(Dimension::JobId),
        Change::Complete { values, .. } => values.get(Dimension::JobId),
    }
}

/// Takes a correction into the model.
pub(crate) fn take(model: &mut Model, correction: &Correction) -> CorrectionFate {
    let mut correction = correction.clone();
    if correction.normalise(model.now).is_err() {
        return CorrectionFate::Rejected;
    }
    if !says_more(model, &correction) {
        return CorrectionFate::Unchanged;
    }
    let before = model.standing();
    if let Some(job) = job_of(&correction) {
        model.jobs_said.insert((correction.workspace().into(), job.into()));
    }
    let mut places = (0..model.sent.len()).filter(|place| speaks_of(&correction, &model.sent[*place]));
    let is_stored = places.any(|place| model.settled(place).is_some());
    model.corrections.push(correction);
    model.records += 1;
    match before.into_iter().zip(model.standing()).filter(|(before, after)| before != after).count() as u64 {
        0 if is_stored => CorrectionFate::Outweighed,
        0 => CorrectionFate::Pending,
        events => CorrectionFate::Applied(events),
    }
}

fn says_more(model: &Model, correction: &Correction) -> bool {
    let of_event = |sent: &Event| matches!(correction.target, Target::Event(_)) && speaks_of(correction, sent);
    let place = (0..model.sent.len()).find(|place| model.is_known(*place) && of_event(&model.sent[*place]));
    if place.is_some_and(|place| model.settled(place).is_none()) {
        return false;
    }
    let of_target = || {
        let same =
            |known: &&Correction| (known.workspace(), &known.target) == (correction.workspace(), &correction.target);
        model.corrections.iter().filter(same)
    };
    if of_target().any(|known| known.change == Change::Retract) {
        return false;
    }
    match &correction.change {
        Change::Retract => true,
        Change::Replace { revision, event: version } => {
            let rank = (*revision, usage(version), content(version));
            let stands = |place: usize| {
                let sent = &model.sent[place];
                model.erased.contains_key(&place) || rank <= (0, usage(sent), content(sent))
            };
            !place.is_some_and(stands)
                && of_target().all(|known| match &known.change {
                    Change::Replace { revision, event } => (*revision, usage(event), content(event)) < rank,
                    _ => true,
                })
        }
        Change::Complete { rank, values } => {
            let offers = || {
                of_target().filter_map(|known| match &known.change {
                    Change::Complete { rank, values } => Some((*rank, values)),
                    _ => None,
                })
            };
            values.dimensions.iter().any(|(d, value)| {
                offers().all(|(known, values)| values.dimensions.get(d).is_none_or(|v| (*rank, value) < (known, v)))
            }) || values.numbers.iter().any(|(n, value)| {
                offers().all(|(known, values)| values.numbers.get(n).is_none_or(|v| (*rank, value) < (known, v)))
            }) || values.tags.iter().any(|(k, value)| {
                offers().all(|(known, values)| values.tags.get(k).is_none_or(|v| (*rank, value) < (known, v)))
            })
        }
    }
}
