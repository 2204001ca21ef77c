//! Erasure: the person is gone down to the bytes, everything else is what it was, whenever the machine dies.

use std::collections::BTreeSet;
use std::sync::Arc;

use quipu_engine::attribution::Assignment;
use quipu_engine::correction::Target;
use quipu_engine::io::Disk;
use quipu_engine::store::{CorrectionItem, Erasure, Found, Reach, search_on, verify_on};
use quipu_engine::{Correction, Dimension, ErrorKind, Event, Outcome, OutcomeStatus, Store, Timestamp, TokenMeter};
use quipu_test_support::SimDisk;

use super::open;

const NAME: &str = "ann-the-subscriber";
const EMAIL: &str = "ann@people.example";

/// Event `n`: every third is the person's, every fifth mentions the person.
fn event(n: u64) -> Event {
    let event = Event::new(format!("e{n}"), Timestamp::from_seconds(1_767_000_000 - n.cast_signed() * 70_000))
        .with(Dimension::Tenant, format!("t{}", n % 2))
        .with(Dimension::JobId, format!("j{}", n % 4))
        .with(Dimension::TraceId, format!("tr{}", n % 6))
        .used(TokenMeter::Input, n * 1000 + 1);
    let event = match n % 3 {
        0 => event.with(Dimension::SubscriberId, NAME).with(Dimension::SubscriberEmail, EMAIL),
        1 => event.with(Dimension::SubscriberId, "bob"),
        _ => event,
    };
    // As many bosses as events, which get a column where a segment has many of them.
    let boss = if n.is_multiple_of(5) { NAME.to_owned() } else { format!("boss-{n}") };
    let event = event.tagged("boss", boss);
    if n.is_multiple_of(7) { event.with(Dimension::Workspace, "other") } else { event }
}

fn is_own(n: u64) -> bool {
    n.is_multiple_of(3) && !n.is_multiple_of(7)
}

