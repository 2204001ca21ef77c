//! Files as they come: packed, damaged, in the wrong shape, or from a map that is wrong.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use quipu::{Dimension, Error, ErrorKind, Number};

use super::super::*;
use super::parquet::parquet_file;
use super::{Memory, run, with_map};
use crate::wire::Place;

pub(super) struct Folder(pub(super) tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(super) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Input {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        Input::File(path)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn lines(count: usize) -> String {
    // Numbers that repeat nothing, so that packing does not shrink the file to a few bytes.
    (0..count).map(|n| format!("{{\"id\":\"e{n}\",\"usage\":{{\"input\":{}}}}}\n", n * n * 7919 % 100_003)).collect()
}

pub(super) fn parsed(map: &str) -> Options {
    Options { map: Some(Arc::new(Map::parse("test", map).expect("a map"))), ..Options::default() }
}

pub(super) fn reasons(summary: &Summary) -> Vec<(u64, &str)> {
    let number = |place| match place {
        Place::Line(number) | Place::Item(number) | Place::Row(number) => number,
    };
    summary.examples.iter().map(|example| (number(example.place), example.reason.as_str())).collect()
}

#[test]
fn packing_is_seen_by_content_and_not_by_name() {
    let folder = Folder::new();
    let plain = lines(10);
    let zstd = zstd::encode_all(plain.as_bytes(), 1).expect("memory");
    for (name, bytes) in [("a.jsonl", plain.clone().into_bytes()), ("b.jsonl", gzip(plain.as_bytes())), ("c.gz", zstd)]
    {
        let mut memory = Memory::default();
        let summary = run(&mut memory, &[folder.file(name, bytes)], &Options::default());
        assert_eq!((summary.stored, summary.is_clean()), (10, true), "{name}: {summary:?}");
    }
}

#[test]
fn all_shapes_of_native_json_are_read() {
    let folder = Folder::new();
    for (shape, body, stored) in [
        ("lines", "{\"id\":\"a\"}\n\n{\"id\":\"b\"}", 2),
        ("one line", "{\"id\":\"a\"}", 1),
        ("array", " [ {\"id\":\"a\"},\n {\"id\":\"b\"} ] ", 2),
        ("pretty", "{\n \"id\": \"a\"\n}\n{\n \"id\": \"b\"\n}\n", 2),
        ("byte order mark", "\u{feff}{\"id\":\"a\"}\n{\"id\":\"b\"}\n", 2),
        ("empty", "", 0),
    ] {
        let mut memory = Memory::default();
        let summary = run(&mut memory, &[folder.file("events.json", body)], &Options::default());
        assert_eq!((summary.stored, summary.is_clean()), (stored, true), "{shape}: {summary:?}");
    }
}

#[test]
fn a_broken_array_is_imported_up_to_the_break() {
    let folder = Folder::new();
    let summary =
        run(&mut Memory::default(), &[folder.file("x.json", "[{\"id\":\"a\"},\n{\"id\":]")], &Options::default());
    assert_eq!((summary.stored, summary.failures.len()), (1, 1));
    let message = summary.failures[0].to_string();
    assert!(message.contains("x.json: broken JSON: expected value at line 2 column 7"), "{message}");
}

#[test]
fn an_empty_file_is_no_packed_one() {
    let folder = Folder::new();
    for name in ["a.jsonl.gz", "a.jsonl.zst"] {
        let summary = run(&mut Memory::default(), &[folder.file(name, "")], &Options::default());
        let failed: Vec<_> = summary.failures.iter().map(ToString::to_string).collect();
        assert!(matches!(&failed[..], [one] if one.contains("is empty, and packed data never is")), "{failed:?}");
    }
}

#[test]
fn nothing_of_a_damaged_packed_file_is_imported() {
    let folder = Folder::new();
    let whole = lines(20_000);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.include_checksum(true).and_then(|()| encoder.write_all(whole.as_bytes())).expect("memory");
    let zstd = encoder.finish().expect("memory");
    for (packing, bytes) in [("gzip", gzip(whole.as_bytes())), ("zstd", zstd)] {
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 4;
        for damaged in [&bytes[..bytes.len() * 2 / 3], &bytes[..bytes.len() - 1], &flipped] {
            let damaged = folder.file("damaged.jsonl", damaged);
            let good = folder.file("good.jsonl", "{\"id\":\"after\"}");
            let mut memory = Memory::default();
            let summary = run(&mut memory, &[damaged, good], &Options::default());
            assert!(summary.stored == 1 && memory.by_id.contains_key("after"), "{packing}: {summary:?}");
            let message = summary.failures[0].to_string();
            let expected = format!("the {packing} data is damaged or cut off");
            assert!(message.contains("damaged.jsonl") && message.contains(&expected), "{message}");
        }
    }
}

#[test]
fn an_unbalanced_quote_costs_one_row_and_names_it() {
    let folder = Folder::new();
    let rows: String = (0..5_000).map(|n| format!("e{n},{n},a note\n")).collect();
    let csv = format!("id,usage.input,tags.note\ne-1,1,\"12 inch\n{rows}");
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.csv", csv)], &Options::default());
    assert_eq!((summary.read, summary.stored, summary.rejected), (5_001, 5_000, 1), "{summary:?}");
    let expected =
        "column tags.note opens a quote that is not closed before the file ends; reading went on at the next line";
    assert_eq!(reasons(&summary), [(2, expected)]);
}

#[test]
fn what_is_no_csv_is_named_in_few_words() {
    let folder = Folder::new();
    for (name, bytes, said) in [
        ("zero.csv", vec![0; 20 << 20], "line 1, which must name the columns, is longer than 16 MiB"),
        ("open.csv", b"\"id,usage.input\n1,2\n".to_vec(), "column 1 opens a quote that is not closed"),
        (
            "esc.csv",
            b"id,\x1b]0;owned\x07,x\n1,2,3\n".to_vec(),
            "the columns (id, \\u{1b}]0;owned\\u{7}, x) say nothing",
        ),
        ("wide.csv", format!("{}\n", "column,".repeat(50_000)).into_bytes(), "and 49941 more"),
        ("twice.csv", b"id,model,model\n1,m,n\n".to_vec(), "two columns are named \"model\""),
    ] {
        let summary = run(&mut Memory::default(), &[folder.file(name, bytes)], &Options::default());
        let message = summary.failures[0].to_string();
        assert!(message.contains(said) && message.len() < 1_000 && !message.contains('\u{1b}'), "{message}");
    }
}

#[test]
fn ignored_names_are_short_and_cannot_steer_a_terminal() {
    let folder = Folder::new();
    let line = format!("{{\"id\":\"a\",\"\\u001b[2J\":1,\"{}\":2}}", "x".repeat(5_000));
    let summary = run(
        &mut Memory::default(),
        &[folder.file("x.jsonl", line)],
        &parsed("format = \"jsonl\"\n[fields]\nid = \"id\"\n"),
    );
    let names: Vec<_> = summary.ignored.fields().map(|(name, _)| name).collect();
    assert_eq!(names, ["\\u{1b}[2J", &format!("{}…", "x".repeat(80))]);
}

#[test]
fn members_whose_names_have_dots_are_columns_like_nested_ones() {
    let folder = Folder::new();
    let map = "format = \"jsonl\"\n[fields]\nid = \"id\"\nmodel = \"gen_ai.model\"\n[usage]\n\
               input = \"gen_ai.usage.input_tokens\"\n";
    let body = "{\"id\":\"1\",\"gen_ai.usage.input_tokens\":55,\"gen_ai.model\":\"m\"}\n\
                {\"id\":\"2\",\"gen_ai\":{\"model\":\"m\",\"usage.input_tokens\":56}}\n\
                {\"id\":\"3\",\"gen_ai.usage\":{\"input_tokens\":57},\"gen_ai.model.x\":1}\n\
                {\"id\":\"4\",\"gen_ai\":7}\n\
                {\"id\":\"5\",\"gen_ai\":{\"model\":\"m\"},\"gen_ai.model\":\"n\"}\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.jsonl", body)], &parsed(map));
    let inputs: Vec<_> = memory.events.iter().map(|event| event.quantity(quipu::TokenMeter::Input)).collect();
    assert_eq!(inputs, [55, 56, 57, 0]);
    let models: Vec<_> = memory.events.iter().map(|event| event.get(Dimension::Model)).collect();
    assert_eq!(models, [Some("m"), Some("m"), None, None]);
    assert_eq!(reasons(&summary), [(5, "gen_ai.model is given twice")]);
    assert_eq!(summary.ignored.fields().collect::<Vec<_>>(), [("gen_ai", 1), ("gen_ai.model.x", 1)]);
}

