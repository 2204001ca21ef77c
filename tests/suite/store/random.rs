//! Random operations on healthy disks: after each, the store is the model.

use std::sync::Arc;

use fastrand::Rng;
use proptest::prelude::*;
use quipu_engine::attribution::Assignment;
use quipu_engine::io::{Disk, MemoryDisk};
use quipu_engine::store::{Erasure, read_only_on, verify_on};
use quipu_engine::{Dimension, Options, Store};
use quipu_test_support::{Model, SimDisk};

use super::look;
use super::workload::{Driver, Failure, Generator, NOW, Op, events};

fn check(driver: &Driver) -> Result<(), String> {
    driver.compare()?;
    let reader = read_only_on(&*driver.disk).map_err(|error| format!("read_only: {error}"))?;
    look::compare(&reader, &driver.model).map_err(|what| format!("read_only: {what}"))?;
    let verified = verify_on(&*driver.disk).map_err(|error| format!("verify: {error}"))?;
    if !verified.damage.is_empty() || verified.events != driver.model.events().len() as u64 {
        return Err(format!("verify: {verified:?}"));
    }
    Ok(())
}

fn run(disk: Arc<dyn Disk>, seal_events: usize, generator: &mut Generator, ops: usize) -> Result<(), String> {
    run_each(disk, seal_events, std::iter::once(Op::Reopen).chain(std::iter::repeat_with(|| generator.op())).take(ops))
}

fn run_each(disk: Arc<dyn Disk>, seal_events: usize, ops: impl IntoIterator<Item = Op>) -> Result<(), String> {
    let mut driver = Driver::new(disk, Model::new(NOW), seal_events);
    let mut done = Vec::new();
    for op in ops {
        done.push(format!("{op:?}"));
        let result = match driver.run(&op) {
            Ok(()) => check(&driver),
            Err(Failure::Wrong(what)) => Err(what),
            Err(Failure::Refused(error)) => Err(format!("refused: {error}")),
        };
        result.map_err(|what| format!("after {}: {what}", done.join(", ")))?;
    }
    Ok(())
}

/// The files of the second and the last are written anew, which makes neither older nor newer.
#[test]
fn attributions_keep_their_order_when_who_made_some_of_them_is_erased() {
    let by_trace = |who: &'static str, team: &str| {
        Op::Attribute(who, vec![Assignment::of(Dimension::TraceId, "tr0").to(Dimension::Team, team)])
    };
    let made = ["ops", "A", "ops", "ops", "A"].into_iter().zip(["1", "2", "3", "4", "5"]);
    let made: Vec<Op> = made.map(|(who, team)| by_trace(who, team)).collect();
    let after = [events(6..9), Op::Reopen, by_trace("ops", "6"), Op::Undo(6), Op::Undo(5), events(9..12), Op::Reopen];
    let before = [Op::Reopen, events(0..6)].into_iter().chain(made);
    let ops = before.chain([Op::Erase("default", "A", Erasure::Anonymise)]).chain(after);
    assert_eq!(run_each(Arc::new(SimDisk::new(1)), 100, ops), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_store_is_its_model_after_every_operation(seed: u64, seal_events in 1usize..30, simulated: bool) {
        let disk: Arc<dyn Disk> = if simulated { Arc::new(SimDisk::new(seed)) } else { Arc::new(MemoryDisk::new(NOW, seed)) };
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: true };
        let result = run(disk, seal_events, &mut generator, 30);
        prop_assert!(result.is_ok(), "{}", result.unwrap_err());
    }

    #[test]
    fn the_same_operations_make_the_same_bytes(seed: u64, seal_events in 1usize..30) {
        let bytes = || {
            let disk = MemoryDisk::new(NOW, seed);
            let mut generator = Generator { rng: Rng::with_seed(seed), assigned: true };
            run(Arc::new(disk.clone()), seal_events, &mut generator, 12).map(|()| disk.files())
        };
        prop_assert_eq!(bytes(), bytes());
    }
}

#[test]
fn sealing_beside_the_commits_shows_the_same() {
    for seed in 0..8 {
        let disk = MemoryDisk::new(NOW, seed);
        let store = Store::open_on(Arc::new(disk), Options::default().seal_events(5)).expect("opened");
        let mut model = Model::new(NOW);
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: false };
        for _ in 0..40 {
            if let Op::Append(batch) = generator.op() {
                model.append(&batch, &|_| None);
                store.append(batch).expect("stored");
                look::compare(&store.snapshot(), &model).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
            }
        }
    }
}
