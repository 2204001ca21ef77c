//! Sums over imported events equal totals that a separate program computed from the same files.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use quipu::store::{Item, OutcomeItem};
use quipu::{Dimension, Event, Number, Outcome, OutcomeType, Store, TokenMeter};
use serde_json::Value;

use super::super::*;
use super::{Memory, run, with_map};
use crate::demo_data;

fn truth(text: &str) -> Value {
    serde_json::from_str(text).expect("truth is JSON")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a count"))
}

/// What groups of events are compared by: events, input, output with reasoning, reported nano-USD.
#[derive(Default, Debug, PartialEq, Eq)]
struct Sums {
    events: u64,
    input: u64,
    output: u64,
    nano: u64,
}

fn sums<'a>(events: impl IntoIterator<Item = &'a Event>, group: impl Fn(&Event) -> String) -> BTreeMap<String, Sums> {
    let mut groups: BTreeMap<String, Sums> = BTreeMap::new();
    for event in events {
        let sums = groups.entry(group(event)).or_default();
        sums.events += 1;
        sums.input += event.input_tokens();
        sums.output += event.total_tokens() - event.input_tokens();
        let pico = event.number(Number::ReportedCost).unwrap_or(0);
        assert_eq!(pico % 1_000, 0, "rounded to the nano-USD");
        sums.nano += pico / 1_000;
    }
    groups
}

fn all(_: &Event) -> String {
    String::new()
}

fn dimension(dimension: Dimension) -> impl Fn(&Event) -> String {
    move |event| event.get(dimension).unwrap_or("").to_owned()
}

fn prefix_of_time(length: usize) -> impl Fn(&Event) -> String {
    move |event| event.at.expect("a time").to_string()[..length].replace('T', " ")
}

/// Imports one source of the demo twice; the second time nothing is new.
fn demo(source: usize) -> (Memory, Summary) {
    let mut memory = Memory::default();
    let source = demo_data::sources().expect("built-in maps").swap_remove(source);
    let first = run(&mut memory, &source.inputs, &source.options);
    assert!(first.is_clean(), "{first:?}");
    let second = run(&mut memory, &source.inputs, &source.options);
    assert_eq!((second.stored, second.duplicates, second.conflicts), (0, first.stored, 0));
    assert_eq!((second.outcomes_stored, second.outcomes_replayed), (0, first.outcomes_stored));
    (memory, first)
}

/// What is compared with the truth about the jobs: what a store holds of them.
pub(super) fn check_openhands(store: &Store) {
    let truth = truth(include_str!("../../../demo/truth/openhands.json"));
    let snapshot = store.snapshot();
    let rows = snapshot.parts().iter().flat_map(|part| part.rows().map(|row| part.events.event(row)));
    let events: Vec<Event> = rows.collect::<quipu::Result<_>>().expect("rows");
    let outcomes = snapshot.outcomes("default", None).expect("outcomes");
    let outcomes: HashMap<_, _> = outcomes.into_iter().map(|outcome| (outcome.job_id.clone(), outcome)).collect();
    let outcome_of = |event: &Event| {
        let outcome = outcomes.get(event.get(Dimension::JobId).expect("a job"));
        outcome.and_then(|outcome| outcome.kind)
    };
    let check = |truth: &Value, events: Vec<&Event>| {
        let count =
            |wanted: Option<OutcomeType>| events.iter().filter(|event| outcome_of(event) == wanted).count() as u64;
        assert_eq!(events.len() as u64, number(&truth["jobs"]));
        assert_eq!(count(Some(OutcomeType::Converted)), number(&truth["resolved"]));
        assert_eq!(count(Some(OutcomeType::Unsuccessful)), number(&truth["not_resolved"]));
        assert_eq!(count(None), number(&truth["outcome_null"]));
        let costs = |wanted| events.iter().filter(|event| event.number(Number::ReportedCost) == wanted).count() as u64;
        assert_eq!(costs(None), number(&truth["cost_null"]));
        assert_eq!(costs(Some(0)), number(&truth["cost_zero"]));
        assert_eq!(sums(events.iter().copied(), all)[""].nano, number(&truth["cost_usd_nano"]));
        let resolved = events.iter().copied().filter(|event| outcome_of(event) == Some(OutcomeType::Converted));
        let resolved = sums(resolved, all).remove("").unwrap_or_default();
        assert_eq!(resolved.nano, number(&truth["cost_usd_of_resolved_nano"]));
    };
    check(&truth["total"], events.iter().collect());
    for (by, dimension) in
        [("by_benchmark", Dimension::JobType), ("by_agent", Dimension::Agent), ("by_model", Dimension::Model)]
    {
        for (name, group) in truth[by].as_object().expect("groups") {
            check(group, events.iter().filter(|event| event.get(dimension) == Some(name)).collect());
        }
    }
    assert!(events.iter().all(|event| event.get(Dimension::JobVersion).is_some() && event.at.is_some()));
}

