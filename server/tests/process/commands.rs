use std::fs;
use std::io::Write;

use crate::support::{Server, arg, quipu, quipu_with};

const EVENTS: &str = r#"{"id": "a", "at": "2026-01-31T08:00:00Z", "job_id": "j1", "model": "m1", "team": "=cmd()", "usage": {"input": 1000000}}
{"id": "b", "at": "2026-02-01T08:00:00Z", "job_id": "j2", "model": "m2", "usage": {"output": 5}, "reported_cost": "0.5"}
"#;

const PRICES: &str = "[[price]]\nmodel = \"m1\"\ninput = 2.5\n";

/// A store with two events.
fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = quipu_with(&["import", "--store", arg(dir.path()), "-"], EVENTS.as_bytes());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    dir
}

#[test]
fn exit_codes_tell_bad_usage_from_failure() {
    let dir = store();
    let store = arg(dir.path());
    let empty = tempfile::tempdir().expect("a directory");
    let foreign = tempfile::tempdir().expect("a directory");
    let file = foreign.path().join("notes.txt");
    fs::write(&file, "mine").expect("a file");
    let zeros = foreign.path().join("zeros.csv");
    fs::write(&zeros, vec![0; 100_000]).expect("a file");
    let (zeros, missing) = (arg(&zeros), foreign.path().join("missing"));
    for (args, code, message) in [
        (vec!["query", "--store", store], 0, ""),
        (vec!["query"], 2, "--store"),
        (vec!["query", "--store", store, "--colour"], 2, "--colour"),
        (vec!["query", "--store", store, "--measure", "cots"], 2, "did you mean `cost`?"),
        (vec!["query", "--store", store, "--by", "modle"], 2, "did you mean `model`?"),
        (vec!["query", "--store", store, "--where", "team == a"], 2, "expected a value"),
        (vec!["query", "--store", store, "--since", "soon"], 2, "\"soon\" is not a time"),
        (vec!["query", "--store", store, "--prices", "no-such-file"], 1, "nor a file"),
        (vec!["query", "--store", store, "--json", "no-such-file"], 1, "no-such-file"),
        (vec!["query", "--store", store, "--every", "7m"], 2, "every is \"7m\"; expected 15m, 30m, 1h"),
        (vec!["query", "--store", arg(&file)], 1, "it is a file, and a store is a directory"),
        (vec!["verify", "--store", arg(&file)], 1, "it is a file, and a store is a directory"),
        (vec!["import", "--store", arg(&file), "-"], 1, "it is a file, and a store is a directory"),
        (vec!["import", "--store", store, "--map", "no-such-map", "-"], 1, "there is no map \"no-such-map\""),
        (vec!["import", "--store", store, "--map", "no-such-map.toml", "-"], 1, "no-such-map.toml"),
        (vec!["query", "--store", store, "--prices", "7"], 1, "no price book 7"),
        (vec!["query", "--store", arg(empty.path())], 1, "not a Quipu store"),
        (vec!["query", "--store", arg(&missing)], 1, "there is no such directory"),
        (
            vec!["serve", "--store", arg(&file), "--listen", "127.0.0.1:0"],
            1,
            "it is a file, and a store is a directory",
        ),
        (vec!["serve", "--store", store, "--tls-cert", "no.pem", "--tls-key", "no.pem"], 1, "no.pem"),
        (vec!["import", "--store", store, zeros], 2, "is named like a field of an event"),
        (vec!["import", "--store", store, "--as", "parquet", arg(&file)], 2, "not a readable Parquet file"),
        (vec!["query", "--url", "ftp://example.org"], 2, "http://127.0.0.1:8080"),
        (vec!["query", "--url", "http://127.0.0.1:1"], 1, "is the server running there?"),
        (vec!["job", "nobody", "--store", store], 1, "\"nobody\""),
        (vec!["outcome", "nobody", "--store", store, "--status", "SUCCESS"], 1, "no event of it is stored"),
        (vec!["outcome", "j1", "--store", store, "--status", "DONE"], 2, "allowed are SUCCESS, FAILED"),
        (vec!["import", "--store", store, "no-such-file.csv"], 1, "no-such-file.csv"),
        (vec!["import", "--store", arg(foreign.path()), "-"], 1, "not a Quipu store"),
        (vec!["import", "--store", store, "--as", "xml", "-"], 2, "unknown format \"xml\""),
        (vec!["serve", "--store", store, "--listen", "0.0.0.0:0"], 2, "--allow-public"),
        (vec!["prices", "import", "--store", store, "no-such-file"], 1, "no-such-file"),
        (vec!["check", "--store", store, "--rules", "no-such-file"], 1, "no-such-file"),
        (vec!["serve", "--store", store, "--config", "no-such-file"], 1, "no-such-file"),
    ] {
        let ran = quipu(&args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(message), "{args:?}: {said}");
    }
    assert!(fs::exists(foreign.path().join("notes.txt")).expect("a directory"));
}

