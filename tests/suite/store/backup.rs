//! Backups: at any moment a store of its own that holds what was acknowledged, or no store at all.

use std::sync::Arc;

use fastrand::Rng;
use quipu_engine::ErrorKind;
use quipu_engine::io::Disk;
use quipu_engine::store::{Sharing, backup, backup_on, read_only, read_only_on, verify, verify_on};
use quipu_engine::{Options, Store};
use quipu_test_support::{Crash, Model, SimDisk};

use super::look;
use super::workload::{Driver, Generator, NOW, Op, book, event, events, outcome};

fn copy(source: &SimDisk, target: &SimDisk) -> quipu_engine::Result<quipu_engine::store::Backup> {
    backup_on(source, &(Arc::new(target.clone()) as Arc<dyn Disk>), &|_| false)
}

fn driver(disk: &SimDisk, model: Model) -> Driver {
    Driver::new(Arc::new(disk.clone()), model, 5)
}

fn holds(disk: &SimDisk, model: &Model) -> Result<(), String> {
    look::compare(&read_only_on(disk).map_err(|error| format!("{:?}: {error}", error.kind()))?, model)
}

#[test]
fn a_backup_of_an_open_store_holds_what_was_acknowledged_and_goes_on_by_itself() {
    for seed in 0..30 {
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: true };
        let disk = SimDisk::new(seed);
        let mut store = driver(&disk, Model::new(NOW));
        store.run(&Op::Reopen).expect("created");
        for _ in 0..6 {
            let op = generator.op();
            store.run(&op).expect("nothing fails");
            let target = SimDisk::new(1);
            let made = copy(&disk, &target).expect("copied");
            assert_eq!(made.lsn, store.model.lsn(), "seed {seed}, after {op:?}");
            holds(&target, &store.model).unwrap_or_else(|what| panic!("seed {seed}, after {op:?}: {what}"));
            let verified = verify_on(&target).expect("a store");
            assert!(verified.damage.is_empty() && verified.unfinished.is_none(), "seed {seed}: {verified:?}");
            let mut copied = driver(&target.crash(Crash::LoseAll), store.model.clone());
            for op in [Op::Reopen, generator.op(), Op::Seal, Op::Reopen] {
                copied.run(&op).expect("nothing fails");
                copied.compare().unwrap_or_else(|what| panic!("seed {seed}, a copy after {op:?}: {what}"));
            }
        }
    }
}

#[test]
fn a_backup_that_is_cut_short_is_no_store() {
    let disk = SimDisk::new(1);
    let mut store = driver(&disk, Model::new(NOW));
    for op in [Op::Reopen, events(0..7), Op::Outcomes(vec![outcome(1)]), book(2), Op::Seal, events(7..9)] {
        store.run(&op).expect("nothing fails");
    }
    let dry_run = SimDisk::new(2);
    copy(&disk, &dry_run).expect("copied");
    let mut whole = 0;
    for call in 1..=dry_run.calls() + 1 {
        let target = SimDisk::new(2);
        target.crash_at_call(call);
        let made = copy(&disk, &target);
        for (i, survivor) in target.crash_states(6, call).enumerate() {
            match read_only_on(&survivor) {
                Err(error) if error.kind() == ErrorKind::NotAStore => {
                    assert!(made.is_err(), "call {call}, state {i}: the backup is gone");
                }
                _ => {
                    holds(&survivor, &store.model).unwrap_or_else(|what| panic!("call {call}, state {i}: {what}"));
                    whole += 1;
                }
            }
        }
    }
    assert!(whole > 0);
}

#[test]
fn backups_share_what_did_not_change_and_outlive_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let store = Store::open(at("store"), Options::default().background(false).reserve_bytes(0)).expect("opened");
    let put = |numbers: std::ops::Range<u64>| {
        store.append(numbers.map(event).collect()).expect("stored");
        store.seal().expect("sealed");
    };
    put(0..20);
    let first = backup(at("store"), at("first"), Sharing::default()).expect("copied");
    put(20..40);
    let sharing = Sharing { earlier: Some(&at("first")), store: false };
    let second = backup(at("store"), at("second"), sharing).expect("copied");
    let linked = backup(at("store"), at("third"), Sharing { earlier: None, store: true }).expect("linked");
    assert_eq!(first.shared_bytes, 0);
    assert!(second.shared_bytes > 0 && second.shared_bytes < linked.shared_bytes, "{second:?}, {linked:?}");
    let again = backup(at("store"), at("second"), sharing).expect_err("it is there");
    assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
    drop(store);
    std::fs::remove_dir_all(at("store")).expect("removed");
    std::fs::remove_dir_all(at("first")).expect("removed");
    for (name, events) in [("second", 40), ("third", 40)] {
        let verified = verify(at(name)).expect("a store");
        assert!(verified.damage.is_empty() && verified.events == events, "{name}: {verified:?}");
        let reopened = Store::open(at(name), Options::default().reserve_bytes(0)).expect("opened");
        assert_eq!(reopened.append(vec![event(3), event(90)]).expect("stored").duplicates(), 1);
        drop(reopened);
        assert_eq!(read_only(at(name)).expect("readable").stat().expect("read").events, events + 1);
    }
}
