use std::sync::Arc;

use super::*;
use crate::error::ErrorKind;
use crate::io::MemoryDisk;
use crate::outcome::OutcomeStatus;
use crate::schema::{Dimension, Meter, TokenMeter};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

fn event(n: u64) -> Event {
    Event::new(format!("e{n}"), Timestamp::from_seconds(1_767_225_600 + n.cast_signed() * 1_000))
        .with(Dimension::Tenant, format!("t{}", n % 3))
        .with(Dimension::JobId, format!("j{}", n / 5))
        .used(TokenMeter::Input, n)
}

fn open(disk: &MemoryDisk, seal_events: usize) -> Store {
    let options = Options::default().background(false).seal_events(seal_events);
    Store::open_on(Arc::new(disk.clone()), options).expect("opened")
}

/// Every event of a snapshot, by id.
fn events(snapshot: &Snapshot) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for part in snapshot.parts() {
        all.extend(part.rows().map(|row| part.events.event(row).expect("readable")));
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn stored(events: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let mut all: Vec<Event> = events.into_iter().map(|n| event(n).with(Dimension::Workspace, "default")).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

#[test]
fn what_is_appended_is_visible_at_once_and_after_reopening() {
    let disk = MemoryDisk::new(NOW, 1);
    for round in 0..4 {
        let store = open(&disk, 7);
        assert_eq!(events(&store.snapshot()), stored(0..round * 10));
        for n in (round * 10)..(round * 10 + 10) {
            assert_eq!(store.append(vec![event(n)]).expect("stored").stored(), 1);
            assert_eq!(events(&store.snapshot()), stored(0..=n));
        }
        assert!(verify_on(&disk).expect("a store").damage.is_empty());
    }
}

#[test]
fn no_checksum_passes_another_event_for_a_stored_one() {
    // Two texts of one length whose CRC-32 is the same; so is that of any two events that differ in nothing else.
    let text = |n: u64| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut known = std::collections::HashMap::new();
    let pair = (0..).find_map(|n| Some((known.insert(crc32fast::hash(text(n).as_bytes()), n)?, n)));
    let (one, other) = pair.expect("the numbers do not end");
    let said = |n: u64| event(1).tagged("k", text(n));
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 1_000);
    let fate = |n: u64| {
        let receipt = store.append(vec![said(n)]).expect("answered");
        (receipt.stored(), receipt.duplicates(), receipt.conflicts())
    };
    assert_eq!(fate(one), (1, 0, 0));
    for _ in 0..2 {
        assert_eq!((fate(one), fate(other)), ((0, 1, 0), (0, 0, 1)));
        store.seal().expect("sealed");
    }
}

#[test]
fn an_event_is_counted_once_wherever_it_lies() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 1_000);
    let batch: Vec<Event> = (0..40).map(event).collect();
    assert_eq!(store.append(batch.clone()).expect("stored").stored(), 40);
    for _ in 0..3 {
        let receipt = store.append(batch.clone()).expect("answered");
        assert_eq!((receipt.stored(), receipt.duplicates()), (0, 40));
        let other = store.append(vec![event(3).used(TokenMeter::Output, 1)]).expect("answered");
        assert_eq!(other.conflicts(), 1);
        store.seal().expect("sealed");
        assert_eq!(events(&store.snapshot()), stored(0..40));
    }
    let elsewhere = store.append(vec![event(3).with(Dimension::Workspace, "other")]).expect("stored");
    assert_eq!(elsewhere.stored(), 1, "an id is one event per workspace");
    drop(store);
    assert_eq!(open(&disk, 1_000).append(batch).expect("answered").duplicates(), 40);
}

#[test]
fn a_bad_event_harms_no_other() {
    let store = open(&MemoryDisk::new(NOW, 1), 1_000);
    let bad = event(1).with(Dimension::Team, "x\u{0}y");
    let receipt = store.append(vec![event(0), bad, event(2), event(0)]).expect("answered");
    assert!(matches!(
        receipt.items.as_slice(),
        [Item::Stored { .. }, Item::Rejected(error), Item::Stored { .. }, Item::Duplicate { .. }]
            if error.to_string().contains("team has the control character")
    ));
    assert_eq!(events(&store.snapshot()), stored([0, 2]));
}

