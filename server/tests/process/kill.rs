//! SIGKILL under load: what was acknowledged is there exactly once, whatever else happened.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Server, agent, post};

const ROUNDS: u64 = 4;
const CLIENTS: u64 = 4;
const BATCH: u64 = 25;

/// The events of a batch, one per line; the span names the event, so that it can be grouped by.
fn batch(round: u64, client: u64, number: u64) -> (Vec<String>, String) {
    let ids: Vec<String> = (0..BATCH).map(|event| format!("{round}-{client}-{number}-{event}")).collect();
    let line = |id: &String| {
        json!({"id": id, "span_id": id, "at": "2026-03-01T00:00:00Z", "job_id": format!("job {client}"),
               "model": "m", "usage": {"input": 7}})
        .to_string()
    };
    let body = ids.iter().map(line).collect::<Vec<_>>().join("\n");
    (ids, body)
}

/// Sends batches until the server is gone; what was acknowledged, and the batch that was not.
fn client(url: &str, round: u64, client: u64) -> (Vec<String>, String) {
    let (agent, mut acknowledged) = (agent(), Vec::new());
    for number in 0.. {
        let (ids, body) = batch(round, client, number);
        match post(&agent, &format!("{url}/v1/events"), &[], body.as_bytes()) {
            Some((200, answer)) => {
                assert_eq!(answer["stored"], json!(BATCH), "{answer}");
                acknowledged.extend(ids);
            }
            Some((status, answer)) => panic!("status {status}: {answer}"),
            None => return (acknowledged, body),
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
#[expect(clippy::disallowed_methods, reason = "the moment of the kill must differ between runs")]
fn every_acknowledged_event_survives_sigkill_exactly_once() {
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
                thread::spawn(move || client(&url, round, number))
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

        for (number, (_, unacknowledged)) in ended.iter().enumerate() {
            let (status, answer) = server.post("/v1/events", &[], unacknowledged.as_bytes());
            assert_eq!(status, 200, "{answer}");
            let settled = answer["stored"].as_u64().zip(answer["duplicates"].as_u64()).map(|(a, b)| a + b);
            assert_eq!(settled, Some(BATCH), "round {round}, client {number}: {answer}");
            let ids = unacknowledged.lines().map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).expect("its own JSON");
                event["id"].as_str().expect("an id").to_owned()
            });
            expected.extend(ids);
        }
        let found = stored(&server);
        assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), expected, "round {round}");
        assert!(found.values().all(|times| *times == 1), "round {round}: a retry doubled an event");
        assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 7 * expected.len() as u64);
        assert!(server.terminate().success());
    }
}
