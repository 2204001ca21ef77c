//! Clients that are slow, many, greedy or in the dark; and what the operator sees of them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Server, arg, quipu};

/// How long a server takes to hang up on somebody who sends `bytes` and then nothing.
fn hung_up_after(address: &str, bytes: &[u8]) -> (Duration, String) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    stream.write_all(bytes).expect("a server that reads");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn nobody_is_waited_for_without_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let flags = ["--first-byte-timeout", "200ms", "--head-timeout", "300ms", "--body-timeout", "400ms"];
    let server = Server::start_with(dir.path(), &[&["--otlp-grpc", "127.0.0.1:0"], &flags[..]].concat());
    let slow_body = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n[";
    for (sent, status) in [(&b""[..], ""), (b"GET /healthz HTT", ""), (slow_body, "408")] {
        let (took, answer) = hung_up_after(server.address(), sent);
        assert!(took < Duration::from_secs(10), "{took:?} for {:?}", String::from_utf8_lossy(sent));
        assert!(answer.contains(status), "{answer}");
    }
    for sent in [&b""[..], b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"] {
        let (took, _) = hung_up_after(&server.grpc, sent);
        assert!(took < Duration::from_secs(10), "{took:?} for {:?}", String::from_utf8_lossy(sent));
    }
    assert_eq!(server.get("/healthz").0, 200);
}

#[test]
fn a_socket_that_is_half_closed_loses_nothing_that_was_answered_and_harms_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let half = |bytes: &str| {
        let mut stream = TcpStream::connect(server.address()).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        stream.write_all(bytes.as_bytes()).expect("a server that reads");
        stream.shutdown(Shutdown::Write).expect("a socket");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let post = |body: &str, length: usize| {
        format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let event = r#"{"id": "whole", "at": "2026-01-31T08:00:00Z"}"#;
    for _ in 0..5 {
        let answer = half(&post(event, event.len()));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 200"), "{answer}");
        // Half of a body is nothing, whatever its first half says.
        let answer = half(&post(&format!("{}\n", event.replace("whole", "half")), 1000));
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(half("GET /healthz HT"), "");
    }
    // Whoever got no answer sends again.
    assert_eq!(server.post("/v1/events", &[], event.as_bytes()).0, 200);
    assert_eq!(server.count(r#"{"measures": ["requests"]}"#), 1);
    assert_eq!(server.get("/readyz").0, 200);
}

#[test]
fn one_address_has_only_so_many_connections() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(dir.path(), &["--max-connections-per-address", "3"]);
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address()).expect("a server");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").expect("a server that reads");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        open.push(stream);
    }
    let (_, answer) = hung_up_after(server.address(), b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer, "");
    drop(open);
    let metrics = loop {
        let (_, answer) =
            hung_up_after(server.address(), b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        if !answer.is_empty() {
            break answer;
        }
    };
    assert!(metrics.contains("quipu_turned_away_total{why=\"connections\"}"), "{metrics}");
}

#[test]
fn what_is_sent_too_often_or_unpacks_to_too_much_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(
        dir.path(),
        &[
            "--max-requests-per-second",
            "5",
            "--max-unpacked-ratio",
            "50",
            "--max-body",
            "64KiB",
            "--max-unpacked",
            "4MiB",
        ],
    );
    let bomb = zstd::encode_all(&vec![b' '; 3 << 20][..], 0).expect("memory");
    let (status, answer) = server.post("/v1/events", &[("content-encoding", "zstd")], &bomb);
    assert!(status == 413 && answer["detail"].as_str().is_some_and(|it| it.contains("50 times")), "{answer}");
    let statuses: Vec<u16> = (0..30).map(|_| server.get("/v1/jobs").0).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(server.get("/healthz").0, 200);
    std::thread::sleep(Duration::from_secs(1));
    let long = format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 65 << 10);
    let (_, answer) = hung_up_after(server.address(), long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn settings_come_from_flags_then_the_environment_then_the_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("quipu.toml");
    std::fs::write(&file, "max_queries = 1\nmax_body = \"1MiB\"\ndrain_timeout = \"1s\"\n").expect("writable");
    let store = dir.path().join("store");
    let args = [
        "serve",
        "--check-config",
        "--store",
        arg(&store),
        "--config",
        arg(&file),
        "--max-queries",
        "3",
        "--format",
        "csv",
    ];
    let checked = crate::support::quipu_in(&[("QUIPU_MAX_BODY", "2MiB"), ("QUIPU_MAX_QUERIES", "2")], &args);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    for line in ["max_queries,3", "max_body,2097152", "drain_timeout,1s"] {
        assert!(checked.out.lines().any(|it| it == line), "{line}: {}", checked.out);
    }
    assert!(!store.exists());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/quipu.toml");
    let checked = quipu(&["serve", "--check-config", "--config", arg(&sample)]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    std::fs::write(&file, "max_querys = 1\n").expect("writable");
    let wrong = quipu(&args);
    assert!(wrong.code == Some(2) && wrong.err.contains("max_querys"), "{}", wrong.err);
}

#[test]
fn metrics_count_what_happened_under_bounded_labels() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let event = json!({"id": "a", "at": "2026-01-31T08:00:00Z", "tenant": "acme", "deep": {"x": 1}}).to_string();
    server.post("/v1/events", &[], format!("{event}\n{event}\nbroken").as_bytes());
    for path in ["/v1/jobs/a", "/v1/jobs/b", "/nothing/1", "/nothing/2"] {
        server.get(path);
    }
    let (status, text) = server.ask("/metrics", &[]);
    assert_eq!(status, 200);
    for line in [
        "quipu_events_total{fate=\"stored\"} 1",
        "quipu_events_total{fate=\"duplicate\"} 1",
        "quipu_events_total{fate=\"rejected\"} 1",
        "quipu_http_requests_total{route=\"/v1/jobs/{id}\",method=\"GET\",status=\"404\"} 2",
        "quipu_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 2",
        "quipu_ignored_fields_total 2",
        "quipu_lsn 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("acme") && text.ends_with("# EOF\n"), "{text}");
    assert_eq!(server.get("/readyz").0, 200);
}

/// Waits until the server says so: what it sent counts once it has read the answer.
fn await_metric(server: &Server, line: &str) {
    let told = || server.ask("/metrics", &[]).1.contains(line);
    assert!(
        (0..100).any(|_| told() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }),
        "{line}"
    );
}

