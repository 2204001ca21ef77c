//! Tokens: who is let in, what they may do, and what they can never see.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};

use crate::support::{Server, arg, quipu};

/// Makes a token; its id and its text.
pub(crate) fn token(dir: &Path, args: &[&str]) -> (String, String) {
    let made = quipu(&[&["token", "create", "--store", arg(dir), "--name", "t", "--format", "ndjson"], args].concat());
    assert_eq!(made.code, Some(0), "{}", made.err);
    let value =
        |line: &str| serde_json::from_str::<Json>(line).expect("JSON")["value"].as_str().expect("a text").to_owned();
    let mut lines = made.out.lines().map(value);
    (lines.next().expect("an id"), lines.next().expect("a token"))
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn post(server: &Server, path: &str, token: &str, body: &Json) -> (u16, Json) {
    server.post(path, &[("authorization", &bearer(token))], body.to_string().as_bytes())
}

#[test]
fn a_token_is_required_from_the_first_on_and_good_until_it_is_revoked() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let event = json!({"id": "a", "at": "2026-01-31T08:00:00Z", "usage": {"input": 3}});
    assert_eq!(server.post("/v1/events", &[], event.to_string().as_bytes()).0, 200);
    let (id, ingest) = token(dir.path(), &["--scope", "ingest"]);
    let (_, query) = token(dir.path(), &["--scope", "query"]);
    for (path, status) in
        [("/v1/jobs", 401), ("/v1/funnel", 401), ("/v1/jobs/j", 401), ("/v1/traces/t", 401), ("/healthz", 200)]
    {
        assert_eq!(server.get(path).0, status, "{path}");
    }
    for (token, status, words) in [
        ("nonsense", 401, "not one of this store"),
        (query.as_str(), 403, "needs the scope ingest"),
        (ingest.as_str(), 200, ""),
    ] {
        let (found, answer) = post(&server, "/v1/events", token, &event);
        assert_eq!(found, status, "{answer}");
        assert!(status == 200 || answer["detail"].as_str().is_some_and(|it| it.contains(words)), "{answer}");
    }
    assert_eq!(server.ask("/v1/jobs", &[("x-api-key", &query)]).0, 200);
    assert_eq!(server.ask("/v1/jobs?explain=true", &[("x-api-key", &query)]).0, 403);
    assert_eq!(server.ask("/v1/jobs", &[("x-api-key", &ingest)]).0, 403);
    assert_eq!(server.ask("/v1/jobs", &[("x-api-key", &query), ("x-quipu-workspace", "other")]).0, 403);
    assert_eq!(post(&server, "/v1/outcomes", &ingest, &json!([])).0, 403);

    let remote =
        quipu(&["query", "--url", &server.url, "--token", &query, "--measure", "requests", "--format", "ndjson"]);
    assert_eq!(remote.out.trim(), r#"{"requests":1}"#, "{}", remote.err);

    let rotated = quipu(&["token", "rotate", "--store", arg(dir.path()), &id, "--overlap", "1h", "--format", "ndjson"]);
    let new = rotated.out.lines().nth(1).map(|line| serde_json::from_str::<Json>(line).expect("JSON")["value"].clone());
    let new = new.and_then(|value| value.as_str().map(str::to_owned)).expect("a token");
    assert_ne!(new, ingest);
    assert_eq!(
        (post(&server, "/v1/events", &new, &event).0, post(&server, "/v1/events", &ingest, &event).0),
        (200, 200)
    );
    assert_eq!(quipu(&["token", "revoke", "--store", arg(dir.path()), &id]).code, Some(0));
    for token in [&new, &ingest] {
        let (status, answer) = post(&server, "/v1/events", token, &event);
        assert!(status == 401 && answer["detail"].as_str().is_some_and(|it| it.contains("revoked")), "{answer}");
    }
    assert!(server.terminate().success());
    let list = quipu(&["token", "list", "--store", arg(dir.path()), "--format", "ndjson"]);
    let tokens: Vec<Json> = list.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(tokens.len() == 2 && tokens.iter().all(|token| token["last_used"].is_string()), "{}", list.out);
    assert!(!list.out.contains("qp_"), "{}", list.out);
    let audit = quipu(&["audit", "--store", arg(dir.path()), "--format", "ndjson"]);
    for action in ["token.create", "token.rotate", "token.revoke", "access.refused"] {
        assert!(audit.out.contains(action), "{action}: {} {}", audit.out, audit.err);
    }
}

#[test]
fn a_server_that_others_reach_wants_a_token_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = quipu(&["serve", "--store", arg(dir.path()), "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("quipu token create") && refused.err.contains("--allow-public"), "{}", refused.err);
}

#[test]
fn what_is_sent_gets_the_walls_and_the_defaults_of_its_token() {
    let dir = tempfile::tempdir().expect("a directory");
    let all = ["--scope", "ingest,query,outcome"];
    let (_, acme) = token(dir.path(), &[&all[..], &["--tenant", "acme", "--default", "team=support"]].concat());
    let (_, bolt) = token(dir.path(), &[&all[..], &["--tenant", "bolt"]].concat());
    let (_, whole) = token(dir.path(), &all);
    let server = Server::start(dir.path());
    let event = |id: &str, more: Json| {
        let mut event = json!({"id": id, "at": "2026-01-31T08:00:00Z", "job_id": "j", "usage": {"input": 1}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    let sent = json!([
        event("a", json!({})),
        event("b", json!({"tenant": "acme", "team": "red"})),
        event("c", json!({"tenant": "bolt"})),
        event("d", json!({"workspace": "other"})),
    ]);
    let (_, answer) = post(&server, "/v1/events", &acme, &sent);
    let fates: Vec<&str> =
        answer["items"].as_array().expect("items").iter().filter_map(|it| it["status"].as_str()).collect();
    assert_eq!(fates, ["stored", "stored", "rejected", "rejected"], "{answer}");
    assert!(answer["items"][2]["error"].as_str().is_some_and(|it| it.contains("tenant is \"bolt\"")), "{answer}");
    let (_, teams) = post(&server, "/v1/query", &whole, &json!({"measures": ["requests"], "by": ["tenant", "team"]}));
    assert_eq!(
        teams["rows"],
        json!([
            {"tenant": "acme", "team": "red", "requests": 1}, {"tenant": "acme", "team": "support", "requests": 1},
        ])
    );

    let outcome = json!({"status": "SUCCESS"});
    assert_eq!(post(&server, "/v1/jobs/j/outcome", &bolt, &outcome).0, 404);
    let (_, many) = post(&server, "/v1/outcomes", &bolt, &json!([{"job_id": "j", "status": "SUCCESS"}]));
    assert_eq!(many["items"][0]["status"], json!("unknown_job"), "{many}");
    assert_eq!(post(&server, "/v1/jobs/j/outcome", &acme, &outcome).0, 200);
    for (token, status) in [(&bolt, 404), (&acme, 200), (&whole, 200)] {
        assert_eq!(server.ask("/v1/jobs/j", &[("x-api-key", token)]).0, status);
    }
    assert_eq!(post(&server, "/v1/jobs/j/outcome", &bolt, &outcome).0, 404);
}

/// Whatever two tenants ask, in whatever form, neither sees a byte of the other: each of their texts holds
/// a mark that must not come back.
#[test]
fn two_tenants_never_see_each_others_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let tenants = ["uuno", "zdos"];
    let tokens = tenants.map(|tenant| token(dir.path(), &["--scope", "ingest,query,outcome", "--tenant", tenant]).1);
    let server = Server::start(dir.path());
    for (tenant, token) in tenants.iter().zip(&tokens) {
        let event = |at: usize| {
            json!({"id": format!("{tenant}{at}"), "at": format!("2026-01-{:02}T08:00:00Z", 1 + at % 28),
                "job_id": format!("{tenant}-j{}", at % 5), "trace_id": format!("{tenant}-t{}", at % 7),
                "model": format!("{tenant}-m{}", at % 3), "provider": format!("{tenant}-p"), "team": format!("{tenant}-team"),
                "feature": format!("{tenant}-f{}", at % 4), "tags": {"plan": format!("{tenant}-plan")},
                "usage": {"input": at, "output": 1, format!("{tenant}_units"): 2}})
        };
        let events: Vec<Json> = (0..60).map(event).collect();
        assert_eq!(post(&server, "/v1/events", token, &json!(events)).1["stored"], json!(60));
        let outcome = json!({"status": "SUCCESS", "metadata": {"by": tenant}});
        assert_eq!(post(&server, &format!("/v1/jobs/{tenant}-j1/outcome"), token, &outcome).0, 200);
    }
    let dimension = || {
        prop::sample::select(vec![
            "tenant", "job_id", "trace_id", "model", "provider", "team", "feature", "tag.plan", "day",
        ])
    };
    let measure = prop::sample::select(vec![
        "cost",
        "requests",
        "total_tokens",
        "unpriced",
        "jobs",
        "success_rate",
        "roi",
        "distinct(model)",
        "meter(uuno_units)",
        "meter(zdos_units)",
    ]);
    let filter = (
        dimension(),
        prop::sample::select(vec![
            "= 'uuno-m1'",
            "!= 'uuno-m1'",
            "^= zdos",
            "is null",
            "is not null",
            "= uuno",
            "= zdos",
            "in (uuno, zdos)",
        ]),
    );
    let filter = filter.prop_map(|(dimension, test)| format!("{dimension} {test}"));
    let plan = (
        prop::collection::vec(measure, 1..4),
        prop::collection::vec(dimension(), 0..3),
        prop::collection::vec(filter, 0..3),
        prop::sample::select(vec!["and", "or"]),
        any::<bool>(),
        0..2_usize,
        prop::sample::select(vec!["application/json", "text/csv", "application/x-ndjson", "text/plain"]),
        prop::sample::select(vec![
            "query",
            "/v1/jobs",
            "/v1/funnel",
            "/v1/roi",
            "/v1/jobs/uuno-j1",
            "/v1/jobs/zdos-j1",
            "/v1/traces/uuno-t1",
            "/v1/traces/zdos-t1",
            "/v1/traces",
            "/v1/coverage",
            "/v1/reconcile",
            "/v1/prices/current",
            "/v1/jobs/uuno-j1/outcome",
            "/v1/jobs/zdos-j1/outcome",
        ]),
    );
    let runner = &mut TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let answered = std::cell::Cell::new(0);
    let tested = runner.run(&plan, |(measures, by, filters, joined, not, who, accept, route)| {
        let expression = filters.join(&format!(" {joined} "));
        let expression = if not && !filters.is_empty() { format!("not ({expression})") } else { expression };
        let headers = [("x-api-key", tokens[who].as_str()), ("accept", accept)];
        let (status, answer) = match route {
            "query" => {
                let plan = json!({"measures": measures, "by": by, "where": if filters.is_empty() { json!(null) } else { json!(expression) }});
                let (status, answer) = server.post("/v1/query", &headers[..1], plan.to_string().as_bytes());
                (status, answer.to_string())
            }
            _ if filters.is_empty() => server.ask(route, &headers),
            _ => server.ask(&format!("{route}?where={}", encoded(&expression)), &headers),
        };
        // Questions that contradict themselves are refused; that says nothing about data either.
        prop_assert!([200, 400, 404].contains(&status), "{status} {answer}");
        let foreign = tenants[1 - who];
        // What the caller wrote may come back to them in the name of a column or in a refusal.
        if status == 200 {
            answered.set(answered.get() + 1);
            let own = answer.replace(&format!("meter({foreign}_units)"), "");
            let own = own.replace(&format!("{foreign}_units"), "");
            let own = without_conditions(&own);
            prop_assert!(!own.contains(foreign), "{route} {accept} {answer}");
        } else {
            prop_assert!(status == 400 || route.contains(foreign) || !filters.is_empty(), "{route} {answer}");
        }
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    assert!(answered.get() > 150, "only {} of the questions made sense", answered.get());
}

/// An answer that names the conditions which leave nothing of it, without these: they are what the caller wrote.
fn without_conditions(answer: &str) -> String {
    let mut parts = answer.split("no event passes `");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('`').map_or("", |(_, rest)| rest));
    std::iter::once(first).chain(rest).collect()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
