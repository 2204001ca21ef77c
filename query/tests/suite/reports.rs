//! The reports, by example.

use std::sync::Arc;

use quipu_engine::{
    Dimension, ErrorKind, Event, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Timestamp, TokenMeter,
};
use quipu_query::{Answer, Cohort, Measure, Order, Query, RunawayRule, Scope, TraceOrder, Value, View};

use crate::generate::{CHANGE, book};
use crate::memory::{Form, Memory};

/// Three jobs: converted, failed and pending; the first has two traces and gets its type late.
fn memory() -> Memory {
    let event = |id: &str, seconds: i64, job: &str, input: u64| {
        Event::new(id, Timestamp::from_micros(CHANGE.micros() + seconds * 1_000_000))
            .with(Dimension::JobId, job)
            .with(Dimension::Model, "m1")
            .with(Dimension::SpanId, id)
            .used(TokenMeter::Input, input)
    };
    let first = [
        event("a", 5, "j1", 1_000).with(Dimension::TraceId, "t1").with(Dimension::JobType, "support"),
        event("b", 3, "j1", 2_000).with(Dimension::TraceId, "t2"),
        event("c", 3, "j2", 4_000).with(Dimension::TraceId, "t3").with(Dimension::JobVersion, "2"),
    ];
    let second = [
        event("d", 9, "j1", 500).with(Dimension::TraceId, "t1").with(Dimension::ParentId, "a"),
        event("e", 1, "j3", 1).with(Dimension::Status, "error"),
        event("f", 1, "j3", 0).used(TokenMeter::CacheWrite1h, 3),
    ];
    let mut memory = Memory::default().with(&first, Form::SegmentWithCounters).with(&second, Form::Batch);
    memory.book = Arc::new(book());
    memory.outcomes = vec![
        Outcome {
            kind: Some(OutcomeType::Converted),
            value: Some(PicoUsd::from_usd(2)),
            ..Outcome::new("j1", OutcomeStatus::Success)
        },
        Outcome::new("j2", OutcomeStatus::Failed),
    ];
    memory
}

fn shown(answer: &Answer) -> Vec<String> {
    let rows = answer.rows.iter().chain([&answer.totals]);
    rows.map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_list_of_jobs_has_properties_cost_and_outcome() {
    let memory = memory();
    let answer = View::new(&memory, Scope::default()).jobs(&Query::new()).expect("valid");
    let names: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..5], ["job_id", "job_type", "job_version", "cost", "reported_cost"]);
    assert_eq!(names[names.len() - 3..], ["outcome_status", "outcome_type", "outcome_value"]);
    let (t1, t3, t9) = ("2025-10-26T01:00:01Z", "2025-10-26T01:00:03Z", "2025-10-26T01:00:09Z");
    assert_eq!(
        shown(&answer),
        [
            format!("j2 null 2 0.008 null 1 0 0 4000 {t3} {t3} FAILED null null"),
            format!("j1 support null 0.007 null 3 0 0 3500 {t3} {t9} SUCCESS CONVERTED 2"),
            format!("j3 null null 0.000002 null 2 1 0 4 {t1} {t1} PENDING null null"),
            format!("null null null 0.015002 null 6 1 0 7504 {t1} {t9} null null null"),
        ]
    );
    let newest = Query::new().order(Order::descending(Measure::LastAt)).limit(1);
    let answer = View::new(&memory, Scope::default()).jobs(&newest).expect("valid");
    assert_eq!((answer.rows.len(), answer.groups, answer.rows[0][0].to_string().as_str()), (1, 3, "j1"));
}

