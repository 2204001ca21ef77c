//! What clients of others send, over real sockets.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Server, arg, quipu};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples").join(name)).expect("a sample")
}

fn requests(server: &Server) -> u64 {
    server.count(r#"{"measures": ["requests"]}"#)
}

#[test]
fn every_client_gets_the_answer_it_expects_and_a_replay_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    for (path, name, content_type, status, events) in [
        ("/v1/traces", "otel-genai-new-traces.otlp.pb", PROTO, 200, 7),
        ("/v1/traces", "openllmetry-workflow.otlp.pb", PROTO, 200, 6),
        ("/v1/logs", "otel-genai-new-logs.otlp.pb", PROTO, 200, 0),
        ("/v1/logs", "constructed-coding-assistant-logs.otlp.json", JSON, 200, 2),
        ("/v1/metrics", "pydantic-ai-logfire-metrics.otlp.pb", PROTO, 200, 0),
        ("/api/public/otel/v1/traces", "langfuse-sdk.otlp.pb", PROTO, 200, 5),
        ("/api/public/ingestion", "langfuse-v2-ingestion.json", JSON, 207, 2),
        ("/ingest/litellm", "litellm-generic-api-single.json", JSON, 200, 1),
        ("/ingest/portkey", "constructed-portkey-metrics.ndjson", JSON, 200, 3),
        ("/ingest/helicone", "constructed-helicone-webhook.json", JSON, 200, 1),
        ("/ingest/tensorzero", "constructed-tensorzero-modelinference.ndjson", JSON, 200, 2),
        ("/oai/v1/log", "helicone-manual-log.json", JSON, 200, 1),
        ("/api/v1/events", "openmeter-batch.json", JSON, 204, 2),
        ("/meter/v2/ai/completions", "revenium-ai-completions-1.json", JSON, 201, 1),
        ("/meter/v2/tool/events", "revenium-tool-events.json", JSON, 201, 1),
    ] {
        let before = requests(&server);
        for _ in 0..2 {
            let (answered, _, body) = server.send_raw(path, &[content_type], &sample(name));
            assert_eq!(answered, status, "{name}: {}", String::from_utf8_lossy(&body));
            assert_eq!(requests(&server) - before, events, "{name}");
        }
    }
    assert!(server.terminate().success());
}

#[test]
fn otlp_is_answered_in_its_own_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let (status, headers, body) = server.send_raw("/v1/traces", &[PROTO], &sample("otlp-grpc-export.otlp.pb"));
    assert_eq!((status, headers["content-type"].as_bytes(), body), (200, &b"application/x-protobuf"[..], Vec::new()));
    let (status, _, body) = server.send_raw("/v1/traces", &[PROTO], b"");
    assert_eq!((status, body), (200, Vec::new()));
    let (status, answer) = server.post("/v1/traces", &[JSON], &sample("constructed-otlp-edge.otlp.json"));
    assert_eq!((status, &answer["partialSuccess"]["rejectedSpans"]), (200, &json!("1")), "{answer}");
    assert!(answer["partialSuccess"]["errorMessage"].as_str().is_some_and(|why| why.contains("span_id")), "{answer}");
    let (status, answer) = server.post("/v1/traces", &[JSON], b"{\"resourceSpans\":7}");
    assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
    let (status, _, body) = server.send_raw("/v1/traces", &[PROTO], &[0x0a, 0xff, 0xff, 0x03, 1]);
    assert!(status == 400 && String::from_utf8_lossy(&body).contains("longer than its message"), "{status}");
    assert_eq!(server.send_raw("/v1/traces", &[("content-type", "text/plain")], b"").0, 415);
    assert_eq!(server.send_raw("/v1/traces", &[PROTO, ("content-encoding", "gzip")], b"no gzip").0, 400);
}

#[test]
fn headers_fill_what_bodies_leave_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let call = json!({"id": "one", "at": "2026-01-31T08:00:00Z", "team": "own", "model": "m", "usage": {"input": 1}});
    let said = [("x-tenant-id", "acme"), ("x-team-id", "other"), ("x-retry-depth", "2"), JSON];
    let (status, headers, _) = server.send_raw("/v1/events", &said, call.to_string().as_bytes());
    assert_eq!((status, headers["x-quipu-event-id"].as_bytes()), (200, &b"one"[..]));
    let plan = json!({"measures": ["requests"], "by": ["tenant", "team", "tag.from.tenant"]});
    let (_, answer) = server.post("/v1/query", &[], plan.to_string().as_bytes());
    let row = &answer["rows"][0];
    assert_eq!((&row["tenant"], &row["team"]), (&json!("acme"), &json!("own")), "{answer}");
    assert_eq!(row["tag.from.tenant"], json!("header"), "{answer}");
    // Somebody else's form is known by its members.
    let (status, answer) = server.post("/v1/events", &[JSON], &sample("litellm-generic-api-single.json"));
    assert_eq!((status, &answer["stored"]), (200, &json!(1)), "{answer}");
    let (status, answer) = server.post("/ingest/nobody", &[JSON], b"{}");
    assert!(status == 404 && answer["detail"].as_str().is_some_and(|why| why.contains("litellm")), "{answer}");
}