#[test]
fn bad_csv_rows_are_named_and_harm_no_others() {
    let folder = Folder::new();
    let bytes = b"when,in,who\n1,5,a\n2,x,b\n3,7\n4,8,\xff\n5,-1,e\n6,9,\"f\n\"\n7,,g\n";
    let map = "format = \"csv\"\n[fields]\nat = { column = \"when\", unit = \"s\", base = \"2026-01-01T00:00:00Z\" }\n\
               tenant = \"who\"\n[usage]\ninput = \"in\"\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.csv", bytes)], &parsed(map));
    let tenants: Vec<_> = memory.events.iter().filter_map(|event| event.get(Dimension::Tenant)).collect();
    assert_eq!((summary.read, tenants), (7, vec!["a", "g"]));
    assert!(memory.events[1].usage.is_empty(), "an empty cell is absent");
    let mut reasons = reasons(&summary);
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            (3, "usage.input: in is \"x\", which is not a number; expected a whole number from 0"),
            (4, "has 2 columns, the header has 3"),
            (5, "column who is not UTF-8"),
            (6, "usage.input: in is \"-1\", which is negative; expected a whole number from 0"),
            (7, "tenant has the control character '\\n' at byte 1"),
        ]
    );
}

#[test]
fn csv_and_parquet_columns_named_like_fields_need_no_map() {
    let folder = Folder::new();
    let csv = "id,at,tenant,usage.input,reported_cost,tags.plan,colour\ne1,2026-01-31T08:00:00Z,acme,5,0.25,gold,red\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.csv", csv)], &Options::default());
    assert_eq!((summary.stored, summary.is_clean()), (1, true), "{summary:?}");
    let json = crate::wire::native::encode(&memory.events[0]);
    assert_eq!(
        json,
        r#"{"id":"e1","at":"2026-01-31T08:00:00Z","tenant":"acme","reported_cost":"0.25","usage":{"input":5},"tags":{"colour":"red","plan":"gold"}}"#
    );

    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.parquet", parquet_file())], &Options::default());
    assert_eq!((summary.stored, summary.is_clean()), (2, true), "{summary:?}");
    let json: Vec<_> = memory.events.iter().map(crate::wire::native::encode).collect();
    assert_eq!(
        json,
        [
            r#"{"id":"p1","at":"2026-01-31T08:00:00Z","tenant":"acme","usage":{"input":12}}"#,
            r#"{"id":"p2","at":"2026-01-31T08:00:01Z","usage":{"input":13}}"#,
        ]
    );
}