/// What a webhook is told next, which it answers with a status.
fn hear(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().expect("a server");
    let mut request = [0; 4096];
    let mut length = 0;
    while !request[..length].ends_with(b"}") {
        length += stream.read(&mut request[length..]).expect("a request");
    }
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").expect("a server");
    String::from_utf8_lossy(&request[..length]).into_owned()
}

#[test]
fn a_budget_that_runs_out_is_shown_and_told_of_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let file = dir.path().join("quipu.toml");
    let text = format!(
        "alert_interval = \"100ms\"\n[[webhook]]\nname = \"ops\"\nurl = \"http://{}\"\n\
         [[budget]]\nname = \"agents\"\nlimit = \"10\"\nperiod = \"year\"\ncost = \"reported\"\nnotify = [\"ops\"]\n",
        listener.local_addr().expect("an address")
    );
    std::fs::write(&file, text).expect("writable");
    let server = Server::start_with(&dir.path().join("store"), &["--config", arg(&file)]);
    let told = |status: &str| hear(&listener, status);
    server.post("/v1/events", &[], br#"{"id": "a", "reported_cost": "9.5"}"#);
    // A webhook that fails is asked again.
    for status in ["503 Service Unavailable", "204 No Content"] {
        let request = told(status);
        assert!(request.contains("\"threshold\":80") && request.contains("\"spent\":\"9.5\""), "{request}");
    }
    let (status, budgets) = server.get("/v1/budgets");
    assert_eq!((status, &budgets["rows"][0]["percent"]), (200, &json!(95)), "{budgets}");
    server.post("/v1/events", &[], br#"{"id": "b", "reported_cost": "1"}"#);
    // What comes next is the next threshold and not the same again.
    assert!(told("200 OK").contains("\"threshold\":100"));
    assert!(server.terminate().success());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the server's clock is the system's")]
fn sighup_has_settings_budgets_and_rules_read_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (file, rules) = (dir.path().join("quipu.toml"), dir.path().join("rules.toml"));
    std::fs::write(&file, "max_body = \"1KiB\"\n").expect("writable");
    let server = Server::start_with(&dir.path().join("store"), &["--config", arg(&file)]);
    let long = format!("[{}]", " ".repeat(2_000));
    assert_eq!(server.post("/v1/events", &[], long.as_bytes()).0, 413);
    let now = json!({"id": "b", "team": "red", "usage": {"output": 900_000}});
    let before = std::time::SystemTime::now() - Duration::from_secs(36 * 3600);
    let before = before.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    let before =
        json!({"id": "a", "at": u64::try_from(before).expect("in range"), "team": "red", "usage": {"output": 100_000}});
    assert_eq!(server.post("/v1/events", &[], json!([now, before]).to_string().as_bytes()).0, 200);

    let reload = || {
        let signalled = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
        assert!(signalled.expect("kill runs").success());
    };
    let webhook = format!("http://{}", listener.local_addr().expect("an address"));
    let text =
        format!("max_body = \"1MiB\"\nrules = {:?}\n[[webhook]]\nname = \"ops\"\nurl = \"{webhook}\"\n", arg(&rules));
    std::fs::write(&rules, "[[rule]]\nname = \"storms\"\nwindow = \"24h\"\nowners = { red = \"ops\" }\n")
        .expect("writable");
    std::fs::write(&file, &text).expect("writable");
    reload();
    let request = hear(&listener, "200 OK");
    assert!(request.contains("\"rule\":\"storms\"") && request.contains("\"times\":\"9.000\""), "{request}");
    // The rule is looked at only after the settings are taken.
    assert_eq!(server.post("/v1/events", &[], long.as_bytes()).0, 200);
    await_metric(&server, "quipu_alerts_total{fate=\"delivered\"} 1");

    // Wrong settings change nothing; what was told is not told again.
    std::fs::write(&file, "max_body = 0\n").expect("writable");
    reload();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.post("/v1/events", &[], long.as_bytes()).0, 200);
    std::fs::write(&file, text.replace("1MiB", "1KiB")).expect("writable");
    reload();
    while server.post("/v1/events", &[], long.as_bytes()).0 != 413 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(server.ask("/metrics", &[]).1.contains("quipu_alerts_total{fate=\"delivered\"} 1"));
    assert!(server.terminate().success());
}