#[test]
fn events_without_an_id_get_one() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 1_000);
    let timed = Event { id: None, ..event(1) };
    assert_eq!(store.append(vec![timed.clone(), timed]).expect("answered").duplicates(), 1, "the same call told twice");
    let untimed = Event { id: None, at: None, ..event(1) };
    assert_eq!(store.append(vec![untimed.clone(), untimed]).expect("stored").stored(), 2, "two calls that look alike");
    let assigned = Event { at: None, ..event(9) };
    store.append(vec![assigned.clone()]).expect("stored");
    disk.set_now(Timestamp::from_seconds(1_780_000_100));
    assert_eq!(store.append(vec![assigned]).expect("answered").duplicates(), 1, "the time assigned is no content");
}

#[test]
fn the_first_outcome_wins_for_ever() {
    let disk = MemoryDisk::new(NOW, 1);
    let mut store = open(&disk, 1_000);
    store.append((0..10).map(event).collect()).expect("stored");
    let mut success = Outcome::new("j0", OutcomeStatus::Success);
    success.idempotency_key = Some("key".into());
    let failed = Outcome::new("j0", OutcomeStatus::Failed);
    let batch = vec![success.clone(), failed.clone(), Outcome::new("nobody", OutcomeStatus::Failed)];
    let items = store.record_outcomes(batch).expect("stored").items;
    assert!(matches!(
        items.as_slice(),
        [OutcomeItem::Stored, OutcomeItem::AlreadyReported(_), OutcomeItem::UnknownJob]
    ));
    for _ in 0..3 {
        let items = store.record_outcomes(vec![success.clone(), failed.clone()]).expect("answered").items;
        assert!(matches!(&items[0], OutcomeItem::Replayed));
        assert!(matches!(&items[1], OutcomeItem::AlreadyReported(stored) if stored.status == OutcomeStatus::Success));
        let snapshot = store.snapshot();
        assert_eq!(snapshot.outcome("default", "j0").expect("read").map(|o| o.status), Some(OutcomeStatus::Success));
        assert_eq!(snapshot.outcome("default", "j1").expect("read"), None);
        assert_eq!(snapshot.outcomes("default", None).expect("read").len(), 1);
        store.seal().expect("sealed");
        drop(store);
        store = open(&disk, 1_000);
    }
    let late = store.record_outcomes(vec![Outcome::new("j1", OutcomeStatus::Success)]).expect("answered");
    assert!(matches!(late.items.as_slice(), [OutcomeItem::Stored]), "the job is known from a segment");
}

