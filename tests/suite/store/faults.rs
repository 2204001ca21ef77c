//! Calls to the disk that fail while the machine lives on, and disks that fill up.

use std::sync::Arc;

use fastrand::Rng;
use quipu_engine::io::Disk;
use quipu_engine::log::FILE_BYTES;
use quipu_engine::store::{read_only_on, verify_on};
use quipu_engine::{Error, ErrorKind, Event, Store};
use quipu_test_support::{Fault, Model, SimDisk};

use super::look;
use super::workload::{Driver, Failure, Generator, NOW, Op, book, event, events, outcome};

fn workload() -> Vec<Op> {
    let outcomes = |jobs: std::ops::Range<u64>| Op::Outcomes(jobs.map(outcome).collect());
    vec![
        Op::Reopen,
        events(0..4),
        outcomes(0..2),
        events(3..8),
        Op::Seal,
        book(1),
        events(6..11),
        Op::Reopen,
        outcomes(1..4),
        Op::Compact,
        events(0..12),
    ]
}

fn driver(disk: &SimDisk, model: Model) -> Driver {
    Driver::new(Arc::new(disk.clone()), model, 6)
}

/// Which kinds may answer a failed call of the disk.
fn is_honest(fault: Fault, error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Full => fault == Fault::Full,
        ErrorKind::Io | ErrorKind::DurabilityUnknown | ErrorKind::Poisoned => true,
        _ => false,
    }
}

/// Runs all of `ops` with call `call` failing once; in an error, what went wrong.
fn run(ops: &[Op], call: u64, fault: Fault) -> Result<(), String> {
    let disk = SimDisk::new(1);
    disk.fail_call(call, fault);
    let mut driver = driver(&disk, Model::new(NOW));
    for op in ops {
        let refused = match driver.run(op) {
            Ok(()) => {
                driver.compare().map_err(|what| format!("after {op:?}: {what}"))?;
                continue;
            }
            Err(Failure::Wrong(what)) => return Err(format!("{op:?}: {what}")),
            Err(Failure::Refused(error)) => error,
        };
        if !is_honest(fault, &refused) {
            return Err(format!("{op:?}: {:?}: {refused}", refused.kind()));
        }
        driver.compare().map_err(|what| format!("what was acknowledged, after {op:?} failed: {what}"))?;
        recover(&mut driver, &disk, op, &refused).map_err(|what| format!("{op:?} failed by {refused}: {what}"))?;
    }
    let reader = read_only_on(&disk).map_err(|error| error.to_string())?;
    look::compare(&reader, &driver.model)?;
    let verified = verify_on(&disk).map_err(|error| error.to_string())?;
    if verified.damage.is_empty() { Ok(()) } else { Err(format!("{verified:?}")) }
}

/// Goes on after `op` was refused, as a caller would: at once when the disk was full, else after reopening.
fn recover(driver: &mut Driver, disk: &SimDisk, op: &Op, refused: &Error) -> Result<(), String> {
    let wrong = |failure: Failure| format!("{failure:?}");
    if refused.kind() == ErrorKind::Full {
        driver.run(op).map_err(|failure| format!("retried with space: {failure:?}"))?;
        return driver.compare();
    }
    if let Some(store) = &driver.store
        && matches!(refused.kind(), ErrorKind::Poisoned | ErrorKind::DurabilityUnknown)
    {
        let later = store.append(vec![event(900)]).err().ok_or("it takes writes after a failed one")?;
        if later.kind() != ErrorKind::Poisoned {
            return Err(format!("{:?} after a failed write: {later}", later.kind()));
        }
    }
    let candidates = [driver.model.clone(), driver.model_after(op)];
    // The machine may die too before anybody reopens the store.
    for (i, survivor) in disk.crash_states(3, 1).enumerate() {
        let survivor: Arc<dyn Disk> = Arc::new(survivor);
        let opened = super::open(&survivor, 6).map_err(|error| format!("power cut {i}: refused: {error}"))?;
        let snapshot = opened.snapshot();
        if candidates.iter().all(|model| look::compare(&snapshot, model).is_err()) {
            return Err(format!("power cut {i}: {:?}", look::compare(&snapshot, &candidates[0])));
        }
    }
    let snapshot = driver.open().map_err(|error| format!("reopened: {error}"))?.snapshot();
    let held = candidates.into_iter().find(|model| look::compare(&snapshot, model).is_ok());
    driver.model = held.ok_or_else(|| format!("reopened: {:?}", look::compare(&snapshot, &driver.model)))?;
    driver.run(op).map_err(wrong)?;
    driver.compare()
}

