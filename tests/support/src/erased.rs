//! What an erasure leaves of the model, naively.

use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::correction::{Change, Correction, Target};
use quipu_engine::store::Erasure;
use quipu_engine::{Dimension, Event, Number, Text};

use crate::Model;
use crate::corrected::{self, PERSON, Settled};

/// How much an erasure must say that it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureFate {
    /// Events that were the person's.
    pub events: u64,
    /// Events of others that named the person.
    pub mentions: u64,
    /// Outcomes that did.
    pub outcomes: u64,
    /// Targets whose corrections did.
    pub corrections: u64,
}

/// What is left of an event: nothing, or what its source said, and whether that is a version.
pub type Left = Option<(Event, bool)>;

type Names = BTreeSet<Text>;

/// Erases a subscriber from the model; what must be said of it.
pub(crate) fn erase(model: &mut Model, workspace: &str, name: &str, erasure: Erasure) -> ErasureFate {
    let mut fate = ErasureFate::default();
    let places = (0..model.sent.len()).filter(|at| model.sent[*at].get(Dimension::Workspace) == Some(workspace));
    let rows: Vec<(usize, Settled)> = places.filter_map(|at| Some((at, model.settled(at)?))).collect();
    let is_own = |event: &Event| PERSON.iter().any(|dimension| event.get(*dimension) == Some(name));
    let mut names = Names::from([name.into()]);
    for (_, row) in rows.iter().filter(|(_, row)| is_own(&row.event)) {
        names.extend(PERSON.iter().filter_map(|dimension| row.event.get(*dimension)).map(Text::from));
    }
    for (place, row) in rows {
        let was_given =
            row.replaced || PERSON.iter().any(|it| row.source.get(*it).is_none() && row.event.get(*it).is_some());
        let is_tagged = row.event.tags.iter().any(|(_, value)| names.contains(value));
        if is_own(&row.event) {
            fate.events += 1;
            if erasure == Erasure::Delete {
                model.erased.insert(place, None);
                continue;
            }
        } else if is_tagged || (was_given && names_person(&row.event, &names)) {
            fate.mentions += 1;
        } else {
            continue;
        }
        let mut source = row.source;
        if names_person(&row.event, &names) {
            PERSON.iter().for_each(|dimension| drop(source.dimensions.remove(dimension)));
        }
        untag(&mut source, &names);
        model.erased.insert(place, Some((source, row.replaced)));
    }
    let before = std::mem::take(&mut model.corrections);
    let (own, others): (Vec<_>, Vec<_>) = before.into_iter().partition(|it| it.workspace() == workspace);
    model.corrections = others;
    let mut targets: BTreeMap<Target, Vec<Correction>> = BTreeMap::new();
    own.into_iter().for_each(|correction| targets.entry(correction.target.clone()).or_default().push(correction));
    for (target, said) in targets {
        let mut named = false;
        let is_stored = model.sent.iter().enumerate().any(|(place, sent)| {
            model.is_known(place)
                && matches!(target, Target::Event(_))
                && said.iter().any(|correction| corrected::speaks_of(correction, sent))
        });
        let left = joined(&target, &said);
        let left: Vec<Correction> =
            left.into_iter().filter_map(|it| without(it, &names, is_stored, &mut named)).collect();
        model.corrections.extend(left.into_iter().map(|correction| correction.within(workspace)));
        fate.corrections += u64::from(named);
    }
    for outcome in model.outcomes.iter_mut().filter(|outcome| outcome.workspace() == workspace) {
        let names = |text: &str| names.iter().any(|name| text.contains(name.as_str()));
        let before = outcome.clone();
        outcome.metadata = outcome.metadata.take().filter(|text| !names(text));
        outcome.idempotency_key = outcome.idempotency_key.take().filter(|text| !names(text));
        outcome.reason = outcome.reason.take().map(|text| if names(&text) { "erased".into() } else { text });
        fate.outcomes += u64::from(*outcome != before);
    }
    fate
}

fn names_person(event: &Event, names: &Names) -> bool {
    PERSON.iter().any(|dimension| event.get(*dimension).is_some_and(|name| names.contains(name)))
}

fn untag(event: &mut Event, names: &Names) -> bool {
    let keys: Vec<Text> =
        event.tags.iter().filter(|(_, value)| names.contains(*value)).map(|(key, _)| key.clone()).collect();
    keys.iter().for_each(|key| drop(event.tags.remove(key)));
    !keys.is_empty()
}

/// The same with one correction for each thing that counts: the retraction, the greatest version, the nearest values.
fn joined(target: &Target, said: &[Correction]) -> Vec<Correction> {
    let mut left = Vec::new();
    left.extend(said.iter().find(|it| it.change == Change::Retract).cloned());
    let versions = said.iter().filter_map(|it| match &it.change {
        Change::Replace { revision, event } => {
            Some(((*revision, corrected::usage(event), corrected::content(event)), it))
        }
        _ => None,
    });
    left.extend(versions.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, it)| it.clone()));
    let offers: Vec<(u32, &Event)> = said
        .iter()
        .filter_map(|it| match &it.change {
            Change::Complete { rank, values } => Some((*rank, &**values)),
            _ => None,
        })
        .collect();
    let mut keep = |rank: u32, values: Event| left.push(Correction::complete(target.clone(), rank, values));
    for dimension in Dimension::ALL {
        let values = offers.iter().filter_map(|(rank, values)| Some((*rank, values.get(*dimension)?)));
        if let Some((rank, value)) = values.min() {
            keep(rank, Event::default().with(*dimension, value));
        }
    }
    for number in Number::ALL {
        let values = offers.iter().filter_map(|(rank, values)| Some((*rank, values.number(*number)?)));
        if let Some((rank, value)) = values.min() {
            keep(rank, Event::default().with_number(*number, value));
        }
    }
    let keys: BTreeSet<&Text> = offers.iter().flat_map(|(_, values)| values.tags.iter().map(|(key, _)| key)).collect();
    for key in keys {
        let values = offers.iter().filter_map(|(rank, values)| Some((*rank, values.tags.get(key)?)));
        if let Some((rank, value)) = values.min() {
            keep(rank, Event::default().tagged(key.clone(), value.clone()));
        }
    }
    left
}

/// A correction without the person; `None` when nothing is left of it. Notes in `named` that it named the person.
fn without(mut correction: Correction, names: &Names, is_stored: bool, named: &mut bool) -> Option<Correction> {
    match &mut correction.change {
        Change::Retract => Some(correction),
        Change::Replace { event, .. } => {
            let is_named = names_person(event, names);
            if is_named {
                PERSON.iter().for_each(|dimension| drop(event.dimensions.remove(dimension)));
            }
            let is_named = untag(event, names) || is_named;
            *named |= is_named;
            (!is_named || !is_stored).then_some(correction)
        }
        Change::Complete { values, .. } => {
            let is_named = names_person(values, names) || values.tags.iter().any(|(_, value)| names.contains(value));
            *named |= is_named;
            (!is_named).then_some(correction)
        }
    }
}