#[test]
fn labels_with_too_many_values_are_coarsened_and_the_money_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(dir.path(), &["--max-values", "2"]);
    let mut sent = 0;
    // What is stored is read back beside the first requests, which are not coarsened yet.
    let coarsened = loop {
        let event = |n| json!({"id": n, "feature": format!("f{n}"), "tenant": format!("t{n}"), "reported_cost": "1"});
        let batch: Vec<_> = (sent..sent + 5).map(|n: u64| event(n.to_string())).collect();
        let (status, answer) = server.post("/v1/events", &[], json!(batch).to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        sent += 5;
        if let Some(times) = answer["coarsened"]["feature"].as_u64() {
            break times;
        }
    };
    assert!((3..=5).contains(&coarsened), "{coarsened}");
    assert!(server.ask("/metrics", &[]).1.contains("quipu_coarsened_values_total{dimension=\"feature\"}"));
    let span = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "1".repeat(32), "spanId": "1".repeat(16),
        "startTimeUnixNano": "1763640001000000000", "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "feature.id", "value": {"stringValue": "another"}}]}]}]}]});
    let json_type = [("content-type", "application/json")];
    let (status, answer) = server.post("/v1/traces", &json_type, span.to_string().as_bytes());
    let partial = &answer["partialSuccess"];
    assert_eq!((status, &partial["rejectedSpans"]), (200, &json!("0")), "{answer}");
    assert!(partial["errorMessage"].as_str().is_some_and(|it| it.contains("1 values of feature")), "{answer}");
    let plan = json!({"measures": ["requests", "reported_cost"], "by": ["feature"], "where": "feature = __overflow__"});
    let (_, answer) = server.post("/v1/query", &[], plan.to_string().as_bytes());
    assert_eq!(answer["rows"][0]["requests"], json!(coarsened + 1), "{answer}");
    let plan = json!({"measures": ["reported_cost"]});
    let (_, answer) = server.post("/v1/query", &[], plan.to_string().as_bytes());
    assert_eq!(answer["rows"][0]["reported_cost"], json!(sent.to_string()), "{answer}");
    assert_eq!(server.count(r#"{"measures": ["requests"], "where": "tenant = __overflow__"}"#), 0);
    let completed = json!({"change": "complete", "id": "0", "rank": 1, "values": {"feature": "a late one"}});
    let (status, answer) = server.post("/v1/corrections", &[], completed.to_string().as_bytes());
    assert_eq!((status, &answer["coarsened"]["feature"]), (200, &json!(1)), "{answer}");
    let (_, answer) = server.get("/v1/coverage");
    let warnings = answer["warnings"]["rows"].as_array().expect("rows");
    let warning = warnings.iter().find(|row| row["code"] == "values_put_together").expect("a warning");
    assert!(warning["field"] == "feature", "{warning}");
}