#[test]
fn rejected_rows_are_named_and_the_good_ones_are_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("events.ndjson");
    let lines = "{\"id\":\"1\",\"at\":\"2026-01-01T00:00:00Z\"}\n{broken\n{\"id\":\"2\",\"at\":\"2026-01-01T00:00:00Z\",\"usage\":{\"input\":-4}}\n{\"id\":\"3\",\"at\":\"2026-01-01T00:00:00Z\"}\n";
    fs::write(&file, lines).expect("a file");
    let store = dir.path().join("store");
    let ran = quipu(&["import", "--store", arg(&store), arg(&file)]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("events.ndjson:2:") && ran.out.contains("events.ndjson:3:"), "{}", ran.out);
    let count = quipu(&["query", "--store", arg(&store), "--measure", "requests", "--format", "ndjson"]);
    assert_eq!(count.out.trim(), r#"{"requests":2}"#);
    let again = quipu(&["import", "--store", arg(&store), arg(&file)]);
    assert!(again.out.contains("events stored before"), "{}", again.out);

    let array = dir.path().join("events.json");
    fs::write(&array, r#"[{"id": "4", "usage": {"input": -1}}, {"id": "5"}, {"id": "6", "usage": {"input": -1}}]"#)
        .expect("a file");
    let ran = quipu(&["import", "--store", arg(&store), arg(&array)]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("events.json, item 1: ") && ran.out.contains("events.json, item 3: "), "{}", ran.out);
}

#[test]
fn where_only_the_events_know_their_cost_the_answer_says_how_to_use_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let event = br#"{"id": "a", "at": "2026-01-31T08:00:00Z", "job_id": "j", "reported_cost": "1.5"}"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], event).code, Some(0));
    let outcome = ["outcome", "j", "--store", store, "--status", "SUCCESS", "--type", "CONVERTED", "--value", "6"];
    assert_eq!(quipu(&outcome).code, Some(0));
    for command in [vec!["roi"], vec!["query", "--measure", "cost_per_conversion"], vec!["query", "--measure", "roi"]] {
        let asked = |more: &[&str]| quipu(&[&command[..], &["--store", store], more].concat()).out;
        assert!(asked(&[]).contains("report a cost, of $1.50 in all: --cost reported"), "{}", asked(&[]));
        let reported = asked(&["--cost", "reported"]);
        assert!(!reported.contains("in all") && (reported.contains("300") || reported.contains("$1.5")), "{reported}");
    }
}