#[test]
fn rows_may_be_outcomes_only() {
    let folder = Folder::new();
    let map = "format = \"csv\"\nevents = false\n[outcome]\njob_id = \"job\"\nstatus = \"status\"\n\
               value = { column = \"nanos\", unit = \"nano\" }\n";
    let mut memory = Memory::default();
    let file = folder.file("x.csv", "job,status,nanos\na,SUCCESS,7349098938\nb,FAILED,\nc,LOST,1\n");
    let summary = run(&mut memory, &[file], &parsed(map));
    assert_eq!((memory.events.len(), summary.outcomes_stored), (0, 2));
    assert_eq!(memory.outcomes["a"].value, Some(quipu::PicoUsd::from_pico(7_349_098_938_000)));
    assert_eq!(memory.outcomes["a"].idempotency_key.as_ref().map(|key| key.len()), Some(16));
    assert!(reasons(&summary)[0].1.contains("allowed are"), "{summary:?}");
}

#[test]
fn outcomes_come_after_their_events_and_are_replayed_when_read_again() {
    let folder = Folder::new();
    let body = "{\"job_id\":\"j\",\"status\":\"SUCCESS\"}\n{\"job_id\":\"k\",\"status\":\"WON\"}\n";
    let file = [folder.file("o.jsonl", body)];
    let options = Options { format: Some(Format::Outcomes), ..Options::default() };
    let mut memory = Memory::default();
    let first = run(&mut memory, &file, &options);
    assert_eq!((first.outcomes_stored, first.rejected), (1, 1));
    assert_eq!(run(&mut memory, &file, &options).outcomes_replayed, 1);
}

