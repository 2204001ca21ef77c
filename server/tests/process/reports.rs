//! Reports beyond plain questions: trees, versions, alarms, coverage, prices and amendments, from a store and over a server.

use std::fs;

use crate::support::{Server, arg, quipu, quipu_with};

#[test]
fn a_trace_is_a_tree_on_a_time_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let events = r#"{"id": "1", "span_id": "root", "trace_id": "t", "at": "2026-01-01T00:00:00Z", "agent": "planner", "operation": "chat", "duration_ms": 1000}
{"id": "2", "span_id": "inner", "parent_id": "root", "trace_id": "t", "at": "2026-01-01T00:00:00.250Z", "tool_name": "search", "duration_ms": 500}
"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], events.as_bytes()).code, Some(0));
    let trace = quipu(&["trace", "t", "--store", store]);
    let lines: Vec<&str> = trace.out.lines().collect();
    let tree = lines.iter().position(|line| *line == "TREE").expect("a tree");
    assert!(lines[tree + 3].starts_with(&format!("planner chat  {}", "█".repeat(24))), "{}", trace.out);
    assert!(lines[tree + 4].starts_with(&format!("└ search            {}", "█".repeat(12))), "{}", trace.out);
    let json = quipu(&["trace", "t", "--store", store, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((&json["tree"]["rows"][1]["depth"], &json["tree"]["rows"][1]["offset_ms"]), (&1.into(), &250.into()));
}

#[test]
fn where_only_the_callers_know_the_cost_roi_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let event = r#"{"id": "a", "at": "2026-01-01T00:00:00Z", "job_id": "j", "model": "m", "usage": {"input": 5}, "reported_cost": "0.5"}"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], event.as_bytes()).code, Some(0));
    let refund = ["outcome", "j", "--store", store, "--status", "FAILED", "--value", "-2"];
    assert_eq!(quipu(&refund).code, Some(0));
    let roi = quipu(&["roi", "--store", store]);
    assert!(roi.out.contains("report a cost, of $0.50 in all: --cost reported"), "{}", roi.out);
    let reported = quipu(&["roi", "--store", store, "--cost", "reported", "--format", "ndjson"]);
    assert!(
        reported.out.contains(r#""value":"-2""#) && reported.out.contains(r#""roi":"-5.000000""#),
        "{}",
        reported.out
    );
}

#[test]
fn spend_is_compared_over_versions_and_weeks_and_its_gaps_are_listed() {
    let (dir, lists) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let store = arg(dir.path());
    let mut lines = String::new();
    for n in 0..60 {
        let (day, team, version) = (1 + n / 5, if n % 2 == 0 { "red" } else { "blue" }, 1 + n % 3 % 2);
        let output = if day > 7 && team == "red" { 900_000 } else { 20_000 };
        lines += &format!(
            "{{\"id\": \"e{n}\", \"at\": \"2026-06-{day:02}T08:00:0{}Z\", \"team\": \"{team}\", \"model\": \"gpt-4o\", \
             \"trace_id\": \"t{}\", \"job_id\": \"j{n}\", \"job_version\": \"v{version}\", \"reported_cost\": \"1\", \
             \"usage\": {{\"input\": {}, \"output\": {output}}}}}\n",
            n % 5,
            n / 2,
            1_000 + n
        );
    }
    assert_eq!(quipu_with(&["import", "--store", store, "-"], lines.as_bytes()).code, Some(0));
    let ask = |args: &[&str]| {
        let ran = quipu(&[args, &["--store", store, "--format", "csv"]].concat());
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        ran.out
    };
    let alarms = ask(&["runaway", "--since", "2026-06-01", "--until", "2026-06-15"]);
    assert!(alarms.lines().count() == 2 && alarms.contains("red,2026-06-08T00:00:00Z"), "{alarms}");
    let rules = lists.path().join("rules.toml");
    fs::write(&rules, "[[rule]]\nname = \"storm\"\n[rule.groups.red]\nratio = 1000\n").expect("a file");
    let check = |until: &str| quipu(&["check", "--store", store, "--rules", arg(&rules), "--until", until]).code;
    assert_eq!(check("2026-06-15"), Some(0));
    fs::write(&rules, "[[rule]]\nname = \"storm\"\n").expect("a file");
    assert_eq!((check("2026-06-15"), check("2026-06-08")), (Some(3), Some(0)));
    let compared = ask(&["compare", "v1", "v2"]);
    assert!(compared.contains("cost_per_job") && compared.contains("not decided"), "{compared}");
    let missing = ask(&["coverage"]);
    assert!(missing.contains("tenant,60,60,1.000000") && missing.contains("job_id,60,0,0.000000"), "{missing}");
    let traces = ask(&["traces", "--longest", "--limit", "1"]);
    assert!(traces.lines().nth(1).is_some_and(|line| line.ends_with(",86396000.000")), "{traces}");
    let reconciled = ask(&["reconcile", "--by", "team"]);
    assert!(reconciled.lines().next().is_some_and(|head| head.contains("difference")), "{reconciled}");
    let plain = ask(&["query", "--measure", "cost"]);
    let dearer = ask(&["query", "--measure", "cost", "--what-if", "model=gpt-4"]);
    assert_ne!(plain, dearer);
    let stated = quipu(&["query", "--store", store, "--what-if", "model=gpt-4"]);
    assert!(stated.out.contains("what if gpt-4 had served every call"), "{}", stated.out);
    let unknown = quipu(&["query", "--store", store, "--what-if", "model=gpt-4oo"]);
    let prose = unknown.out.replace("\n  ", " ");
    assert!(prose.contains("the prices list no model \"gpt-4oo\"; did you mean `gpt-4o`?"), "{prose}");
    assert!(prose.contains("of gpt-4oo;") && !prose.contains("of gpt-4o "), "{prose}");
}

#[test]
fn a_server_answers_about_versions_alarms_prices_and_amendments_what_the_store_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let lists = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let mut lines = String::new();
    for n in 0..40 {
        let (day, version) = (1 + n / 4, 1 + n % 2);
        let output = if day > 7 { 900_000 } else { 20_000 };
        lines += &format!(
            "{{\"id\": \"e{n}\", \"at\": \"2026-06-{day:02}T08:00:0{}Z\", \"team\": \"red\", \"tenant\": \"t{}\", \
             \"model\": \"m\", \"job_id\": \"j{n}\", \"job_version\": \"v{version}\", \"usage\": {{\"output\": {output}}}}}\n",
            n % 4,
            n % 3,
        );
    }
    assert_eq!(quipu_with(&["import", "--store", store, "-"], lines.as_bytes()).code, Some(0));
    for (version, output) in [(1, "10"), (2, "5")] {
        let list = lists.path().join(format!("{version}.toml"));
        let agreed = "[[price]]\ntenant = \"t1\"\nmodel = \"m\"\noutput = \"90%\"\n";
        fs::write(&list, format!("[[price]]\nmodel = \"m\"\noutput = \"{output}\"\n{agreed}")).expect("a file");
        assert_eq!(quipu(&["prices", "import", "--store", store, arg(&list)]).code, Some(0));
    }
    let report = ["outcome", "j1", "--store", store, "--status", "SUCCESS", "--value", "4.5"];
    assert_eq!(quipu(&report).code, Some(0));
    let amend = ["outcome", "j1", "--store", store, "--status", "FAILED", "--amend", "refunded"];
    assert_eq!(quipu(&amend).code, Some(0));

    let server = Server::start(dir.path());
    let url = server.url.clone();
    let span = ["--since", "2026-06-01", "--until", "2026-06-15"];
    let questions: [&[&str]; 7] = [
        &["prices", "list"],
        &["prices", "show", "1", "--model", "m"],
        &["prices", "diff", "1", "current", "--by", "tenant,job_version"],
        &["compare", "v1", "v2", "--confidence", "90"],
        &["outcome", "j1"],
        &["coverage", "--sheet", "fields"],
        &["job", "j1", "--sheet", "models"],
    ];
    let runaway = [&["runaway", "--ratio", "2.5"][..], &span].concat();
    for question in questions.into_iter().chain([&runaway[..]]) {
        let ask = |place: [&str; 2]| {
            let ran = quipu(&[question, &place, &["--format", "csv"]].concat());
            assert_eq!(ran.code, Some(0), "{question:?}: {}", ran.err);
            ran.out
        };
        let here = ask(["--store", store]);
        assert_eq!(ask(["--url", &url]), here, "{question:?}");
        assert!(here.lines().count() > 1, "{question:?}: {here}");
    }
    let unreadable = quipu(&["prices", "show", "secret.toml", "--url", &url]);
    assert!(unreadable.code == Some(2) && unreadable.err.contains("secret.toml"), "{}", unreadable.err);
    let csv = |path: &str| server.send("GET", path, &[("accept", "text/csv")], b"");
    let (status, _, versions) = csv("/v1/prices");
    assert!(status == 200 && versions.lines().count() == 3, "{versions}");
    let (_, _, diff) = csv("/v1/prices/diff?old=1&new=2");
    let local = quipu(&["prices", "diff", "--store", store, "1", "2", "--format", "csv"]);
    assert_eq!(diff, local.out);
    assert!(diff.starts_with("tenant,old_cost,new_cost,difference,change\n"), "{diff}");
    let (_, _, rates) = csv("/v1/prices/2?model=m");
    assert!(rates.lines().count() == 3 && rates.contains("90%"), "{rates}");
    let (_, media_type, fields) = csv("/v1/coverage");
    assert!(media_type.starts_with("text/csv") && fields.starts_with("field,requests,missing"), "{fields}");
    let refused = |path: &str| server.send("GET", path, &[], b"");
    assert_eq!(refused("/v1/compare?a=v1").0, 400);
    assert_eq!(refused("/v1/compare?a=v1&b=v9").0, 404);
    assert_eq!(refused("/v1/prices/9").0, 404);
    assert_eq!(refused("/v1/prices/diff?old=1&new=secret.toml").0, 400);
    assert_eq!(refused("/v1/jobs/j2/outcome").0, 404);
    assert_eq!(refused("/v1/coverage?sheet=none").0, 400);
    assert_eq!(quipu(&["outcome", "j2", "--store", store]).code, Some(1));
    assert_eq!(quipu(&["outcome", "j2", "--store", store, "--value", "1"]).code, Some(2));
}