#[test]
fn aider_messages_sum_to_the_nano_dollar_by_month_and_model() {
    let truth = truth(include_str!("../../../demo/truth/aider.json"));
    let (memory, summary) = demo(1);
    assert_eq!(summary.read, number(&truth["rows"]));
    assert_eq!(summary.stored + summary.skipped, summary.read);
    let of = |truth: &Value| Sums {
        events: number(&truth["messages"]),
        input: number(&truth["prompt_tokens"]),
        output: number(&truth["completion_tokens"]),
        nano: number(&truth["cost_usd_nano"]),
    };
    let groups = |by: &str| -> BTreeMap<String, Sums> {
        truth[by].as_object().expect("groups").iter().map(|(name, group)| (name.clone(), of(group))).collect()
    };
    assert_eq!(sums(&memory.events, all)[""], of(&truth));
    assert_eq!(sums(&memory.events, prefix_of_time(7)), groups("by_month"));
    assert_eq!(sums(&memory.events, dimension(Dimension::Model)), groups("by_model"));
    assert!(memory.events.iter().all(|event| event.number(Number::UsageMismatch).is_none()));
}

#[test]
fn the_last_line_of_a_claude_code_message_counts() {
    let truth = truth(include_str!("../../../demo/truth/claude_code.json"));
    let (memory, _) = demo(2);
    let mut sessions = 0;
    for (session, truth) in truth.as_object().expect("sessions") {
        let events: Vec<_> =
            memory.events.iter().filter(|event| event.get(Dimension::SessionId) == Some(session)).collect();
        assert_eq!(events.len() as u64, number(&truth["distinct_message_and_request_ids"]), "{session}");
        let sum = |meter| events.iter().map(|event| event.quantity(meter)).sum::<u64>();
        let truth = &truth["sum_last_line_per_id"];
        assert_eq!(sum(TokenMeter::Input), number(&truth["input_tokens"]));
        assert_eq!(sum(TokenMeter::CacheWrite5m), number(&truth["cache_creation_input_tokens"]));
        assert_eq!(sum(TokenMeter::CacheRead), number(&truth["cache_read_input_tokens"]));
        assert_eq!(sum(TokenMeter::Output), number(&truth["output_tokens"]));
        sessions += events.len();
    }
    assert_eq!(memory.events.len(), sessions);
}

#[test]
fn azure_requests_sum_by_minute() {
    let truth = truth(include_str!("../../../demo/truth/azure.json"));
    let (memory, _) = demo(3);
    let expected =
        |row: &Value| Sums { events: number(&row[0]), input: number(&row[1]), output: number(&row[2]), nano: 0 };
    let minutes = truth["per_minute_rows_context_generated"].as_object().expect("minutes");
    let minutes = minutes.iter().map(|(minute, row)| (minute.clone(), expected(row))).collect();
    assert_eq!(sums(&memory.events, prefix_of_time(16)), minutes);
    let last = memory.events.last().and_then(|event| event.at).expect("a last event");
    assert_eq!(last.to_string(), "2023-11-16T19:14:19.928016Z");
}

/// The large data sets, which are not part of the repository.
fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("QUIPU_SHARED").map_or(beside, PathBuf::from);
    let found = shared.join("data/requests").is_dir();
    if !found {
        eprintln!("SKIPPED: the large data sets are not in {} (set QUIPU_SHARED)", shared.display());
    }
    found.then_some(shared)
}

/// Adds up events without keeping them.
#[derive(Default)]
struct Totals {
    clients: BTreeMap<String, [u64; 4]>,
}

impl Sink for Totals {
    fn events(&mut self, events: Vec<Event>) -> quipu::Result<Vec<Item>> {
        for event in &events {
            let client = event.get(Dimension::Tenant).expect("a client").to_owned();
            let sums = self.clients.entry(client).or_default();
            let reasoning = event.quantity(TokenMeter::Reasoning);
            let row = [1, event.quantity(TokenMeter::Input), event.quantity(TokenMeter::Output) + reasoning, reasoning];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        Ok(events.into_iter().map(|event| Item::Stored { id: event.id.unwrap_or_default() }).collect())
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> quipu::Result<Vec<OutcomeItem>> {
        Ok(outcomes.into_iter().map(|_| OutcomeItem::Stored).collect())
    }
}

#[test]
fn servegen_tokens_sum_by_client() {
    let Some(shared) = shared() else { return };
    let truth_file = shared.join("data/truth/requests_servegen_r1_expanded.json");
    let truth = truth(&std::fs::read_to_string(truth_file).expect("truth"));
    let file = Input::File(shared.join("data/requests/servegen_r1_expanded.csv.gz"));
    let mut totals = Totals::default();
    let summary = run(&mut totals, &[file], &with_map("servegen"));
    assert!(summary.is_clean() && summary.ignored.is_empty(), "{summary:?}");
    assert_eq!(summary.stored, number(&truth["rows"]));
    let clients =
        truth["per_client_rows_and_input_tokens_output_tokens_reasoning_tokens"].as_object().expect("clients");
    let row = |row: &Value| [0, 1, 2, 3].map(|at| number(&row[at]));
    let expected = clients.iter().map(|(client, sums)| (format!("client-{client}"), row(sums))).collect();
    assert_eq!(totals.clients, expected);
}
