//! The description of the routes against the routes, and what reading answers promise.

use serde_json::{Value as Json, json};

use crate::support::Server;

/// Whether a value has the shape that a schema says, as far as these schemas go.
fn check(document: &Json, schema: &Json, value: &Json, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|path| document.pointer(path));
        return check(document, target.unwrap_or_else(|| panic!("{reference} leads nowhere")), value, place);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is not among {allowed:?}");
    }
    let types = match &schema["type"] {
        Json::String(one) => vec![one.as_str()],
        Json::Array(some) => some.iter().filter_map(Json::as_str).collect(),
        _ => vec![],
    };
    let found = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    assert!(types.is_empty() || types.contains(&found), "{place}: {value} is a {found}, not a {types:?}");
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{place}[{at}]"));
    }
    let Some(object) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            object.contains_key(required.as_str().unwrap_or_default()),
            "{place}: {required} is missing in {value}"
        );
    }
    for (name, member) in object {
        let schema = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        check(document, schema, member, &format!("{place}.{name}"));
    }
}

/// The schema that an operation states for an answer.
fn stated<'a>(operation: &'a Json, status: u16, media_type: &str) -> &'a Json {
    let answers = &operation["responses"];
    let answer = answers.get(status.to_string()).unwrap_or(&answers["default"]);
    if media_type.is_empty() {
        assert!(answers.get(status.to_string()).is_some_and(|it| it.get("content").is_none()), "{status}: {answers}");
        return &Json::Null;
    }
    let content = &answer["content"][media_type.split(';').next().unwrap_or_default()];
    assert!(content.is_object(), "{media_type} of a {status} is not stated: {answer}");
    &content["schema"]
}

