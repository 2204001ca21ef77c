//! Corrections and the look-up of one event, over HTTP and on the command line.

use serde_json::{Value as Json, json};

use crate::access::{bearer, post, token};
use crate::support::{Server, arg, quipu, quipu_with};

#[test]
fn what_is_said_later_shows_wherever_one_asks() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let call = |id: &str, tokens: u64| json!({"id": id, "at": "2026-01-31T08:00:00Z", "trace_id": "run", "usage": {"output": tokens}});
    server.post("/v1/events", &[], json!([call("a", 1), call("b", 5), call("c", 7)]).to_string().as_bytes());
    let correct = |body: &Json| server.post("/v1/corrections", &[], body.to_string().as_bytes());
    let (status, answer) = correct(&json!([
        {"change": "grow", "event": call("a", 90)},
        {"change": "retract", "id": "b"},
        {"change": "complete", "trace_id": "run", "values": {"team": "search", "tags": {"plan": "pro"}}},
        {"change": "retract", "id": "later"},
        {"change": "undo", "id": "a"},
    ]));
    assert_eq!((status, &answer["accepted"], &answer["rejected"]), (200, &json!(4), &json!(1)), "{answer}");
    let statuses: Vec<&str> =
        answer["items"].as_array().expect("items").iter().filter_map(|it| it["status"].as_str()).collect();
    assert_eq!(statuses, ["applied", "applied", "applied", "pending", "rejected"]);
    assert_eq!(correct(&json!([{"change": "undo", "id": "a"}])).0, 422);

    let (status, event) = server.get("/v1/events/a");
    assert_eq!(
        (status, &event["usage"]["output"], &event["team"], &event["tags"]["plan"]),
        (200, &json!(90), &json!("search"), &json!("pro"))
    );
    assert_eq!((server.get("/v1/events/b").0, server.get("/v1/events/nobody").0), (404, 404));
    assert_eq!(server.count(r#"{"measures": ["output_tokens"]}"#), 97);
    let remote = quipu(&["event", "--url", &server.url, "a", "--format", "ndjson"]);
    assert!(server.terminate().success());

    let local = quipu(&["event", "--store", arg(dir.path()), "a", "--format", "ndjson"]);
    assert_eq!((local.code, &local.out), (Some(0), &remote.out), "{}", local.err);
    assert_eq!(serde_json::from_str::<Json>(&local.out).expect("JSON"), event);
    let table = quipu(&["event", "--store", arg(dir.path()), "a"]);
    assert!(table.out.contains("usage.output") && table.out.contains("tags.plan"), "{}", table.out);
    let missing = quipu(&["event", "--store", arg(dir.path()), "b"]);
    assert!(missing.code == Some(1) && missing.err.contains("event \"b\" was retracted"), "{}", missing.err);
}

#[test]
fn the_command_line_says_all_that_can_be_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = ["--store", arg(dir.path())];
    let events = "{\"id\":\"a\",\"at\":\"2026-01-31T08:00:00Z\",\"trace_id\":\"run\",\"usage\":{\"output\":1}}\n\
                  {\"id\":\"b\",\"at\":\"2026-01-31T08:00:00Z\",\"trace_id\":\"run\",\"usage\":{\"output\":2}}\n";
    assert_eq!(quipu_with(&[&["import"], &store[..], &["-"]].concat(), events.as_bytes()).code, Some(0));
    let correct = |args: &[&str], input: &str| {
        quipu_with(&[&["correct"], args, &store[..], &["--format", "csv"]].concat(), input.as_bytes())
    };
    for (args, input, says) in [
        (["complete", "--trace", "run", "--set", "team=search"].as_slice(), "", "1,applied,2"),
        (&["complete", "--event", "a", "--set", "retry_depth=2", "--rank", "3"], "", "1,applied,1"),
        (&["grow", "-"], r#"{"id":"b","at":"2026-01-31T08:00:00Z","usage":{"output":20}}"#, "1,applied,1"),
        (
            &["replace", "-", "--revision", "4"],
            r#"{"id":"b","at":"2026-01-31T09:00:00Z","project":"own","usage":{"output":9}}"#,
            "1,applied,1",
        ),
        (
            &["apply", "-"],
            "{\"change\":\"retract\",\"id\":\"a\"}\n{\"change\":\"retract\",\"id\":\"a\"}\n",
            "2,unchanged,0",
        ),
    ] {
        let ran = correct(args, input);
        assert!(ran.code == Some(0) && ran.out.contains(says), "{args:?}: {} {}", ran.out, ran.err);
    }
    for (set, says) in
        [("tema=a", "did you mean `team`?; a tag is tag.tema=VALUE"), ("input=9", "no field of an event")]
    {
        let refused = correct(&["complete", "--event", "b", "--set", set], "");
        assert!(refused.code == Some(2) && refused.err.contains(says), "{set}: {}", refused.err);
    }
    for (args, status, says) in [
        (
            ["complete", "--event", "b", "--set", "project=other"].as_slice(),
            "1,unchanged,0",
            "stored says otherwise already",
        ),
        (&["complete", "--event", "b", "--set", "tag.tema=a"], "1,applied,1", ""),
        (&["retract", "--event", "nope"], "1,pending,0", "nothing of that name is stored yet"),
        (&["retract", "--event", "nope"], "1,unchanged,0", "nothing of it is new"),
    ] {
        let ran = correct(args, "");
        assert!(ran.code == Some(0) && ran.out.contains(status), "{args:?}: {} {}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    let refused = correct(&["complete", "--event", "b", "--set", "trace_id=other"], "");
    assert!(refused.code == Some(1) && refused.err.contains("trace_id cannot be completed"), "{}", refused.err);
    assert_eq!(correct(&["retract"], "").code, Some(2));
    let total =
        quipu(&[&["query"], &store[..], &["--by", "team", "--measure", "output_tokens", "--format", "csv"]].concat());
    assert!(total.out.contains("search,9"), "{}", total.out);
}

#[test]
fn a_token_of_a_tenant_corrects_and_sees_what_is_the_tenants_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let call = |id: &str, tenant: &str| json!({"id": id, "at": "2026-01-31T08:00:00Z", "tenant": tenant, "trace_id": "shared", "usage": {"output": 5}});
    server.post("/v1/events", &[], json!([call("mine", "acme"), call("theirs", "globex")]).to_string().as_bytes());
    let (_, whole) = token(dir.path(), &["--scope", "ingest,query"]);
    let (_, acme) = token(dir.path(), &["--scope", "ingest,query", "--tenant", "acme"]);
    let reason = |body: Json| {
        let (status, answer) = post(&server, "/v1/corrections", &acme, &json!([body]));
        (status, answer["items"][0]["error"].as_str().unwrap_or_default().to_owned())
    };
    for (body, words) in [
        (json!({"change": "retract", "id": "theirs"}), "there is no event \"theirs\""),
        (json!({"change": "retract", "id": "nobody"}), "there is no event \"nobody\""),
        (json!({"change": "retract", "trace_id": "shared"}), "a trace may hold events of others"),
        (json!({"change": "retract", "id": "mine", "workspace": "other"}), "workspace is \"other\""),
        (json!({"change": "replace", "revision": 1, "event": call("mine", "globex")}), "tenant is \"globex\""),
        (json!({"change": "complete", "id": "mine", "values": {"tenant": "globex"}}), "tenant is \"globex\""),
    ] {
        let (status, error) = reason(body.clone());
        assert!(status == 422 && error.contains(words), "{body}: {status} {error}");
    }
    let event = |id: &str, token: &str| server.ask(&format!("/v1/events/{id}"), &[("authorization", &bearer(token))]).0;
    assert_eq!((event("mine", &acme), event("theirs", &acme), event("theirs", &whole)), (200, 404, 200));
    // Without the tenant a version would leave what they see, so it is put back.
    let mut version = call("mine", "acme");
    version["tenant"] = Json::Null;
    version["usage"]["output"] = json!(80);
    assert_eq!(reason(json!({"change": "grow", "event": version})), (200, String::new()));
    let (_, text) = server.ask("/v1/events/mine", &[("authorization", &bearer(&acme))]);
    let seen: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&seen["usage"]["output"], &seen["tenant"]), (&json!(80), &json!("acme")));
    assert_eq!(reason(json!({"change": "retract", "id": "mine"})), (200, String::new()));
    assert_eq!((event("mine", &whole), event("theirs", &whole)), (404, 200));
}

