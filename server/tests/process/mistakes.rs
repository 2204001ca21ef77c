//! Files that are not what they were said to be: what an import says of them, and what it leaves alone.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::support::{Ran, arg, quipu, quipu_with};

/// A folder of files and a store that is not there yet.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn import(&self, name: &str, bytes: &[u8], more: &[&str]) -> Ran {
        let (file, store) = (self.path(name), self.path("store"));
        fs::write(&file, bytes).expect("a file");
        words(quipu(&[&["import", "--store", arg(&store), arg(&file)], more].concat()))
    }
}

/// What was said, with one space between words however it was laid out.
fn words(ran: Ran) -> Ran {
    Ran { out: ran.out.split_whitespace().collect::<Vec<_>>().join(" "), ..ran }
}

fn native(count: usize) -> Vec<u8> {
    let line = |n| format!("{{\"id\":\"e{n}\",\"at\":\"2026-01-01T00:00:00Z\",\"model\":\"m\"}}\n");
    (0..count).map(line).collect::<String>().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

#[test]
fn a_file_of_which_nothing_is_what_it_was_said_to_be_is_refused_as_a_whole() {
    let desk = Desk::new();
    let passwd = b"root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\n";
    let session = br#"{"type":"user","sessionId":"s","uuid":"u"}"#;
    let outcome = br#"{"job_id":"j","status":"SUCCESS"}"#;
    let mut zstd = zstd::encode_all(&native(3)[..], 1).expect("memory");
    zstd[1] ^= 1;
    let plain = "it looks like quipu: say --as quipu";
    let unknown = "not of a format that Quipu knows; --as says which it is (quipu, outcomes, csv";
    for (name, bytes, more, said) in [
        ("g.ndjson", &native(5_000)[..], &["--as", "claude-code"][..], plain),
        ("g.ndjson", &native(2), &["--as", "codex"], plain),
        ("g.ndjson", &native(2), &["--as", "cloudevents"], plain),
        ("g.ndjson", &native(2), &["--as", "outcomes"], plain),
        ("g.ndjson", &native(2), &["--as", "otlp-json"], plain),
        ("log.jsonl", session, &["--as", "codex"], "it looks like claude-code: say --as claude-code"),
        ("jobs.json", outcome, &["--as", "cloudevents"], "it looks like outcomes: say --as outcomes"),
        ("passwd", passwd, &[], unknown),
        ("passwd", passwd, &["--as", "quipu"], "nothing in it is of the format quipu; --as says"),
        ("ls", b"\x7fELF\x02\x01\n\0\0{\n", &[], unknown),
        ("ls", b"\x7fELF\x02\x01\n\0\0{\n", &["--as", "otlp-proto"], "nothing in it is of the format otlp-proto"),
        ("numbers.json", b"[1, 2]", &[], unknown),
        ("cut.json", br#"[{"id": "#, &[], "nothing of it was imported"),
        ("zeros.ndjson.gz", &[0; 4096], &[], "is named .gz, but is neither gzip nor zstd, nor text"),
        ("flipped.ndjson.zst", &zstd, &[], "is named .zst, but is neither gzip nor zstd, nor text"),
        ("few.csv", b"id,at\na,2026-01-01T00:00:00Z\n", &[], "the columns (id, at) say nothing of what an event was"),
        ("empty.parquet", b"", &[], "not a readable Parquet file: it is empty"),
        ("text.parquet", b"id,model\na,m\n", &[], "not a readable Parquet file: it does not begin like one"),
        ("cut.parquet", b"PAR1\x15\x04", &[], "not a readable Parquet file: it is cut off"),
    ] {
        let ran = desk.import(name, bytes, more);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{name} {more:?}: {}", ran.err);
        let named = format!("error: {}: ", arg(&desk.path(name)));
        assert!(ran.err.starts_with(&named) && ran.err.contains(said), "{name} {more:?}: {}", ran.err);
        assert!(!desk.path("store").exists(), "{name} {more:?}");
    }
}

#[test]
fn what_came_before_a_break_is_stored_and_the_next_file_is_read() {
    let desk = Desk::new();
    let next = desk.path("next.ndjson");
    fs::write(&next, native(3)).expect("a file");
    let ran = desk.import("cut.json", br#"[{"id": "a", "model": "m"},"#, &[arg(&next)]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("broken JSON: ") && ran.out.contains("; what came before was imported"), "{}", ran.out);
    assert!(ran.out.contains("events stored 4") && !ran.out.contains("stopped"), "{}", ran.out);
    let ran = desk.import("notes.txt", b"buy milk\n", &[arg(&next)]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("events stored before 3") && ran.out.contains("not of a format"), "{}", ran.out);
    let (one, two) = (desk.path("no-one.csv"), desk.path("no-two.csv"));
    let ran = desk.import("notes.txt", b"buy milk\n", &[arg(&one), arg(&two)]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("no-one.csv") && ran.err.contains("no-two.csv"), "{}", ran.err);
}

#[test]
fn a_summary_says_what_is_odd_and_rates_only_what_takes_time() {
    let desk = Desk::new();
    let ran = desk.import("one.ndjson.gz", br#"{"id": "a", "model": "m"}"#, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("is named .gz, but is text that is not packed; it was read as it is"), "{}", ran.out);
    assert!(ran.out.contains("1 row names no time (at); it got the time of its import"), "{}", ran.out);
    assert!(!ran.out.contains("per second") && !ran.out.contains("milliseconds"), "{}", ran.out);
    let ran = desk.import("two.csv", b"id,model\nb,m\nc,m\n", &[]);
    assert!(ran.out.contains("2 rows name no time (at); they got the time of their import"), "{}", ran.out);
    let ran = desk.import("many.ndjson", &native(1_000), &[]);
    assert!(ran.out.contains("items per second") && !ran.out.contains("no time"), "{}", ran.out);
    let ran = desk.import("empty.ndjson", b"", &[]);
    assert!(ran.code == Some(0) && ran.out.contains("rows read"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_pipe_with_a_name_is_read_from_its_first_byte() {
    let desk = Desk::new();
    let store = desk.path("store");
    let ran = words(quipu_with(&["import", "--store", arg(&store), "/dev/stdin"], &native(2)));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("events stored 2"), "{}", ran.out);
}

#[test]
fn damaged_packing_is_named_alike_wherever_a_file_is_read() {
    let desk = Desk::new();
    assert_eq!(desk.import("good.ndjson", &native(1), &[]).code, Some(0));
    let (store, file) = (desk.path("store"), desk.path("cut.csv.gz"));
    let packed = gzip(b"trace_id,tenant\nt,acme\n");
    fs::write(&file, &packed[..packed.len() - 9]).expect("a file");
    let (store, file) = (arg(&store), arg(&file));
    for args in [
        vec!["import", "--store", store, file],
        vec!["prices", "import", "--store", store, file],
        vec!["attribute", "apply", "--store", store, file, "--why", "late"],
        vec!["query", "--store", store, "--prices", file],
    ] {
        let ran = quipu(&args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        let said = "the gzip data is damaged or cut off";
        assert!(ran.err.contains(said) && ran.err.contains("Get it anew"), "{args:?}: {}", ran.err);
    }
}
