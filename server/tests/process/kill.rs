//! SIGKILL under load: what was acknowledged is there exactly once, whatever else happened.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Server, agent, post};

const ROUNDS: u64 = 4;
const CLIENTS: u64 = 4;
const BATCH: u64 = 25;
const JSON: (&str, &str) = ("content-type", "application/json");

/// How clients send.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Native,
    Otlp,
}

impl Form {
    fn path(self) -> &'static str {
        match self {
            Self::Native => "/v1/events",
            Self::Otlp => "/v1/traces",
        }
    }

    /// The calls of a batch; the span names the call, so that it can be grouped by.
    fn batch(self, round: u64, client: u64, number: u64) -> (Vec<String>, String) {
        let ids: Vec<String> = (1..=BATCH).map(|call| span_id(round, client, number, call)).collect();
        let body = match self {
            Self::Native => ids.iter().map(|id| line(id, client)).collect::<Vec<_>>().join("\n"),
            Self::Otlp => export(round, client, number, &ids),
        };
        (ids, body)
    }
}

fn span_id(round: u64, client: u64, number: u64, call: u64) -> String {
    format!("{round:02x}{client:02x}{number:08x}{call:04x}")
}

fn line(id: &str, client: u64) -> String {
    json!({"id": id, "span_id": id, "at": "2026-03-01T00:00:00Z", "job_id": format!("job {client}"),
           "model": "m", "usage": {"input": 7}})
    .to_string()
}

/// A trace of calls without its root, and the root of the trace before, which repeats what its calls used: it comes
/// after them, often after a kill, and must not count.
fn export(round: u64, client: u64, number: u64, ids: &[String]) -> String {
    let root = |number| span_id(round, client, number, 0xffff);
    let span = |trace: u64, id: &str, parent: &str, operation: &str, tokens: u64| {
        json!({"traceId": format!("{:032x}", round << 48 | client << 40 | (trace + 1)), "spanId": id, "parentSpanId": parent,
            "name": operation, "startTimeUnixNano": "1772323200000000000", "endTimeUnixNano": "1772323201000000000",
            "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": operation}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens}}]})
    };
    let calls = ids.iter().map(|id| span(number, id, &root(number), "chat", 7));
    let before = number.checked_sub(1).map(|number| span(number, &root(number), "", "invoke_agent", 7 * BATCH));
    let spans: Vec<_> = before.into_iter().chain(calls).collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

/// Sends batches until the server is gone; what was acknowledged, and the batch that was not.
fn client(form: Form, url: &str, round: u64, client: u64) -> (Vec<String>, (Vec<String>, String)) {
    let (agent, mut acknowledged) = (agent(), Vec::new());
    for number in 0.. {
        let (ids, body) = form.batch(round, client, number);
        match post(&agent, &format!("{url}{}", form.path()), &[JSON], body.as_bytes()) {
            Some((200, answer)) => {
                assert!(form == Form::Otlp || answer["stored"] == json!(BATCH), "{answer}");
                assert!(form == Form::Native || answer == json!({}), "{answer}");
                acknowledged.extend(ids);
            }
            Some((status, answer)) => panic!("status {status}: {answer}"),
            None => return (acknowledged, (ids, body)),
        }
    }
    unreachable!("the server is killed before the numbers end")
}

/// How often each event is there.
fn stored(server: &Server) -> BTreeMap<String, u64> {
    let (status, answer) = server.post("/v1/query", &[], br#"{"measures": ["requests"], "by": ["span_id"]}"#);
    assert_eq!(status, 200, "{answer}");
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter()
        .map(|row| (row["span_id"].as_str().expect("a span").to_owned(), row["requests"].as_u64().expect("a count")))
        .collect()
}

#[test]
fn every_acknowledged_event_survives_sigkill_exactly_once() {
    kill_under_load(Form::Native);
}

#[test]
fn every_acknowledged_span_survives_sigkill_exactly_once_and_no_parent_repeats_it() {
    kill_under_load(Form::Otlp);
}

#[expect(clippy::disallowed_methods, reason = "the moment of the kill must differ between runs")]
fn kill_under_load(form: Form) {
    let dir = tempfile::tempdir().expect("a directory");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos();
    eprintln!("seed of the moments of the kills: {seed}");
    let mut expected: BTreeSet<String> = BTreeSet::new();
    for round in 0..ROUNDS {
        let server = Server::start(dir.path());
        let url = server.url.clone();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let url = url.clone();
                thread::spawn(move || client(form, &url, round, number))
            })
            .collect();
        let millis = 200 + (u64::from(seed) ^ (round * 7_919)).wrapping_mul(2_654_435_761) % 900;
        thread::sleep(Duration::from_millis(millis));
        server.kill();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join().expect("a client")).collect();

        let server = Server::start(dir.path());
        let found = stored(&server);
        let acknowledged: BTreeSet<String> = ended.iter().flat_map(|(ids, _)| ids.clone()).collect();
        assert!(!acknowledged.is_empty(), "the kill came before the first answer");
        expected.extend(acknowledged);
        let lost: Vec<&String> = expected.iter().filter(|id| !found.contains_key(*id)).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged but lost: {lost:?}");
        assert!(found.values().all(|times| *times == 1), "round {round}: an event is there more than once");

        for (number, (_, (ids, unacknowledged))) in ended.iter().enumerate() {
            let (status, answer) = server.post(form.path(), &[JSON], unacknowledged.as_bytes());
            assert_eq!(status, 200, "{answer}");
            let settled = answer["stored"].as_u64().zip(answer["duplicates"].as_u64()).map(|(a, b)| a + b);
            assert!(form == Form::Otlp || settled == Some(BATCH), "round {round}, client {number}: {answer}");
            expected.extend(ids.clone());
        }
        let found = stored(&server);
        assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), expected, "round {round}");
        assert!(found.values().all(|times| *times == 1), "round {round}: a retry doubled an event");
        assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 7 * expected.len() as u64);
        assert!(server.terminate().success());
    }
}