/// A span that repeats another one's usage takes it back, but not where that one is somebody else's.
#[test]
fn spans_of_one_tenant_take_nothing_back_from_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let (_, acme) = token(dir.path(), &["--scope", "ingest", "--tenant", "acme"]);
    let (_, globex) = token(dir.path(), &["--scope", "ingest", "--tenant", "globex"]);
    let (_, whole) = token(dir.path(), &["--scope", "query"]);
    let span = |id: &str, parent: &str| {
        let usage = |key: &str| json!({"key": key, "value": {"intValue": "10"}});
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent, "name": "chat m",
            "startTimeUnixNano": "1769846400000000000", "endTimeUnixNano": "1769846401000000000",
            "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                           {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
                           usage("gen_ai.usage.input_tokens"), usage("gen_ai.usage.output_tokens")]}]}]}]})
    };
    let export = |token: &str, body: &Json| {
        let headers = [("authorization", bearer(token)), ("content-type", "application/json".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        server.post("/v1/traces", &headers, body.to_string().as_bytes())
    };
    assert_eq!(export(&globex, &span("00000000000000a1", "")).0, 200);
    let (status, answer) = export(&acme, &span("00000000000000a1", ""));
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = export(&acme, &span("00000000000000b2", "00000000000000a1"));
    assert_eq!(status, 200, "{answer}");
    let said = answer["partialSuccess"]["errorMessage"].as_str().unwrap_or_default();
    assert!(said.contains("an earlier call") && said.contains("there is no event"), "{answer}");
    let (_, text) = server.ask("/v1/query?measure=requests&by=tenant", &[("authorization", &bearer(&whole))]);
    let rows: Json = serde_json::from_str(&text).expect("JSON");
    let of = |tenant: &str| {
        rows["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["tenant"] == tenant)
            .map(|row| row["requests"].clone())
    };
    assert_eq!((of("globex"), of("acme")), (Some(json!(1)), Some(json!(1))), "{rows}");
}
