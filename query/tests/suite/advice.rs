//! What is said of a question that finds nothing, or whose groups take more than it may use.

use std::sync::Arc;

use proptest::prelude::*;
use quipu_engine::{Dimension, ErrorKind, Event, Timestamp, TokenMeter};
use quipu_query::{Answer, Filter, Measure, Query, RunawayRule, Scope, View};

use crate::generate::{book, events, outcomes, query};
use crate::memory::{Form, Memory};

const START: i64 = 1_767_225_600;

fn event(n: u64) -> Event {
    Event::new(format!("e{n}"), Timestamp::from_seconds(START + n.cast_signed() * 60))
        .with(Dimension::Tenant, if n.is_multiple_of(2) { "acme" } else { "bolt" })
        .with(Dimension::Team, if n.is_multiple_of(2) { "support" } else { "research" })
        .with(Dimension::TraceId, format!("trace-{n}"))
        .used(TokenMeter::Input, n)
}

fn memory(events: u64) -> Memory {
    let events: Vec<Event> = (0..events).map(event).collect();
    Memory::default().with(&events, Form::SegmentWithCounters)
}

fn notes(scope: &Scope, question: &str) -> Vec<String> {
    let memory = memory(10);
    let query = Query::new().measure(Measure::Requests).filter(Filter::parse(question).expect("valid"));
    View::new(&memory, scope.clone()).query(&query).expect("answered").notes
}

#[test]
fn a_condition_that_never_holds_is_named_with_what_may_have_been_meant() {
    let everything = Scope::default();
    assert_eq!(notes(&everything, "team = suport"), ["no event passes `team = suport`; did you mean `support`?"]);
    assert_eq!(notes(&everything, "team = support and model ^= gpt-"), ["no event passes `model ^= gpt-`"]);
    assert_eq!(notes(&everything, "team = a and team = b"), ["no team can pass all conditions on it at once"]);
    assert_eq!(notes(&everything, "team = support and input = 1"), Vec::<String>::new());
    assert_eq!(notes(&everything, "team = support"), Vec::<String>::new());
}

#[test]
fn values_outside_the_scope_are_never_offered() {
    let bolt = Scope::default().of_tenant("bolt").expect("a name");
    assert_eq!(notes(&bolt, "team = suport"), ["no event passes `team = suport`"]);
    assert_eq!(notes(&bolt, "team = support"), ["no event passes `team = support`"]);
    let nobody = Scope::default().of_tenant("nobody").expect("a name");
    assert_eq!(notes(&nobody, "team = support"), ["there are no events here yet"]);
}

#[test]
fn a_range_without_events_says_where_they_lie() {
    let memory = memory(10);
    let query = Query::new().measure(Measure::Cost).since(Timestamp::from_seconds(START + 600));
    let answer = View::new(&memory, Scope::default()).query(&query).expect("answered");
    let expected = "no event starts in the range of time: the first starts at 2026-01-01T00:00:00Z, the last at 2026-01-01T00:09:00Z";
    assert_eq!(answer.notes, [expected]);
}

#[test]
fn groups_beyond_memory_leave_exact_totals_and_say_what_to_change() {
    let memory = memory(20_000);
    let view = View::new(&memory, Scope::default());
    let query = Query::new().measures([Measure::Requests, Measure::Distinct(Dimension::Team)]).by(Dimension::TraceId);
    let whole = view.query(&query).expect("answered");
    assert_eq!((whole.rows.len(), &whole.clipped), (20_000, &None));
    let clipped = view.query(&query.memory(2 << 20)).expect("answered");
    assert_eq!((&clipped.totals, &clipped.columns), (&whole.totals, &whole.columns));
    assert_eq!(clipped.clipped.map(|clipped| (clipped.rows, clipped.memory)), Some((0, 2 << 20)));
    assert!(clipped.rows.is_empty() && clipped.other == Some(clipped.totals));
    assert!(clipped.groups > 19_000 && clipped.groups < 21_000, "about as many: {}", clipped.groups);
    assert!(clipped.notes[0].contains("trace_id alone has about"), "{:?}", clipped.notes);
}

#[test]
fn whoever_goes_on_with_all_groups_is_told_that_they_do_not_fit() {
    let memory = memory(20_000);
    let view = View::new(&memory, Scope::default());
    let small = Query::new().measure(Measure::Requests).memory(2 << 20);
    let error = view.whole(&small.clone().by(Dimension::TraceId)).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let rule =
        RunawayRule { measure: Measure::Requests, by: vec![Dimension::TraceId.into()], ..RunawayRule::default() };
    let (first, last) = (Timestamp::from_seconds(START), Timestamp::from_seconds(START + 28 * 86_400));
    let error = view.runaways(&small, &rule, first, last).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "no alarm would say that there is none");
}

#[test]
fn what_events_add_up_to_is_no_reason_to_say_that_there_are_none() {
    let memory = memory(10);
    let errors = Query::new().measure(Measure::Errors).filter(Filter::parse("team = support").expect("valid"));
    let view = View::new(&memory, Scope::default());
    assert_eq!(view.query(&errors).expect("answered").notes, Vec::<String>::new());
    let later = errors.since(Timestamp::from_seconds(START + 60)).until(Timestamp::from_seconds(START + 120));
    assert_eq!(view.query(&later).expect("answered").notes, ["no event of that time passes `team = support`"]);
}

proptest! {
    #[test]
    fn whatever_a_query_may_use_its_totals_are_right(
        events in events(), outcomes in outcomes(), query in query(false), kilobytes in 0..64_u64,
    ) {
        let mut memory = Memory::default().with(&events, Form::SegmentWithCounters);
        (memory.outcomes, memory.book) = (outcomes, Arc::new(book()));
        let view = View::new(&memory, Scope::default());
        let whole = view.query(&query).expect("answered");
        match view.query(&query.memory(kilobytes << 10)) {
            Ok(Answer { clipped: None, rows, totals, .. }) => {
                prop_assert_eq!((rows, totals), (whole.rows, whole.totals));
            }
            Ok(Answer { rows, totals, columns, other, .. }) => {
                prop_assert_eq!(&totals, &whole.totals);
                prop_assert_eq!((rows.len(), columns, other), (0, whole.columns, Some(totals)));
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::TooLarge),
        }
    }
}
