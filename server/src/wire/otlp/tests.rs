use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;

use proptest::prelude::*;
use quipu::attribution::InForce;
use quipu::correction::{Amendment, Mark, Settled, Target};
use quipu::{Dimension, Event, Text, Timestamp, TokenMeter};
use serde_json::{Value as Json, json};

use super::super::{Ignored, langfuse};
use super::*;

/// A span for the choice between spans.
#[derive(Clone, Debug)]
struct Node {
    id: u64,
    parent: u64,
    role: Role,
    tokens: u64,
    answer: Option<&'static str>,
    tenant: Option<&'static str>,
}

fn span(node: &Node) -> Span {
    let mut event =
        Event::new(format!("t:{}", node.id), Timestamp::from_seconds(1_780_000_000 + node.id.cast_signed()));
    if node.tokens > 0 {
        event = event.used(TokenMeter::Input, node.tokens);
    }
    for (dimension, value) in [(Dimension::RequestId, node.answer), (Dimension::Tenant, node.tenant)] {
        if let Some(value) = value {
            event.dimensions.insert(dimension, value.into());
        }
    }
    Span {
        trace_id: 1,
        span_id: node.id.into(),
        parent_id: node.parent.into(),
        started: event.at,
        role: node.role,
        bears_tokens: node.tokens > 0,
        detail: usize::from(node.tokens > 0),
        event,
        resource: vec![("team".into(), "platform".into())],
    }
}

/// What is stored after the spans came in these batches: the tenant and team of every call that counts.
fn stored(batches: &[Vec<Node>]) -> BTreeMap<Text, (Option<String>, Option<String>)> {
    let mut memory = Memory::default();
    let (mut events, mut amendments) = (Vec::new(), HashMap::<Text, Amendment>::new());
    for batch in batches {
        let decided = memory.decide(batch.iter().map(span).collect(), &mut Ignored::default());
        events.extend(decided.events);
        for mut correction in decided.corrections {
            correction.normalise(Timestamp::from_seconds(1_780_000_000)).expect("a correction that the engine takes");
            let Target::Event(id) = &correction.target else { panic!("a correction of an event") };
            amendments.entry(id.clone()).or_default().join(&Amendment::from(&correction));
        }
    }
    let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    let settle = |event: Event| {
        let id = event.id.clone().unwrap_or_default();
        let of_it = amendments.get(&id);
        let settled = match of_it.map(|amendment| amendment.settle(&event, &Mark::default(), &InForce::default())) {
            None | Some(Settled::Same) => event,
            Some(Settled::Retracted) => return None,
            Some(Settled::Changed(event, _)) => *event,
        };
        let of = |dimension| settled.get(dimension).map(str::to_owned);
        Some((id, (of(Dimension::Tenant), of(Dimension::Team))))
    };
    assert_eq!(ids.len(), ids.iter().collect::<std::collections::HashSet<_>>().len(), "an event was handed on twice");
    events.into_iter().filter_map(settle).collect()
}

fn node(id: u64, parent: u64, role: Role, tokens: u64) -> Node {
    Node { id, parent, role, tokens, answer: None, tenant: None }
}

fn ids(batches: &[Vec<Node>]) -> Vec<String> {
    stored(batches).into_keys().map(|id| id.trim_start_matches("t:").to_owned()).collect()
}

#[test]
fn a_span_that_repeats_what_is_inside_it_does_not_count_whichever_comes_first() {
    let agent = node(1, 0, Role::Container, 850);
    let step = node(2, 1, Role::Container, 0);
    let call = node(3, 2, Role::Call, 400);
    for batches in [
        vec![vec![agent.clone(), step.clone(), call.clone()]],
        vec![vec![call.clone()], vec![step.clone()], vec![agent.clone()]],
        vec![vec![agent.clone()], vec![call.clone()], vec![step.clone()]],
    ] {
        assert_eq!(ids(&batches), ["3"]);
    }
    // Alone it is the only record of that spend.
    assert_eq!(ids(&[vec![agent, step]]), ["1"]);
}