#[test]
fn rollups_are_declared_kept_by_compaction_shown_and_never_change_an_answer() {
    let (dir, hours) = (tempfile::tempdir().expect("a directory"), 0..24);
    let store = arg(dir.path());
    let event =
        |hour| format!(r#"{{"id": "{hour}", "at": "2026-01-31T{hour:02}:00:00Z", "feature": "f", "tenant": "t"}}"#);
    let events = hours.map(event).collect::<Vec<_>>().join("\n");
    assert_eq!(quipu_with(&["import", "--store", store, "-"], events.as_bytes()).code, Some(0));
    let rollups = |more: &[&str]| {
        let ran = quipu(&[&["rollups", "--store", store, "--format", "csv"], more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out
    };
    assert!(rollups(&[]).contains("team every day,yes,0,0,0,"), "{}", rollups(&[]));
    let declared = rollups(&["--declare", "feature every day", "--declare", "tenant,feature every hour"]);
    assert!(declared.contains("feature every day,yes,0") && !declared.contains("team"), "{declared}");
    let asked = |path| {
        let query = ["query", "--store", store, "--by", "feature", "--measure", "requests,errors", "--path", path];
        quipu(&[&query[..], &["--explain"]].concat())
    };
    assert!(asked("rollup").err.contains("none is kept, for nothing was merged yet"), "{}", asked("rollup").err);
    assert_eq!(quipu(&["compact", "--store", store]).code, Some(0));
    // One by the hour would have a row an event.
    assert!(rollups(&[]).contains("feature every day,yes,1,24,1,"), "{}", rollups(&[]));
    assert!(rollups(&[]).contains("\"tenant,feature every hour\",yes,0,0,0,"), "{}", rollups(&[]));
    let (rolled, scanned) = (asked("rollup"), asked("scan"));
    assert!(rolled.out.contains("rollup") && scanned.out.contains("scan"), "{}\n{}", rolled.out, scanned.out);
    assert_eq!(rolled.out.lines().next(), scanned.out.lines().next());
    assert!(!rollups(&["--none"]).contains("hour"));
    let refused = quipu(&["rollups", "--store", store, "--declare", "colour every day"]);
    assert!(refused.code == Some(2) && refused.err.contains("no such dimension"), "{}", refused.err);
}

#[test]
fn prices_apply_to_history_and_a_file_is_a_question() {
    let dir = store();
    let (store, book) = (arg(dir.path()), tempfile::tempdir().expect("a directory"));
    let list = book.path().join("prices.toml");
    fs::write(&list, PRICES).expect("a file");
    let cost = |more: &[&str]| {
        let args = [&["query", "--store", store, "--measure", "cost", "--format", "csv"], more].concat();
        let ran = quipu(&args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        (ran.out.lines().nth(1).map(str::to_owned), ran.err)
    };
    assert_eq!(cost(&[]).0.as_deref(), Some("\"\""));
    let (what_if, notes) = cost(&["--prices", arg(&list)]);
    assert_eq!(what_if.as_deref(), Some("2.5"));
    assert!(notes.contains("prices: ") && notes.contains("prices.toml"), "{notes}");
    assert!(notes.contains("without a price, so not in the cost: 5 output of m2"), "{notes}");
    let imported = quipu(&["prices", "import", arg(&list), "--store", store]);
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    assert_eq!(cost(&[]).0.as_deref(), Some("2.5"));
    let listed = quipu(&["prices", "show", "current", "--store", store, "--format", "csv"]);
    assert!(listed.out.contains("m1,,,,,,,,input,2.5,,1M,,"), "{}", listed.out);
    fs::write(
        &list,
        "[[price]]\nmodel = \"m1\"\ninput = \"15\"\nper_request = \"0.001\"\n\n[[price]]\nmodel = \"m1\"\ntenant = \"acme\"\neverything = \"85%\"\n",
    )
    .expect("a file");
    let shown = quipu(&["prices", "show", arg(&list), "--store", store]).out;
    let row = |of: &str| shown.lines().find(|line| line.contains(of)).unwrap_or_default().to_owned();
    assert!(row(" request ").contains(" $0.001 ") && row(" input ").contains(" $15.00 "), "{shown}");
    assert!(row("everything").contains(" – "), "{shown}");
}

#[test]
fn a_store_without_prices_uses_the_default_book_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let event = br#"{"id": "a", "at": "2026-01-01T00:00:00Z", "provider": "openai", "model": "gpt-4o", "usage": {"input": 1000}}"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], event).code, Some(0));
    let asked = quipu(&["query", "--store", store]);
    assert!(asked.out.contains("<$0.01") || asked.out.contains("$0.00"), "{}", asked.out);
    assert!(asked.out.contains("prices: default book of 2026-10-21"), "{}", asked.out);
    let unknown = quipu(&["query", "--store", store, "--prices", "known:2020-01-01"]);
    assert!(unknown.out.contains("unknown") && unknown.out.contains("none were known then"), "{}", unknown.out);
}

#[test]
fn a_new_list_is_laid_over_the_old_one_and_both_can_be_compared() {
    let dir = store();
    let (store, lists) = (arg(dir.path()), tempfile::tempdir().expect("a directory"));
    let list = |name: &str, text: &str| {
        let path = lists.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let first = list("first.toml", PRICES);
    let discount = list("agreed.toml", "[[price]]\nworkspace = \"default\"\neverything = \"80%\"\n");
    assert_eq!(quipu(&["prices", "import", arg(&first), "--store", store, "--who", "ann"]).code, Some(0));
    let import = ["prices", "import", arg(&discount), "--store", store, "--who", "bob", "--note", "agreed in May"];
    assert_eq!(quipu(&import).code, Some(0));
    let listed = quipu(&["prices", "list", "--store", store, "--format", "csv"]);
    assert!(
        listed.out.contains("first.toml,ann,") && listed.out.contains("agreed.toml,bob,agreed in May"),
        "{}",
        listed.out
    );
    let diff = quipu(&["prices", "diff", "1", "current", "--store", store, "--by", "model", "--format", "csv"]);
    assert!(diff.out.contains("m1,2.5,2,-0.5,-0.200000"), "{}{}", diff.out, diff.err);
    let twice = quipu(&["prices", "diff", "1", "2", "--store", store, "--prices", "1"]);
    assert!(twice.code == Some(2) && twice.err.contains("leave --prices out"), "{}", twice.err);
}

#[test]
fn outcomes_are_first_wins_on_the_command_line() {
    let dir = store();
    let base = ["outcome", "j1", "--store", arg(dir.path()), "--value", "12.5", "--type", "CONVERTED", "--status"];
    let report = |status| quipu(&[&base[..], &[status]].concat());
    assert_eq!(report("SUCCESS").code, Some(0));
    let second = report("FAILED");
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("has an outcome already") && second.err.contains("12.5"), "{}", second.err);
    let amended = quipu(&[&base[..], &["FAILED", "--amend", "a refund"]].concat());
    assert_eq!(amended.code, Some(0), "{}", amended.err);
    let failed = |more: &[&str]| {
        let args = ["query", "--store", arg(dir.path()), "--measure", "failed", "--format", "csv"];
        quipu(&[&args[..], more].concat()).out
    };
    assert!(failed(&[]).contains("1") && failed(&["--as-of", "2020-01-01"]).contains("0"), "{}", failed(&[]));
    let new = ["outcome", "to come", "--store", arg(dir.path()), "--status", "SUCCESS"];
    assert_eq!((quipu(&new).code, quipu(&[&new[..], &["--create"]].concat()).code), (Some(1), Some(0)));
    let job = quipu(&["job", "j1", "--store", arg(dir.path())]);
    assert!(job.out.contains("a refund") && job.out.contains("CONVERTED") && job.out.contains("$12.50"), "{}", job.out);
}

#[test]
fn a_cell_of_csv_is_no_formula() {
    let dir = store();
    let ran = quipu(&["query", "--store", arg(dir.path()), "--by", "team", "--measure", "requests", "--format", "csv"]);
    assert!(ran.out.contains("'=cmd(),1"), "{}", ran.out);
    assert!(ran.out.contains("\n,1"), "{}", ran.out);
}

#[test]
fn reading_works_beside_a_server_and_gives_the_same_as_asking_it() {
    let dir = store();
    let store = arg(dir.path());
    let server = Server::start(dir.path());
    let second = quipu_with(&["import", "--store", store, "-"], EVENTS.as_bytes());
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains(&server.id().to_string()), "{}", second.err);
    for args in [
        vec!["query", "--by", "model,month", "--measure", "requests,reported_cost,error_rate", "--tz", "Asia/Kolkata"],
        vec!["query", "--where", "model = m1", "--where", "team is not null"],
        vec!["jobs", "--order=-reported_cost", "--limit", "1"],
        vec!["funnel", "--by", "team"],
        vec!["roi", "--cost", "reported", "--assume-value", "CONVERTED=25"],
        vec!["job", "j2", "--since", "2026-01-01"],
    ] {
        for format in ["table", "json", "csv", "ndjson"] {
            let with = |place: [&str; 2]| quipu(&[&args[..], &place, &["--format", format]].concat());
            let (local, remote) = (with(["--store", store]), with(["--url", &server.url]));
            assert_eq!((local.code, remote.code), (Some(0), Some(0)), "{args:?}: {}{}", local.err, remote.err);
            assert_eq!(local.out, remote.out, "{args:?}");
        }
    }
    let explained = |place: [&str; 2]| {
        let ran = quipu(&[&["query", "--where", "model = m1", "--explain"][..], &place].concat());
        // How long it took is of its own run.
        ran.out.lines().filter(|line| !line.starts_with("time: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let local = explained(["--store", store]);
    assert!(local.iter().any(|line| line.starts_with("scan: 1 part")), "{local:?}");
    assert_eq!(explained(["--url", &server.url]), local);
    let plan = r#"{"report": "funnel", "by": ["model"], "order": ["-jobs"]}"#;
    let from_file = quipu_with(&["query", "--store", store, "--json", "-"], plan.as_bytes());
    let from_flags = quipu(&["funnel", "--store", store, "--by", "model", "--order=-jobs"]);
    assert_eq!(from_file.out, from_flags.out);
    let wrong = quipu(&["query", "--url", &server.url, "--measure", "cots"]);
    assert_eq!((wrong.code, wrong.err.contains("did you mean `cost`?")), (Some(2), true), "{}", wrong.err);
    let reported = quipu(&["outcome", "j1", "--url", &server.url, "--status", "SUCCESS"]);
    assert_eq!(reported.code, Some(0), "{}", reported.err);
    assert_eq!(quipu(&["outcome", "j1", "--url", &server.url, "--status", "FAILED"]).code, Some(1));
    assert_eq!(
        quipu(&["query", "--store", store, "--measure", "successful", "--format", "ndjson"]).out.trim(),
        r#"{"successful":1}"#
    );
    assert!(server.terminate().success());
}

#[test]
fn damage_is_named_and_fails() {
    let dir = store();
    let segment = fs::read_dir(dir.path().join("seg")).expect("segments").next().expect("one").expect("one").path();
    let mut bytes = fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("a segment");
    let ran = quipu(&["verify", "--store", arg(dir.path())]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let name = segment.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(ran.out.contains(&name), "{}", ran.out);
    assert!(ran.out.contains("1 event could not be read back") && ran.out.contains("quipu restore"), "{}", ran.out);
    // Looking changes nothing; then the rest of it opens again, and what was lost is imported again.
    let looked = quipu(&["repair", "--store", arg(dir.path())]);
    assert!(looked.code == Some(1) && looked.out.contains(&name) && segment.exists(), "{}{}", looked.out, looked.err);
    let repaired = quipu(&["repair", "--store", arg(dir.path()), "--apply"]);
    assert!(
        repaired.code == Some(0) && dir.path().join("lost").join(&name).exists(),
        "{}{}",
        repaired.out,
        repaired.err
    );
    for command in ["verify", "repair"] {
        assert_eq!(quipu(&[command, "--store", arg(dir.path())]).code, Some(0), "{command}");
    }
    assert_eq!(quipu_with(&["import", "--store", arg(dir.path()), "-"], EVENTS.as_bytes()).code, Some(0));
    let whole = store();
    let question = |dir: &tempfile::TempDir| {
        quipu(&["query", "--store", arg(dir.path()), "--measure", "requests", "--format", "csv"]).out
    };
    assert_eq!(question(&dir), question(&whole));
}

#[test]
fn a_workspace_keeps_its_events_for_as_long_as_it_is_told() {
    let dir = store();
    let run = |words: &[&str], flags: &[&str]| {
        let ran = quipu(&[words, &["--store", arg(dir.path())], flags].concat());
        assert_eq!(ran.code, Some(0), "{words:?}: {}{}", ran.out, ran.err);
        ran.out + &ran.err
    };
    assert!(run(&["retention"], &[]).contains("for ever"));
    assert!(run(&["retention"], &["--days", "2"]).contains("2 days"));
    run(&["compact"], &[]);
    let after = run(&["query"], &["--measure", "requests", "--format", "json"]);
    assert!(after.contains("have expired and are kept for 2 days"), "{after}");
    let again = quipu_with(&["import", "--store", arg(dir.path()), "-"], EVENTS.as_bytes());
    assert!(again.code != Some(0) && (again.out + &again.err).contains("keeps events for 2 days"));
    assert!(run(&["retention"], &["--for-ever"]).contains("for ever"));
}

#[test]
fn what_cannot_even_be_opened_fails_every_command_and_each_says_what_helps() {
    let dir = store();
    let segment = fs::read_dir(dir.path().join("seg")).expect("segments").next().expect("one").expect("one").path();
    let name = segment.file_name().expect("a name").to_string_lossy().into_owned();
    fs::write(&segment, "short").expect("a segment");
    for command in ["stat", "query", "compact"] {
        let ran = quipu(&[command, "--store", arg(dir.path())]);
        assert_eq!(ran.code, Some(1), "{command}: {}", ran.out);
        assert!(
            ran.err.contains(&name) && ran.err.contains("`quipu verify --store DIR` lists all damage"),
            "{}",
            ran.err
        );
    }
    fs::remove_file(dir.path().join("secret.qk")).expect("a secret");
    let lost = quipu(&["stat", "--store", arg(dir.path())]);
    assert!(
        lost.code == Some(1) && lost.err.contains("secret.qk: damaged at byte 0: the file is missing"),
        "{}",
        lost.err
    );
    assert!(!lost.err.contains("quipu demo"), "there is a store: {}", lost.err);
}

#[test]
fn what_is_no_store_is_told_alike_by_every_command_and_nothing_is_left_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, empty, missing) = (dir.path().join("file"), dir.path().join("empty"), dir.path().join("missing"));
    fs::write(&file, "text").expect("a file");
    fs::create_dir(&empty).expect("a directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for command in [
        &["stat"][..],
        &["verify"],
        &["query"],
        &["token", "list"],
        &["token", "revoke", "x"],
        &["audit"],
        &["erase", "ann", "--verify"],
        &["erase", "ann", "--delete"],
        &["attribute", "list"],
        &["attribute", "undo", "1", "--why", "w"],
        &["serve", "--listen", &address],
    ] {
        for place in [&file, &empty, &missing] {
            let ran = quipu(&[command, &["--store", arg(place)]].concat());
            let says = if command[0] == "serve" && *place != file { "listen on" } else { "not a Quipu store" };
            assert!(ran.code == Some(1) && ran.err.contains(says), "{command:?} {place:?}: {:?} {}", ran.code, ran.err);
        }
    }
    assert!(!missing.exists() && fs::read_dir(&empty).expect("a directory").next().is_none());
    // A store that is still to be made may have tokens before it is served to anybody.
    let made = ["token", "create", "--name", "t", "--scope", "admin", "--store", arg(&empty)];
    assert_eq!((quipu(&made).code, quipu(&["token", "list", "--store", arg(&empty)]).code), (Some(0), Some(0)));
}

#[test]
fn what_is_shown_and_said_is_plain() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = arg(dir.path());
    let event = r#"{"id": "-e", "at": "2026-01-01T00:00:00Z", "team": "re\u202ed", "job_id": "j", "usage": {"input": 5}, "reported_cost": "4.5"}"#;
    assert_eq!(quipu_with(&["import", "--store", store, "-"], event.as_bytes()).code, Some(0));
    let said = |args: &[&str]| {
        let ran = quipu(&[args, &["--store", store]].concat());
        (ran.code, ran.out + &ran.err)
    };
    let teams = said(&["query", "--by", "team", "--measure", "reported_cost"]).1;
    assert!(teams.contains("re\\u{202e}d") && teams.contains("$4.50\n"), "{teams}");
    assert!(
        said(&["query", "--by", "team", "--format", "csv"]).1.contains("re\u{202e}d"),
        "machines get what is stored"
    );
    let nothing = said(&["query", "--by", "team", "--where", "team = -nobody"]).1;
    let at = |text: &str| nothing.rfind(text).unwrap_or_else(|| panic!("{text}: {nothing}"));
    assert!(at("(nothing)") < at("total  "), "{nothing}");
    assert!(said(&["verify"]).1.contains(" and 1 event checked"));
    for (args, code, says) in [
        (&["query", "--limit", "-1"][..], 2, "limit is \"-1\"; expected a whole number from 0"),
        (&["query", "--since", "99999999d"], 2, "\"99999999d\" ago is before 1970"),
        (&["query", "--explain", "--path", "scan"], 0, "1 part, 1 of 1 row read"),
        (&["outcome", "j", "--status", "SUCCESS", "--at", "2026-02-30T00:00:00Z"], 2, "there is no such day or time"),
        (&["correct", "retract", "--event", "-e"], 0, "applied"),
        (&["event", "--", "-e"], 2, "--store"),
        (&["serve", "--max-queries", "x"], 2, "'--max-queries <N>': expected a whole number from 0"),
        (&["serve", "--listen", "here"], 2, "expected an IP address and a port, such as 127.0.0.1:8080"),
        (&["prices", "show", "7"], 1, "there is no price book 7; none was added so far"),
        (&["event", "nobody"], 1, "there is no event \"nobody\""),
    ] {
        let (found, text) = said(args);
        assert!(found == Some(code) && text.contains(says), "{args:?}: {found:?} {text}");
    }
    for _ in 0..2 {
        let gone = quipu(&["event", "--store", store, "--", "-e"]);
        assert!(gone.code == Some(1) && gone.err.contains("event \"-e\" was retracted"), "{}", gone.err);
        assert_eq!(said(&["compact"]).0, Some(0));
    }
    let empty = quipu_with(&["query", "--store", store, "--json", "-"], b" \n");
    assert!(empty.code == Some(2) && empty.err.contains("there is nothing; expected a JSON object"), "{}", empty.err);
}

#[test]
fn a_restore_that_fails_leaves_nothing_behind() {
    let (dir, elsewhere) = (store(), tempfile::tempdir().expect("a directory"));
    let segment = fs::read_dir(dir.path().join("seg")).expect("segments").next().expect("one").expect("one").path();
    fs::remove_file(&segment).expect("a segment");
    let target = elsewhere.path().join("restored");
    let ran = quipu(&["restore", arg(dir.path()), arg(&target)]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(fs::read_dir(elsewhere.path()).expect("a directory").next().is_none());
    let partial = elsewhere.path().join("restored.partial");
    fs::create_dir(&partial).expect("a directory");
    let ran = quipu(&["restore", arg(dir.path()), arg(&target)]);
    assert!(
        ran.code == Some(1) && ran.err.contains("left of a copy that was cut short") && partial.exists(),
        "{}",
        ran.err
    );
}

#[test]
fn compacting_leaves_one_segment_a_month_and_every_answer() {
    let dir = store();
    let more = EVENTS.replace("\"id\": \"", "\"id\": \"again-");
    assert_eq!(quipu_with(&["import", "--store", arg(dir.path()), "-"], more.as_bytes()).code, Some(0));
    let question = ["query", "--store", arg(dir.path()), "--by", "model", "--measure", "requests,total_tokens"];
    let before = quipu(&question).out;
    let ran = quipu(&["compact", "--store", arg(dir.path()), "--format", "ndjson"]);
    assert!(ran.code == Some(0) && ran.out.contains("segments after"), "{}{}", ran.out, ran.err);
    assert_eq!(fs::read_dir(dir.path().join("seg")).expect("segments").count(), 2);
    assert_eq!(quipu(&question).out, before);
    assert_eq!(quipu(&["verify", "--store", arg(dir.path())]).code, Some(0));
}

#[test]
fn workspaces_do_not_see_each_other() {
    let dir = store();
    let store = arg(dir.path());
    let other = ["import", "--store", store, "--workspace", "acme", "-"];
    assert_eq!(quipu_with(&other, EVENTS.as_bytes()).code, Some(0));
    let count = |workspace: &[&str]| {
        let args = [&["query", "--store", store, "--measure", "requests", "--format", "ndjson"], workspace].concat();
        quipu(&args).out.trim().to_owned()
    };
    assert_eq!(count(&[]), r#"{"requests":2}"#);
    assert_eq!(count(&["--workspace", "acme"]), r#"{"requests":2}"#);
    assert_eq!(count(&["--workspace", "nobody"]), r#"{"requests":0}"#);
    let foreign = br#"{"id": "x", "at": "2026-01-01T00:00:00Z", "workspace": "other"}"#;
    let refused = quipu_with(&other, foreign);
    assert_eq!(refused.code, Some(1));
    assert!(refused.out.contains("workspace is \"other\""), "{}", refused.out);
}

#[test]
fn an_import_that_fails_leaves_no_store_and_says_what_it_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("store");
    let missing = quipu(&["import", "--store", arg(&store), "no-such-file.csv"]);
    assert_eq!((missing.code, store.exists()), (Some(1), false), "{}", missing.out);
    let wrong = r#"{"at": "soon"}"#.to_owned() + "\n";
    let all = wrong.repeat(15) + EVENTS;
    let refused = quipu_with(&["import", "--store", arg(&store), "-"], all.as_bytes());
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.out.contains("standard input:10:") && !refused.out.contains("standard input:11:"),
        "{}",
        refused.out
    );
    assert!(refused.out.contains("and 5 more (--format json"), "{}", refused.out);
    let json = quipu_with(&["import", "--store", arg(&store), "--format", "json", "-"], all.as_bytes());
    assert!(json.out.contains("standard input:15:") && !json.out.contains("more"), "{}", json.out);
}

#[test]
fn damaged_gzip_from_a_pipe_is_imported_up_to_the_damage_with_a_warning() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(EVENTS.as_bytes()).expect("memory");
    let mut packed = packed.finish().expect("memory");
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let ran = quipu_with(&["import", "--store", arg(dir.path()), "-"], &packed);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("some of that may be wrong"), "{}", ran.out);
}

#[test]
fn a_backup_beside_a_server_is_restored_to_the_same_answers() {
    let dir = store();
    let (backups, elsewhere) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let server = Server::start(dir.path());
    let back_up = || quipu(&["backup", "--store", arg(dir.path()), arg(backups.path())]);
    let first = back_up();
    assert!(first.code == Some(0) && first.out.contains("the store's secret"), "{}{}", first.out, first.err);
    let event = br#"{"id": "c", "at": "2026-03-01T08:00:00Z", "job_id": "j3", "model": "m1"}"#;
    assert_eq!(server.post("/v1/events", &[], event).0, 200);
    let second = back_up();
    let counted = second.out.lines().any(|line| line.split_whitespace().eq(["events", "3"]));
    assert!(second.code == Some(0) && counted, "{}", second.out);
    let inside = dir.path().join("backups");
    assert_eq!(quipu(&["backup", "--store", arg(dir.path()), arg(&inside)]).code, Some(2));
    assert_eq!(quipu(&["backup", "--store", arg(dir.path()), arg(dir.path().parent().expect("one"))]).code, Some(1));
    server.kill();

    let restored = elsewhere.path().join("store");
    let made = quipu(&["restore", arg(backups.path()), arg(&restored)]);
    assert_eq!(made.code, Some(0), "{}{}", made.out, made.err);
    let ask = |store: &std::path::Path| {
        quipu(&["query", "--store", arg(store), "--by", "job_id,model", "--measure", "requests", "--format", "csv"]).out
    };
    assert!(ask(&restored).contains("j3,m1,1"));
    assert_eq!(ask(&restored), ask(dir.path()));
    assert_eq!(quipu(&["restore", arg(backups.path()), arg(&restored)]).code, Some(1), "it is not empty");
    let again = quipu_with(&["import", "--store", arg(&restored), "-"], EVENTS.as_bytes());
    assert!(again.out.contains("events stored before"), "{}", again.out);
}