#[test]
fn an_amendment_adds_a_revision_and_the_past_can_be_asked() {
    let disk = MemoryDisk::new(NOW, 1);
    let mut store = open(&disk, 1_000);
    store.append((0..10).map(event).collect()).expect("stored");
    let report = Outcome::new("j0", OutcomeStatus::Success);
    let refund = Outcome::new("j0", OutcomeStatus::Failed).amending("the customer was refunded");
    let record = |store: &Store, outcome: &Outcome| {
        store.record_outcomes(vec![outcome.clone()]).expect("answered").items.remove(0)
    };
    let early = record(&store, &refund);
    assert!(matches!(&early, OutcomeItem::Rejected(error) if error.kind() == ErrorKind::NotFound), "{early:?}");
    assert!(matches!(record(&store, &report.clone().amending(" ")), OutcomeItem::Rejected(_)));
    assert!(matches!(record(&store, &report), OutcomeItem::Stored));
    let first = store.snapshot().outcome("default", "j0").expect("read").and_then(|outcome| outcome.known_at);
    store.seal().expect("sealed");
    // A clock that was set back does not put an amendment before what it amends.
    disk.set_now(Timestamp::from_micros(NOW.micros() - 1));
    assert!(matches!(record(&store, &refund), OutcomeItem::Stored));
    disk.set_now(Timestamp::from_micros(NOW.micros() + 5_000_000));
    let keyed = Outcome { idempotency_key: Some("k".into()), ..report.clone().amending("it was kept after all") };
    assert!(matches!(record(&store, &keyed), OutcomeItem::Stored));
    assert!(matches!(record(&store, &keyed), OutcomeItem::Replayed));
    for _ in 0..2 {
        let snapshot = store.snapshot();
        let revisions = snapshot.revisions("default", "j0").expect("read");
        let seen: Vec<_> = revisions.iter().map(|one| (one.revision, one.status, one.known_at)).collect();
        let later = Some(Timestamp::from_micros(NOW.micros() + 5_000_000));
        let expected =
            [(1, OutcomeStatus::Success, first), (2, OutcomeStatus::Failed, first), (3, OutcomeStatus::Success, later)];
        assert_eq!(seen, expected);
        assert!(revisions.iter().all(|one| one.at == revisions[0].at), "an amendment changes what, and not when");
        let known = |at: Option<Timestamp>| {
            let outcomes = snapshot.outcomes("default", at).expect("read");
            outcomes.iter().map(|outcome| outcome.revision).collect::<Vec<_>>()
        };
        assert_eq!((known(None), known(first), known(Some(Timestamp::from_seconds(0)))), (vec![3], vec![2], vec![]));
        store.seal().expect("sealed");
        drop(store);
        store = open(&disk, 1_000);
    }
    let unknown = Outcome::new("to come", OutcomeStatus::Success);
    assert!(matches!(record(&store, &unknown), OutcomeItem::UnknownJob));
    assert!(matches!(record(&store, &Outcome { create_job: true, ..unknown }), OutcomeItem::Stored));
}

#[test]
fn a_snapshot_does_not_change() {
    let store = open(&MemoryDisk::new(NOW, 1), 5);
    store.append((0..3).map(event).collect()).expect("stored");
    let before = store.snapshot();
    store.append((3..20).map(event).collect()).expect("stored");
    store.seal().expect("sealed");
    assert_eq!(events(&before), stored(0..3));
    assert_eq!(events(&store.snapshot()), stored(0..20));
}

#[test]
fn batches_of_many_threads_are_all_stored_once() {
    let store = Store::open_on(Arc::new(MemoryDisk::new(NOW, 1)), Options::default().seal_events(100)).expect("opened");
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..60 {
                    // Every event is sent by two threads.
                    let receipt = store.append(vec![event(thread / 2 * 100 + n)]).expect("answered");
                    assert_eq!(receipt.stored() + receipt.duplicates(), 1);
                }
            });
        }
    });
    assert_eq!(events(&store.snapshot()), stored((0..4).flat_map(|t| t * 100..t * 100 + 60)));
}

#[test]
fn a_reader_needs_no_lock_and_sees_the_log() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 12);
    store.append((0..30).map(event).collect()).expect("stored");
    let reader = read_only_on(&disk).expect("readable");
    assert_eq!(events(&reader), stored(0..30));
    assert_eq!(reader.lsn(), store.snapshot().lsn());
    assert_eq!(read_only_on(&MemoryDisk::new(NOW, 1)).expect_err("empty").kind(), ErrorKind::NotAStore);
}

#[test]
fn a_second_writer_and_a_strange_directory_are_refused() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 10);
    let busy = Store::open_on(Arc::new(disk.clone()), Options::default()).expect_err("held");
    assert_eq!(busy.kind(), ErrorKind::Busy);
    assert!(busy.to_string().contains(&std::process::id().to_string()), "{busy}");
    drop(store);
    disk.overwrite("holiday.jpg", Some(vec![1]));
    let strange = Store::open_on(Arc::new(disk.clone()), Options::default()).expect_err("strange");
    assert_eq!(strange.kind(), ErrorKind::NotAStore);
    assert!(strange.to_string().contains("holiday.jpg"), "{strange}");
}