#[test]
fn every_route_answers_as_it_is_described() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let (status, document) = server.get("/openapi.json");
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let event = json!({"id": "e", "at": "2026-01-31T08:00:00Z", "job_id": "j", "trace_id": "t", "usage": {"input": 1}});
    let outcome = json!({"job_id": "j", "status": "SUCCESS", "value": "3"});
    let sent = |path: &str| match path {
        "/v1/events" => vec![json!([event, {"id": ""}]), json!([{"id": ""}]), json!(7)],
        "/ingest/quipu" => vec![json!([event]), json!([{"id": ""}]), json!(7)],
        "/v1/corrections" => {
            vec![json!([{"change": "retract", "id": "gone"}, {}]), json!([{"change": "undo"}]), json!(7)]
        }
        "/v1/attributions" => vec![
            json!({"assignments": [{"trace_id": "t", "tenant": "acme"}], "why": "late"}),
            json!({"assignments": [{"trace_id": "t", "colour": "red"}], "why": "late"}),
            json!([]),
        ],
        "/v1/attributions/1/undo" => vec![json!({"why": "wrong"}), json!({"why": "wrong"}), json!({})],
        "/v1/erasures" => vec![
            json!({"subscriber": "nobody-here", "mode": "anonymise", "verify": true}),
            json!({"subscriber": "nobody-here"}),
            json!({"subscriber": "", "mode": "delete"}),
            json!([]),
        ],
        "/v1/outcomes" => vec![json!([outcome, {"job_id": "nobody", "status": "FAILED"}]), json!([{}]), json!("x")],
        "/v1/jobs/{id}/outcome" => vec![json!({"status": "FAILED"}), json!({}), json!([])],
        "/v1/query" => {
            vec![json!({"measures": ["cost", "unpriced"], "by": ["model"]}), json!({"colour": 1}), json!([])]
        }
        "/v1/traces" | "/v1/logs" | "/v1/metrics" | "/api/public/otel/v1/traces" | "/v1/otel/v1/traces" => vec![
            json!({"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}], "resourceLogs": [{"scopeLogs": [{"logRecords": [7]}]}]}),
            json!({"resourceSpans": 7, "resourceLogs": 7, "resourceMetrics": 7}),
        ],
        "/api/public/ingestion" => {
            let made = json!({"id": "m", "type": "generation-create", "timestamp": "2026-01-31T08:00:00Z",
                "body": {"id": "o", "model": "m", "usage": {"input": 1}}});
            vec![json!({"batch": [made]}), json!({"batch": 7}), json!(7)]
        }
        "/api/v1/events" => {
            let event = json!({"id": "c", "source": "s", "specversion": "1.0", "type": "t", "subject": "acme",
                "data": {"model": "m", "prompt_tokens": 3}});
            vec![event, json!({"id": "c"}), json!(7)]
        }
        path if path.ends_with("/v1/log") => {
            vec![
                json!({"providerRequest": {"json": {"model": "m"}}, "providerResponse": {"json": {"id": "x"}, "status": 200}}),
                json!(7),
            ]
        }
        path if path.starts_with("/meter/") => {
            vec![
                json!({"transactionId": path, "provider": "OPENAI", "toolId": "t", "inputTokenCount": 1}),
                json!({"inputTokenCount": -1}),
                json!(7),
            ]
        }
        path if path.contains("/v2/api/jobs/") => vec![json!({"executionStatus": "FAILED"}), json!({}), json!([])],
        _ => panic!("{path} has no body in this test"),
    };
    let json_type = ("content-type", "application/json");
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let names = operations["get"]["parameters"].as_array().into_iter().flatten();
        let names: Vec<&str> =
            names.filter_map(|it| (it["in"] == "query").then(|| it["name"].as_str()).flatten()).collect();
        for (method, operation) in operations.as_object().expect("operations") {
            let answers: Vec<(u16, String, String)> = match method.as_str() {
                "post" => {
                    assert!(operation["requestBody"]["content"]["application/json"].is_object(), "{path}");
                    let path =
                        path.replace("{source}", "quipu").replace("{kind}", "completions").replace("{number}", "1");
                    let (bodies, path) = (sent(&path), path.replace("{id}", "j"));
                    let send = |body: &Json| server.send("POST", &path, &[json_type], body.to_string().as_bytes());
                    bodies.iter().map(send).collect()
                }
                _ => {
                    let id = [("traces", "t"), ("events", "e"), ("jobs", "j")]
                        .into_iter()
                        .find(|(kind, _)| path.contains(kind));
                    let known = path.replace("{id}", id.map_or("", |(_, id)| id)).replace("{book}", "default");
                    let unknown = path.replace("{id}", "nobody").replace("{book}", "7");
                    let mut paths = vec![known.clone(), unknown];
                    // Every parameter that is stated is taken, or refused by its value and not by its name.
                    paths.extend(names.iter().map(|name| format!("{known}?{name}=7")));
                    paths.iter().map(|path| server.send("GET", path, &[], b"")).collect()
                }
            };
            for (status, media_type, text) in answers {
                let schema = stated(operation, status, &media_type);
                let value =
                    if media_type.contains("json") { serde_json::from_str(&text).expect("JSON") } else { json!(text) };
                check(&document, schema, &value, &format!("{method} {path} {status}"));
                assert!(!text.contains("there is no parameter"), "{path}: {text}");
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "only {seen} answers");
    for accept in ["text/csv", "application/x-ndjson", "text/plain"] {
        let (status, media_type, _) = server.send("GET", "/v1/jobs", &[("accept", accept)], b"");
        assert_eq!(status, 200);
        stated(&document["paths"]["/v1/jobs"]["get"], status, &media_type);
    }
}

#[test]
fn what_was_written_is_read_and_what_is_known_is_not_sent_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let (_, receipt) = server.post("/v1/events", &[], br#"{"id": "a", "at": "2026-01-31T08:00:00Z", "job_id": "j"}"#);
    let lsn = receipt["lsn"].as_u64().expect("an LSN");
    let min_lsn = |lsn: u64| server.send("GET", "/v1/jobs", &[("x-quipu-min-lsn", &lsn.to_string())], b"").0;
    assert_eq!((min_lsn(lsn), min_lsn(lsn + 1)), (200, 412));
    assert_eq!(server.send("GET", "/v1/jobs", &[("x-quipu-min-lsn", "new")], b"").0, 400);

    let headers = server.headers("/v1/jobs", &[]);
    assert_eq!(headers["x-quipu-lsn"], lsn.to_string());
    let tag = headers["etag"].to_str().expect("a tag").to_owned();
    let again = |tag: &str| server.send("GET", "/v1/jobs", &[("if-none-match", tag)], b"");
    assert_eq!((again(&tag).0, again(&tag).2.as_str(), again("\"other\"").0), (304, "", 200));
    server.post("/v1/events", &[], br#"{"id": "b", "at": "2026-01-31T08:00:00Z", "job_id": "j"}"#);
    assert_eq!(again(&tag).0, 200);
}

#[test]
fn a_long_answer_in_rows_is_sent_piece_by_piece_and_complete() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let lines: Vec<String> =
        (0..2_500).map(|n| json!({"id": n.to_string(), "span_id": n.to_string()}).to_string()).collect();
    assert_eq!(server.post("/v1/events", &[], lines.join("\n").as_bytes()).0, 200);
    let path = "/v1/query?measure=requests&by=span_id";
    for (accept, rows) in [("text/csv", 2_501), ("application/x-ndjson", 2_500)] {
        let headers = server.headers(path, &[("accept", accept)]);
        assert!(headers.get("content-length").is_none() && headers.get("etag").is_none(), "{headers:?}");
        let (status, _, text) = server.send("GET", path, &[("accept", accept)], b"");
        assert_eq!((status, text.lines().count()), (200, rows));
    }
    assert!(server.headers(&format!("{path}&limit=5"), &[("accept", "text/csv")]).get("etag").is_some());
}

#[test]
fn the_page_runs_nothing_but_its_own_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(dir.path(), &["--cors-origins", "https://dash.example"]);
    let (status, media_type, page) = server.send("GET", "/", &[], b"");
    assert_eq!((status, media_type.as_str()), (200, "text/html; charset=utf-8"));
    let policy = server.headers("/", &[])["content-security-policy"].to_str().expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<script>"), "inline code");
    let linked = page.split('"').filter(|it| it.starts_with("/assets/"));
    for path in linked {
        assert_eq!(server.send("GET", path, &[], b"").0, 200, "{path}");
    }
    let origin =
        |origin: &str| server.headers("/v1/jobs", &[("origin", origin)]).get("access-control-allow-origin").cloned();
    assert_eq!(origin("https://dash.example").expect("allowed"), "https://dash.example");
    assert_eq!(origin("https://evil.example"), None);
}
