//! `docs/FORMAT.md` is executed: its hex is decoded, encoded again and added up.

use std::collections::BTreeMap;
use std::sync::Arc;

use quipu_engine::attribution::{Assignment, Attribution, AttributionChange};
use quipu_engine::batch::{Batch, BatchBuilder};
use quipu_engine::codec::bytes::Reader;
use quipu_engine::codec::{dictionary, front, vector};
use quipu_engine::correction::{Amendment, Correction, Mark, Target};
use quipu_engine::dedup::ContentHash;
use quipu_engine::dictionary::Dictionary;
use quipu_engine::format::container::{Container, ContainerWriter, FileEntry, Identity};
use quipu_engine::format::correction_row::{
    decode_amendment, decode_corrections, encode_amendment, encode_corrections,
};
use quipu_engine::format::event_row::{EventRows, decode_events, decode_outcomes, encode_outcomes};
use quipu_engine::format::log_frame::{FrameHeader, FrameKind};
use quipu_engine::format::log_header::{LogHeader, Predecessor};
use quipu_engine::format::manifest::{Manifest, PartEntry, Record, RunEntry};
use quipu_engine::format::names::FileKind;
use quipu_engine::index::bitmap;
use quipu_engine::index::buckets::{self, Buckets};
use quipu_engine::io::{Disk, MemoryDisk};
use quipu_engine::price_book::{ModelPattern, PriceOf, PriceRule};
use quipu_engine::retention::Retention;
use quipu_engine::rollup::{self, Every, Rollup, RollupRun};
use quipu_engine::segment::{Segment, Window};
use quipu_engine::{
    Dimension, Event, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, PriceBook, Timestamp, TokenMeter,
};

const DOCUMENT: &str = include_str!("../../docs/FORMAT.md");
const STORE: [u8; 16] = *b"store-0123456789";

