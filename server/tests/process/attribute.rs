//! Usage assigned afterwards: on the command line and over HTTP, in every answer, and undone again.

use serde_json::{Value as Json, json};

use crate::access::{post, token};
use crate::support::{Server, arg, quipu, quipu_with};

const EVENTS: &str = r#"{"id":"a","at":"2026-01-31T08:00:00Z","trace_id":"run-1","usage":{"input":1}}
{"id":"b","at":"2026-01-31T08:00:00Z","trace_id":"run-1","tenant":"own","usage":{"input":2}}
{"id":"c","at":"2026-01-31T08:00:00Z","credential":"key-7","usage":{"input":4}}
{"id":"d","at":"2026-01-31T08:00:00Z","request_id":"req-9","usage":{"input":8}}"#;

/// Input tokens by tenant, as the rows are scanned and as counters say.
fn by_tenant(store: &str) -> Vec<String> {
    let ask = |path: &str| {
        let ran = quipu(&[
            "query",
            "--store",
            store,
            "--by",
            "tenant",
            "--measure",
            "input_tokens",
            "--format",
            "csv",
            "--path",
            path,
        ]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let mut lines: Vec<String> = ran.out.lines().skip(1).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let found = ask("scan");
    assert_eq!(ask("auto"), found);
    assert_eq!(ask("index"), found);
    found
}

#[test]
fn what_sources_left_out_is_assigned_listed_and_undone() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    assert_eq!(quipu_with(&["import", "--store", store, "-"], EVENTS.as_bytes()).code, Some(0));
    let run = |args: &[&str], input: &str| {
        quipu_with(&[&["attribute"], args, &["--store", store, "--format", "ndjson"]].concat(), input.as_bytes())
    };
    let why = ["--why", "the gateway dropped the header", "--by", "ops"];
    let one = run(&[&["assign", "--trace", "run-1", "--set", "tenant=acme"], &why[..]].concat(), "");
    assert!(one.code == Some(0) && one.out.contains(r#""value":1"#), "{} {}", one.out, one.err);
    let csv = "credential,request_id,tenant\nkey-7,,bolt\n,req-9,acme\n";
    let many = run(&[&["apply", "-"], &why[..]].concat(), csv);
    assert_eq!(many.code, Some(0), "{}", many.err);
    assert_eq!(by_tenant(store), ["acme,9", "bolt,4", "own,2"]);
    // What comes later is assigned too, and what is compacted stays so.
    let later = r#"{"id":"e","at":"2026-01-31T08:00:00Z","credential":"key-7","usage":{"input":16}}"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], later.as_bytes()).code, Some(0));
    assert_eq!(quipu(&["compact", "--store", store]).code, Some(0));
    assert_eq!(by_tenant(store), ["acme,9", "bolt,20", "own,2"]);

    assert_eq!(run(&[&["undo", "1"], &why[..]].concat(), "").code, Some(0));
    assert_eq!(by_tenant(store), [",1", "acme,8", "bolt,20", "own,2"]);
    let list = run(&["list"], "");
    let rows: Vec<Json> = list.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 4, "{}", list.out);
    assert_eq!((&rows[3]["of"], &rows[3]["undone_by"]), (&json!("trace_id=run-1"), &json!(3)));
    assert_eq!(rows[0]["assigned"], json!("undoes 1"));
    let few = run(&["list", "--limit", "2"], "");
    assert_eq!(few.out.lines().collect::<Vec<_>>(), list.out.lines().take(2).collect::<Vec<_>>());
    assert!(few.err.contains("the newest 2 of 4 rows"), "{}", few.err);
    assert_eq!((&rows[1]["assigned"], &rows[1]["undone_by"]), (&json!("tenant=bolt"), &Json::Null));
    assert_eq!(quipu(&["verify", "--store", store]).code, Some(0));
    let audit = quipu(&["audit", "--store", store, "--format", "json"]);
    assert!(audit.out.contains("attribution.assign") && audit.out.contains("attribution.undo"), "{}", audit.out);
    for (args, code, words) in [
        (&["undo", "1"][..], 1, "was undone by attribution 3 already"),
        (&["undo", "3"], 2, "undoes another"),
        (&["undo", "9"], 1, "there is no attribution 9"),
        (&["assign", "--trace", "t", "--set", "model=m"], 2, "model is not assigned"),
        (&["assign", "--trace", "t", "--set", "model=m"], 2, "nothing was assigned"),
    ] {
        let refused = run(&[args, &why[..]].concat(), "");
        assert!(
            refused.code == Some(code) && refused.err.contains(words),
            "{args:?}: {:?} {}",
            refused.code,
            refused.err
        );
    }
}

#[test]
fn over_http_the_token_is_who_did_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (id, admin) = token(dir.path(), &["--scope", "admin,ingest,query"]);
    let (_, narrow) = token(dir.path(), &["--scope", "admin", "--tenant", "acme"]);
    let (_, ingest) = token(dir.path(), &["--scope", "ingest"]);
    let server = Server::start(dir.path());
    let events: Vec<Json> = EVENTS.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(post(&server, "/v1/events", &admin, &json!(events)).0, 200);
    let body = json!({"assignments": [{"credential": "key-7", "team": "search"}], "why": "late"});
    for token in [&narrow, &ingest] {
        assert_eq!(post(&server, "/v1/attributions", token, &body).0, 403);
    }
    assert_eq!(post(&server, "/v1/attributions", &admin, &body), (200, json!({"number": 1, "events": 1})));
    let event = |id: &str| {
        let (_, text) = server.ask(&format!("/v1/events/{id}"), &[("x-api-key", &admin)]);
        serde_json::from_str::<Json>(&text).expect("JSON")
    };
    assert_eq!(event("c")["team"], json!("search"));
    let remote =
        ["attribute", "undo", "1", "--url", &server.url, "--token", &admin, "--why", "wrong", "--format", "ndjson"];
    let undone = quipu(&remote);
    assert_eq!((undone.code, event("c").get("team")), (Some(0), None), "{}", undone.err);
    let (_, few) = server.ask("/v1/attributions?limit=1", &[("x-api-key", &admin)]);
    assert!(few.contains("undoes 1") && few.contains("the newest 1 of 2 rows"), "{few}");
    let (status, wrong) = server.ask("/v1/attributions?limits=1", &[("x-api-key", &admin)]);
    assert!(status == 400 && wrong.contains("there is no parameter"), "{wrong}");
    let broken = json!({"assignments": [{"trace_id": "t", "team": "a"}, {"trace_id": "u"}], "why": "late"});
    let (status, wrong) = post(&server, "/v1/attributions", &admin, &broken);
    assert!(status == 400 && wrong.to_string().contains("item 2: trace_id"), "{wrong}");
    assert!(wrong.to_string().contains("nothing was assigned"), "{wrong}");
    let (_, list) = server.ask("/v1/attributions", &[("x-api-key", &admin)]);
    assert!(list.contains(&format!("token {id}")) && list.contains("undoes 1"), "{list}");
}
