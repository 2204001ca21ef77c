//! The reports, by example.

use std::sync::Arc;

use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
use quipu_engine::{
    Dimension, ErrorKind, Event, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Timestamp, TokenMeter,
};
use quipu_query::{
    Answer, Cohort, Limits, Measure, Order, PriceChoice, Query, RunawayRule, Scope, TraceOrder, Value, View,
};

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
        event("b", 3, "j1", 2_000).with(Dimension::TraceId, "t2").with_number(Number::DurationMs, 30),
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
    assert_eq!(names[..7], ["job_id", "job_type", "job_version", "job_name", "tenant", "team", "cost"]);
    assert_eq!(names[7..12], ["cost(tokens)", "cost(tools)", "cost(human)", "reported_cost", "requests"]);
    assert_eq!(names[names.len() - 3..], ["outcome_status", "outcome_type", "outcome_value"]);
    let (t1, t3, t9) = ("2025-10-26T01:00:01Z", "2025-10-26T01:00:03Z", "2025-10-26T01:00:09Z");
    assert_eq!(
        shown(&answer),
        [
            format!("j2 null 2 null null null 0.008 0.008 0 0 null 1 0 0 4000 null {t3} {t3} FAILED null null"),
            format!("j1 support null null null null 0.007 0.007 0 0 null 3 0 0 3500 30 {t3} {t9} SUCCESS CONVERTED 2"),
            format!("j3 null null null null null 0.000002 0.000002 0 0 null 2 1 0 4 null {t1} {t1} PENDING null null"),
            format!("null null null null null null 0.015002 0.015002 0 0 null 6 1 0 7504 30 {t1} {t9} null null null"),
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
    let properties: Vec<_> = job.properties.iter().map(|(of, value)| (of.name(), value.as_deref())).collect();
    assert_eq!(properties[..2], [("job_type", Some("support")), ("job_version", None)]);
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
            "null 3 1 2 2 null null 1 0.013002 152.846154 399.000000 0.013002000 0.013002000",
            "support 1 0 2 2 null null 0 0.002 999.000000 999.000000 0.002000000 0.002000000",
            "null 3 1 2 2 null null 1 0.015002 132.333333 284.714286 0.015002000 0.015002000",
        ]
    );
    let notes = answer.notes.join("\n");
    for remark in [
        "jobs with events in several rows: 1 of 3;",
        "jobs whose cost is unknown, or known in part: 1 of 3; ROI leaves them out, costs per job divide what is known by all jobs",
        "outcomes without a value: 1; in roi they are worth 0",
        "mean_roi is of the jobs whose value and cost are known, and the cost above 0: 1 of 3",
    ] {
        assert!(notes.contains(remark), "{notes}");
    }
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
    assert!(asked(2).expect("48 windows").alarms.is_empty());
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

/// Prices of input in USD per million tokens.
fn prices(rates: &[(&str, u64)]) -> Arc<PriceBook> {
    let rule = |(model, usd): &(&str, u64)| {
        let of = PriceOf::Meter(TokenMeter::Input.into());
        PriceRule::new(ModelPattern::Exact((*model).into()), of, usd * 1_000_000)
    };
    Arc::new(PriceBook::new("", rates.iter().map(rule).collect::<Vec<_>>()).expect("valid"))
}

/// A call of a million tokens.
fn million(id: &str, team: &str, model: &str) -> Event {
    Event::new(id, CHANGE).with(Dimension::Team, team).with(Dimension::Model, model).used(TokenMeter::Input, 1_000_000)
}