#[test]
fn setup_problems_say_what_to_do() {
    let folder = Folder::new();
    let jobs = folder.file("jobs.jsonl", "{\"run\":\"r\",\"rev\":1,\"instance\":\"i\"}\n");
    let failure = |inputs: &[Input], options: &Options| run(&mut Memory::default(), inputs, options).failures.remove(0);

    let message = failure(std::slice::from_ref(&jobs), &with_map("openhands")).to_string();
    assert!(
        message.contains("has no openhands_runs.jsonl") && message.contains("--join openhands_runs=FILE"),
        "{message}"
    );

    folder.file("openhands_runs.csv", "run,rev\nother,1\n");
    let message = failure(std::slice::from_ref(&jobs), &with_map("openhands")).to_string();
    assert!(message.contains("there is no column") && message.contains("the columns are run, rev"), "{message}");

    let missing = failure(&[Input::File("nowhere.jsonl".into())], &Options::default());
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let message = failure(&[Input::File(folder.0.path().into())], &Options::default()).to_string();
    assert!(message.contains("is a folder"), "{message}");

    let message = failure(&[folder.file("x.csv", "a,b\n1,2\n")], &with_map("azure")).to_string();
    assert!(message.contains("x.csv: there is no column \"TIMESTAMP\"; the columns are a, b"), "{message}");
    let jsonl = Options { format: Some(Format::Jsonl), ..Options::default() };
    assert!(failure(&[jobs], &jsonl).to_string().contains("jsonl needs a map"));
    let message = "jsno".parse::<Format>().expect_err("no such format").to_string();
    assert!(message.contains("allowed are quipu, outcomes, csv"), "{message}");
}

#[test]
fn a_job_without_its_run_is_refused_by_name() {
    let folder = Folder::new();
    folder.file("runs.jsonl", "{\"run\":\"a\",\"team\":\"red\"}\n");
    let map = "format = \"jsonl\"\n[join]\nfile = \"runs\"\non = [\"run\"]\n[fields]\nid = \"{run}/{n}\"\nteam = \"join.team\"\n";
    let mut memory = Memory::default();
    let file = folder.file("jobs.jsonl", "{\"run\":\"a\",\"n\":1}\n{\"run\":\"b\",\"n\":2}\n{\"run\":\"a\"}\n");
    let summary = run(&mut memory, &[file], &parsed(map));
    assert_eq!(memory.events[0].get(Dimension::Team), Some("red"));
    assert_eq!(
        reasons(&summary),
        [(2, "runs has no row with run = \"b\""), (3, "id is missing: a column that it is made of is empty")]
    );
}