#[test]
fn reveniums_client_reads_reveniums_errors() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let body = json!({"transactionId": "t", "provider": "OPENAI", "inputTokenCount": -1});
    let (status, answer) = server.post("/meter/v2/ai/completions", &[JSON], body.to_string().as_bytes());
    assert_eq!((status, &answer["status"], &answer["path"]), (400, &json!(400), &json!("/meter/v2/ai/completions")));
    assert!(answer["message"].as_str().is_some_and(|why| why.contains("inputTokenCount")), "{answer}");
    assert_eq!(server.post("/meter/v2/ai/poems", &[JSON], b"{}").0, 404);
}

/// An export of one span; one that used nothing says whose the work is.
fn export(trace: u64, id: u64, parent: u64, operation: &str, tokens: u64) -> String {
    let told = match tokens {
        0 => json!({"key": "tenant.id", "value": {"stringValue": "acme"}}),
        _ => json!({"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens}}),
    };
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": format!("{parent:016x}"),
        "name": operation, "startTimeUnixNano": "1763640001000000000", "endTimeUnixNano": "1763640002000000000",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": operation}}, told,
            {"key": "gen_ai.request.model", "value": {"stringValue": "m"}}]}]}]}]})
    .to_string()
}

#[test]
fn a_trace_that_goes_on_after_a_kill_is_decided_as_if_there_had_been_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let send = |server: &Server, spans: &[String]| {
        for span in spans {
            assert_eq!(server.send_raw("/v1/traces", &[JSON], span.as_bytes()).0, 200);
        }
    };
    let server = Server::start(dir.path());
    // A call whose parent comes later; a parent whose call comes later; a call in a span that is not stored.
    send(&server, &[export(1, 2, 1, "chat", 40), export(2, 1, 0, "invoke_agent", 50)]);
    send(&server, &[export(3, 3, 2, "chat", 60), export(3, 2, 1, "plan", 0).replace("acme", "nearest")]);
    send(&server, &[export(4, 3, 2, "chat", 70), export(4, 2, 1, "plan", 0).replace("tenant.id", "colour")]);
    server.kill();
    let server = Server::start(dir.path());
    send(&server, &[export(1, 1, 0, "invoke_agent", 40), export(2, 2, 1, "chat", 50)]);
    send(&server, &[export(3, 1, 0, "invoke_workflow", 0), export(4, 1, 0, "invoke_workflow", 0)]);
    let plan = json!({"measures": ["input_tokens"], "by": ["trace_id", "span_id", "tenant"], "order": ["trace_id"]});
    let (_, answer) = server.post("/v1/query", &[], plan.to_string().as_bytes());
    let mut rows: Vec<_> = answer["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            let last = |name: &str| row[name].as_str().and_then(|id| id.chars().last()).unwrap_or_default();
            (last("trace_id"), last("span_id"), row["tenant"].as_str(), row["input_tokens"].as_u64())
        })
        .collect();
    rows.sort();
    let expected =
        [('1', '2', None, 40), ('2', '2', None, 50), ('3', '3', Some("nearest"), 60), ('4', '3', Some("acme"), 70)];
    assert_eq!(rows, expected.map(|(trace, span, tenant, tokens)| (trace, span, tenant, Some(tokens))), "{answer}");
}

#[test]
fn a_parent_that_comes_later_does_not_count_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let child = export(1, 2, 1, "chat", 40);
    let parent = export(1, 1, 0, "invoke_agent", 40);
    for body in [&child, &parent, &child] {
        assert_eq!(server.send_raw("/v1/traces", &[JSON], body.as_bytes()).0, 200);
    }
    assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 40);
}

