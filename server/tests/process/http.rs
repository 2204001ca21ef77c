use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};

use crate::support::{Server, quipu};

fn event(id: &str) -> Json {
    json!({"id": id, "at": "2026-01-31T08:00:00Z", "job_id": "job 1/ä", "trace_id": "t1", "model": "m",
           "usage": {"input": 10, "output": 5}, "reported_cost": "0.25"})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Sends raw bytes and reads what comes back.
fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a server");
    stream.write_all(request).expect("a server that reads");
    let mut answer = Vec::new();
    // A server that refuses a body it did not read may reset the connection after its answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_single_event_is_told_by_headers_where_it_is_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let post = |tokens: i64| {
        let event = json!({"id": "one", "at": "2026-01-31T08:00:00Z", "provider": "openai", "model": "gpt-4o",
                           "usage": {"input": tokens}});
        let event = event.to_string();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            event.len()
        );
        raw(&server, format!("{head}{event}").as_bytes())
    };
    for stored in [post(10), post(10)] {
        assert!(stored.starts_with("HTTP/1.1 200"), "{stored}");
        assert!(stored.contains("x-quipu-event-id: one\r\n") && stored.contains("x-quipu-cost-usd: 0."), "{stored}");
    }
    for refused in [post(11), post(-1)] {
        assert!(refused.starts_with("HTTP/1.1 422") && !refused.contains("x-quipu-"), "{refused}");
    }
}

