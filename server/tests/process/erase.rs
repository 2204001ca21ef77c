//! Erasing a subscriber: from the command line and over HTTP, with a receipt, an entry in the audit log, and a search.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::access::{post, token};
use crate::support::{Server, arg, quipu, quipu_with};

const NAME: &str = "ann-the-subscriber";
const EMAIL: &str = "ann@people.example";

/// A store in which every second of six events is the person's, and one of others mentions her.
fn filled(dir: &Path) {
    let event = |n: u64| {
        let mut event = json!({"id": format!("e{n}"), "at": "2026-01-31T08:00:00Z", "usage": {"input": 10 + n}});
        if n.is_multiple_of(2) {
            event["subscriber_id"] = NAME.into();
            event["subscriber_email"] = EMAIL.into();
        }
        if n == 1 {
            event["tags"] = json!({"boss": EMAIL});
        }
        event.to_string()
    };
    let lines: Vec<String> = (0..6).map(event).collect();
    let imported = quipu_with(&["import", "--store", arg(dir), "-"], lines.join("\n").as_bytes());
    assert_eq!(imported.code, Some(0), "{}", imported.err);
}

fn run(dir: &Path, args: &[&str]) -> (Option<i32>, Json) {
    let ran = quipu(&[&["erase", "--store", arg(dir), "--format", "json"], args].concat());
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{} {}", ran.out, ran.err)))
}

fn value(sheet: &Json, what: &str) -> Json {
    let rows = sheet["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {sheet}"))["value"].clone()
}

fn tokens(dir: &Path) -> String {
    quipu(&["query", "--store", arg(dir), "--measure", "input_tokens", "--format", "csv"]).out
}

#[test]
fn a_subscriber_goes_and_every_total_stays_or_not_as_asked() {
    for (mode, left) in [("--anonymise", "75"), ("--delete", "39")] {
        let dir = tempfile::tempdir().expect("a directory");
        filled(dir.path());
        let (code, before) = run(dir.path(), &[NAME, "--verify"]);
        assert!(before.to_string().contains("only the name that was given was searched for"), "{before}");
        assert!(code == Some(1) && before["found"]["rows"].as_array().is_some_and(|it| !it.is_empty()), "{before}");

        let (code, done) = run(dir.path(), &[NAME, mode, "--verify"]);
        assert_eq!((code, &done["found"]["rows"]), (Some(0), &json!([])), "{done}");
        assert_eq!(
            (value(&done["receipt"], "events"), value(&done["receipt"], "mentions by others")),
            (json!(3), json!(1))
        );
        assert!(!done.to_string().contains(NAME) && !done.to_string().contains(EMAIL), "{done}");
        assert_eq!(tokens(dir.path()).lines().last(), Some(left), "{mode}");
        assert_eq!(quipu(&["verify", "--store", arg(dir.path())]).code, Some(0));
        for name in [NAME, EMAIL] {
            assert_eq!(run(dir.path(), &[name, "--verify"]).0, Some(0), "{name}");
        }

        let person = value(&done["receipt"], "person");
        let audit = quipu(&["audit", "--store", arg(dir.path()), "--format", "json"]);
        assert!(audit.out.contains(person.as_str().expect("a text")) && !audit.out.contains(NAME), "{}", audit.out);
        let (code, again) = run(dir.path(), &[NAME, mode]);
        assert_eq!((code, value(&again["receipt"], "events")), (Some(1), json!(0)), "somebody unknown");
        assert!(again.to_string().contains("erased before, or called otherwise"), "{again}");
    }
}

#[test]
fn what_is_to_become_of_the_events_must_be_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("nowhere");
    for (args, code) in [
        (&["erase", "--store", arg(dir.path()), NAME][..], 2),
        (&["erase", "--store", arg(dir.path()), NAME, "--delete", "--anonymise"], 2),
        (&["erase", "--store", arg(&missing), NAME, "--delete"], 1),
    ] {
        let ran = quipu(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
    }
    assert!(!missing.exists(), "no store is made for whoever is to be erased");
}

#[test]
fn over_http_it_takes_an_administrator_of_the_whole_workspace() {
    let dir = tempfile::tempdir().expect("a directory");
    filled(dir.path());
    let (_, ingest) = token(dir.path(), &["--scope", "ingest,query"]);
    let (_, narrow) = token(dir.path(), &["--scope", "admin", "--tenant", "acme"]);
    let (_, other) = token(dir.path(), &["--scope", "admin", "--workspace", "other"]);
    let (id, admin) = token(dir.path(), &["--scope", "admin,query"]);
    let server = Server::start(dir.path());
    let wanted = json!({"subscriber": EMAIL, "mode": "delete", "verify": true});
    for (token, status) in [(&ingest, 403), (&narrow, 403)] {
        assert_eq!(post(&server, "/v1/erasures", token, &wanted).0, status);
    }
    let (status, elsewhere) = post(&server, "/v1/erasures", &other, &wanted);
    assert_eq!((status, &elsewhere["receipt"]["events"]), (200, &json!(0)), "{elsewhere}");
    assert_eq!(elsewhere["found"], json!([]), "{elsewhere}");
    // Neither other workspaces nor the server's own files are told of: here the name of a token.
    for name in [EMAIL, "token-of-the-test", "e1"] {
        let (status, found) = post(&server, "/v1/erasures", &other, &json!({"subscriber": name, "verify": true}));
        assert_eq!((status, &found["found"]), (200, &json!([])), "{name}: {found}");
    }
    let (_, found) = post(&server, "/v1/erasures", &admin, &json!({"subscriber": EMAIL, "verify": true}));
    assert!(found["found"].as_array().is_some_and(|found| !found.is_empty()), "{found}");
    let (status, wrong) = post(&server, "/v1/erasures", &admin, &json!({"subscriber": EMAIL, "mode": "forget"}));
    assert!(status == 400 && wrong.to_string().contains("expected anonymise or delete"), "{wrong}");
    let remote = ["erase", "--url", &server.url, "--token", &admin, "--format", "json"];
    let done = quipu(&[&remote[..], &[EMAIL, "--delete", "--verify"]].concat());
    let report: Json = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{} {}", done.out, done.err));
    assert_eq!((done.code, value(&report["receipt"], "events")), (Some(0), json!(3)), "{report}");
    let left = post(&server, "/v1/query", &admin, &json!({"measures": ["requests"]})).1;
    assert_eq!(left["rows"][0]["requests"], json!(3), "{left}");
    assert!(server.terminate().success());
    let audit = quipu(&["audit", "--store", arg(dir.path()), "--format", "json"]);
    assert!(audit.out.contains("erase.delete") && audit.out.contains(&format!("token {id}")), "{}", audit.out);
}
