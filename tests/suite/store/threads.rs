//! Real threads on a real disk: writers, readers and the thread that seals.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quipu_engine::store::{Sharing, backup, read_only, verify};
use quipu_engine::{Options, Snapshot, Store};

use super::workload::event;

const WRITERS: u64 = 8;
const BATCHES: u64 = 40;
const BATCH: u64 = 5;

/// The ids that a snapshot shows; each must be there once.
fn ids(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for part in snapshot.parts() {
        for row in part.rows() {
            let id = part.events.event(row).expect("readable").id.expect("stored events have one").to_string();
            assert!(ids.insert(id.clone()), "{id} is there twice");
        }
    }
    ids
}

#[test]
fn readers_beside_eight_writers_see_every_acknowledged_event_once_and_each_batch_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), Options::default().seal_events(150).reserve_bytes(0)).expect("opened");
    let acknowledged = Mutex::new(BTreeSet::new());
    let done = AtomicBool::new(false);
    let check = |take: &dyn Fn() -> Snapshot| {
        let before: BTreeSet<String> = acknowledged.lock().clone();
        let snapshot = take();
        let seen = ids(&snapshot);
        assert!(before.is_subset(&seen), "acknowledged, yet not shown: {:?}", before.difference(&seen).next());
        assert_eq!(snapshot.lsn(), seen.len() as u64, "what is shown is all up to one LSN");
        // A batch is one frame of the log: all of it is shown or none.
        for batch in 0..WRITERS * BATCHES {
            let shown = (0..BATCH).filter(|n| seen.contains(&format!("e{}", batch * BATCH + n))).count() as u64;
            assert!(shown == 0 || shown == BATCH, "{shown} events of batch {batch}");
        }
    };
    let (mut snapshots, mut readings, mut backups) = (0, 0, 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, acknowledged) = (&store, &acknowledged);
                scope.spawn(move || {
                    for batch in writer * BATCHES..(writer + 1) * BATCHES {
                        let numbers = batch * BATCH..(batch + 1) * BATCH;
                        let receipt = store.append(numbers.clone().map(event).collect()).expect("stored");
                        assert_eq!(receipt.stored() as u64, BATCH);
                        acknowledged.lock().extend(numbers.map(|n| format!("e{n}")));
                    }
                })
            })
            .collect();
        let inside = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Acquire) {
                check(&|| store.snapshot());
                rounds += 1;
            }
            rounds
        });
        let outside = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Acquire) {
                check(&|| read_only(dir.path()).expect("readable beside the writer"));
                rounds += 1;
            }
            rounds
        });
        let copies = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Acquire) {
                let target = tempfile::tempdir().expect("a directory");
                check(&|| {
                    backup(dir.path(), target.path(), Sharing { earlier: None, store: true }).expect("copied");
                    read_only(target.path()).expect("a store")
                });
                rounds += 1;
            }
            rounds
        });
        let finished: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Release);
        assert!(finished.iter().all(Result::is_ok), "a writer failed");
        (snapshots, readings) = (inside.join().expect("a reader"), outside.join().expect("a reader"));
        backups = copies.join().expect("a copier");
    });
    let all = WRITERS * BATCHES * BATCH;
    assert_eq!(ids(&store.snapshot()).len() as u64, all);
    assert!(store.stat().expect("read").segments > 1 && snapshots > 3 && readings > 3, "{snapshots}, {readings}");
    assert!(backups > 0);
    drop(store);
    assert_eq!(ids(&read_only(dir.path()).expect("readable")).len() as u64, all);
    let verified = verify(dir.path()).expect("a store");
    assert!(verified.damage.is_empty() && verified.events == all, "{verified:?}");
}

#[test]
fn commits_that_wait_for_others_share_a_sync_and_wait_for_no_more_than_is_wanted() {
    let dir = tempfile::tempdir().expect("a directory");
    let wanted = usize::try_from(2 * BATCH).expect("small");
    let options = Options::default().reserve_bytes(0).flush_interval(Duration::from_secs(60)).flush_events(wanted);
    let store = Store::open(dir.path(), options).expect("opened");
    let append = |batch: u64, count: u64| {
        let receipt = store.append((batch * BATCH..batch * BATCH + count).map(event).collect()).expect("stored");
        (receipt.stored() as u64, receipt.lsn)
    };
    let [one, other] = std::thread::scope(|scope| {
        [0, 1].map(|batch| scope.spawn(move || append(batch, BATCH))).map(|it| it.join().expect("a writer"))
    });
    assert_eq!((one, other), ((BATCH, 2 * BATCH), (BATCH, 2 * BATCH)), "both are told the LSN of one commit");
    // What is enough by itself waits for nobody.
    assert_eq!(append(2, 2 * BATCH), (2 * BATCH, 4 * BATCH));
}