#[test]
fn two_accounts_of_one_call_are_one_call() {
    let mut rich = node(1, 9, Role::Call, 60);
    rich.answer = Some("msg_1");
    let mut poor = node(2, 9, Role::Call, 60);
    poor.answer = Some("msg_1");
    let detail = |nodes: &[Node]| {
        let mut memory = Memory::default();
        let mut spans: Vec<Span> = nodes.iter().map(span).collect();
        for span in &mut spans {
            span.detail = if span.span_id == 1 { 5 } else { 2 };
        }
        let mut kept = Vec::new();
        for span in spans {
            let decided = memory.decide(vec![span], &mut Ignored::default());
            kept.extend(decided.events.into_iter().filter_map(|event| event.id));
            for correction in decided.corrections {
                if let (Target::Event(id), quipu::correction::Change::Retract) = (correction.target, correction.change)
                {
                    kept.retain(|kept| *kept != id);
                }
            }
        }
        kept
    };
    assert_eq!(detail(&[rich.clone(), poor.clone()]), ["t:1"]);
    assert_eq!(detail(&[poor, rich]), ["t:1"]);
}

#[test]
fn a_circle_of_spans_ends_and_loses_no_spend() {
    assert_eq!(ids(&[vec![node(1, 2, Role::Call, 1), node(2, 1, Role::Call, 1)]]).len(), 2);
    assert_eq!(ids(&[vec![node(1, 1, Role::Call, 1)]]), ["1"]);
}

fn trees() -> impl Strategy<Value = Vec<Node>> {
    let roles = prop_oneof![
        3 => Just((Role::Call, 7_u64)),
        1 => Just((Role::Call, 0)),
        2 => Just((Role::Container, 0)),
        1 => Just((Role::Container, 9)),
        1 => Just((Role::Tool, 0)),
    ];
    let tenant = prop::option::of(prop::sample::select(&["acme", "globex"][..]));
    prop::collection::vec((roles, any::<prop::sample::Index>(), tenant), 1..10).prop_map(|nodes| {
        let nodes = nodes.into_iter().enumerate().map(|(at, ((role, tokens), parent, tenant))| {
            // The first is the root; every other one hangs on one before it.
            let parent = if at == 0 { 0 } else { parent.index(at) as u64 + 1 };
            Node { id: at as u64 + 1, parent, role, tokens, answer: None, tenant }
        });
        nodes.collect()
    })
}

proptest! {
    #[test]
    fn neither_order_nor_batches_change_what_counts_and_whose_it_is(
        (tree, shuffled) in trees().prop_flat_map(|tree| (Just(tree.clone()), Just(tree).prop_shuffle())),
        cuts in prop::collection::vec(any::<bool>(), 10),
    ) {
        let mut batches = vec![Vec::new()];
        for (node, cut) in shuffled.into_iter().zip(cuts) {
            if cut {
                batches.push(Vec::new());
            }
            batches.last_mut().expect("a batch").push(node);
        }
        prop_assert_eq!(stored(&batches), stored(&[tree]));
    }
}