#[test]
fn a_price_that_only_one_book_has_is_no_difference() {
    let calls = [
        million("a", "plain", "m"),
        million("b", "late", "new"),
        million("c", "mixed", "m"),
        million("d", "mixed", "new"),
    ];
    let memory = Memory::default().with(&calls, Form::SegmentWithCounters);
    let view = View::new(&memory, Scope::default());
    let [old, new] = [&[("m", 1)][..], &[("m", 3), ("new", 5)]].map(|rates| PriceChoice::Book(prices(rates)));
    let (diff, lacking) = view.price_diff(&Query::new().by(Dimension::Team), old, new).expect("valid");
    assert_eq!(
        shown(&diff),
        ["late null 5 null null", "mixed 1 8 2 2.000000", "plain 1 3 2 2.000000", "null 2 16 4 2.000000",]
    );
    assert!(
        diff.notes[0].contains("of the usage of new: no difference counts the requests with it"),
        "{:?}",
        diff.notes
    );
    assert_eq!(lacking.unpriced.len(), 1);
    let [old, new] = [&[][..], &[("m", 3), ("new", 5)]].map(|rates| PriceChoice::Book(prices(rates)));
    let (diff, _) = view.price_diff(&Query::new(), old, new).expect("valid");
    assert_eq!(shown(&diff)[0], "null 16 null null", "nothing is compared, so nothing is known to have changed");
}

#[test]
fn reported_and_computed_cost_differ_where_both_are_known_and_rows_add_up() {
    let usd = 1_000_000_000_000;
    let calls = [
        million("a", "x", "m").with_number(Number::ReportedCost, 2 * usd),
        million("b", "x", "m"),
        million("c", "z", "new").with_number(Number::ReportedCost, 5 * usd),
        million("d", "z", "m").with_number(Number::ReportedCost, usd).with_number(Number::UsageMissing, 1),
        // A part of one call has no price; the others of its model are none the worse for it.
        million("e", "x", "m").with_number(Number::ReportedCost, 3 * usd).used(TokenMeter::Output, 5),
    ];
    let mut memory = Memory::default().with(&calls, Form::SegmentWithCounters);
    memory.book = prices(&[("m", 1)]);
    let found = View::new(&memory, Scope::default()).reconcile(&Query::new().by(Dimension::Team)).expect("valid");
    let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[3..8], ["reported_cost", "reported_unknown", "difference", "compared", "unpriced"]);
    let figures = |row: &Vec<Value>| row[..8].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = found.rows.iter().chain([&found.totals]).map(figures).collect();
    assert_eq!(rows, ["x 3 3 5 1 1 1 1", "z 2 1 6 0 null 0 1", "null 5 4 11 1 1 1 2"]);
}

#[test]
fn a_job_belongs_to_the_time_in_which_it_began_and_is_whole_there() {
    let call = |id: &str, days: i64, job: &str| {
        let at = Timestamp::from_micros(CHANGE.micros() + days * 86_400_000_000);
        Event::new(id, at).with(Dimension::JobId, job)
    };
    let calls = [call("a", 0, "j1"), call("b", 10, "j1"), call("c", 11, "j2"), call("d", 30, "j2")];
    let memory = Memory::default().with(&calls, Form::SegmentWithCounters);
    let day = |days: i64| Timestamp::from_micros(CHANGE.micros() + days * 86_400_000_000);
    let view = View::new(&memory, Scope::default());
    let listed = |query: &Query| {
        let answer = view.jobs(query).expect("valid");
        let calls = answer.columns.iter().position(|column| column.name == "requests").expect("a column");
        answer.rows.iter().map(|row| format!("{} {}", row[0], row[calls])).collect::<Vec<_>>()
    };
    let days = Query::new().since(day(5)).until(day(20));
    assert_eq!(listed(&days), ["j2 2"]);
    assert_eq!(listed(&days.cohort(Cohort::Event)), ["j1 1", "j2 1"]);
}

