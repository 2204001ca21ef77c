//! The ten promises of the store, one test each: thin, over the machinery that the other tests explore in depth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use quipu_engine::format::names::{DIRECTORIES, FileKind, LOCK, LOG_DIR, SECRET};
use quipu_engine::io::{Disk, MemoryDisk};
use quipu_engine::store::{read_only_on, verify_on};
use quipu_engine::{ErrorKind, Event, Options, Snapshot, Store};
use quipu_test_support::{Crash, Model, SimDisk};

use crate::store::corrections::answers;
use crate::store::crash::survives_every_cut;
use crate::store::damage::Fixture;
use crate::store::workload::{Driver, Generator, NOW, Op, attribution, corrections, event, events, outcome};

/// One of everything that a store does beside taking events.
fn everything() -> Vec<Op> {
    let outcomes = Op::Outcomes(vec![outcome(1), outcome(2)]);
    vec![
        Op::Reopen,
        events(0..6),
        Op::Seal,
        corrections(),
        outcomes,
        attribution(),
        events(4..9),
        Op::Compact,
        Op::Reopen,
        events(0..9),
    ]
}

/// A driver that has done `ops` on a disk, after each of which `check` looks at the disk.
fn drive(disk: &MemoryDisk, seal_events: usize, ops: &[Op], mut check: impl FnMut(&Op)) -> Driver {
    let mut driver = Driver::new(Arc::new(disk.clone()), Model::new(NOW), seal_events);
    for op in ops {
        driver.run(op).unwrap_or_else(|failure| panic!("{op:?}: {failure:?}"));
        driver.compare().unwrap_or_else(|what| panic!("{op:?}: {what}"));
        check(op);
    }
    driver
}

fn ids(snapshot: &Snapshot) -> BTreeSet<String> {
    let rows = snapshot.parts().iter().flat_map(|part| part.rows().map(|row| part.events.event(row).expect("sound")));
    rows.filter_map(|event| event.id.map(|id| id.to_string())).collect()
}

#[test]
fn i1_an_acknowledged_event_survives_any_crash() {
    survives_every_cut(100, 1, &[Op::Reopen, events(0..3), events(3..5), Op::Seal]);
}

#[test]
fn i2_an_event_is_counted_exactly_once_however_often_it_is_sent() {
    let again = || events(0..8);
    let ops = [Op::Reopen, again(), again(), Op::Seal, again(), Op::Compact, again(), Op::Reopen, again(), Op::Seal];
    let disk = MemoryDisk::new(NOW, 1);
    let driver = drive(&disk, 100, &ops, |_| {});
    assert_eq!(driver.store.expect("open").stat().expect("read").events, 8);
    // Nor does a crash between a commit and its retry double it.
    survives_every_cut(100, 1, &[Op::Reopen, events(0..3), events(0..4)]);
}

#[test]
fn i3_what_recovers_is_a_prefix_of_the_accepted_log() {
    let batches = |store: &Store| (0..6).try_for_each(|n| store.append(vec![event(n)]).map(drop));
    let dry = SimDisk::new(1);
    let store = crate::store::open(&(Arc::new(dry.clone()) as Arc<dyn Disk>), 3).expect("created");
    let first = dry.calls();
    batches(&store).expect("stored");
    let (last, mut lengths) = (dry.calls(), BTreeSet::new());
    for call in first + 1..=last {
        let disk = SimDisk::new(1);
        let store = crate::store::open(&(Arc::new(disk.clone()) as Arc<dyn Disk>), 3).expect("created");
        disk.crash_at_call(call);
        let _ = batches(&store);
        drop(store);
        for survivor in disk.crash_states(5, call) {
            let store = crate::store::open(&(Arc::new(survivor) as Arc<dyn Disk>), 3).expect("recovers");
            let found = ids(&store.snapshot());
            let prefix: BTreeSet<String> = (0..found.len()).map(|n| format!("e{n}")).collect();
            assert_eq!(found, prefix, "call {call}: a hole");
            lengths.insert(found.len());
        }
    }
    assert!(lengths.len() > 5, "{lengths:?}");
}

#[test]
fn i4_no_damaged_byte_is_served_as_data() {
    let (fixture, mut rng, mut noticed) = (Fixture::small(), Rng::with_seed(4), 0);
    for (path, content) in &fixture.files {
        for _ in 0..40.min(content.len()) {
            let (mut damaged, bit) = (content.clone(), rng.usize(0..content.len() * 8));
            damaged[bit / 8] ^= 1 << (bit % 8);
            let right = fixture.answers_rightly(&[(path, Some(damaged))], &[], &format!("{path}, bit {bit}"));
            noticed += usize::from(!right);
        }
    }
    assert!(noticed > 50, "{noticed}");
}