#[test]
fn events_go_in_and_answers_come_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    assert_eq!(server.get("/healthz").0, 200);

    let (status, answer) = server.post("/v1/events", &[], event("one").to_string().as_bytes());
    assert_eq!((status, &answer["stored"], &answer["items"][0]["status"]), (200, &json!(1), &json!("stored")));
    let array = json!([event("two"), event("one")]).to_string();
    let (status, answer) = server.post("/v1/events", &[("content-encoding", "gzip")], &gzip(array.as_bytes()));
    assert_eq!((status, &answer["stored"], &answer["duplicates"]), (200, &json!(1), &json!(1)), "{answer}");
    let lines = format!("{}\n{}\n", event("three"), event("four"));
    let packed = zstd::encode_all(lines.as_bytes(), 0).expect("memory");
    let (status, answer) = server.post("/v1/events", &[("content-encoding", "zstd")], &packed);
    assert_eq!((status, &answer["stored"]), (200, &json!(2)), "{answer}");

    assert_eq!(server.count(r#"{"measures": ["requests"]}"#), 4);
    assert_eq!(server.count(r#"{"measures": ["input_tokens"], "where": "job_id = 'job 1/ä'"}"#), 40);
    let (status, jobs) = server.get("/v1/jobs?where=model%20%3D%20m&order=-reported_cost&limit=5");
    assert_eq!((status, &jobs["rows"][0]["reported_cost"]), (200, &json!("1")), "{jobs}");
    let (status, job) = server.get("/v1/jobs/job%201%2F%C3%A4");
    assert_eq!((status, job["events"]["rows"].as_array().map(Vec::len)), (200, Some(4)), "{job}");
    let (status, trace) = server.get("/v1/traces/t1");
    assert_eq!((status, &trace["trace"]["rows"][0]["requests"]), (200, &json!(4)), "{trace}");
    for (path, status) in [
        ("/v1/funnel?by=model", 200),
        ("/v1/roi?by=team&assume_value=CONVERTED%3D25&cost=reported", 200),
        ("/v1/jobs?colour=red", 400),
        ("/v1/jobs?limit=many", 400),
        ("/v1/jobs/nobody", 404),
        ("/v1/traces/nobody", 404),
        ("/v1/nothing", 404),
        ("/v1/events", 405),
    ] {
        let (found, answer) = server.get(path);
        assert_eq!(found, status, "{path}: {answer}");
        assert!(status == 200 || answer["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer}");
    }

    assert!(server.terminate().success());
    let count = quipu(&[
        "query",
        "--store",
        dir.path().to_str().expect("UTF-8"),
        "--measure",
        "requests",
        "--format",
        "ndjson",
    ]);
    assert_eq!(count.out.trim(), r#"{"requests":4}"#, "{}", count.err);
}

#[test]
fn a_bad_event_harms_no_other_and_each_is_answered_in_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let mut other = event("a");
    other["model"] = "another".into();
    let foreign = json!({"id": "f", "at": "2026-01-31T08:00:00Z", "workspace": "elsewhere"});
    let late = json!({"id": "late", "at": "2999-01-01T00:00:00Z"});
    let body = format!("{}\n{{broken\n{}\n{other}\n{foreign}\n{late}\n", event("a"), event("b"));
    let (status, answer) = server.post("/v1/events", &[], body.as_bytes());
    let fates: Vec<&str> =
        answer["items"].as_array().expect("items").iter().filter_map(|item| item["status"].as_str()).collect();
    assert_eq!((status, fates), (200, vec!["stored", "rejected", "stored", "conflict", "rejected", "rejected"]));
    let why = |index: usize| answer["items"][index]["error"].as_str().unwrap_or_default().to_owned();
    assert!(why(1).contains("line 2") && why(1).contains("broken JSON"), "{answer}");
    assert!(why(4).contains("elsewhere") && why(5).contains("24 hours"), "{answer}");
    assert_eq!(server.count(r#"{"measures": ["requests"]}"#), 2);

    let (_, answer) = server.post("/v1/events", &[], format!("[{},\n\n{late},{{\"id\":7}}]", event("a")).as_bytes());
    assert!(answer["items"][2]["error"].as_str().is_some_and(|why| why.starts_with("item 3: id")), "{answer}");

    let (status, answer) = server.post("/v1/events", &[], format!("{late}\n{foreign}").as_bytes());
    assert_eq!((status, &answer["rejected"]), (422, &json!(2)));
    let (_, answer) = server.post("/v1/events", &[("x-quipu-workspace", "elsewhere")], foreign.to_string().as_bytes());
    assert_eq!(answer["stored"], json!(1));
    assert_eq!(server.count(r#"{"measures": ["requests"]}"#), 2);
}

#[test]
fn hostile_requests_are_refused_by_what_is_wrong_with_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let bomb = gzip(&vec![b' '; 65 << 20]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (headers, body, status, found) in [
        (vec![], &b""[..], 400, "empty"),
        (vec![], b"{\"id\": ", 400, "broken JSON"),
        (vec![], b"\xff\xfe", 400, "UTF-8"),
        (vec![("content-encoding", "br")], b"x", 415, "gzip, zstd"),
        (vec![("content-encoding", "gzip")], b"not gzip", 400, "gzip body is damaged"),
        (vec![("content-encoding", "zstd")], b"not zstd", 400, "zstd body is damaged"),
        (vec![("content-encoding", "gzip")], &bomb[..bomb.len() / 2], 400, "cut off"),
        (vec![("content-encoding", "gzip")], &bomb, 413, "unpacks to more"),
        (vec![("x-quipu-workspace", "")], b"[]", 400, "x-quipu-workspace"),
    ] {
        let (code, answer) = server.post("/v1/events", &headers, body);
        assert_eq!(code, status, "{headers:?}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains(found)), "{headers:?}: {answer}");
    }
    assert_eq!(server.post("/v1/events", &[], deep.as_bytes()).0, 422);
    assert_eq!(server.post("/v1/query", &[], deep.as_bytes()).0, 400);
    let long = b"POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n[";
    let answer = raw(&server, long);
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("99999999 bytes"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let mut chunked = b"POST /v1/query HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..17 {
        chunked.extend(b"100000\r\n");
        chunked.extend(vec![b' '; 1 << 20]);
        chunked.extend(b"\r\n");
    }
    let mut stream = TcpStream::connect(server.address()).expect("a server");
    // The server may answer and close before all of it is sent.
    let _ = stream.write_all(&chunked);
    let mut start = [0; 12];
    if stream.read_exact(&mut start).is_ok() {
        assert_eq!(&start, b"HTTP/1.1 413");
    }
    assert!(raw(&server, b"\x00\x01\x02\r\n\r\n").starts_with("HTTP/1.1 400"));
    let (status, answer) = server.post("/v1/query", &[], br#"{"measures": ["cots"]}"#);
    assert_eq!((status, answer["detail"].as_str().is_some_and(|it| it.contains("`cost`"))), (400, true), "{answer}");
    assert_eq!(server.get("/healthz").0, 200);
}

#[test]
fn an_outcome_is_stored_once_replayed_by_its_key_and_never_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    server.post("/v1/events", &[], event("one").to_string().as_bytes());
    let path = "/v1/jobs/job%201%2F%C3%A4/outcome";
    let won = br#"{"status": "SUCCESS", "type": "CONVERTED", "value": "12.50"}"#;
    let key = [("idempotency-key", "k1")];
    assert_eq!(server.post("/v1/jobs/nobody/outcome", &key, won).0, 404);
    assert_eq!(server.post(path, &key, br#"{"status": "DONE"}"#).0, 400);
    let (status, answer) = server.post(path, &key, won);
    assert_eq!((status, &answer["status"]), (200, &json!("stored")), "{answer}");
    let (status, answer) = server.post(path, &key, won);
    assert_eq!((status, &answer["status"]), (200, &json!("replayed")), "{answer}");
    let (status, answer) = server.post(path, &[("idempotency-key", "k2")], br#"{"status": "FAILED"}"#);
    assert_eq!(
        (status, &answer["stored"]["value"], &answer["stored"]["status"]),
        (409, &json!("12.5"), &json!("SUCCESS"))
    );
    let many =
        r#"[{"job_id": "job 1/ä", "status": "FAILED"}, {"job_id": "nobody", "status": "FAILED"}, {"job_id": "x"}]"#;
    let (status, answer) = server.post("/v1/outcomes", &[], many.as_bytes());
    let fates: Vec<&str> =
        answer["items"].as_array().expect("items").iter().filter_map(|item| item["status"].as_str()).collect();
    assert_eq!((status, fates), (422, vec!["already_reported", "unknown_job", "rejected"]), "{answer}");
    let (_, roi) = server.get("/v1/roi?cost=reported");
    assert_eq!(roi["rows"][0]["roi"], json!("49.000000"), "{roi}");
}

#[test]
fn a_request_in_flight_is_finished_before_the_server_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let body = event("slow").to_string();
    let mut stream = TcpStream::connect(server.address()).expect("a server");
    let head = format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("a server");
    stream.write_all(&body.as_bytes()[..10]).expect("a server");
    // The head has arrived once the server has answered another request sent after it.
    assert_eq!(server.get("/healthz").0, 200);
    let stopping = std::thread::spawn(move || server.terminate());
    std::thread::sleep(std::time::Duration::from_millis(300));
    stream.write_all(&body.as_bytes()[10..]).expect("a server that waits");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"stored\":1"), "{answer}");
    assert!(stopping.join().expect("no panic").success());
}