#[test]
fn an_outcome_without_an_event_is_told_of_and_its_job_can_be_seen() {
    let mut memory = memory();
    let worth = |job: &str, usd: i64| Outcome {
        value: Some(PicoUsd::from_usd(usd)),
        at: Some(CHANGE),
        ..Outcome::new(job, OutcomeStatus::Success)
    };
    memory.outcomes.push(worth("ghost", 10));
    let view = View::new(&memory, Scope::default());
    let told = |query: &Query| {
        let answer = view.roi(query).expect("valid");
        answer.notes.iter().any(|note| note.starts_with("outcomes of jobs without any event: 1, worth $10;"))
    };
    let (all, later) = (Query::new(), Timestamp::from_micros(CHANGE.micros() + 1));
    assert!(told(&all) && told(&all.clone().cohort(Cohort::Outcome).until(later)));
    assert!(!told(&all.clone().cohort(Cohort::Outcome).since(later)), "it lies in another time");
    let some = quipu_query::Filter::parse("team = red").expect("valid");
    assert!(!told(&all.clone().filter(some)), "nobody knows whose it is");
    let job = view.job("ghost", &all).expect("has an outcome");
    let value = job.totals.columns.iter().position(|column| column.name == "value").expect("a column");
    assert_eq!((job.event_count, job.totals.rows[0][value].to_string().as_str()), (0, "10"));
    let tenant = View::new(&memory, Scope::default().of_tenant("acme").expect("a name"));
    assert_eq!(tenant.job("ghost", &all).map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
}

#[test]
fn a_converted_failure_is_remarked_on() {
    let mut memory = memory();
    memory.outcomes[1].kind = Some(OutcomeType::Converted);
    let answer = View::new(&memory, Scope::default()).funnel(&Query::new()).expect("valid");
    assert!(answer.notes.iter().any(|note| note.starts_with("jobs converted without the status SUCCESS: 1;")));
}

#[test]
fn the_value_of_outcomes_adds_up_from_its_parts() {
    let mut memory = memory();
    memory.outcomes[1].value = Some(PicoUsd::from_usd(-3));
    let answer = View::new(&memory, Scope::default()).roi(&Query::new()).expect("valid");
    let parts: Vec<String> = answer.rows[0][2..6].iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["-1", "2", "null", "-3"]);
}

#[test]
fn a_rule_watches_groups_of_several_keys_and_tells_what_has_no_price() {
    let call = |id: &str, days: i64, model: &str, calls: u64| {
        let at = Timestamp::from_micros(CHANGE.micros() - days * 86_400_000_000 - 1);
        Event { at: Some(at), ..million(id, "red", model) }.used(TokenMeter::Input, calls * 1_000_000)
    };
    let calls = [call("a", 1, "m", 1), call("b", 0, "m", 5), call("c", 1, "new", 1), call("d", 0, "new", 90)];
    let mut memory = Memory::default().with(&calls, Form::SegmentWithCounters);
    memory.book = prices(&[("m", 1)]);
    let view = View::new(&memory, Scope::default());
    let rule = RunawayRule {
        measure: Measure::Cost,
        by: vec![Dimension::Team.into(), Dimension::Model.into()],
        window_micros: 86_400_000_000,
        limits: Limits { ratio_milli: 3_000, minimum: 1_000_000_000_000 },
        ..RunawayRule::default()
    };
    let since = Timestamp::from_micros(CHANGE.micros() - 2 * 86_400_000_000);
    let asked = |rule: &RunawayRule| view.runaways(&Query::new(), rule, since, CHANGE);
    let found = asked(&rule).expect("valid");
    let alarms: Vec<_> = found.alarms.iter().map(|it| (it.group.to_string(), &*it.of, it.now.to_string())).collect();
    let unseen = ("red / new".to_owned(), "total_tokens of models without a price", "90000000".to_owned());
    assert_eq!(alarms, [("red / m".to_owned(), "cost", "5".to_owned()), unseen]);
    let unpriced: Vec<_> = found.unpriced.iter().map(|one| (one.model.as_deref(), one.quantity)).collect();
    assert_eq!(unpriced, [(Some("new"), 91_000_000)]);
    let refused = |rule: RunawayRule| asked(&rule).expect_err("refused").to_string();
    for measure in ["roi", "duration_p95", "cost_per_job", "error_rate", "last_at", "share(cost)"] {
        let measure = Measure::parse(measure).expect("known");
        assert!(refused(RunawayRule { measure, ..rule.clone() }).contains("a measure that adds up"));
    }
    let limits = Limits { minimum: -5, ..rule.limits.clone() };
    assert!(refused(RunawayRule { limits, ..rule.clone() }).contains("below 0"));
}
