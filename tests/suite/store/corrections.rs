//! The order in which events, corrections and attributions arrive, and all that happens in between, never changes an answer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use fastrand::Rng;
use proptest::prelude::*;
use quipu_engine::attribution::Assignment;
use quipu_engine::correction::Target;
use quipu_engine::io::MemoryDisk;
use quipu_engine::store::read_only_on;
use quipu_engine::{Correction, Dimension, Event, Number, Snapshot, Timestamp, TokenMeter};
use quipu_query::{Answer, Explain, Measure, PathChoice, Query, Scope, View};
use quipu_test_support::Model;

use super::look;
use super::workload::{Driver, Failure, NOW, Op};

const EVENTS: u64 = 12;

fn first_sent(n: u64) -> Event {
    let event = Event::new(format!("e{n}"), Timestamp::from_seconds(1_767_000_000 - n.cast_signed() * 400_000))
        .with(Dimension::TraceId, format!("t{}", n % 4))
        .with(Dimension::Model, "m")
        .used(TokenMeter::Input, n);
    if n.is_multiple_of(2) { event.with(Dimension::Tenant, "own") } else { event }
}

fn correction(rng: &mut Rng) -> Correction {
    let n = rng.u64(0..EVENTS);
    let target = match rng.u8(0..3) {
        0 => Target::Trace(format!("t{}", n % 4).into()),
        _ => Target::Event(format!("e{n}").into()),
    };
    let name = |rng: &mut Rng| ["red", "blue", "own"][rng.usize(0..3)];
    match rng.u8(0..10) {
        0 => Correction::retract(target),
        1..5 => {
            let event = first_sent(n).used(TokenMeter::Output, rng.u64(0..3)).with(Dimension::JobId, name(rng));
            let event = if rng.bool() { event } else { event.with(Dimension::Team, name(rng)) };
            let at = Timestamp::from_seconds(1_767_000_000 - rng.i64(0..4) * 3_000_000);
            Correction::replace(rng.u64(0..2), Event { at: Some(at), ..event })
        }
        _ => {
            let values = Event::default().with([Dimension::Tenant, Dimension::Team][rng.usize(0..2)], name(rng));
            let values = if rng.bool() { values } else { values.with(Dimension::Credential, "key") };
            let values = if rng.bool() { values } else { values.with_number(Number::ReportedCost, rng.u64(1..3)) };
            Correction::complete(target, rng.u32(0..3), values)
        }
    }
}

/// All events and corrections in some order and in some batches, with whatever else happens to a store in between.
fn schedule(rng: &mut Rng, events: &[Event], corrections: &[Correction], assigned: &Op) -> Vec<Op> {
    let mut ops: Vec<Op> = events.iter().map(|event| Op::Append(vec![event.clone()])).collect();
    ops.extend(corrections.iter().map(|correction| Op::Correct(vec![correction.clone()])));
    ops.push(assigned.clone());
    rng.shuffle(&mut ops);
    let mut batched: Vec<Op> = vec![Op::Reopen];
    for op in ops {
        match (batched.last_mut(), op) {
            (Some(Op::Append(batch)), Op::Append(more)) if rng.bool() => batch.extend(more),
            (Some(Op::Correct(batch)), Op::Correct(more)) if rng.bool() => batch.extend(more),
            (_, op) => batched.push(op),
        }
        match rng.u8(0..12) {
            0..2 => batched.push(Op::Seal),
            2 => batched.extend([Op::Reopen, Op::Compact]),
            // A correction and an event that come twice.
            3 => batched.push(Op::Correct(vec![corrections[rng.usize(0..corrections.len())].clone()])),
            4 => batched.push(Op::Append(vec![events[rng.usize(0..events.len())].clone()])),
            _ => {}
        }
    }
    // Whatever became of them, what was sent is known, and told from what was not.
    batched.push(Op::Append(events.to_vec()));
    batched.push(Op::Append(events.iter().map(|event| event.clone().used(TokenMeter::Reasoning, 1)).collect()));
    batched
}

/// What the store says of money and counts, by every dimension that corrections touch; scans and counters must agree.
pub(crate) fn answers(snapshot: &Snapshot) -> Vec<Answer> {
    let by = [Dimension::Tenant, Dimension::Team, Dimension::JobId, Dimension::Model, Dimension::TraceId];
    let measures = [Measure::Requests, Measure::TotalTokens, Measure::ReportedCost, Measure::FirstAt, Measure::LastAt];
    let ask = |query: Query| {
        let answer = View::new(snapshot, Scope::default()).query(&query.threads(NonZeroUsize::MIN)).expect("answered");
        Answer { explain: Explain::default(), lsn: 0, ..answer }
    };
    let mut answers = Vec::new();
    for dimension in by {
        let query = Query::new().measures(measures.clone()).by(dimension);
        let (counted, scanned) = (ask(query.clone()), ask(query.path(PathChoice::Scan)));
        assert_eq!(counted, scanned, "counters and rows differ by {dimension}");
        answers.push(counted);
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn no_order_of_arrival_changes_an_answer(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let events: Vec<Event> = (0..EVENTS).map(first_sent).collect();
        let corrections: Vec<Correction> = (0..rng.usize(1..14)).map(|_| correction(&mut rng)).collect();
        let by_trace = Assignment::of(Dimension::TraceId, format!("t{}", rng.u8(0..4)));
        let by_credential = Assignment::of(Dimension::Credential, "key");
        let assigned = Op::Attribute("ops", vec![by_trace.to(Dimension::Team, "late"), by_credential.to(Dimension::Tenant, "late")]);
        let mut first: Option<(Vec<Event>, Vec<Answer>)> = None;
        for _ in 0..4 {
            let disk = Arc::new(MemoryDisk::new(NOW, seed));
            let mut driver = Driver::new(disk.clone(), Model::new(NOW), rng.usize(1..10));
            let ops = schedule(&mut rng, &events, &corrections, &assigned);
            for op in &ops {
                let ran = driver.run(op);
                prop_assert!(!matches!(ran, Err(Failure::Wrong(_) | Failure::Refused(_))), "{op:?} of {ops:?}: {ran:?}");
            }
            let check = driver.compare();
            prop_assert!(check.is_ok(), "{ops:?}: {check:?}");
            let snapshot = driver.store.as_ref().expect("open").snapshot();
            let found = (look::read(&snapshot).expect("readable").0, answers(&snapshot));
            // What another process reads, and what is found after a crash that lost nothing that was synced.
            let reader = read_only_on(&*disk).expect("readable");
            prop_assert_eq!((look::read(&reader).expect("readable").0, answers(&reader)), found.clone());
            let known = first.get_or_insert_with(|| found.clone());
            prop_assert_eq!(&found, known, "{:?}", ops);
        }
    }
}