#[test]
fn i5_what_is_visible_is_durable() {
    let dry = SimDisk::new(1);
    let fill = |disk: &SimDisk| -> quipu_engine::Result<()> {
        let store = crate::store::open(&(Arc::new(disk.clone()) as Arc<dyn Disk>), 2)?;
        (0..4).try_for_each(|n| store.append(vec![event(n)]).map(drop))
    };
    fill(&dry).expect("stored");
    let mut shown = 0;
    for call in 1..=dry.calls() {
        let disk = SimDisk::new(1);
        disk.crash_at_call(call);
        let _ = fill(&disk);
        // The process was killed: what it wrote lies in the page cache, and a reader comes by.
        let killed = disk.kill();
        let Ok(reader) = read_only_on(&killed) else { continue };
        let seen = ids(&reader);
        let lost_all: Arc<dyn Disk> = Arc::new(killed.crash(Crash::LoseAll));
        let left = ids(&crate::store::open(&lost_all, 2).expect("recovers").snapshot());
        assert!(seen.is_subset(&left), "call {call}: {seen:?} was shown, {left:?} is left");
        shown += seen.len();
    }
    assert!(shown > 10, "{shown}");
}

#[test]
fn i6_a_published_file_is_never_written_again() {
    let disk = MemoryDisk::new(NOW, 1);
    let mut known: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    drive(&disk, 4, &everything(), |op| {
        for (path, content) in disk.files() {
            let is_published = !path.starts_with(LOG_DIR) && !path.starts_with("tmp/") && path != LOCK;
            if is_published && let Some(before) = known.insert(path.clone(), content.clone()) {
                assert!(before == content, "{path} was written again by {op:?}");
            }
        }
    });
    assert!(known.len() > 20, "{} files", known.len());
}

#[test]
fn i7_there_is_one_commit_point() {
    let disk = MemoryDisk::new(NOW, 1);
    let mut driver = drive(&disk, 4, &everything(), |_| {});
    driver.store = None;
    let newest = disk.files().into_keys().filter(|path| path.starts_with("manifest/")).max().expect("a manifest");
    // What neither the newest manifest nor the log names means nothing: older manifests, files of a change cut short.
    for path in disk.files().into_keys().filter(|path| path.starts_with("manifest/") && *path != newest) {
        disk.overwrite(&path, None);
    }
    for kind in FileKind::NUMBERED.into_iter().filter(|kind| *kind != FileKind::Manifest) {
        disk.overwrite(&kind.path(9_999), Some(b"half a file".to_vec()));
    }
    driver.open().expect("opened");
    driver.compare().expect("the same");
    // And without the newest manifest there is no store, whatever else lies there.
    driver.store = None;
    disk.overwrite(&newest, None);
    let gone = disk.files().into_keys().filter(|path| path.starts_with("manifest/")).collect::<Vec<_>>();
    gone.iter().for_each(|path| disk.overwrite(path, None));
    let refused = driver.open().map(|_| ()).expect_err("no manifest");
    assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
}

#[test]
fn i8_counters_and_indexes_are_derived() {
    for seed in 0..6 {
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: true };
        let ops: Vec<Op> = std::iter::once(Op::Reopen).chain((0..25).map(|_| generator.op())).collect();
        let disk = MemoryDisk::new(NOW, seed);
        let driver = drive(&disk, 9, &ops, |_| {});
        // Each is found by counters and by rows, which must agree.
        assert!(!answers(&driver.store.expect("open").snapshot()).is_empty());
        assert!(verify_on(&disk).expect("a store").damage.is_empty(), "seed {seed}");
    }
}

#[test]
fn i9_memory_is_bounded_by_configuration() {
    const TRIES: usize = 5_000;
    let options = Options::default().background(false).seal_events(50).queue_bytes(64 << 10).reserve_bytes(0);
    let store = Store::open_on(Arc::new(MemoryDisk::new(NOW, 1)), options).expect("opened");
    for n in 0..40 {
        store.append((n * 20..(n + 1) * 20).map(event).collect()).expect("stored");
        let head = store.stat().expect("read").head_events;
        assert!(head < 50 + 20, "{head} events in the head");
    }
    // Batches of others that wait are bounded by their bytes, however few they are.
    let large = |n: u64| -> Vec<Event> {
        let texts = |event: Event| (0..31).fold(event, |event, k| event.tagged(format!("k{k}"), "v".repeat(500)));
        (n * 50..(n + 1) * 50).map(|n| texts(event(n))).collect()
    };
    let refused = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let (store, refused, batch) = (&store, &refused, large(1_000 + sender));
            scope.spawn(move || {
                for _ in 0..TRIES {
                    if refused.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Err(error) = store.append(batch.clone()) {
                        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
                        refused.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(refused.load(Ordering::Relaxed), "8 senders were never refused in {TRIES} batches each");
    assert!(store.append(large(9_000)).expect("an empty queue takes any batch").stored() == 50);
}

#[test]
fn i10_the_same_log_and_clock_make_the_same_bytes() {
    let bytes = || {
        let disk = MemoryDisk::new(NOW, 7);
        drive(&disk, 4, &everything(), |_| {});
        disk.files()
    };
    let files = bytes();
    assert_eq!(files, bytes());
    assert!(
        files.contains_key(SECRET)
            && DIRECTORIES.iter().filter(|dir| files.keys().any(|it| it.starts_with(*dir))).count() > 5
    );
}
