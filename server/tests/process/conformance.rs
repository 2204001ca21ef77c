//! The server against its own description, by somebody else's program: Schemathesis makes up requests from the OpenAPI document and
//! holds each answer against what the document promises. `QUIPU_TEST_PYTHON` names an interpreter that has it.

use std::process::Command;

use crate::clients::python;
use crate::support::{Server, arg};

/// What names something stored, so that not every answer is that there is nothing.
const NAMES: &str = r#"
[parameters]
"path.id" = "known"
"path.source" = "quipu"
"path.kind" = "completions"
"path.number" = 1
"path.book" = "default"
"path.name" = "model"
"#;
const RUN: &str = "from schemathesis.cli import schemathesis; schemathesis()";
/// Whether a request is accepted is not held against the server: times, zones and conditions are texts in the document,
/// with grammars that it cannot state.
const NOT_CHECKED: &str = "positive_data_acceptance,negative_data_rejection";

#[test]
fn thousands_of_requests_made_from_the_description_are_answered_as_described() {
    let Some(python) = python("schemathesis") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(&dir.path().join("store"));
    let call =
        br#"{"id": "known", "at": "2026-01-31T08:00:00Z", "job_id": "known", "trace_id": "known", "model": "gpt-4o",
        "provider": "openai", "usage": {"input": 7}}"#;
    assert_eq!(server.post("/v1/events", &[], call).0, 200);
    assert_eq!(server.post("/v1/outcomes", &[], br#"{"job_id": "known", "status": "SUCCESS"}"#).0, 200);
    let names = dir.path().join("schemathesis.toml");
    std::fs::write(&names, NAMES).expect("writable");
    let document = format!("{}/openapi.json", server.url);
    let checks = ["--phases", "coverage,fuzzing", "--max-examples", "5", "--exclude-checks", NOT_CHECKED];
    let output = Command::new(python)
        .current_dir(dir.path())
        .args(["-c", RUN, "--config-file", arg(&names), "--no-color", "run", &document, "--workers", "2"])
        .args(checks)
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Test cases:"), "{told}");
    assert!(server.terminate().success());
}
