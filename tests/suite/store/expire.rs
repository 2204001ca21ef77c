//! Retention: what has expired is gone from every answer, what is left counts once, and nothing comes back.

use std::sync::Arc;

use quipu_engine::io::{Disk, MemoryDisk};
use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::store::{Item, OutcomeItem, verify_on};
use quipu_engine::{Correction, Dimension, Event, Options, Store, Timestamp};
use quipu_test_support::{Model, SimDisk};

use super::workload::{Driver, NOW, Op, attribution, corrections, event, events, outcome};

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.micros() / 1_000_000 - days * 86_400)
}

#[test]
fn what_has_expired_is_gone_and_is_refused_from_then_on() {
    let disk = MemoryDisk::new(NOW, 1);
    let mut driver = Driver::new(Arc::new(disk.clone()), Model::new(NOW), 100);
    let keep = |days| Op::Keep("default", Some(days));
    let ops = [
        Op::Reopen,
        events(0..7),
        corrections(),
        attribution(),
        Op::Seal,
        keep(30),
        events(3..11),
        Op::Expire,
        events(0..12),
        Op::Reopen,
        Op::Outcomes((0..4).map(outcome).collect()),
        corrections(),
        keep(60),
        Op::Expire,
        Op::Compact,
        events(0..14),
        keep(1),
        Op::Expire,
        Op::Reopen,
        events(0..14),
    ];
    for op in &ops {
        driver.run(op).unwrap_or_else(|failure| panic!("{op:?}: {failure:?}"));
        driver.compare().unwrap_or_else(|what| panic!("{op:?}: {what}"));
        let damage = verify_on(&disk).expect("opens").damage;
        assert!(damage.is_empty(), "{op:?}: {damage:?}");
    }
    assert!(driver.model.expired.len() > 8, "{:?}", driver.model.expired);
}

#[test]
fn the_day_is_named_and_other_workspaces_keep_theirs() {
    let store = super::open(&(Arc::new(MemoryDisk::new(NOW, 1)) as Arc<dyn Disk>), 100).expect("opened");
    let of = |id: &str, workspace: &str, days| {
        Event::new(id, days_ago(days)).with(Dimension::Workspace, workspace).with(Dimension::JobId, "j")
    };
    store.append(vec![of("a", "w", 40), of("b", "w", 3), of("a", "v", 40)]).expect("stored");
    store.set_retention("w", Some(30)).expect("set");
    assert_eq!(store.expire().expect("expired"), 1);
    assert_eq!(store.stat().expect("read").events, 2);
    let refused = &store.append(vec![of("a", "w", 40)]).expect("answered").items[0];
    let Item::Rejected(error) = refused else { panic!("{refused:?}") };
    assert!(
        error.to_string().contains("keeps events for 30 days") && error.to_string().contains("2025-12-02"),
        "{error}"
    );
    // Its job is known, for an outcome may come later.
    let mut late = outcome(1);
    (late.workspace, late.job_id) = (Some("w".into()), "j".into());
    let taken = store.record_outcomes(vec![late]).expect("answered");
    assert!(matches!(taken.items[..], [OutcomeItem::Stored]), "{taken:?}");
    // What went does not come back.
    store.set_retention("w", None).expect("set");
    assert!(matches!(store.append(vec![of("a", "w", 40)]).expect("answered").items[..], [Item::Rejected(_)]));
    assert!(store.set_retention("w", Some(0)).is_err());
    assert_eq!(store.snapshot().retention("w").expect("known").days, None);
    assert!(store.snapshot().retention(DEFAULT_WORKSPACE).is_none());
}

#[test]
fn a_corrected_event_that_expired_stays_known() {
    let store = super::open(&(Arc::new(MemoryDisk::new(NOW, 1)) as Arc<dyn Disk>), 100).expect("opened");
    let first = event(1);
    let moved = Event { at: Some(days_ago(50)), ..event(1) }.used(quipu_engine::TokenMeter::Output, 9);
    store.append(vec![first.clone()]).expect("stored");
    store.correct(vec![Correction::grow(moved)]).expect("taken");
    store.set_retention(DEFAULT_WORKSPACE, Some(30)).expect("set");
    assert_eq!(store.expire().expect("expired"), 1);
    assert_eq!(store.append(vec![first]).expect("answered").duplicates(), 1);
}

#[test]
fn what_expires_goes_beside_other_work_once_it_is_worth_it() {
    let disk = SimDisk::new(1);
    disk.set_now(NOW);
    let options = Options::default().seal_events(4).reserve_bytes(0);
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("opened");
    store.set_retention(DEFAULT_WORKSPACE, Some(16)).expect("set");
    let send = |day: i64, name: &str| {
        let at = Timestamp::from_seconds(NOW.micros() / 1_000_000 + day * 86_400);
        disk.set_now(at);
        let batch = (0..5).map(|n| Event::new(format!("{name}-{n}"), at)).collect();
        store.append(batch).expect("stored");
    };
    (0..60).for_each(|day| send(day, &format!("day {day}")));
    // The thread is behind, but not for long.
    for more in 1..500 {
        send(60, &format!("more {more}"));
        let first = store.stat().expect("read").time_range.expect("events").0;
        if first >= Timestamp::from_seconds(NOW.micros() / 1_000_000 + 40 * 86_400) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{:?} is still there", store.stat().expect("read").time_range);
}
