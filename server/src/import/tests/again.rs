//! The same again, in part, with more, or under another name: what has no id of its own is neither lost nor doubled.

use std::borrow::Cow;

use quipu::Number;

use super::super::*;
use super::files::{Folder, parsed};
use super::parquet::parquet_file;
use super::{Memory, run};

fn bytes(name: &'static str, text: &str) -> Input {
    Input::Bytes { name: name.into(), bytes: Cow::Owned(text.into()) }
}

/// Events stored, stored before, and in conflict.
fn counts(memory: &mut Memory, input: Input, options: &Options) -> (u64, u64, u64) {
    let summary = run(memory, &[input], options);
    (summary.stored, summary.duplicates, summary.conflicts)
}

#[test]
fn rows_without_ids_are_known_by_what_they_say() {
    const MAP: &str = "format = \"csv\"\n[fields]\nmodel = \"m\"\n[usage]\ninput = \"in\"\n";
    let jsonl = "format = \"jsonl\"\n[fields]\nmodel = \"m\"\n[usage]\ninput = \"in\"\n";
    let native = Options::default();
    for (options, header, equal, other) in [
        (&native, "", "{\"model\":\"m\",\"usage\":{\"input\":1}}\n", "{\"model\":\"m\",\"usage\":{\"input\":2}}\n"),
        (&parsed(jsonl), "", "{\"m\":\"m\",\"in\":1}\n", "{\"m\":\"m\",\"in\":2}\n"),
        (&parsed(MAP), "m,in,note\n", "m,1,a\n", "m,1,b\n"),
    ] {
        let mut memory = Memory::default();
        let mut counts =
            |name, rows: &[&str]| counts(&mut memory, bytes(name, &(header.to_owned() + &rows.concat())), options);
        assert_eq!(counts("a/log", &[equal, "\n", equal]), (2, 0, 0), "equal rows of one file are separate events");
        assert_eq!(counts("b/other", &[equal, equal]), (0, 2, 0), "the same under another name");
        assert_eq!(counts("a/log", &[equal, equal, other, equal]), (2, 2, 0), "the file has grown");
        assert_eq!(counts("a/log", &[other, equal, other]), (1, 2, 0), "an export that overlaps");
        assert!(memory.events.iter().all(|event| event.number(Number::IdDerived) == Some(1)));
    }
}

#[test]
fn a_map_that_is_changed_counts_nothing_twice() {
    let mut memory = Memory::default();
    let csv = || bytes("x.csv", "m,in\na,1\nb,2\n");
    let map = |field: &str| parsed(&format!("format = \"csv\"\n[fields]\n{field} = \"m\"\n[usage]\ninput = \"in\"\n"));
    assert_eq!(counts(&mut memory, csv(), &map("model")), (2, 0, 0));
    assert_eq!(counts(&mut memory, csv(), &map("team")), (0, 0, 2));
}

#[test]
fn columns_in_another_order_are_other_rows() {
    let mut memory = Memory::default();
    let map = parsed("format = \"csv\"\n[usage]\ninput = \"in\"\noutput = \"out\"\n");
    assert_eq!(counts(&mut memory, bytes("x.csv", "in,out\n1,2\n"), &map), (1, 0, 0));
    assert_eq!(counts(&mut memory, bytes("x.csv", "out,in\n1,2\n"), &map), (1, 0, 0));
}

#[test]
fn rows_of_parquet_are_known_by_their_file_and_number() {
    let folder = Folder::new();
    let map = parsed("format = \"parquet\"\n[fields]\nteam = \"tenant\"\n[usage]\ninput = \"usage.input\"\n");
    let mut memory = Memory::default();
    assert_eq!(counts(&mut memory, folder.file("a.parquet", parquet_file()), &map), (2, 0, 0));
    assert_eq!(counts(&mut memory, folder.file("b.parquet", parquet_file()), &map), (0, 2, 0));
}

#[test]
fn outcomes_without_a_key_are_replayed_under_any_name() {
    let options = Options { format: Some(Format::Outcomes), ..Options::default() };
    let mut memory = Memory::default();
    let one = "{\"job_id\":\"j\",\"status\":\"SUCCESS\"}";
    assert_eq!(run(&mut memory, &[bytes("stdin", one)], &options).outcomes_stored, 1);
    assert_eq!(run(&mut memory, &[bytes("o.json", one)], &options).outcomes_replayed, 1);
    let summary = run(&mut memory, &[bytes("stdin", "{\"job_id\":\"j\",\"status\":\"FAILED\"}")], &options);
    assert_eq!((summary.outcomes_already_reported, summary.is_clean()), (1, false), "which is no success");
}
