//! Power cuts: which of the possible states survives.
//!
//! Everything unsynced is a row of independent items (each name change, sector and length), and
//! a state is one fate for each of them.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::content::{LengthFate, SectorFate};
use super::fault::Schedule;
use super::names::Node;
use super::world::World;

/// Which of the possible states a power cut leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing that was not synced survives.
    LoseAll,
    /// Everything survives, synced or not.
    KeepAll,
    /// Each unsynced name change, sector and length has a random fate.
    Random(u64),
}

/// How many fates an item can have; the first is loss, the second survival.
const NAME_FATES: u8 = 2;
const SECTOR_FATES: u8 = 3;
const LENGTH_FATES: u8 = 3;

/// A fate for each item, in the order of [`items`].
type Fates = Vec<u8>;

/// The number of fates of each unsynced item of `world`.
fn items(world: &World) -> Vec<u8> {
    let mut items = vec![NAME_FATES; world.names.unsynced()];
    for content in world.contents.values() {
        items.extend(content.unsynced_sectors().map(|_| SECTOR_FATES));
        items.extend(content.has_unsynced_length().then_some(LENGTH_FATES));
    }
    items
}

pub(super) fn fates(world: &World, crash: Crash) -> Fates {
    let items = items(world);
    match crash {
        Crash::LoseAll => vec![0; items.len()],
        Crash::KeepAll => vec![1; items.len()],
        Crash::Random(seed) => random(&items, &mut Rng::with_seed(seed)),
    }
}

/// All combinations if there are at most `limit`; else the two extremes, the states one item away
/// from them, and random ones, `limit` in all.
pub(super) fn states(world: &World, limit: usize, seed: u64) -> Vec<Fates> {
    let items = items(world);
    let combinations = items.iter().try_fold(1usize, |product, &fates| product.checked_mul(usize::from(fates)));
    if let Some(combinations) = combinations.filter(|&combinations| combinations <= limit) {
        return (0..combinations).map(|index| combination(&items, index)).collect();
    }
    let mut rng = Rng::with_seed(seed);
    let mut states: Vec<Fates> = Vec::new();
    for (item, &fates) in items.iter().enumerate() {
        for (base, fate) in (0..2).flat_map(|base| (0..fates).map(move |fate| (base, fate))).filter(|(b, f)| b != f) {
            let mut state = vec![base; items.len()];
            state[item] = fate;
            states.push(state);
        }
    }
    rng.shuffle(&mut states);
    states.truncate(limit / 2);
    states.splice(0..0, [vec![0; items.len()], vec![1; items.len()]]);
    while states.len() < limit {
        states.push(random(&items, &mut rng));
    }
    states
}

fn combination(items: &[u8], mut index: usize) -> Fates {
    let digit = |&fates: &u8| {
        let fate = index % usize::from(fates);
        index /= usize::from(fates);
        fate as u8
    };
    items.iter().map(digit).collect()
}

fn random(items: &[u8], rng: &mut Rng) -> Fates {
    items.iter().map(|&fates| rng.u8(0..fates)).collect()
}

/// The world after the power cut that `fates` describes: all that is left is durable, nobody holds a lock.
pub(super) fn survivor(world: &World, fates: &[u8]) -> World {
    let mut rng = world.rng.clone();
    let mut fates = fates.iter().copied();
    let mut next = || fates.next().unwrap_or(0);
    let names = world.names.survivor(|| next() == 1);
    let mut contents = BTreeMap::new();
    for (&file, content) in &world.contents {
        let sectors: Vec<SectorFate> = content.unsynced_sectors().map(|_| sector_fate(next())).collect();
        let length = if content.has_unsynced_length() { length_fate(next()) } else { LengthFate::New };
        let mut sectors = sectors.into_iter();
        let named = names.live().any(|(_, node)| node == Node::File(file));
        if named {
            let survivor = content.survivor(|| sectors.next().unwrap_or(SectorFate::Lost), length, &mut rng);
            contents.insert(file, survivor);
        }
    }
    World {
        names,
        contents,
        rng,
        next_file: world.next_file,
        locks: BTreeMap::new(),
        pins: BTreeMap::new(),
        now: world.now,
        schedule: Schedule::default(),
        capacity: world.capacity,
    }
}

fn sector_fate(fate: u8) -> SectorFate {
    match fate {
        0 => SectorFate::Lost,
        1 => SectorFate::Kept,
        _ => SectorFate::Torn,
    }
}

fn length_fate(fate: u8) -> LengthFate {
    match fate {
        0 => LengthFate::Old,
        1 => LengthFate::New,
        _ => LengthFate::Between,
    }
}
