//! Coverage against one question per field; each warning by what raises it and by what does not.

use std::sync::Arc;

use proptest::prelude::*;
use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule, Rate};
use quipu_engine::{Dimension, Event, Number, Timestamp, TokenMeter};
use quipu_query::filter::{NumberField, NumberTest, TextField, TextTest};
use quipu_query::{Answer, CostBasis, Filter, Measure, Query, Scope, Value, View};

use crate::generate::{CHANGE, book, events, query};
use crate::memory::{Form, Memory};

fn is_missing(field: &str) -> Filter {
    match Dimension::parse(field) {
        Some(dimension) => Filter::Text(TextField::Dimension(dimension), TextTest::Null),
        None => Filter::Number(NumberField::Number(Number::RetryDepth), NumberTest::Null),
    }
}

fn memory(events: &[Event], form: Form) -> Memory {
    let mut memory = Memory::default().with(events, form);
    memory.book = Arc::new(book());
    memory
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn one_pass_finds_what_a_question_per_field_finds(
        events in events(), query in query(false), form in 0..3_usize,
    ) {
        let memory = memory(&events, [Form::Batch, Form::Segment, Form::SegmentWithCounters][form]);
        let view = View::new(&memory, Scope::default());
        // Keys that are times are ordered otherwise, and what a report does not use is left out.
        let by = query.by.iter().filter(|pivot| !matches!(pivot, quipu_query::Pivot::Time(_))).cloned().collect();
        let kept = Query { by, filter: query.filter.clone(), cost_basis: query.cost_basis, ..Query::new() };
        let spend = if kept.cost_basis == CostBasis::Computed { Measure::Cost } else { Measure::ReportedCost };
        let found = view.coverage(&kept).expect("valid").fields;
        let keys = kept.by.len();
        for row in &found.rows {
            let name = row[0].to_string();
            let asked = kept.clone().measures([Measure::Requests, spend.clone()]);
            let of_key = |answer: Answer| {
                let rows = if keys == 0 { vec![answer.totals] } else { answer.rows };
                rows.into_iter().find(|one| one[..keys] == row[1..=keys]).map(|one| one[keys..].to_vec())
            };
            let all = of_key(view.query(&asked).expect("valid")).expect("a group");
            let lacking = of_key(view.query(&asked.filter(is_missing(&name))).expect("valid"));
            prop_assert_eq!((&row[keys + 1], &row[keys + 4]), (&all[0], &all[1]), "{}", name);
            match lacking {
                Some(lacking) => prop_assert_eq!((&row[keys + 2], &row[keys + 5]), (&lacking[0], &lacking[1])),
                None => prop_assert_eq!(&row[keys + 2], &Value::Count(0)),
            }
        }
        let groups = if keys == 0 { 1 } else { view.query(&kept.measure(Measure::Requests)).expect("valid").groups };
        prop_assert_eq!(found.rows.len() as u64, 8 * groups);
    }
}

/// Two hundred calls with distinct names of one field.
fn calls(field: Dimension, name: impl Fn(usize) -> String) -> Vec<Event> {
    let call = |n: usize| {
        Event::new(format!("e{n}"), Timestamp::from_micros(CHANGE.micros() + n as i64))
            .with(Dimension::Workspace, "default")
            .with(Dimension::Tenant, "acme")
            .with(Dimension::Model, "m1")
            .with(field, name(n))
            .used(TokenMeter::Input, 1_000)
    };
    (0..200).map(call).collect()
}

/// The codes of the warnings about a field.
fn warned(events: &[Event], field: &str) -> Vec<&'static str> {
    let memory = memory(events, Form::Segment);
    let report = View::new(&memory, Scope::default()).coverage(&Query::new()).expect("valid");
    report.warnings.iter().filter(|warning| warning.field == field).map(|warning| warning.code).collect()
}

#[test]
fn ids_in_the_names_of_tasks_are_noticed_and_a_few_names_are_not() {
    let variants = calls(Dimension::TaskType, |n| format!("summary_{n}"));
    assert_eq!(warned(&variants, "task_type"), ["too_many_values"]);
    assert_eq!(warned(&calls(Dimension::TaskType, |n| format!("summary_{}", n % 20)), "task_type"), [""; 0]);
}

#[test]
fn a_name_that_breaks_the_convention_is_noticed_and_others_are_not() {
    const NAMES: [&str; 9] =
        ["sum_up", "look_up", "write_mail", "read_mail", "draft_it", "find_it", "drop_it", "ask_it", "chat"];
    let kept = |n: usize| NAMES[n % NAMES.len()].to_owned();
    let broken = |n: usize| if n == 7 { "sumItUp".into() } else { kept(n) };
    assert_eq!(warned(&calls(Dimension::TaskType, broken), "task_type"), ["naming_convention_broken"]);
    assert_eq!(warned(&calls(Dimension::TaskType, kept), "task_type"), [""; 0]);
    let twins = |n: usize| if n.is_multiple_of(2) { "Prod" } else { "prod" }.to_owned();
    assert_eq!(warned(&calls(Dimension::Environment, twins), "environment"), ["names_almost_equal"]);
    let apart = |n: usize| ["prod", "prod-eu", "product", "eu-1.1", "eu-11"][n % 5].to_owned();
    assert_eq!(warned(&calls(Dimension::Environment, apart), "environment"), [""; 0]);
}

