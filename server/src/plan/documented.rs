//! The examples of docs/query.md: each is understood, answered, and the same question in all its forms.

use std::iter::Peekable;
use std::str::Lines;

use quipu::price_book::{ModelPattern, PriceOf, PriceRule};
use quipu::store::Options;
use quipu::{
    CostOf, Dimension, Event, Measure, Outcome, OutcomeStatus, PicoUsd, PriceBook, Scope, Store, Timestamp, TokenMeter,
};

use super::tests::{NOW, shown};
use super::{PARAMETERS, Plan, PlanText, Report};
use crate::ask;

const PAGE: &str = include_str!("../../../docs/query.md");

/// Each example in JSON, with the command that asks the same, where the page has one.
pub(super) fn examples() -> Vec<(String, Option<String>)> {
    let mut examples: Vec<(String, Option<String>)> = Vec::new();
    let mut lines = PAGE.lines().peekable();
    while let Some(line) = lines.next() {
        match line {
            "```json" => examples.push((block(&mut lines), None)),
            "```sh" => {
                let (_, command) = examples.last_mut().expect("an example before its command");
                *command = Some(block(&mut lines));
            }
            _ => {}
        }
    }
    examples
}

fn block(lines: &mut Peekable<Lines<'_>>) -> String {
    lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n")
}

/// The words of a command as a shell parts them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in command.replace("\\\n", " ").chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn understood(json: &str) -> Plan {
    let text = PlanText::from_json(json.as_bytes());
    text.and_then(|text| text.resolve(NOW)).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn every_example_is_the_same_question_in_all_forms() {
    let examples = examples();
    assert!(examples.len() > 10, "the page has examples");
    for (json, command) in examples {
        let plan = understood(&json);
        let text = PlanText::try_from(&plan).expect("a text");
        let again = serde_json::to_string(&text).expect("JSON");
        assert_eq!(shown(&plan), shown(&understood(&again)), "{json}: as JSON again");
        let mut of_parameters = PlanText { report: plan.report, ..PlanText::default() };
        for (name, value) in text.pairs().expect("its own filters") {
            of_parameters.set(name, &value).expect("its own parameters");
        }
        assert_eq!(shown(&plan), shown(&of_parameters.resolve(NOW).expect("a plan")), "{json}: as parameters");
        let Some(command) = command else { continue };
        let [quipu, name, store, usage, flags @ ..] = &*words(&command) else { panic!("{command}") };
        assert_eq!([quipu.as_str(), store, usage], ["quipu", "--store", "usage"], "{command}");
        let report: Report = serde_json::from_value(name.replace('-', "_").into()).expect("a report");
        let of_flags = crate::cli::query_text(flags.to_vec()).unwrap_or_else(|error| panic!("{command}: {error}"));
        let of_flags = PlanText { report, ..of_flags }.resolve(NOW).expect("a plan");
        assert_eq!(shown(&plan), shown(&of_flags), "{command}");
    }
}

#[test]
fn every_example_is_answered() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), Options::default()).expect("a store");
    store.append((0..40).map(event).collect()).expect("stored");
    let mut outcome = Outcome::new("ticket-1", OutcomeStatus::Success);
    outcome.value = Some(PicoUsd::parse("4.50").expect("USD"));
    store.record_outcomes(vec![outcome]).expect("stored");
    let input = PriceOf::Meter(TokenMeter::Input.into());
    let rule = PriceRule::new(ModelPattern::Exact("gpt-4o".into()), input, 2_500_000);
    store.add_price_book(PriceBook::new("prices", vec![rule]).expect("sound")).expect("stored");
    let snapshot = store.snapshot();
    for (json, _) in examples() {
        let sheet = ask::ask(&snapshot, Scope::default(), &understood(&json));
        let sheet = sheet.unwrap_or_else(|error| panic!("{json}: {error}"));
        assert!(!sheet.columns.is_empty(), "{json}");
    }
}

fn event(n: u64) -> Event {
    let at = Timestamp::parse_rfc3339("2026-01-01T09:00:00Z").expect("a time");
    let later = i64::try_from(n).expect("few") * 8 * 3_600_000_000;
    Event::new(format!("call-{n}"), Timestamp::from_micros(at.micros() + later))
        .with(Dimension::Team, if n.is_multiple_of(2) { "support" } else { "sales" })
        .with(Dimension::Environment, "prod")
        .with(Dimension::Provider, "openai")
        .with(Dimension::Model, if n.is_multiple_of(3) { "gpt-4o" } else { "claude-sonnet-4-5" })
        .with(Dimension::JobId, format!("ticket-{}", n / 4))
        .with(Dimension::JobType, "support_ticket")
        .with(Dimension::Variant, if n.is_multiple_of(2) { "control" } else { "variant-b" })
        .used(TokenMeter::Input, 1_000 + n)
        .used(TokenMeter::Output, 60 * n)
}

#[test]
fn every_name_is_on_the_page() {
    let named = Measure::NAMED.iter().map(Measure::to_string);
    let tokens = TokenMeter::ALL.iter().map(|token| token.name().to_owned());
    let parts = CostOf::NAMED.iter().map(ToString::to_string);
    for name in named.chain(tokens).chain(parts) {
        assert!(PAGE.contains(&format!("`{name}`")), "the measure {name} is not on the page");
    }
    for name in PARAMETERS {
        let flag = match name {
            "column" => "`--columns`".to_owned(),
            name => format!("`--{}`", name.replace('_', "-")),
        };
        let same = format!("`{name}`");
        assert!(PAGE.contains(&flag) || PAGE.contains(&same), "the parameter {name} is not on the page");
    }
    for report in Report::ALL {
        let name = serde_json::to_value(report).expect("JSON");
        let name = name.as_str().expect("a text");
        assert!(name == "query" || PAGE.contains(&format!("`{name}`")), "the report {name} is not on the page");
    }
}
