//! Parquet: columns of every kind, mapped and by their own names, sound and damaged.

use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use quipu::Dimension;

use super::super::*;
use super::files::{Folder, parsed};
use super::{Memory, run};

#[test]
fn parquet_columns_whose_names_have_dots_and_times_in_nanoseconds_are_taken() {
    let folder = Folder::new();
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.parquet", flat_parquet())], &Options::default());
    assert_eq!((summary.stored, summary.is_clean(), summary.ignored.total()), (1, true, 0), "{summary:?}");
    assert_eq!(
        crate::wire::native::encode(&memory.events[0]),
        r#"{"id":"p1","at":"2026-01-31T08:00:00.123456Z","usage":{"input":12},"tags":{"plan":"gold"}}"#
    );
}

/// One row of columns that are not nested but named as if they were, with a time in nanoseconds.
fn flat_parquet() -> Vec<u8> {
    use parquet::data_type::{ByteArrayType, Int64Type};
    let schema = "message events { required binary id (UTF8); required int64 at (TIMESTAMP(NANOS,true));
                  required int64 usage.input; required binary tags.plan (UTF8); }";
    file_of(schema, 1, |_, column, writer| {
        match column {
            0 => writer.typed::<ByteArrayType>().write_batch(&["p1".into()], None, None),
            1 => writer.typed::<Int64Type>().write_batch(&[1_769_846_400_123_456_789], None, None),
            2 => writer.typed::<Int64Type>().write_batch(&[12], None, None),
            _ => writer.typed::<ByteArrayType>().write_batch(&["gold".into()], None, None),
        }
        .expect("a value");
    })
}

#[test]
fn a_unit_for_times_that_state_their_own_changes_nothing() {
    let folder = Folder::new();
    let map = parsed(
        "format = \"parquet\"\n[fields]\nid = \"id\"\nat = { column = \"at\", unit = \"ns\" }\n[usage]\ninput = \"usage.input\"\n",
    );
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.parquet", flat_parquet())], &map);
    assert_eq!((summary.stored, summary.rejected), (1, 0), "{summary:?}");
    assert_eq!(memory.events[0].at, quipu::Timestamp::parse_rfc3339("2026-01-31T08:00:00.123456Z").ok());
}

#[test]
fn parquet_columns_can_be_mapped_and_the_others_are_reported() {
    let folder = Folder::new();
    let map =
        "format = \"parquet\"\n[fields]\nid = \"x/{id}\"\nteam = \"tenant\"\n[usage]\npages = \"usage.input - 10\"\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.parquet", parquet_file())], &parsed(map));
    let json: Vec<_> = memory.events.iter().map(crate::wire::native::encode).collect();
    assert_eq!(json, [r#"{"id":"x/p1","team":"acme","usage":{"pages":2}}"#, r#"{"id":"x/p2","usage":{"pages":3}}"#]);
    assert_eq!(summary.ignored.fields().collect::<Vec<_>>(), [("at", 2)]);
}

/// Two rows with a text that may be null, a time, and a group with a count.
pub(super) fn parquet_file() -> Vec<u8> {
    use parquet::data_type::{ByteArrayType, Int64Type};
    let schema = "message events { required binary id (UTF8); required int64 at (TIMESTAMP(MICROS,true));
                  optional binary tenant (UTF8); required group usage { required int64 input; } }";
    file_of(schema, 2, |group, column, writer| {
        let (id, at, tenant, input) = [("p1", 0, Some("acme"), 12_i64), ("p2", 1, None, 13)][group];
        let at = 1_769_846_400_000_000_i64 + at * 1_000_000;
        match column {
            0 => writer.typed::<ByteArrayType>().write_batch(&[id.into()], None, None),
            1 => writer.typed::<Int64Type>().write_batch(&[at], None, None),
            2 => {
                let values: Vec<_> = tenant.into_iter().map(Into::into).collect();
                writer.typed::<ByteArrayType>().write_batch(&values, Some(&[tenant.is_some().into()]), None)
            }
            _ => writer.typed::<Int64Type>().write_batch(&[input], None, None),
        }
        .expect("a value");
    })
}

