//! Damage of every kind, repaired: the store opens again with everything that is whole, what is lost is named and lies
//! aside, and whatever is sent again is taken where it was lost, and only there.

use std::collections::BTreeMap;
use std::sync::Arc;

use quipu_engine::io::Disk;
use quipu_engine::store::{Lost, Repair, examine_on, read_only_on, repair_on, verify_on};
use quipu_engine::{ErrorKind, Event, Snapshot, Store};
use quipu_test_support::SimDisk;

use super::super::look;
use super::super::workload::Op;
use super::bits::meaning;
use super::{Fixture, in_parallel, names};

/// Asserts of a store that was repaired that it holds nothing but what the model holds, and lacks no more than `found`
/// says is lost.
fn holds_what_is_left(fixture: &Fixture, snapshot: &Snapshot, found: &Repair, what: &str) {
    let (events, outcomes, books) = look::read(snapshot).unwrap_or_else(|error| panic!("{what}: {error}"));
    let lost = |count: fn(&Lost) -> Option<u64>| -> u64 {
        found.losses.iter().map(|loss| count(&loss.what).unwrap_or(0)).sum()
    };
    let of_log = |lost: &Lost| match lost {
        Lost::Records(records) => Some(records.last.map_or(1 << 20, |last| last - records.first + 1)),
        _ => None,
    };
    let corrections_are_whole = lost(|lost| match lost {
        Lost::Corrections(number) => Some(*number),
        Lost::Records(_) => Some(1),
        _ => None,
    }) == 0;
    let expected = fixture.model.events();
    let lost_events = lost(of_log) + lost(|lost| if let Lost::Events { rows, .. } = lost { Some(*rows) } else { None });
    let missing = expected.iter().filter(|event| !events.iter().any(|it| it.id == event.id)).count() as u64;
    assert!(missing <= lost_events, "{what}: {missing} events are gone, {lost_events} were lost: {found:?}");
    if corrections_are_whole {
        let strange = events.iter().find(|event| !expected.contains(event));
        assert!(strange.is_none(), "{what}: {strange:?} is no event of the model: {found:?}");
    }
    let lost_outcomes =
        lost(of_log) + lost(|lost| if let Lost::Outcomes(number) = lost { Some(*number) } else { None });
    let missing = fixture.model.outcomes.iter().filter(|outcome| !outcomes.contains(outcome)).count() as u64;
    assert!(missing <= lost_outcomes, "{what}: {missing} outcomes are gone: {found:?}");
    let lost_books = lost(|lost| if let Lost::PriceBook(_) = lost { Some(1) } else { None });
    assert_eq!(fixture.model.books.len() as u64, books.len() as u64 + lost_books, "{what}");
    for loss in &found.losses {
        assert!(
            snapshot.records().iter().any(|record| record.what.contains(&loss.to_string())),
            "{what}: {loss} is in no record: {:?}",
            snapshot.records()
        );
    }
}

