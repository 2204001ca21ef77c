//! What answers mean, by example.

use std::sync::Arc;

use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule, Rate};
use quipu_engine::rollup::{Every, Rollup};
use quipu_engine::{
    Dimension, ErrorKind, Event, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Timestamp, TokenMeter,
};
use quipu_query::{Bucket, CostBasis, Filter, Measure, Order, Path, PathChoice, PriceChoice, Query, Scope, View, Zone};

use crate::generate::{CHANGE, book};
use crate::memory::{Form, Memory};
use crate::oracle::Oracle;

/// Two jobs that touch two teams, one event without a job, one event of another workspace.
fn events() -> Vec<Event> {
    let event = |id: &str, seconds: i64| Event::new(id, Timestamp::from_micros(CHANGE.micros() + seconds * 1_000_000));
    let call = |event: Event, job: &str, team: &str, input: u64| {
        event
            .with(Dimension::JobId, job)
            .with(Dimension::Team, team)
            .with(Dimension::Model, "m1")
            .used(TokenMeter::Input, input)
    };
    vec![
        call(event("a", 0), "j1", "red", 1_000),
        call(event("b", 1), "j1", "blue", 2_000).with_number(Number::ReportedCost, 7),
        call(event("c", 2), "j2", "red", 4_000),
        event("d", 3).with(Dimension::Team, "red").with(Dimension::Model, "unheard-of").used(TokenMeter::Output, 5),
        call(event("e", 4), "j3", "red", 8_000).with(Dimension::Workspace, "other"),
    ]
}

fn memory() -> Memory {
    let mut memory = Memory::default().with(&events(), Form::SegmentWithCounters);
    memory.book = Arc::new(book());
    memory.outcomes = vec![Outcome {
        kind: Some(OutcomeType::Converted),
        value: Some(PicoUsd::from_usd(1)),
        ..Outcome::new("j1", OutcomeStatus::Success)
    }];
    memory
}