#[test]
fn companies_among_the_subscribers_are_noticed_and_people_are_not() {
    let with = |name: &'static str| {
        calls(Dimension::SubscriberId, move |n| if n == 3 { name.into() } else { format!("u-{n}") })
    };
    assert_eq!(warned(&with("Muster GmbH"), "subscriber_id"), ["company_as_subscriber"]);
    assert_eq!(warned(&with("ACME"), "subscriber_id"), ["company_as_subscriber"], "a tenant's name");
    assert_eq!(warned(&with("ann lee"), "subscriber_id"), [""; 0]);
}

#[test]
fn a_retry_depth_that_is_always_zero_is_noticed_and_one_that_is_used_is_not() {
    let depth = |last: u64| -> Vec<Event> {
        let calls = calls(Dimension::Team, |_| "red".into()).into_iter().enumerate();
        calls.map(|(n, call)| call.with_number(Number::RetryDepth, if n == 9 { last } else { 0 })).collect()
    };
    assert_eq!(warned(&depth(0), "retry_depth"), ["retry_depth_always_zero"]);
    assert_eq!(warned(&depth(1), "retry_depth"), [""; 0]);
    assert_eq!(warned(&depth(0)[..50], "retry_depth"), [""; 0], "fifty calls prove no habit");
    assert_eq!(warned(&calls(Dimension::Team, |_| "red".into()), "retry_depth"), [""; 0], "none is stated");
}

#[test]
fn what_retries_cost_and_what_cheaper_tiers_would_save_is_in_money() {
    let tier = |n: usize| if n.is_multiple_of(2) { "large" } else { "small" };
    let calls: Vec<Event> = calls(Dimension::ModelTier, |n| tier(n).into())
        .into_iter()
        .enumerate()
        .map(|(n, call)| {
            let call = call.with(Dimension::TaskType, "summary").with_number(Number::RetryDepth, u64::from(n < 20));
            // A token of m2 costs 1 pico-USD, one of m1 at least 2,000,000.
            if tier(n) == "small" { call.with(Dimension::Model, "m2") } else { call }
        })
        .collect();
    let report = |events: &[Event]| {
        let memory = memory(events, Form::SegmentWithCounters);
        View::new(&memory, Scope::default()).coverage(&Query::new()).expect("valid")
    };
    let shown = |row: &[Value]| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let found = report(&calls);
    // Ten of m1 and ten of m2 among the retries, of a hundred each.
    assert_eq!(shown(&found.retries.rows[0]), "200 20 0.100000 0.2000001 0.02000001 0.100000");
    assert_eq!(shown(&found.routing.rows[0]), "summary small m2 100 0.2 0.0000001 0.1999999");
    let one_tier: Vec<Event> = calls.iter().cloned().map(|call| call.with(Dimension::ModelTier, "large")).collect();
    assert!(report(&one_tier).routing.rows.is_empty());
    let first: Vec<Event> = calls.into_iter().map(|call| call.with_number(Number::RetryDepth, 0)).collect();
    assert_eq!(shown(&report(&first).retries.rows[0]), "200 0 0.000000 0.2000001 0 0.000000");
}

/// Thirty calls of a task at a tier by a model, with the tokens of each.
fn routed(task: &str, tier: &str, model: &str, calls: usize, input: u64, output: u64) -> Vec<Event> {
    let call = |n: usize| {
        Event::new(format!("{task} {tier} {model} {n}"), CHANGE)
            .with(Dimension::TaskType, task)
            .with(Dimension::ModelTier, tier)
            .with(Dimension::Model, model)
            .used(TokenMeter::Input, input)
            .used(TokenMeter::Output, output)
    };
    (0..calls).map(call).collect()
}

#[test]
fn calls_are_routed_by_what_their_own_tokens_would_cost_elsewhere() {
    let rate = |model: &str, meter: TokenMeter, usd: u64| {
        PriceRule::new(ModelPattern::Exact(model.into()), PriceOf::Meter(meter.into()), Rate::Pico(usd * 1_000_000))
    };
    let rules = [("m", 1, 10), ("big", 5, 50)].into_iter().flat_map(|(model, input, output)| {
        [rate(model, TokenMeter::Input, input), rate(model, TokenMeter::Output, output)]
    });
    let book = PriceBook::new("two models", rules.collect()).expect("valid");
    let events = [
        // The same model at both tiers, with other tokens: nothing to save.
        routed("same", "premium", "m", 30, 100, 900),
        routed("same", "cheap", "m", 30, 900, 100),
        // Cheap output beside much dear input, so that a token is dearer on average at the cheaper tier.
        routed("mixed", "premium", "big", 30, 9_000, 10),
        routed("mixed", "cheap", "m", 30, 10, 900),
        routed("mixed", "premium", "unheard-of", 7, 9_000, 10),
        routed("rare", "premium", "big", 30, 9_000, 10),
        routed("rare", "cheap", "m", 2, 9_000, 10),
    ];
    let mut memory = Memory::default().with(&events.concat(), Form::SegmentWithCounters);
    memory.book = Arc::new(book);
    let found = View::new(&memory, Scope::default()).coverage(&Query::new()).expect("valid").routing;
    let shown = |row: &[Value]| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(
        found.rows.iter().map(|row| shown(row)).collect::<Vec<_>>(),
        ["mixed cheap m 30 1.365 0.273 1.092"],
        "30 times 9,000 at 5 and 10 at 50 dollars a million, against 1 and 10"
    );
    assert_eq!(shown(&found.totals), "null null null 30 1.365 0.273 1.092");
    assert!(
        found.notes[1].starts_with("calls elsewhere without a full price, as they were or as they would be: 7"),
        "{:?}",
        found.notes
    );
}