#[test]
fn whatever_call_fails_however_nothing_acknowledged_is_lost_and_a_retry_stores_once() {
    let ops = workload();
    let dry_run = SimDisk::new(1);
    let mut driver = driver(&dry_run, Model::new(NOW));
    for op in &ops {
        driver.run(op).expect("nothing fails");
    }
    let calls = dry_run.calls();
    for call in 1..=calls {
        for fault in Fault::ALL {
            run(&ops, call, fault).unwrap_or_else(|what| panic!("call {call} of {calls}, {fault:?}: {what}"));
        }
    }
    eprintln!("{calls} calls failed in {} ways each", Fault::ALL.len());
}

#[test]
fn a_full_disk_refuses_before_harm_and_work_goes_on_when_there_is_room() {
    for seed in 0..4 {
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: false };
        let disk = SimDisk::new(seed);
        let mut driver = driver(&disk, Model::new(NOW));
        driver.run(&Op::Reopen).expect("created");
        let (mut refused, mut done) = (0, 0);
        while refused < 20 && done < 150 {
            let used: u64 = disk.files().values().map(|content| content.len() as u64).sum();
            // From too little for the next file to just enough for it.
            disk.set_capacity(FILE_BYTES + used + generator.rng.u64(0..60_000));
            let op = generator.op();
            match driver.run(&op) {
                Ok(()) => done += 1,
                Err(Failure::Wrong(what)) => panic!("seed {seed}: {what}"),
                Err(Failure::Refused(error)) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::Full, "seed {seed}, {op:?}: {error}");
                    driver.compare().unwrap_or_else(|what| panic!("seed {seed}, full: {what}"));
                    let reader = read_only_on(&disk).expect("reads go on");
                    look::compare(&reader, &driver.model).unwrap_or_else(|what| panic!("seed {seed}, full: {what}"));
                    disk.set_capacity(u64::MAX);
                    driver.run(&op).unwrap_or_else(|failure| panic!("seed {seed}, {op:?} with room: {failure:?}"));
                }
            }
            driver.compare().unwrap_or_else(|what| panic!("seed {seed}, {op:?}: {what}"));
        }
        assert!(refused > 5, "seed {seed}: only {refused} refused, {done} done");
        assert!(verify_on(&disk).expect("a store").damage.is_empty(), "seed {seed}");
    }
}

#[test]
fn the_reserve_keeps_ingest_from_filling_the_disk() {
    let disk = SimDisk::new(1);
    let options = super::options(100).reserve_bytes(1 << 20);
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("opened");
    let batch: Vec<Event> = (0..5).map(event).collect();
    disk.set_capacity(FILE_BYTES + (1 << 20));
    let refused = store.append(batch.clone()).expect_err("below the reserve");
    assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
    assert_eq!(store.record_outcomes(vec![outcome(1)]).expect_err("below the reserve").kind(), ErrorKind::Full);
    assert_eq!(store.snapshot().lsn(), 0);
    disk.set_capacity(2 * FILE_BYTES);
    assert_eq!(store.append(batch).expect("room").stored(), 5);
}

#[test]
fn merging_waits_for_room_and_goes_on_when_there_is_some() {
    let disk = SimDisk::new(1);
    let options = super::options(2).reserve_bytes(1 << 20);
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("opened");
    (1..7).for_each(|n| drop(store.append(vec![event(n)]).expect("stored")));
    let (files, before) = (disk.files(), store.stat().expect("read").segments);
    disk.set_capacity(1 << 20);
    let refused = store.compact().expect_err("no room");
    assert_eq!((refused.kind(), disk.files() == files), (ErrorKind::Full, true), "nothing was written: {refused}");
    disk.set_capacity(u64::MAX);
    assert!(store.compact().expect("room").merges > 0 && store.stat().expect("read").segments < before);
}