fn shown(memory: &Memory, query: &Query) -> Vec<String> {
    let answer = View::new(memory, Scope::default()).query(query).expect("valid");
    let rows = answer.rows.iter().chain([&answer.totals]);
    rows.map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_job_counts_in_every_group_it_touches_with_the_cost_it_has_there() {
    let query = Query::new()
        .measures([Measure::Jobs, Measure::JobCost, Measure::Converted, Measure::CostPerConversion])
        .by(Dimension::Team);
    assert_eq!(
        shown(&memory(), &query),
        ["red 2 0.01 1 0.010000000", "blue 1 0.004 1 0.004000000", "null 2 0.014 1 0.014000000"]
    );
}

#[test]
fn what_has_no_price_is_listed_and_never_free() {
    let query = Query::new().measures([Measure::Cost, Measure::Unpriced]).by(Dimension::Model);
    assert_eq!(shown(&memory(), &query), ["m1 0.014 0", "unheard-of null 1", "null 0.014 1"]);
    let memory = memory();
    let answer = View::new(&memory, Scope::default()).query(&query).expect("valid");
    let unpriced: Vec<_> =
        answer.unpriced.iter().map(|one| (one.model.as_deref(), one.meter.name(), one.quantity)).collect();
    assert_eq!(unpriced, [(Some("unheard-of"), "output", 5)]);
    assert_eq!((answer.lsn, answer.price_book_version), (42, Some(3)));
}

#[test]
fn another_workspace_is_out_of_reach_of_every_filter() {
    let all = "workspace = other or not (workspace = default) or workspace is not null";
    let query = Query::new().measure(Measure::Requests).filter(Filter::parse(all).expect("valid"));
    for path in [PathChoice::Auto, PathChoice::Scan, PathChoice::Counters] {
        assert_eq!(shown(&memory(), &query.clone().path(path)), ["4", "4"]);
    }
    let memory = memory();
    let nobody = View::new(&memory, Scope::new("nobody").expect("a name"));
    assert_eq!(nobody.query(&query).expect("valid").totals[0].to_string(), "0");
    assert_eq!(nobody.trace("t", &Query::new()).map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
}

#[test]
fn totals_cover_the_groups_that_a_limit_cuts() {
    let query = Query::new().measure(Measure::InputTokens).by(Dimension::JobId).limit(1);
    let memory = memory();
    let answer = View::new(&memory, Scope::default()).query(&query).expect("valid");
    assert_eq!((answer.rows.len(), answer.groups), (1, 3));
    assert_eq!(answer.totals[1].to_string(), "7000");
}

#[test]
fn an_assumed_value_fills_in_only_where_an_outcome_states_none() {
    let mut memory = memory();
    memory.outcomes[0].value = None;
    let query = Query::new().measures([Measure::Value, Measure::Roi, Measure::ValueUnknown]);
    assert_eq!(shown(&memory, &query)[0], "null null 1");
    let assumed = query.assume_value(OutcomeType::Converted, PicoUsd::from_usd(7));
    assert_eq!(shown(&memory, &assumed)[0], "7 499.000000 0");
    memory.outcomes[0].value = Some(PicoUsd::from_usd(0));
    assert_eq!(shown(&memory, &assumed)[0], "0 -1.000000 0");
}

#[test]
fn the_cost_basis_decides_what_jobs_cost() {
    let query = Query::new().measures([Measure::JobCost, Measure::ReportedUnknown]).cost_basis(CostBasis::Reported);
    assert_eq!(shown(&memory(), &query)[0], "0.000000000007 3");
}

#[test]
fn one_job_is_looked_up_where_its_rows_are_known() {
    let ask = |form, query: &Query| {
        let memory = Memory::default().with(&events(), form);
        let answer = View::new(&memory, Scope::default()).query(query).expect("valid");
        (answer.explain.parts[0], answer.rows[0][0].to_string())
    };
    let query = Query::new().measure(Measure::Requests);
    let of_job = query.clone().filter(Filter::is(Dimension::JobId, "j1"));
    let (told, count) = ask(Form::Segment, &of_job);
    assert_eq!((told.path, told.rows, told.rows_read, count.as_str()), (Path::LookUp, 5, 2, "2"));
    assert_eq!(ask(Form::Segment, &of_job.clone().path(PathChoice::Scan)).0.path, Path::Scan);
    assert_eq!(ask(Form::Batch, &of_job).1, "2");
    let nobody = query.filter(Filter::is(Dimension::JobId, "nobody"));
    let (told, count) = ask(Form::Segment, &nobody);
    assert_eq!((told.path, told.rows, told.rows_read, count.as_str()), (Path::Pruned, 5, 0, "0"));
}

#[test]
fn a_counter_that_straddles_a_boundary_sends_its_part_to_the_scan() {
    let memory = memory();
    let path = |query: Query| View::new(&memory, Scope::default()).query(&query).expect("valid").explain.parts[0].path;
    let auto = Query::new().measure(Measure::Requests);
    let requests = auto.clone().path(PathChoice::Counters);
    assert_eq!(path(requests.clone()), Path::Counters);
    assert_eq!(path(requests.clone().by(Bucket::Hour)), Path::Counters);
    assert_eq!(path(auto.clone()), Path::Scan, "four counters for five events are not worth it");
    assert_eq!(path(auto.by(Dimension::Feature)), Path::Scan);
    // Of j1, one event lies before that instant and one after, but in different teams: no counter straddles.
    let until = Timestamp::from_micros(CHANGE.micros() + 1_000_000);
    assert_eq!(path(requests.clone().until(until)), Path::Counters);
    assert_eq!(path(requests.until(Timestamp::from_seconds(0))), Path::Pruned);
    let mut two = events();
    two[2] = two[2].clone().with(Dimension::JobId, "j1");
    let straddling = Memory::default().with(&two, Form::SegmentWithCounters);
    let query = Query::new().measure(Measure::Requests).since(until).path(PathChoice::Counters);
    let answer = View::new(&straddling, Scope::default()).query(&query).expect("valid");
    assert_eq!((answer.explain.parts[0].path, answer.rows[0][0].to_string().as_str()), (Path::Scan, "3"));
}

#[test]
fn a_rollup_answers_for_whole_days_and_finer_rows_for_the_rest() {
    let at = |day: i64, hour: i64| Timestamp::from_seconds(1_767_225_600 + day * 86_400 + hour * 3_600);
    let event = |n: i64| {
        let event = Event::new(format!("e{n}"), at(n / 24, n % 24)).used(TokenMeter::Input, 1_000);
        event.with(Dimension::Team, if n % 2 == 0 { "red" } else { "blue" }).with(Dimension::Model, "m1")
    };
    let events: Vec<Event> = (0..96).map(event).collect();
    let rule = PriceRule::new(ModelPattern::Exact("m1".into()), PriceOf::Meter(TokenMeter::Input.into()), 1_000);
    let noon = PriceRule { until: Some(at(1, 12)), ..rule.clone() };
    let book = Arc::new(
        PriceBook::new("test", vec![noon, PriceRule { from: at(1, 12), rate: Rate::Pico(3_000), ..rule }]).unwrap(),
    );
    let rollups = vec![Rollup::new([Dimension::Team], Every::Day).unwrap()];
    let memory = Memory { rollups, book, ..Memory::default() }.with(&events, Form::SegmentWithRollups);
    let read = |query: Query| {
        let answer = View::new(&memory, Scope::default()).query(&query).expect("valid");
        let parts = answer.explain.parts.iter().map(|part| (part.path, part.rows));
        (parts.collect::<Vec<_>>(), answer.totals.last().expect("a measure").to_string())
    };
    let by_team = |measure| Query::new().measure(measure).by(Dimension::Team);
    let requests = || by_team(Measure::Requests);
    let explain = View::new(&memory, Scope::default()).query(&requests()).expect("valid").explain;
    assert_eq!(explain.stages.iter().map(|stage| stage.name).collect::<Vec<_>>(), ["prepare", "sums", "scan", "rows"]);
    assert!(explain.parts.iter().all(|part| part.touched.blocks > 0 && part.touched.bytes > 0), "{explain:?}");
    assert_eq!(read(requests()), (vec![(Path::Rollup, 8)], "96".into()));
    // What lacks a dimension is counted, whether the rollup is by it or not.
    for (dimension, carried) in [(Dimension::Team, "96"), (Dimension::Model, "96"), (Dimension::Feature, "0")] {
        assert_eq!(read(by_team(Measure::Count(dimension))), (vec![(Path::Rollup, 8)], carried.into()));
    }
    assert_eq!(read(requests().by(Bucket::Day)), (vec![(Path::Rollup, 8)], "96".into()));
    assert_eq!(read(requests().since(at(1, 0)).until(at(3, 0))), (vec![(Path::Rollup, 8)], "48".into()));
    // What starts within a day is read from the events of that day.
    assert_eq!(read(requests().since(at(1, 6))), (vec![(Path::Rollup, 8), (Path::Scan, 96)], "66".into()));
    // So is the day on which a price changes at noon.
    let cost = read(by_team(Measure::Cost));
    assert_eq!(cost, (vec![(Path::Rollup, 8), (Path::Scan, 96)], "0.00021600".trim_end_matches('0').into()));
    // In Kathmandu no day is one of UTC.
    let elsewhere = requests().by(Bucket::Day).zone(Zone::parse("Asia/Kathmandu").expect("exists"));
    assert_eq!(read(elsewhere).0, [(Path::Scan, 96)]);
    assert_eq!(read(Query::new().measure(Measure::Requests).by(Dimension::Feature)).0, [(Path::Scan, 96)]);
    assert_eq!(read(requests().measure(Measure::FirstAt)).0, [(Path::Counters, 8)]);
    let forced = requests().by(Dimension::Feature).path(PathChoice::Rollup);
    let error = View::new(&memory, Scope::default()).query(&forced).expect_err("none has features").to_string();
    assert!(error.contains("no rollup can answer") && error.contains("`team every day`"), "{error}");
}

#[test]
fn contradictory_queries_are_refused_with_a_reason() {
    let memory = memory();
    let refused = |query: Query| {
        let error = View::new(&memory, Scope::default()).query(&query).expect_err("must be refused");
        error.to_string()
    };
    let requests = || Query::new().measure(Measure::Requests);
    assert!(refused(Query::new()).contains("has no measure"));
    assert!(refused(requests().order(Order::descending(Measure::Cost))).contains("cannot order by cost"));
    assert!(refused(requests().since(CHANGE).until(CHANGE)).contains("time range is empty"));
    assert!(refused(requests().by(Dimension::Feature).path(PathChoice::Counters)).contains("counters cannot answer"));
    let what_if = Query::new().measure(Measure::Cost).prices(PriceChoice::Version(9));
    assert!(refused(what_if).contains("no price book 9"));
}

#[test]
fn blocks_that_cannot_hold_a_match_are_not_read_and_the_answer_is_the_same() {
    let events: Vec<Event> = (0..40_000_i64)
        .map(|n| {
            Event::new(format!("e{n}"), Timestamp::from_micros(CHANGE.micros() + n * 1_000_000))
                .with(Dimension::Workspace, "default")
                .with(Dimension::Tenant, format!("t{}", n % 7))
                .with(Dimension::JobId, format!("j{}", n / 50))
                .with(Dimension::Model, if n % 3 == 0 { "m1" } else { "m3" })
                .used(TokenMeter::Input, n.unsigned_abs())
        })
        .collect();
    let book = book();
    let mut memory = Memory::default().with(&events, Form::Segment);
    memory.book = Arc::new(book.clone());
    let oracle = Oracle { events: &events, outcomes: &[], book: &book };
    for filter in
        ["tenant = t3", "tenant in (t0, t1) and model = m1", "job_id = j77 or tenant = t6", "not (tenant != t2)"]
    {
        let query = Query::new()
            .measures([Measure::Requests, Measure::InputTokens, Measure::Cost, Measure::Jobs])
            .by(Dimension::Model)
            .filter(Filter::parse(filter).expect("valid"));
        for query in [query.clone(), query.since(Timestamp::from_micros(CHANGE.micros() + 39_000_000_000))] {
            let answer = View::new(&memory, Scope::default()).query(&query).expect("valid");
            let expected = oracle.answer(&query);
            assert_eq!((&answer.rows, &answer.totals), (&expected.rows, &expected.totals), "{filter}");
        }
    }
    let one = Query::new().measure(Measure::Requests).filter(Filter::is(Dimension::Tenant, "t0"));
    let answer = View::new(&memory, Scope::default()).query(&one).expect("valid");
    assert_eq!((answer.explain.rows_read(), answer.totals[0].to_string().as_str()), (16_384, "5715"));
}

#[test]
fn a_job_type_is_found_however_it_is_written() {
    let mut event = Event::new("a", CHANGE).with(Dimension::Workspace, "default").with(Dimension::JobType, "Support");
    event.normalise(CHANGE).expect("valid");
    let memory = Memory::default().with(&[event], Form::SegmentWithCounters);
    for (filter, found) in [("job_type = SUPPORT", "1"), ("job_type ^= Sup", "1"), ("job_type != Support", "0")] {
        let query = Query::new().measure(Measure::Requests).filter(Filter::parse(filter).expect("valid"));
        let answer = View::new(&memory, Scope::default()).query(&query).expect("valid");
        assert_eq!(answer.totals[0].to_string(), found, "{filter}");
    }
}
