use serde_json::Value as Json;

use crate::support::{arg, quipu};

/// Totals that another program computed from the same files.
fn truth() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/truth/openhands.json");
    serde_json::from_slice(&std::fs::read(path).expect("the totals")).expect("JSON")
}

fn grouped(number: &Json) -> String {
    quipu_server::render::grouped(&number.to_string())
}

#[test]
fn the_demo_prints_what_another_program_computed_and_stores_nothing_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("it's kept");
    let first = quipu(&["demo", "--store", arg(&store)]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    let truth = truth();
    let total = &truth["total"];
    let nano: u64 = total["cost_usd_nano"].as_u64().expect("a total");
    let cost = format!("${}.{:09}", grouped(&(nano / 1_000_000_000).into()), nano % 1_000_000_000);
    for expected in [
        format!("{} jobs cost {cost}", grouped(&total["jobs"])),
        format!("{} were resolved, at ${} each", grouped(&total["resolved"]), total["cost_per_resolved_usd"]),
        format!("{} jobs report no cost", total["cost_null"]),
        "$35,963.744845376".into(),
        "without a price, so not in the cost".into(),
    ] {
        assert!(first.out.contains(&expected), "{expected} is not in:\n{}", first.out);
    }
    let lines: Vec<&str> = first.out.lines().collect();
    let readme = include_str!("../../../README.md");
    let sample = readme.split_once("```text\n").and_then(|(_, rest)| rest.split_once("\n```")).expect("a sample").0;
    assert!(first.out.contains(sample), "the README shows what is not printed:\n{sample}");
    assert!(lines.len() <= 75, "{} lines", lines.len());
    let answers = || lines.iter().take_while(|line| **line != "Try next");
    assert!(answers().all(|line| line.chars().count() <= 100), "{}", first.out);
    for (benchmark, expected) in truth["by_benchmark"].as_object().expect("benchmarks") {
        let jobs = grouped(&expected["jobs"]);
        let resolved = grouped(&expected["resolved"]);
        let row =
            |line: &&&str| line.starts_with(benchmark.as_str()) && line.contains(&jobs) && line.contains(&resolved);
        assert!(lines.iter().any(|line| row(&line)), "{benchmark} with {jobs} jobs, {resolved} resolved");
    }

    let again = quipu(&["demo", "--store", arg(&store)]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("were there already; nothing was stored twice"), "{}", again.out);
    let answers = |out: &str| out.split_once("Where the money went").map(|(_, answers)| answers.to_owned());
    assert_eq!(answers(&again.out), answers(&first.out));

    // What it says to try works as it stands, in a shell.
    let commands: Vec<&str> = lines.iter().skip_while(|line| **line != "Try next").skip(1).copied().collect();
    assert!(commands.len() >= 4);
    for command in commands.iter().filter(|command| !command.contains(" serve ")) {
        let ran = std::process::Command::new("sh").args(["-c", command]).output().expect("a shell");
        assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let verified = quipu(&["verify", "--store", arg(&store)]);
    assert_eq!((verified.code, verified.out.contains("none")), (Some(0), true), "{}", verified.out);
}

#[test]
fn the_answers_of_the_demo_are_exact_in_json() {
    let ran = quipu(&["demo", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json: Json = serde_json::from_str(&ran.out).expect("JSON");
    let totals = json.as_object().and_then(|sheets| {
        sheets
            .iter()
            .find(|(name, _)| name.starts_with("Where the money went"))
            .map(|(_, sheet)| sheet["totals"].clone())
    });
    let totals = totals.expect("the totals by model");
    assert_eq!(totals["reported_cost"], "35963.744845376");
    assert_eq!(totals["cost_per_conversion"], "1.525568204");
    assert_eq!((totals["jobs"].as_u64(), totals["reported_unknown"].as_u64()), (Some(35_982), Some(421)));
}