#[test]
fn only_the_latest_revision_counts_wherever_it_stands() {
    let folder = Folder::new();
    let map = "format = \"jsonl\"\n[latest]\nkey = [\"run\"]\nby = \"rev\"\n[fields]\nid = \"{run}#{rev}/{n}\"\n";
    let body = "{\"run\":\"a\",\"rev\":10,\"n\":1}\n{\"run\":\"a\",\"rev\":9,\"n\":1}\n{\"run\":\"b\",\"rev\":1,\"n\":1}\n\
                {\"run\":\"a\",\"rev\":10,\"n\":2}\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.jsonl", body)], &parsed(map));
    let ids: Vec<_> = memory.events.iter().filter_map(|event| event.id.as_deref()).collect();
    assert_eq!(ids, ["a#10/1", "b#1/1", "a#10/2"]);
    assert_eq!(summary.skipped, 1);
}

#[test]
fn parts_that_exceed_the_whole_are_flagged_and_never_negative() {
    let folder = Folder::new();
    let map = "format = \"csv\"\n[usage]\noutput = \"out - think\"\nreasoning = \"think\"\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.csv", "out,think,note\n5,2,a\n5,9,b\n5,,c\n")], &parsed(map));
    let outputs: Vec<_> = memory.events.iter().map(|event| event.quantity(quipu::TokenMeter::Output)).collect();
    let flags: Vec<_> = memory.events.iter().map(|event| event.number(Number::UsageMismatch)).collect();
    assert_eq!((outputs, flags), (vec![3, 0, 5], vec![None, Some(1), None]));
    assert_eq!(summary.ignored.fields().collect::<Vec<_>>(), [("note", 3)]);
}

#[test]
fn a_sink_that_fails_ends_the_import_with_its_error() {
    struct Full;
    impl Sink for Full {
        fn events(&mut self, _: Vec<quipu::Event>) -> quipu::Result<Vec<quipu::store::Item>> {
            Err(Error::new(ErrorKind::Full, "no space is left"))
        }
        fn outcomes(&mut self, _: Vec<quipu::Outcome>) -> quipu::Result<Vec<quipu::store::OutcomeItem>> {
            Err(Error::new(ErrorKind::Full, "no space is left"))
        }
    }
    let folder = Folder::new();
    let options = Options { batch: 100, ..Options::default() };
    let summary = import(&[folder.file("x.jsonl", lines(10_000))], &options, &mut Full, |_| {});
    assert_eq!(summary.stopped.map(|error| error.kind()), Some(ErrorKind::Full));
}

#[test]
fn progress_reaches_the_size_of_the_files() {
    let folder = Folder::new();
    let body = gzip(lines(3_000).as_bytes());
    let options = Options { batch: 1_000, ..Options::default() };
    let mut seen = Vec::new();
    let file = folder.file("x.jsonl", &body);
    import(&[file], &options, &mut Memory::default(), |progress| seen.push(progress));
    let last = seen.last().expect("progress");
    // Once to check it, once to read it.
    let total = 2 * body.len() as u64;
    assert_eq!((last.bytes, last.total, last.items), (total, Some(total), 3_000));
    assert!(seen.windows(2).all(|pair| pair[0].bytes <= pair[1].bytes));
}

#[test]
fn a_real_store_takes_everything_once() {
    let folder = Folder::new();
    let store = quipu::Store::open(folder.0.path().join("store"), quipu::Options::default()).expect("a store");
    for pass in 0..2 {
        for source in crate::demo_data::sources().expect("built-in maps") {
            let summary = run(&mut &store, &source.inputs, &source.options);
            assert!(summary.is_clean(), "{}: {summary:?}", source.title);
            let (events, outcomes) =
                (summary.stored + summary.duplicates, summary.outcomes_stored + summary.outcomes_replayed);
            assert_eq!((summary.stored, summary.outcomes_stored), if pass == 0 { (events, outcomes) } else { (0, 0) });
        }
    }
    let unknown = folder.file("o.jsonl", "{\"job_id\":\"nobody's\",\"status\":\"SUCCESS\"}");
    let options = Options { format: Some(Format::Outcomes), ..Options::default() };
    let summary = run(&mut &store, &[unknown], &options);
    assert_eq!((summary.outcomes_unknown_job, summary.examples.len()), (1, 1));
}