/// A store that names the person in segments, in the head, in corrections, outcomes, masks and merged parts.
fn filled(disk: &SimDisk) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open(&disk, 1_000).expect("created");
    let append = |numbers: std::ops::Range<u64>| drop(store.append(numbers.map(event).collect()).expect("stored"));
    append(0..10);
    store.seal().expect("sealed");
    append(10..20);
    // What a source learned later: a snapshot that names the person, and whom a trace was for.
    let values = Event::default().with(Dimension::SubscriberId, NAME).with(Dimension::SubscriberEmail, EMAIL);
    let corrections = vec![
        Correction::grow(event(3).used(TokenMeter::Output, 90)),
        Correction::complete(Target::Trace("tr2".into()), 1, values.clone()),
        Correction::complete(Target::Trace("tr-to-come".into()), 1, values),
    ];
    store.correct(corrections).expect("corrected");
    let mut outcome = Outcome::new("j1", OutcomeStatus::Success);
    outcome.metadata = Some(format!(r#"{{"closed_by": "{NAME}"}}"#));
    store.record_outcomes(vec![outcome]).expect("recorded");
    store.seal().expect("sealed");
    store.compact().expect("compacted");
    append(20..26);
    store
}

fn events(store: &Store) -> Vec<Event> {
    let snapshot = store.snapshot();
    let rows = snapshot.parts().iter().flat_map(|part| part.rows().map(|row| part.events.event(row).expect("sound")));
    let mut events: Vec<Event> = rows.collect();
    events.sort_by(|a, b| a.id.cmp(&b.id));
    events
}

/// What must be left of the events.
fn without(events: &[Event], erasure: Erasure) -> Vec<Event> {
    let mut left = Vec::new();
    for event in events {
        let (mut event, default) = (event.clone(), event.get(Dimension::Workspace) == Some("default"));
        let own = default && event.get(Dimension::SubscriberId) == Some(NAME);
        if own && erasure == Erasure::Delete {
            continue;
        }
        if own {
            event.dimensions.remove(&Dimension::SubscriberId);
            event.dimensions.remove(&Dimension::SubscriberEmail);
        }
        if default && event.tags.get("boss").is_some_and(|boss| boss == NAME) {
            event.tags.remove(&"boss".into());
        }
        left.push(event);
    }
    left
}

fn search(disk: &SimDisk, text: &str, reach: Reach<'_>) -> Vec<Found> {
    search_on(disk, text, reach, &|| false).expect("a sound store")
}

/// The person is named by no byte of the store, but for what the other workspace holds.
fn is_gone(disk: &SimDisk, text: &str) {
    let found = search(disk, text, Reach::Everything);
    assert!(found.is_empty(), "{found:?}");
}

/// As [`filled`], but without the other workspace, so that nothing may be left.
fn alone(disk: &SimDisk) -> Store {
    let store = filled(disk);
    store.erase("other", NAME, Erasure::Delete).expect("erased");
    store
}

#[test]
fn a_person_is_gone_and_every_total_stays() {
    for erasure in [Erasure::Anonymise, Erasure::Delete] {
        let disk = SimDisk::new(1);
        let store = alone(&disk);
        assert!(search(&disk, NAME, Reach::Everything).len() > 3, "there is something to erase");
        let before = events(&store);
        let receipt = store.erase("default", NAME, erasure).expect("erased");
        let own = before.iter().filter(|event| event.get(Dimension::SubscriberId) == Some(NAME)).count() as u64;
        assert!(receipt.events == own && own > 6 && receipt.outcomes == 1, "{receipt:?}");
        assert!(receipt.lingering.is_empty() && receipt.replaced.len() > 4, "{receipt:?}");
        assert_eq!(events(&store), without(&before, erasure));
        is_gone(&disk, NAME);
        is_gone(&disk, EMAIL);
        let damage = verify_on(&disk).expect("a store").damage;
        assert!(damage.is_empty(), "{damage:?}");
        let record = store.snapshot().records().last().cloned().expect("a record");
        assert!(record.what.contains(erasure.name()) && record.what.contains(&receipt.person), "{record:?}");
        assert!(store.snapshot().outcome("default", "j1").expect("read").is_some_and(|it| it.metadata.is_none()));

        // A retry is one, whatever was made of its event, and a late snapshot brings nobody back.
        let again: Vec<Event> = (0..26).filter(|n| is_own(*n)).map(event).collect();
        assert_eq!(store.append(again.clone()).expect("taken").duplicates(), again.len(), "{erasure:?}");
        let late = Correction::replace(9, again[1].clone().used(TokenMeter::Output, 9_000));
        let item = store.correct(vec![late]).expect("taken").items.remove(0);
        assert!(matches!(item, CorrectionItem::Unchanged), "{item:?}");
        drop(store);
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let store = open(&disk, 1_000).expect("reopened");
        assert_eq!(events(&store), without(&before, erasure), "{erasure:?}");
        store.compact().expect("compacted");
        assert_eq!(events(&store), without(&before, erasure), "{erasure:?}");
        let damage = verify_on(&*disk).expect("a store").damage;
        assert!(damage.is_empty(), "{damage:?}");
        let nothing = store.erase("default", NAME, erasure).expect("nothing to do");
        assert!(nothing.events == 0 && nothing.replaced.is_empty(), "{nothing:?}");
    }
}

#[test]
fn other_workspaces_and_other_people_keep_what_they_have() {
    let disk = SimDisk::new(1);
    let store = filled(&disk);
    let before = events(&store);
    store.erase("default", NAME, Erasure::Delete).expect("erased");
    assert_eq!(events(&store), without(&before, Erasure::Delete));
    let found = search(&disk, NAME, Reach::Everything);
    assert!(
        found.iter().any(|found| found.place == "subscriber_id"),
        "the other workspace has one of that name: {found:?}"
    );
}

#[test]
fn whoever_sees_one_workspace_is_told_of_no_other() {
    let disk = SimDisk::new(1);
    let store = filled(&disk);
    let assignment = Assignment::of(Dimension::TraceId, "tr1").to(Dimension::Team, "late");
    store.attribute("default", vec![assignment], "ops", &format!("asked by {NAME}")).expect("attributed");
    store.append(vec![event(27), event(35)]).expect("stored");
    store.correct(vec![Correction::retract(Target::Event(NAME.into()))]).expect("corrected");
    let places = |text: &str, workspace: &str| -> BTreeSet<String> {
        search(&disk, text, Reach::Workspace(workspace)).into_iter().map(|found| found.place).collect()
    };
    let of = |places: &[&str]| places.iter().map(ToString::to_string).collect();
    let all = ["amendments", "attributions", "outcomes", "records", "subscriber_id", "tags"];
    assert_eq!(places(NAME, "default"), of(&all));
    assert_eq!(places(NAME, "other"), of(&["records", "subscriber_id", "tags"]));
    assert_eq!((places(NAME, "third"), places("other", "default")), (of(&[]), of(&[])));
    assert!(!search(&disk, "other", Reach::Everything).is_empty());
    assert_eq!(
        (places("e27", "default"), places("e27", "other"), places("e7", "other")),
        (of(&["records"]), of(&[]), of(&["ids"]))
    );
    store.erase("default", NAME, Erasure::Delete).expect("erased");
    assert_eq!((places(NAME, "default"), places(NAME, "other")), (of(&[]), of(&["subscriber_id", "tags"])));
    for reach in [Reach::Everything, Reach::Workspace("default")] {
        let stopped = search_on(&disk, NAME, reach, &|| true).expect_err("stopped");
        assert_eq!(stopped.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn what_somebody_reads_lingers_and_goes_with_its_reader() {
    let disk = SimDisk::new(1);
    let store = alone(&disk);
    store.seal().expect("sealed");
    let reader = store.snapshot();
    let receipt = store.erase("default", NAME, Erasure::Anonymise).expect("erased");
    assert!(!receipt.lingering.is_empty(), "{receipt:?}");
    assert!(reader.parts().iter().any(|part| {
        part.rows().any(|row| part.events.event(row).expect("sound").get(Dimension::SubscriberId) == Some(NAME))
    }));
    drop(reader);
    store.compact().expect("collected");
    is_gone(&disk, NAME);
}

#[test]
fn an_erasure_survives_a_power_cut_at_any_call() {
    for erasure in [Erasure::Anonymise, Erasure::Delete] {
        let dry = SimDisk::new(1);
        let store = alone(&dry);
        let before = events(&store);
        let first = dry.calls();
        store.erase("default", NAME, erasure).expect("erased");
        let (after, last) = (without(&before, erasure), dry.calls());
        drop(store);
        let mut both = [0, 0];
        for call in first + 1..=last {
            let disk = SimDisk::new(1);
            let store = alone(&disk);
            disk.crash_at_call(call);
            // Some failures to tidy up are survived.
            let _ = store.erase("default", NAME, erasure);
            drop(store);
            for survivor in disk.crash_states(3, call) {
                let shared: Arc<dyn Disk> = Arc::new(survivor.clone());
                let store = open(&shared, 1_000).unwrap_or_else(|error| panic!("call {call}: {error}"));
                let found = events(&store);
                assert!(found == before || found == after, "call {call}: half an erasure");
                both[usize::from(found == after)] += 1;
                let damage = verify_on(&survivor).expect("a store").damage;
                assert!(damage.is_empty(), "call {call}: {damage:?}");
                store.erase("default", NAME, erasure).expect("erased");
                assert_eq!(events(&store), after, "call {call}");
                is_gone(&survivor, NAME);
            }
        }
        assert!(both.iter().all(|count| *count > 5), "{erasure:?}: {both:?}");
    }
}

/// Commits that name the person meanwhile are seen to, and a full disk harms nothing.
#[test]
fn an_erasure_that_finds_no_room_changes_nothing() {
    let disk = SimDisk::new(1);
    let store = alone(&disk);
    store.seal().expect("sealed");
    let before = events(&store);
    let used: u64 = disk.files().values().map(|bytes| bytes.len() as u64).sum();
    disk.set_capacity(used + (64 << 20) + 4_096);
    let refused = store.erase("default", NAME, Erasure::Anonymise);
    if let Err(error) = refused {
        assert_eq!(error.kind(), quipu_engine::ErrorKind::Full, "{error}");
        assert_eq!(events(&store), before);
    }
    disk.set_capacity(u64::MAX);
    store.erase("default", NAME, Erasure::Anonymise).expect("erased");
    is_gone(&disk, NAME);
}