#[test]
fn fixed_bytes_of_parquet_are_ids_and_its_maps_are_tags() {
    let folder = Folder::new();
    let map = "format = \"parquet\"\n[fields]\nid = \"id\"\ntrace_id = \"uuid\"\n[tags]\n\"*\" = \"tags\"\nplan = { value = \"gold\" }\n";
    let mut memory = Memory::default();
    let summary = run(&mut memory, &[folder.file("x.parquet", parquet_of_ids_and_tags())], &parsed(map));
    assert_eq!((summary.stored, summary.is_clean()), (2, true), "{summary:?}");
    let event = &memory.events[0];
    assert_eq!(event.id.as_deref(), Some("00ff10aa"));
    assert_eq!(event.get(Dimension::TraceId), Some("01020304-0506-0708-090a-0b0c0d0e0f10"));
    let tags: Vec<_> = event.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("note", "a \"quoted\" word"), ("plan", "gold")], "a named tag wins over the map's");
    assert_eq!(memory.events[1].tags.len(), 1, "an absent map has no tags");
}

/// An id of 4 bytes, a UUID and a map of tags, one of which has no value.
fn parquet_of_ids_and_tags() -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType};
    let schema =
        "message events { required fixed_len_byte_array (4) id; required fixed_len_byte_array (16) uuid (UUID);
                  optional group tags (MAP) { repeated group key_value {
                      required binary key (UTF8); optional binary value (UTF8); } } }";
    let bytes_of = |bytes: &[u8]| FixedLenByteArray::from(ByteArray::from(bytes.to_vec()));
    let texts = |texts: &[&str]| texts.iter().map(|text| ByteArray::from(*text)).collect::<Vec<_>>();
    file_of(schema, 1, |_, column, writer| {
        let repeated = Some(&[0, 1, 1, 0][..]);
        match column {
            0 => {
                let ids = [bytes_of(&[0, 0xff, 0x10, 0xaa]), bytes_of(&[1; 4])];
                writer.typed::<FixedLenByteArrayType>().write_batch(&ids, None, None)
            }
            1 => {
                let uuid: Vec<u8> = (1..=16).collect();
                writer.typed::<FixedLenByteArrayType>().write_batch(&[bytes_of(&uuid), bytes_of(&uuid)], None, None)
            }
            2 => {
                let keys = texts(&["plan", "note", "empty"]);
                writer.typed::<ByteArrayType>().write_batch(&keys, Some(&[2, 2, 2, 0]), repeated)
            }
            _ => {
                let values = texts(&["silver", "a \"quoted\" word"]);
                writer.typed::<ByteArrayType>().write_batch(&values, Some(&[3, 3, 2, 0]), repeated)
            }
        }
        .expect("a value");
    })
}

#[test]
fn every_damaged_parquet_file_is_an_error_and_never_a_panic() {
    let folder = Folder::new();
    let whole = parquet_file();
    let tags = parsed("format = \"parquet\"\n[fields]\nid = \"id\"\n[tags]\n\"*\" = \"tags\"\n");
    for (whole, options) in [(&whole, &Options::default()), (&parquet_of_ids_and_tags(), &tags)] {
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            let file = folder.file("x.parquet", &damaged);
            run(&mut Memory::default(), &[file], options);
        }
    }
    let cut = folder.file("cut.parquet", &whole[..whole.len() / 2]);
    let summary = run(&mut Memory::default(), &[cut], &Options::default());
    assert!(summary.failures[0].to_string().contains("not a readable Parquet file"), "{summary:?}");
}

/// A file of so many row groups, each column of which `write` fills: by the number of its group and its own.
fn file_of(schema: &str, groups: usize, write: impl Fn(usize, usize, &mut SerializedColumnWriter<'_>)) -> Vec<u8> {
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).expect("a schema"));
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).expect("a writer");
    for at in 0..groups {
        let (mut group, mut column) = (file.next_row_group().expect("a row group"), 0);
        while let Some(mut writer) = group.next_column().expect("a column") {
            write(at, column, &mut writer);
            writer.close().expect("a column");
            column += 1;
        }
        group.close().expect("a row group");
    }
    file.close().expect("a file");
    bytes
}