#[test]
fn price_books_are_numbered_and_stay() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 10);
    assert!(store.snapshot().price_book(None).expect("empty").is_empty());
    let book = |source: &str| PriceBook::new(source, Vec::new()).expect("valid");
    assert_eq!(store.add_price_book(book("first")).expect("added"), 1);
    assert_eq!(store.add_price_book(book("second")).expect("added"), 2);
    drop(store);
    let snapshot = open(&disk, 10).snapshot();
    assert_eq!(snapshot.price_book(None).expect("newest").source, "second");
    assert_eq!(snapshot.price_book(Some(1)).expect("kept").source, "first");
    assert_eq!(snapshot.price_book(Some(3)).expect_err("none").kind(), ErrorKind::NotFound);
}

#[test]
fn named_meters_are_bounded_per_head() {
    let store = open(&MemoryDisk::new(NOW, 1), 100_000);
    let metered = |n: u64| event(n).used(Meter::Named(format!("tool:{n}").into()), 1);
    let receipt = store.append((0..1_030).map(metered).collect()).expect("answered");
    assert_eq!((receipt.stored(), receipt.rejected()), (1_024, 6));
}

#[test]
fn stat_accounts_for_every_event_and_byte() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 50);
    store.append((0..60).map(event).collect()).expect("stored");
    store.append((60..70).map(event).collect()).expect("stored");
    let stat = store.stat().expect("read");
    assert_eq!((stat.events, stat.head_events), (70, 10));
    let files = disk.files();
    let sealed = files.iter().filter(|(path, _)| ["seg/", "job/", "ids/"].iter().any(|dir| path.starts_with(dir)));
    assert_eq!(stat.bytes(), sealed.map(|(_, content)| content.len() as u64).sum::<u64>());
}

#[test]
fn damage_to_the_last_commit_of_a_store_that_was_closed_is_no_torn_tail() {
    let disk = MemoryDisk::new(NOW, 1);
    open(&disk, 1_000).append((0..3).map(event).collect()).expect("stored");
    let (path, mut log) = disk.files().into_iter().find(|(path, _)| path.starts_with("wal/")).expect("a log file");
    log[4096 + 60] ^= 1;
    disk.overwrite(&path, Some(log));
    let error = Store::open_on(Arc::new(disk), Options::default()).expect_err("damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&path), "{error}");
}

/// The segments on disk.
fn segments(dir: &std::path::Path) -> usize {
    std::fs::read_dir(dir.join("seg")).expect("segments").count()
}

#[test]
fn what_a_reader_has_open_stays_until_it_is_done() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = || Options::default().background(false).seal_events(5).reserve_bytes(0);
    let store = Store::open(dir.path(), options()).expect("opened");
    for batch in 0..4 {
        store.append((batch * 5..batch * 5 + 5).map(event).collect()).expect("stored");
    }
    let (outside, inside) = (read_only(dir.path()).expect("readable"), store.snapshot());
    assert_eq!((segments(dir.path()), store.compact().expect("merged").merges), (4, 1));
    assert_eq!(segments(dir.path()), 5, "the four are still read");
    drop(inside);
    store.seal().expect("nothing to do");
    assert_eq!(store.compact().expect("nothing to do"), Compaction::default());
    assert_eq!(segments(dir.path()), 5, "the reader may be another process");
    drop(store);
    let store = Store::open(dir.path(), options()).expect("opened beside the reader");
    assert_eq!((segments(dir.path()), events(&outside)), (5, stored(0..20)));
    drop(outside);
    store.compact().expect("nothing to merge, but to tidy up");
    assert_eq!((segments(dir.path()), events(&store.snapshot())), (1, stored(0..20)));
}

#[test]
fn a_store_is_read_where_nothing_can_be_written() {
    let disk = MemoryDisk::new(NOW, 1);
    let store = open(&disk, 3);
    store.append((0..5).map(event).collect()).expect("stored");
    let before = disk.files();
    assert_eq!(events(&read_only_on(&disk).expect("readable")), stored(0..5));
    assert_eq!(disk.files(), before, "reading changes nothing");
}