fn shared(path: &str) -> Option<Json> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let file = std::env::var_os("QUIPU_SHARED").map_or(beside, Into::into).join(path);
    let Ok(packed) = std::fs::read(&file) else {
        eprintln!("SKIPPED: {} is not there (set QUIPU_SHARED)", file.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&packed[..]).read_to_string(&mut text).expect("gzip");
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// The usage of every observation that has some, without those that have usage inside them: a second way to
/// say it, by the letter of the rule.
fn counted_once(observations: &[Json]) -> [u64; 3] {
    let total = |o: &Json| o["usageDetails"]["total"].as_u64().unwrap_or(0);
    let has_usage_inside = |id: &Json| {
        let mut reach = vec![id.clone()];
        let mut at = 0;
        while at < reach.len() {
            let inside = observations.iter().filter(|o| o["parentObservationId"] == reach[at]);
            let inside: Vec<Json> = inside.map(|o| o["id"].clone()).collect();
            reach.extend(inside);
            at += 1;
        }
        observations.iter().any(|o| total(o) > 0 && reach[1..].contains(&o["id"]))
    };
    let counted = observations.iter().filter(|o| total(o) > 0 && !has_usage_inside(&o["id"]));
    counted.fold([0; 3], |[calls, input, sum], o| {
        [calls + 1, input + o["usageDetails"]["input"].as_u64().unwrap_or(0), sum + total(o)]
    })
}

/// Fourteen exports of agent frameworks' traces; not part of the repository.
#[test]
fn exported_traces_count_each_call_once() {
    let names = [
        "agno-2025-06-11",
        "autogen-2025-06-06",
        "claude-agent-2025-12-22",
        "crewai-2025-07-11",
        "csharp-agent-with-gemini-2026-03-09",
        "google-gemini-2025-08-01",
        "koog-2025-08-26",
        "langgraph-js-2025-10-30",
        "llamaindex-2025-06-05",
        "microsoft-agent-2025-12-17",
        "pydantic-ai-tools-2025-06-06",
        "pydantic-ai-tools-2025-12-04",
        "pydantic-ai-with-gemini-2025-12-24",
        "vercel-aisdk-2025-11-17",
    ];
    for name in names {
        let Some(export) = shared(&format!("data/traces/langfuse_{name}.json.gz")) else { return };
        let observations = export["observations"].as_array().or(export["trace"]["observations"].as_array());
        let expected = counted_once(observations.expect("observations"));
        let decoded = langfuse::decode(export.to_string().as_bytes()).expect("an export");
        let events: Vec<Event> = decoded.items.into_iter().map(|item| item.expect("an observation")).collect();
        let with_usage = events.iter().filter(|event| event.total_tokens() > 0);
        let found = with_usage.fold([0; 3], |[calls, input, sum], event| {
            [calls + 1, input + event.input_tokens(), sum + event.total_tokens()]
        });
        assert_eq!(found, expected, "{name}");
    }
}

/// Spans of the Vercel AI SDK as an OTLP request; not part of the repository.
#[test]
fn vercel_spans_count_each_call_once() {
    let Some(spans) = shared("data/traces/openinference_vercel_v6_spans.json.gz") else { return };
    let nanos = |time: &Json| format!("{}{:09}", time[0], time[1].as_u64().unwrap_or(0));
    let value = |value: &Json| match value {
        Json::String(text) => json!({ "stringValue": text }),
        Json::Number(number) => json!({ "doubleValue": number }),
        Json::Bool(flag) => json!({ "boolValue": flag }),
        Json::Array(items) => {
            json!({ "arrayValue": { "values": items.iter().map(|item| json!({ "stringValue": item })).collect::<Vec<_>>() } })
        }
        _ => json!({}),
    };
    let spans: Vec<Json> = spans.as_array().expect("spans").iter().map(|span| {
        let attributes = span["attributes"].as_object().expect("attributes").iter();
        let attributes: Vec<Json> = attributes.map(|(key, found)| json!({ "key": key, "value": value(found) })).collect();
        json!({ "traceId": span["spanContext"]["traceId"], "spanId": span["spanContext"]["spanId"], "name": span["name"],
                "startTimeUnixNano": nanos(&span["startTime"]), "endTimeUnixNano": nanos(&span["endTime"]), "attributes": attributes })
    }).collect();
    let request = json!({ "resourceSpans": [{ "scopeSpans": [{ "scope": { "name": "ai" }, "spans": spans }] }] });
    let mut export = read(request.to_string().as_bytes(), Encoding::Json, Signal::Traces).expect("a request");
    let events = export.decide(&mut Memory::default()).events;
    let sums = events.iter().fold((0, 0, 0), |(calls, input, output), event| {
        (calls + 1, input + event.input_tokens(), output + event.total_tokens() - event.input_tokens())
    });
    // The inner spans: an embedding of 10, an object of 63 + 156, two texts of 64 + 29, a stream of 15 + 112.
    assert_eq!(sums, (5, 10 + 63 + 64 + 15, 156 + 29 + 112));
}
