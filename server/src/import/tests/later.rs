//! What a later file, or a later span, says of calls that are stored already.

use quipu::{Dimension, Store, TokenMeter};
use serde_json::{Value as Json, json};

use super::super::*;
use super::files::Folder;
use super::run;

fn session(id: &str, output: u64) -> String {
    json!({"type": "assistant", "sessionId": id, "timestamp": "2026-01-31T08:00:00Z", "requestId": "req",
           "message": {"id": "msg", "model": "m", "usage": {"input_tokens": 4, "output_tokens": output}}})
    .to_string()
}

#[test]
fn of_the_snapshots_of_one_message_the_largest_stands_whichever_file_comes_first() {
    let options = Options { format: Some(Format::ClaudeCode), ..Options::default() };
    for order in [[1, 90, 30], [90, 1, 30], [30, 90, 1]] {
        let folder = Folder::new();
        let store = Store::open(folder.0.path().join("store"), quipu::Options::default()).expect("a store");
        let inputs: Vec<Input> = (0..)
            .zip(order)
            .map(|(n, output)| folder.file(&format!("{n}.jsonl"), session(&format!("s{n}"), output)))
            .collect();
        for input in &inputs {
            let summary = run(&mut &store, std::slice::from_ref(input), &options);
            assert!(summary.is_clean(), "{summary:?}");
        }
        let event = store.snapshot().event("default", "claude-code:msg:req").expect("read").expect("stored");
        assert_eq!(event.quantity(TokenMeter::Output), 90, "{order:?}");
        let lsn = store.snapshot().lsn();
        let summary = run(&mut &store, &inputs, &options);
        assert_eq!((summary.stored, summary.corrected, summary.duplicates), (0, 0, 3), "{order:?}: {summary:?}");
        assert_eq!(store.snapshot().lsn(), lsn, "nothing is written twice");
    }
}

/// A request of one span that carries ten tokens.
fn request(id: &str, parent: &str, attributes: &[(&str, Json)]) -> String {
    let own = [
        ("gen_ai.operation.name", json!({"stringValue": "chat"})),
        ("gen_ai.request.model", json!({"stringValue": "m"})),
    ];
    let attributes: Vec<Json> =
        own.iter().chain(attributes).map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent, "name": "chat m",
        "startTimeUnixNano": "1769846400000000000", "endTimeUnixNano": "1769846401000000000", "attributes": attributes}]}]}]})
    .to_string()
}

#[test]
fn spans_of_one_call_count_once_though_they_lie_in_several_files() {
    let usage = [("gen_ai.usage.input_tokens", json!({"intValue": "10"}))];
    let outer = request("00000000000000a1", "", &usage);
    let inner = request("00000000000000b2", "00000000000000a1", &usage);
    let options = Options { format: Some(Format::OtlpJson), ..Options::default() };
    for order in [[&outer, &inner], [&inner, &outer]] {
        let folder = Folder::new();
        let store = Store::open(folder.0.path().join("store"), quipu::Options::default()).expect("a store");
        let inputs = [folder.file("1.jsonl", order[0]), folder.file("2.jsonl", order[1])];
        for _ in 0..2 {
            let summary = run(&mut &store, &inputs, &options);
            assert!(summary.is_clean(), "{summary:?}");
        }
        let rows: usize = store.snapshot().parts().iter().map(quipu::rows::Part::len).sum();
        assert_eq!(rows, 1, "the outer span repeats the inner one");
    }
}

#[test]
fn what_a_root_span_alone_knows_reaches_calls_of_an_earlier_file() {
    let usage = [("gen_ai.usage.input_tokens", json!({"intValue": "10"}))];
    let call = request("00000000000000b2", "00000000000000a1", &usage);
    let root = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00000000000000a1", "name": "handle ticket",
        "startTimeUnixNano": "1769846400000000000", "endTimeUnixNano": "1769846409000000000",
        "attributes": [{"key": "tenant", "value": {"stringValue": "acme"}}]}]}]}]});
    let folder = Folder::new();
    let store = Store::open(folder.0.path().join("store"), quipu::Options::default()).expect("a store");
    let options = Options { format: Some(Format::OtlpJson), ..Options::default() };
    let summary = run(&mut &store, &[folder.file("1.jsonl", call), folder.file("2.jsonl", root.to_string())], &options);
    assert!(summary.is_clean() && summary.corrected > 0, "{summary:?}");
    let snapshot = store.snapshot();
    let events: Vec<_> =
        snapshot.parts().iter().flat_map(|part| part.rows().map(|row| part.events.event(row).expect("read"))).collect();
    assert_eq!(events.iter().map(|event| event.get(Dimension::Tenant)).collect::<Vec<_>>(), [Some("acme")]);
}