#[test]
fn what_langfuse_says_of_one_call_in_several_batches_is_one_call() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let message = |kind: &str, second: u32, body: Json| {
        let body = json!({"batch": [{"id": format!("m{second}"), "type": kind, "body": body,
            "timestamp": format!("2026-01-31T08:00:{second:02}Z")}]});
        move |server: &Server| {
            let (status, answer) = server.post("/api/public/ingestion", &[JSON], body.to_string().as_bytes());
            assert_eq!(
                (status, &answer["errors"], &answer["successes"][0]["id"]),
                (207, &json!([]), &json!("o")),
                "{answer}"
            );
        }
    };
    let begun = message(
        "generation-create",
        1,
        json!({"id": "o", "traceId": "t", "model": "gpt-4o",
        "startTime": "2026-01-31T08:00:01Z", "metadata": {"team": "red"}}),
    );
    let ended = message(
        "generation-update",
        5,
        json!({"id": "o", "endTime": "2026-01-31T08:00:04.500Z",
        "usage": {"input": 30, "output": 12}}),
    );
    let scored = message("generation-update", 3, json!({"id": "o", "usage": {"input": 1, "output": 1}}));
    // The last one comes late, and the first once more.
    for send in [&begun as &dyn Fn(&Server), &ended, &scored, &begun, &ended] {
        send(&server);
    }
    let plan = json!({"measures": ["requests", "input_tokens", "output_tokens", "duration_avg"], "by": ["team", "model", "trace_id"]});
    let (_, answer) = server.post("/v1/query", &[], plan.to_string().as_bytes());
    let row = &answer["rows"][0];
    assert_eq!(
        (&row["team"], &row["model"], &row["trace_id"]),
        (&json!("red"), &json!("gpt-4o"), &json!("t")),
        "{answer}"
    );
    let tokens = (&row["requests"], &row["input_tokens"], &row["output_tokens"]);
    assert_eq!(tokens, (&json!(1), &json!(30), &json!(12)), "{answer}");
    assert!(row["duration_avg"].to_string().contains("3500"), "{answer}");
}

#[test]
fn first_batches_about_one_call_that_come_at_once_are_one_call() {
    const CLIENTS: u64 = 8;
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    for round in 0..5 {
        let body = |client: u64| {
            json!({"batch": [{"id": format!("m{round}-{client}"), "type": "generation-create", "timestamp": "2026-01-31T08:00:01Z",
                "body": {"id": format!("o{round}"), "traceId": "t", "model": "gpt-4o", "startTime": "2026-01-31T08:00:01Z",
                    "usage": {"input": 30, "output": client + 1}}}]})
            .to_string()
        };
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (server, body) = (&server, body(client));
                scope.spawn(move || {
                    let (status, answer) = server.post("/api/public/ingestion", &[JSON], body.as_bytes());
                    assert_eq!((status, &answer["errors"]), (207, &json!([])), "{answer}");
                });
            }
        });
        assert_eq!(server.count(r#"{"measures": ["requests"]}"#), round + 1);
        assert_eq!(server.count(r#"{"measures": ["input_tokens"]}"#), 30 * (round + 1));
    }
    let (status, answer) = server.post("/api/public/ingestion", &[JSON], b"[]");
    assert!(status == 400 && answer["detail"].as_str().is_some_and(|it| it.contains("`batch`")), "{answer}");
}

#[test]
fn a_single_event_is_answered_with_its_id_and_cost() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let told = |model: &str, ids: &[&str]| {
        let call = |id: &&str| {
            json!({"id": id, "at": "2026-01-31T08:00:00Z", "provider": "openai", "model": model,
            "usage": {"input": 220, "output": 60}})
        };
        let body = json!(ids.iter().map(call).collect::<Vec<_>>()).to_string();
        let (status, headers, _) = server.send_raw("/v1/events", &[JSON], body.as_bytes());
        assert_eq!(status, 200);
        ["x-quipu-event-id", "x-quipu-cost-usd"]
            .map(|name| headers.get(name).map(|it| it.to_str().expect("ASCII").to_owned()))
    };
    // The book inside the program knows this one: 220 x $2.50 and 60 x $10 in a million.
    assert_eq!(told("gpt-4o", &["a"]), [Some("a".into()), Some("0.00115".into())]);
    // So it is for whoever sends it again. What has no price has no cost, which is not 0; of several nothing is said.
    assert_eq!(told("gpt-4o", &["a"]), [Some("a".into()), Some("0.00115".into())]);
    assert_eq!(told("no such model", &["b"]), [Some("b".into()), None]);
    assert_eq!(told("gpt-4o", &["c", "d"]), [None, None]);
}

#[test]
fn files_of_every_source_are_imported_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("store");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples");
    for (format, name, events) in [
        ("otlp-proto", "openllmetry-workflow.otlp.pb", 6),
        ("otlp-json", "constructed-otlp-edge.otlp.json", 8),
        ("otlp-json", "constructed-coding-assistant-logs.otlp.json", 2),
        ("otlp-logs-proto", "otel-genai-new-logs.otlp.pb", 6),
        ("litellm", "litellm-generic-api-single.json", 1),
        ("langfuse", "langfuse-v2-ingestion.json", 2),
        ("portkey", "constructed-portkey-metrics.ndjson", 3),
        ("cloudevents", "litellm-openmeter-cloudevents.ndjson", 6),
        ("helicone", "helicone-manual-stream.json", 1),
        ("revenium-tool", "revenium-tool-events.json", 1),
    ] {
        let file = samples.join(name);
        for again in [false, true] {
            let ran = quipu(&["import", "--store", arg(&store), "--as", format, "--format", "json", arg(&file)]);
            let shown: Json =
                serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{name}: {} {}", ran.out, ran.err));
            let rows = shown["rows"].as_array().expect("rows");
            let stored = rows.iter().find(|row| row["what"] == "events stored").and_then(|row| row["value"].as_u64());
            let stored = stored.expect("a count");
            assert_eq!(stored, if again { 0 } else { events }, "{name}: {shown}");
        }
    }
}