#[test]
fn a_job_is_shown_with_its_models_traces_outcome_and_events_in_order() {
    let memory = memory();
    let view = View::new(&memory, Scope::default());
    let job = view.job("j1", &Query::new()).expect("exists");
    assert_eq!((job.job_type.as_deref(), job.job_version.as_deref()), (Some("support"), None));
    assert_eq!(job.outcome.map(|outcome| outcome.status), Some(OutcomeStatus::Success));
    let ids: Vec<Option<&str>> = job.events.iter().map(|priced| priced.event.id.as_deref()).collect();
    assert_eq!((ids, job.event_count), (vec![Some("b"), Some("a"), Some("d")], 3));
    let costs: Option<PicoUsd> = job.events.iter().map(|priced| priced.cost).sum();
    assert_eq!(costs.map(|cost| cost.to_string()).as_deref(), Some("0.007"));
    assert_eq!(job.totals.rows[0][0].to_string(), "0.007");
    let traces: Vec<String> = job.traces.rows.iter().map(|row| row[0].to_string()).collect();
    assert_eq!(traces, ["t2", "t1"]);
    assert_eq!(job.by_model.rows.len(), 1);
    assert_eq!(view.job("j9", &Query::new()).map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
}

#[test]
fn a_trace_lists_its_events_with_cost_and_parent() {
    let memory = memory();
    let trace = View::new(&memory, Scope::default()).trace("t1", &Query::new()).expect("exists");
    let events: Vec<_> = trace
        .events
        .iter()
        .map(|one| (one.event.get(Dimension::SpanId), one.event.get(Dimension::ParentId), one.cost.map(PicoUsd::pico)))
        .collect();
    assert_eq!(events, [(Some("a"), None, Some(2_000_000_000)), (Some("d"), Some("a"), Some(1_000_000_000))]);
    assert_eq!(trace.totals.rows[0][0].to_string(), "0.003");
}

#[test]
fn an_event_with_a_quantity_that_has_no_price_says_so() {
    let memory = memory();
    let query = Query::new().filter(quipu_query::Filter::parse("cache_write_1h > 0").expect("valid"));
    let (events, count) = View::new(&memory, Scope::default()).events(&query, 10).expect("valid");
    assert_eq!((count, events[0].cost), (1, None));
    assert_eq!(events[0].unpriced, [(TokenMeter::CacheWrite1h.into(), 3)]);
}

#[test]
fn the_first_events_of_one_instant_are_chosen_by_id() {
    let memory = memory();
    let (events, count) = View::new(&memory, Scope::default()).events(&Query::new(), 3).expect("valid");
    let ids: Vec<Option<&str>> = events.iter().map(|priced| priced.event.id.as_deref()).collect();
    assert_eq!((ids, count), (vec![Some("e"), Some("f"), Some("b")], 6));
    assert_eq!(View::new(&memory, Scope::default()).events(&Query::new(), 0).expect("valid").0.len(), 0);
}

#[test]
fn the_funnel_keeps_pending_jobs_in_the_denominator() {
    let memory = memory();
    let answer = View::new(&memory, Scope::default()).funnel(&Query::new()).expect("valid");
    assert_eq!(shown(&answer)[0], "3 1 0.333333 1 0.333333 1 0.333333 1.000000");
    assert_eq!(answer.cohort, Some(Cohort::JobStart));
}

#[test]
fn roi_counts_the_cost_of_every_job_against_the_value_of_some() {
    let memory = memory();
    let answer = View::new(&memory, Scope::default()).roi(&Query::new().by(Dimension::JobType)).expect("valid");
    // The type is that of the event: only one event of j1 carries it.
    assert_eq!(
        shown(&answer),
        [
            "null 3 1 2 2 null 1 0.013002 152.822489 399.000000 0.013002000 0.013002000",
            "support 1 0 2 2 null 0 0.002 999.000000 999.000000 0.002000000 0.002000000",
            "null 3 1 2 2 null 1 0.015002 132.315558 284.714286 0.015002000 0.015002000",
        ]
    );
}

#[test]
fn more_windows_than_can_be_compared_at_once_are_refused() {
    let memory = memory();
    let view = View::new(&memory, Scope::default());
    let rule = RunawayRule { window_micros: 3_600_000_000, ..RunawayRule::default() };
    let asked = |days: i64| {
        let since = Timestamp::from_micros(CHANGE.micros() - days * 86_400_000_000);
        view.runaways(&Query::new(), &rule, since, CHANGE)
    };
    assert!(asked(2).expect("48 windows").is_empty());
    let error = asked(500).expect_err("12,000 windows");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("there are 12000 windows"), "{error}");
}

#[test]
fn a_workflow_run_lasts_until_its_last_call_has_ended() {
    let call = |id: &str, seconds: i64, trace: &str, millis: u64| {
        let event = Event::new(id, Timestamp::from_micros(CHANGE.micros() + seconds * 1_000_000));
        event.with(Dimension::TraceId, trace).with_number(Number::DurationMs, millis)
    };
    let calls = [call("a", 0, "slow", 9_000), call("b", 0, "short", 10), call("c", 4, "short", 500)];
    let memory = Memory::default().with(&calls, Form::Segment);
    let view = View::new(&memory, Scope::default());
    let answer = view.traces(&Query::new().limit(1), TraceOrder::Longest).expect("valid");
    let last = answer.columns.iter().position(|column| column.name == "elapsed").expect("a column");
    let shown = |row: &[Value]| (row[0].to_string(), row[last].to_string());
    assert_eq!(answer.rows.iter().map(|row| shown(row)).collect::<Vec<_>>(), [("slow".into(), "9000.000".into())]);
    assert_eq!((answer.groups, answer.rows[0].len()), (2, answer.columns.len()));
}