/// The bytes of each ```hex NAME block. A line is `offset | bytes | what they are`; the offsets must add up.
fn examples() -> BTreeMap<&'static str, Vec<u8>> {
    let mut examples = BTreeMap::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```hex ") else { continue };
        let mut bytes = Vec::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            let mut cells = line.split('|');
            let offset: usize = cells.next().expect("an offset").trim().parse().expect("a decimal offset");
            assert_eq!(offset, bytes.len(), "{name}: the offset of {line:?}");
            for word in cells.next().expect("bytes").split_whitespace() {
                // `00*12` stands for twelve zero bytes.
                let (byte, count) =
                    word.split_once('*').map_or((word, 1), |(byte, n)| (byte, n.parse().expect("a count")));
                let byte = u8::from_str_radix(byte, 16).expect("two hexadecimal digits");
                bytes.extend(std::iter::repeat_n(byte, count));
            }
        }
        assert!(examples.insert(name, bytes).is_none(), "example {name} stands twice");
    }
    examples
}

fn example(name: &str) -> Vec<u8> {
    examples().remove(name).unwrap_or_else(|| panic!("FORMAT.md has no example {name}"))
}

/// Compares, and prints what the document should say when it does not.
fn assert_documented(name: &str, found: &[u8]) {
    let hex: Vec<String> = found.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(example(name), found, "{name} should read: {}", hex.join(" "));
}

#[test]
fn the_container_of_the_document_is_the_one_written() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut writer =
        ContainerWriter::create(&disk, FileKind::Segment, Identity { store: STORE, file: 7 }).expect("new");
    writer.numbers("n", &[10, 11, 13]).expect("written");
    writer.blob("b", b"hi").expect("written");
    writer.finish(&[]).expect("finished");
    assert_documented("container", &memory.files()[&FileKind::Segment.path(7)]);

    memory.overwrite(&FileKind::Segment.path(7), Some(example("container")));
    let container = Container::open(&*disk, FileKind::Segment, 7, Some(STORE)).expect("sound");
    let mut numbers: Vec<u64> = Vec::new();
    container.numbers(container.section("n").expect("there"), 0, &mut numbers).expect("sound");
    assert_eq!((numbers.as_slice(), container.blob("b").expect("sound")), (&[10, 11, 13][..], Some(&b"hi"[..])));
}

#[test]
fn the_block_of_the_document_is_the_one_written() {
    let mut block = Vec::new();
    let summary = vector::encode(&[10, 11, 13], &mut block);
    assert_documented("block", &block);
    let mut back: Vec<u64> = Vec::new();
    vector::decode(&example("block"), 3, &summary, &mut back).expect("sound");
    assert_eq!(back, [10, 11, 13]);
}

#[test]
fn the_dictionary_and_the_bitmaps_of_the_document_are_those_written() {
    let dictionary = Dictionary::new(["claude-haiku", "claude-opus", "gpt"]);
    assert_documented("dictionary", &front::encode(&dictionary));
    assert_eq!(front::decode(&example("dictionary")), Ok(dictionary));
    assert_documented("bitmaps", &bitmap::encode(&[1, 1, 1, 0, 1], 1));
    let rows = bitmap::decode(&example("bitmaps"), 1, 5).expect("sound").expect("there");
    assert!(rows.iter().eq([0, 1, 2, 4]));
}

fn event() -> Event {
    let at = Timestamp::from_seconds(1_767_225_600);
    Event::new("call-1", at).with(Dimension::Model, "gpt-4o").used(TokenMeter::Input, 220).tagged("k", "v")
}

fn outcome() -> Outcome {
    Outcome {
        workspace: Some("default".into()),
        kind: Some(OutcomeType::Converted),
        value: Some(PicoUsd::from_usd(5)),
        at: Some(Timestamp::from_seconds(1_767_225_600)),
        revision: 1,
        known_at: Some(Timestamp::from_seconds(1_767_225_600)),
        ..Outcome::new("job-1", OutcomeStatus::Success)
    }
}

#[test]
fn the_records_of_the_document_are_those_written() {
    let mut rows = EventRows::default();
    rows.push(&event());
    assert_documented("events", &rows.finish());
    assert_eq!(decode_events(&example("events")), Ok(vec![event()]));
    assert_documented("outcomes", &encode_outcomes(&[Arc::new(outcome())]));
    assert_eq!(decode_outcomes(&example("outcomes")), Ok(vec![outcome()]));
}

#[test]
fn the_content_hash_of_the_document_is_that_of_its_bytes() {
    let mut said = Vec::new();
    let hash = ContentHash::of(&event().with(Dimension::Team, "x").with_number(Number::DurationMs, 3), &mut said);
    assert_documented("content", &said);
    assert_documented("content hash", &hash.to_bytes());
    assert_eq!(blake3::hash(&said).as_bytes()[..ContentHash::BYTES], hash.to_bytes());
}

#[test]
fn the_buckets_of_the_document_are_those_written() {
    let records = [(0x1234_5678, 2), (0x1234_5679, 0), (0xF000_0000, 1)];
    assert_documented("buckets", &buckets::encode(&records, 32, 2));
    let bytes = example("buckets");
    let set = Buckets::of(&bytes, 32).expect("sound");
    assert!(set.iter().eq(records) && set.find(0xF000_0000).eq([1]));
}

#[test]
fn the_dictionary_of_ids_of_the_document_is_the_one_written() {
    let ids = Dictionary::new(["00000000000000ff0000000000000001", "00000000000001000000000000000002"]);
    assert_documented("dictionary of ids", &dictionary::encode(&ids));
    assert_eq!(dictionary::decode(&example("dictionary of ids")), Ok(ids));
}

#[test]
fn the_price_book_of_the_document_is_the_one_written() {
    let mut rule =
        PriceRule::new(ModelPattern::Exact("gpt-4o".into()), PriceOf::Meter(TokenMeter::Input.into()), 2_500_000);
    rule.until = Some(Timestamp::from_seconds(1_767_225_600));
    let mut book = PriceBook::new("list", vec![rule]).expect("valid");
    (book.version, book.known_at) = (1, Timestamp::from_seconds(1_767_225_600));
    assert_documented("price book", &book.encode());
    assert_eq!(PriceBook::decode("book", &example("price book")).expect("sound"), book);
}

#[test]
fn the_attribution_of_the_document_is_the_one_written() {
    let attribution = Attribution {
        number: 2,
        at: event().at.expect("set"),
        by: "ops".into(),
        why: "late".into(),
        workspace: "default".into(),
        change: AttributionChange::Assign(vec![Assignment::of(Dimension::TraceId, "t").to(Dimension::Tenant, "acme")]),
    };
    assert_documented("attribution", &attribution.encode());
    assert_eq!(Attribution::decode(&example("attribution")), Ok(attribution));
}

#[test]
fn the_corrections_of_the_document_are_those_written() {
    let mut corrections = vec![
        Correction::retract(Target::Trace("t".into())),
        Correction::replace(0, event()),
        Correction::complete(Target::Event("call-1".into()), 2, Event::default().with(Dimension::Tenant, "acme")),
    ];
    corrections.iter_mut().for_each(|correction| correction.normalise(event().at.expect("set")).expect("valid"));
    assert_documented("corrections", &encode_corrections(&corrections));
    let mut amendment = Amendment::from(&corrections[1]);
    amendment.join(&Amendment::from(&corrections[2]));
    let mut bytes = Vec::new();
    encode_amendment(&amendment, &mut bytes);
    assert_documented("amendment", &bytes);
    assert_eq!(decode_corrections(&example("corrections")), Ok(corrections));
    assert_eq!(decode_amendment(&mut Reader::new(&example("amendment"))), Ok(amendment));
}

#[test]
fn the_log_of_the_document_is_the_one_written() {
    let header = LogHeader {
        store: STORE,
        epoch: 2,
        number: 5,
        salt: 0x0123_4567_89AB_CDEF,
        first_lsn: 101,
        predecessor: Some(Predecessor { number: 4, last_lsn: 100, last_crc: 0xAABB_CCDD }),
    };
    let (bytes, crc) = header.encode();
    assert_documented("log header", &bytes);
    assert_eq!(LogHeader::decode(&example("log header")), Ok((header, crc)));
    let frame = FrameHeader {
        lsn: 101,
        records: 1,
        payload_len: 33,
        payload_crc: 0x1122_3344,
        prev_crc: 0x5566_7788,
        durable_lsn: 100,
        kind: FrameKind::Events.code(),
        flags: 0,
        epoch: 2,
    };
    let (bytes, crc) = frame.encode(header.salt);
    assert_documented("log frame", &bytes);
    assert_eq!(FrameHeader::decode(&example("log frame"), header.salt), Ok((frame, crc)));
}

#[test]
fn the_manifest_of_the_document_is_the_one_written() {
    let file = |kind, number, bytes| FileEntry { kind, number, bytes, hash: [number as u8; 16] };
    let manifest = Manifest {
        epoch: 2,
        flushed_lsn: 100,
        first_log: 5,
        next_file: 9,
        previous: [0xEE; 16],
        sealed_bytes: 4_000,
        merged_bytes: 1_000,
        parts: vec![PartEntry {
            window: Window { start: Timestamp::from_micros(-64), end: Timestamp::from_micros(64) },
            rows: 100,
            segment: file(FileKind::Segment, 6, 4000),
            job_run: file(FileKind::JobRun, 6, 900),
            id_run: file(FileKind::IdRun, 6, 1700),
            mask: Some(RunEntry { number: 3, file: file(FileKind::Mask, 3, 90) }),
            rollups: Some(file(FileKind::Rollups, 6, 800)),
        }],
        outcomes: vec![RunEntry { number: 12, file: file(FileKind::OutcomeRun, 7, 300) }],
        books: vec![RunEntry { number: 1, file: file(FileKind::PriceBook, 8, 500) }],
        corrections: vec![RunEntry { number: 5, file: file(FileKind::CorrectionRun, 4, 200) }],
        attributions: vec![RunEntry { number: 2, file: file(FileKind::Attribution, 2, 80) }],
        records: vec![Record { at: Timestamp::from_micros(2), what: "done".into() }],
        rollups: vec![Rollup::new([Dimension::Team], Every::Day).expect("one dimension")],
        retention: vec![Retention { workspace: "w".into(), days: Some(30), from: Timestamp::from_micros(4) }],
    };
    assert_documented("manifest", &manifest.encode());
    assert_eq!(Manifest::decode(&example("manifest")), Ok(manifest));
}

#[test]
fn the_rollups_of_the_document_are_those_written() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let mut builder = BatchBuilder::default();
    for day in 0..60 {
        let at = Timestamp::from_seconds(day % 5 * 86_400 + day * 600);
        builder.push(&Event::new("e", at).with(Dimension::Team, "x").used(TokenMeter::Input, 7));
    }
    let identity = Identity { store: STORE, file: 1 };
    let entry = quipu_engine::segment::write(&disk, identity, &builder.finish().sorted()).expect("written");
    let segment = Arc::new(Segment::open(&*disk, &entry, STORE).expect("sound"));
    let declared = ["team every day", "every hour"].map(|text| Rollup::parse(text).expect("valid"));
    let entry = rollup::write(&disk, identity, &*segment, &declared, rollup::most_rows(60)).expect("written");
    let container = Container::open_entry(&*disk, &entry, STORE).expect("sound");
    assert_documented("rollups meta", container.meta());
    for (name, _) in container.sections() {
        let name = name.split_once('.').map_or(name, |(_, name)| name);
        let documented = name.split_once('.').map_or(format!("`N.{name}`"), |(kind, _)| format!("`N.{kind}.NAME`"));
        assert!(DOCUMENT.contains(&documented), "FORMAT.md does not mention {documented}");
    }
    assert_eq!(RollupRun::open(&*disk, &entry, STORE, &segment).expect("sound").declared(), declared);
}

#[test]
fn every_section_of_a_segment_is_documented() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory);
    let mut builder = BatchBuilder::default();
    builder.push(&event().with(Dimension::Team, "x").with_number(quipu_engine::Number::DurationMs, 3));
    builder.push_corrected(&event(), &Mark { replaced: true, ..Mark::default() }, ContentHash::default());
    let batch: Batch = builder.finish().sorted();
    let entry = quipu_engine::segment::write(&disk, Identity { store: STORE, file: 1 }, &batch).expect("written");
    let container = Container::open_entry(&*disk, &entry, STORE).expect("sound");
    for (name, _) in container.sections() {
        let documented = name.split_once('.').map_or_else(|| format!("`{name}`"), |(kind, _)| format!("`{kind}.NAME`"));
        assert!(DOCUMENT.contains(&documented), "FORMAT.md does not mention {documented}");
    }
}