/// Sends all of it again; then it is there, once.
fn takes_what_was_lost(fixture: &Fixture, disk: &Arc<dyn Disk>, found: &Repair, what: &str) {
    let store = super::super::open(disk, 100).unwrap_or_else(|error| panic!("{what}: {error}"));
    let lost_attribution = found.losses.iter().any(|loss| matches!(loss.what, Lost::Attribution(_)));
    for op in &fixture.ops {
        send(&store, op, lost_attribution).unwrap_or_else(|error| panic!("{what}: {op:?}: {error}"));
    }
    let (events, outcomes, _) = look::read(&store.snapshot()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(by_id(events), by_id(fixture.model.events()), "{what}: {found:?}");
    assert_eq!(outcomes.len(), fixture.model.outcomes.len(), "{what}");
    drop(store);
    let verified = verify_on(&**disk).expect("opens");
    assert!(verified.damage.is_empty(), "{what}: sent again: {:?}", verified.damage);
}

fn send(store: &Store, op: &Op, with_attributions: bool) -> quipu_engine::Result<()> {
    match op {
        Op::Append(events) => store.append(events.clone()).map(drop),
        Op::Correct(corrections) => store.correct(corrections.clone()).map(drop),
        Op::Outcomes(outcomes) => store.record_outcomes(outcomes.clone()).map(drop),
        Op::Attribute(by, assignments) if with_attributions => {
            store.attribute("default", assignments.clone(), by, "anew").map(drop)
        }
        Op::Seal => store.seal(),
        _ => Ok(()),
    }
}

fn by_id(events: Vec<Event>) -> BTreeMap<Option<String>, Event> {
    events.into_iter().map(|event| (event.id.as_ref().map(ToString::to_string), event)).collect()
}

/// Does `damage` to the store and repairs it; whether that could be done, and whether something was lost.
fn is_repaired(fixture: &Fixture, damage: &[(&str, Option<Vec<u8>>)], what: &str) -> bool {
    let disk = fixture.disk();
    damage.iter().for_each(|(path, content)| disk.overwrite(path, content.clone()));
    let paths: Vec<&str> = damage.iter().map(|(path, _)| *path).collect();
    let before = disk.files();
    let examined = match examine_on(&disk) {
        Ok(examined) => examined,
        Err(error) => {
            names(&error, &paths, what);
            let is_needed = paths.iter().any(|path| path.starts_with("manifest/") || path.ends_with(".qk"));
            assert!(is_needed || error.kind() == ErrorKind::Unsupported, "{what}: {error}");
            return false;
        }
    };
    assert!(disk.files() == before, "{what}: looking at it changed it");
    assert_eq!(verify_on(&disk).expect("opens").damage.is_empty(), examined.damage.is_empty(), "{what}: {examined:?}");
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let repaired = repair_on(Arc::clone(&disk)).unwrap_or_else(|error| panic!("{what}: {error}; {examined:?}"));
    assert_eq!(repaired.losses, examined.losses, "{what}");
    for path in paths.iter().filter(|path| before.contains_key(**path) && !repaired.damage.is_empty()) {
        let aside = format!("lost/{}", path.rsplit('/').next().expect("a name"));
        assert!(repaired.moved.contains(&aside), "{what}: {repaired:?}");
        assert!(*disk.open(&aside).expect("there") == *before[*path], "{what}: {aside} is not what was damaged");
    }
    let verified = verify_on(&*disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(verified.damage.is_empty(), "{what}: {:?} after {repaired:?}", verified.damage);
    let snapshot = read_only_on(&*disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    holds_what_is_left(fixture, &snapshot, &repaired, what);
    drop(snapshot);
    takes_what_was_lost(fixture, &disk, &repaired, what);
    true
}

#[test]
fn whatever_bit_is_flipped_the_rest_is_kept() {
    let fixture = Fixture::small();
    let mut bits = Vec::new();
    for (path, content) in &fixture.files {
        let meaning = meaning(path, content);
        // One bit in each byte or so, another one each time.
        let some = (0..content.len() * 8).step_by(11).filter(|bit| meaning[bit / 8]);
        bits.extend(some.map(|bit| (path.as_str(), bit)));
    }
    let repaired = in_parallel(&bits, |&(path, bit)| {
        let mut damaged = fixture.files[path].clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        is_repaired(&fixture, &[(path, Some(damaged))], &format!("{path}, bit {bit}"))
    });
    eprintln!("{} bits flipped, {repaired} of the stores repaired", bits.len());
    assert!(repaired * 10 > bits.len() * 7, "{repaired} of {}", bits.len());
}

#[test]
fn whatever_files_are_missing_the_rest_is_kept() {
    let fixture = Fixture::new();
    let is_needed = |path: &String| path.starts_with("manifest/") || path.ends_with(".qk");
    let paths: Vec<&String> = fixture.files.keys().filter(|path| !is_needed(path)).collect();
    let alone = paths.iter().map(|path| vec![path.as_str()]);
    let pairs = paths.iter().enumerate().flat_map(|(i, a)| paths[..i].iter().map(|b| vec![a.as_str(), b.as_str()]));
    let missing: Vec<Vec<&str>> =
        alone.chain(pairs).chain([paths.iter().map(|path| path.as_str()).collect()]).collect();
    in_parallel(&missing, |paths| {
        let damage: Vec<_> = paths.iter().map(|path| (*path, None)).collect();
        assert!(is_repaired(&fixture, &damage, &format!("{paths:?} removed")), "{paths:?}");
        true
    });
}

#[test]
fn a_repair_cut_short_at_any_call_is_done_again() {
    let fixture = Fixture::small();
    let disk = |path: &str| {
        let disk = SimDisk::new(1);
        for directory in quipu_engine::format::names::DIRECTORIES {
            disk.create_dir(directory).expect("a directory");
        }
        disk.sync_dir("").expect("synced");
        fixture.files.iter().for_each(|(path, content)| disk.overwrite(path, Some(content.clone())));
        let mut damaged = fixture.files[path].clone();
        let middle = damaged.len() / 2 / 4096 * 4096 + 16.min(damaged.len() / 2);
        damaged[middle] ^= 1;
        disk.overwrite(path, Some(damaged));
        disk
    };
    let of = |prefix: &str| fixture.files.keys().rfind(|path| path.starts_with(prefix)).expect("one").as_str();
    let mut survivors = 0;
    for path in [of("seg/S"), of("ids/C"), of("job/O"), of("wal/")] {
        let dry_run = disk(path);
        let first = dry_run.calls();
        let found = repair_on(Arc::new(dry_run.clone())).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(!found.damage.is_empty(), "{path}: {found:?}");
        for call in first + 1..=dry_run.calls() {
            let disk = disk(path);
            disk.crash_at_call(call);
            let _ = repair_on(Arc::new(disk.clone()));
            let killed = std::iter::once(disk.kill());
            for (state, disk) in killed.chain(disk.crash_states(3, call)).enumerate() {
                let what = format!("{path}, call {call}, state {state}");
                let disk: Arc<dyn Disk> = Arc::new(disk);
                let again = repair_on(Arc::clone(&disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
                let kept = disk.list("lost").unwrap_or_default();
                assert!(kept.iter().any(|name| path.ends_with(name)), "{what}: {path} is not in {kept:?}: {again:?}");
                let verified = verify_on(&*disk).expect("opens");
                assert!(verified.damage.is_empty(), "{what}: {:?}", verified.damage);
                let snapshot = read_only_on(&*disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                holds_what_is_left(&fixture, &snapshot, &found, &what);
                drop(snapshot);
                takes_what_was_lost(&fixture, &disk, &found, &what);
                survivors += 1;
            }
        }
    }
    eprintln!("{survivors} survivors of repairs cut short");
    assert!(survivors > 200, "{survivors}");
}