#[test]
fn a_script_for_reveniums_jobs_works_with_another_base_address() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    for (job, kind, hour) in [("ticket-1", "support", 8), ("ticket-2", "support", 9), ("lead-1", "sales", 10)] {
        let call = json!({"transactionId": format!("call-{job}"), "requestTime": format!("2026-01-31T0{}:00:00Z", hour % 10),
            "provider": "OPENAI", "model": "gpt-4o", "inputTokenCount": 100, "outputTokenCount": 10, "totalCost": 2,
            "agenticJobId": job, "agenticJobType": kind});
        assert_eq!(server.post("/meter/v2/ai/completions", &[JSON], call.to_string().as_bytes()).0, 201);
    }
    let outcome =
        json!({"executionStatus": "SUCCESS", "outcomeType": "CONVERTED", "outcomeValue": 5.5, "outcomeCurrency": "USD",
        "metadata": "{\"ticket\":\"4711\"}", "outcomeReason": "closed won", "reportedBy": "crm"})
        .to_string();
    for (job, body, status) in [
        ("ticket-1", outcome.as_str(), 200),
        ("ticket-1", r#"{"executionStatus":"FAILED"}"#, 409),
        ("nobody", outcome.as_str(), 404),
        ("ticket-2", r#"{"executionStatus":"WON"}"#, 400),
        ("ticket-2", r#"{"executionStatus":"SUCCESS","outcomeValue":1}"#, 400),
        ("lead-1", r#"{"executionStatus":"FAILED","outcomeType":"UNSUCCESSFUL"}"#, 200),
    ] {
        let path = format!("/profitstream/v2/api/jobs/{job}/outcome?teamId=TEAM1");
        let (answered, answer) = server.post(&path, &[JSON], body.as_bytes());
        assert_eq!(answered, status, "{job} {body}: {answer}");
        assert!(status == 200 || answer["message"].is_string() && answer["status"] == json!(status), "{answer}");
    }
    let (status, job) = server.get("/v2/api/jobs/ticket-1");
    assert_eq!((status, &job["executionStatus"], &job["outcomeType"]), (200, &json!("SUCCESS"), &json!("CONVERTED")));
    assert_eq!(
        (&job["outcomeReason"], &job["metadata"]),
        (&json!("closed won"), &json!("{\"ticket\":\"4711\"}")),
        "{job}"
    );
    assert_eq!(job["outcomeValue"].to_string(), "5.5");
    let count = |query: &str| {
        let (status, answer) = server.get(&format!("/v2/api/jobs?{query}"));
        assert_eq!(status, 200, "{query}: {answer}");
        (answer["totalElements"].as_u64(), answer["content"][0]["id"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(count("size=2&sort=created,ASC"), (Some(3), "lead-1".into()));
    assert_eq!(count("type=support&sort=created,DESC"), (Some(2), "ticket-2".into()));
    assert_eq!(count("executionStatus=SUCCESS"), (Some(1), "ticket-1".into()));
    assert_eq!(count("outcomeType=PENDING"), (Some(1), "ticket-2".into()));
    assert_eq!(count("startDate=2026-01-31T08:30:00Z&endDate=2026-01-31"), (Some(1), "ticket-2".into()));
    assert_eq!(count("page=7").1, "");
    for bad in ["size=101", "size=0", "page=x", "sort=colour", "startDate=soon"] {
        assert_eq!(server.get(&format!("/v2/api/jobs?{bad}")).0, 400, "{bad}");
    }
    let (_, types) = server.get("/v2/api/jobs/types");
    assert_eq!(types, json!([{"type": "sales", "count": 1}, {"type": "support", "count": 2}]));
    let (_, funnel) = server.get("/v2/api/jobs/conversion-funnel");
    assert_eq!(
        (&funnel["totalJobs"], &funnel["successfulJobs"], &funnel["convertedJobs"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let (status, roi) = server.get("/v2/api/jobs/ticket-1/roi");
    assert!(status == 200 && roi["roi"].is_number(), "{roi}");
    let (status, calls) = server.get("/v2/api/jobs/ticket-1/transactions?size=1");
    assert_eq!((status, &calls["content"][0]["transactionId"]), (200, &json!("call-ticket-1")), "{calls}");
    assert_eq!(server.get("/v2/api/jobs/nobody").0, 404);
    assert_eq!(server.get("/v2/api/jobs/nobody/roi").0, 404);
}
