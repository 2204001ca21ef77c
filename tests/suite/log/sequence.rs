//! Bytes that are intact, each for itself, and do not belong together: two writers, exchanged files, a newer Quipu.

use std::sync::Arc;

use quipu_engine::format::log_frame::{FRAME_ALIGN, FRAME_HEADER_BYTES, FrameHeader};
use quipu_engine::format::log_header::{LogHeader, Predecessor};
use quipu_engine::format::names::log_file;
use quipu_engine::io::Disk;
use quipu_engine::log::LogWriter;
use quipu_engine::{Error, ErrorKind};

use super::Step::{Append, Close, Confirm, Sync};
use super::damage::{Fixture, START, flipped};
use super::{Acknowledge, identity, read};

/// What a forger does to a frame's header.
type Change = fn(&mut FrameHeader);

/// File 1 of a log of three frames, the second of which is `changed` and given a fitting checksum.
fn forged(changed: Change) -> (Fixture, Result<u64, Error>) {
    let fixture = Fixture::new(&[Append(1, 30), Sync, Append(2, 30), Sync, Confirm, Sync]);
    let mut bytes = fixture.file(1);
    let (file, _) = LogHeader::decode(&bytes).expect("intact");
    let at = 2 * FRAME_ALIGN;
    let (mut frame, _) = FrameHeader::decode(&bytes[at..], file.salt).expect("intact");
    changed(&mut frame);
    let (header, crc) = frame.encode(file.salt);
    bytes[at..at + FRAME_HEADER_BYTES].copy_from_slice(&header);
    // The frame behind stays chained, so that only the change itself can be refused.
    let behind = at + FRAME_ALIGN;
    let (mut next, _) = FrameHeader::decode(&bytes[behind..], file.salt).expect("intact");
    next.prev_crc = crc;
    bytes[behind..behind + FRAME_HEADER_BYTES].copy_from_slice(&next.encode(file.salt).0);
    let read = fixture.read_with(1, bytes).map(|frames| frames.len() as u64);
    (fixture, read)
}

#[test]
fn an_unchanged_forgery_passes() {
    assert_eq!(forged(|_| ()).1.expect("nothing changed"), 2);
}

#[test]
fn an_intact_frame_that_cannot_stand_where_it_is_is_refused() {
    let changes: [(Change, &str); 5] = [
        (|frame| frame.lsn = 3, "LSN 2 expected, 3 found"),
        (|frame| frame.lsn = 1, "LSN 2 expected, 1 found"),
        (|frame| frame.prev_crc ^= 1, "stands behind"),
        (|frame| frame.epoch = 9, "writer epoch 9 in a file of epoch 1"),
        (|frame| (frame.lsn, frame.records) = (u64::MAX, 2), "LSN 2 expected"),
    ];
    for (change, expected) in changes {
        let error = forged(change).1.expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("wal/W-0000000001.qw: damaged at byte 8192") && text.contains(expected), "{text}");
    }
}

#[test]
fn frames_of_a_newer_quipu_are_refused_unless_marked_as_safe_to_ignore() {
    let refused: [(Change, &str); 2] =
        [(|frame| frame.kind = 77, "unknown kind 77"), (|frame| frame.flags = 2, "unknown flags 0x0002")];
    for (change, expected) in refused {
        let error = forged(change).1.expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let (fixture, frames) = forged(|frame| frame.kind = 0x8000 | 77);
    assert_eq!(frames.expect("safe to ignore"), 1);
    assert_eq!(read(&fixture.disk, START).expect("again").0.next_lsn, 4, "its records keep their numbers");
}

#[test]
fn a_stated_length_that_the_payload_does_not_have_is_refused() {
    // Compressed, by the flag, so the first bytes are taken for a length.
    let error = forged(|frame| frame.flags = 1).1.expect_err("not compressed");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("payload"), "{error}");
}

/// Continues the log of `fixture` with file 2 and reads both.
fn continued(fixture: &Fixture, epoch: u32, first_lsn: u64, predecessor: Option<Predecessor>) -> Result<u64, Error> {
    let disk: Arc<dyn Disk> = Arc::new(fixture.disk.clone());
    LogWriter::create(&disk, identity(epoch), 2, first_lsn, predecessor).expect("a log").close().expect("close");
    read(&fixture.disk, START).map(|(recovery, _)| recovery.next_lsn)
}

#[test]
fn a_file_that_does_not_fit_the_one_it_continues_is_refused() {
    let fixture = || Fixture::new(&[Append(2, 30), Sync]);
    let last = read(&fixture().disk, START).expect("intact").0.last.expect("a file");
    assert_eq!(continued(&fixture(), 2, 3, Some(last)).expect("fits"), 3);
    let misfits = [
        (2, 5, Some(last), "starts at LSN 5, 3 expected"),
        (2, 2, Some(last), "starts at LSN 2, 3 expected"),
        (0, 3, Some(last), "writer epoch 0 follows 1: two writers"),
        (2, 3, None, "continues no other"),
        (2, 3, Some(Predecessor { last_lsn: 1, ..last }), "successor says to end at 1"),
        (2, 3, Some(Predecessor { last_lsn: 4, ..last }), "LSN 3..=4 are lost"),
    ];
    for (epoch, first_lsn, predecessor, expected) in misfits {
        let error = continued(&fixture(), epoch, first_lsn, predecessor).expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_tail_that_was_dropped_once_stays_dropped_even_if_it_becomes_readable() {
    let fixture = Fixture::new(&[Append(1, 30), Sync, Append(1, 600)]);
    let whole = fixture.file(1);
    fixture.read_with(1, flipped(&whole, 2 * FRAME_ALIGN * 8)).expect("torn");
    let (recovery, _) = read(&fixture.disk, START).expect("torn");
    let disk: Arc<dyn Disk> = Arc::new(fixture.disk.clone());
    let log = LogWriter::create(&disk, identity(2), 2, 2, recovery.last).expect("a log");
    let mut ledger = fixture.ledger.clone();
    ledger.frames.truncate(1);
    ledger.take(log, &[Append(1, 50), Close], Acknowledge::OnceSynced).expect("nothing fails");
    fixture.disk.overwrite(&log_file(1), Some(whole));
    ledger.check(&fixture.disk, 0).expect("the successor says where the file ended");
}

#[test]
fn two_writers_that_continued_the_same_file_show() {
    let fixture = Fixture::new(&[Append(1, 30), Sync]);
    let (recovery, _) = read(&fixture.disk, START).expect("intact");
    let disk: Arc<dyn Disk> = Arc::new(fixture.disk.clone());
    for number in [2, 3] {
        let log = LogWriter::create(&disk, identity(2), number, 2, recovery.last).expect("a log");
        let mut ledger = fixture.ledger.clone();
        ledger.take(log, &[Append(1, 30), Close], Acknowledge::OnceSynced).expect("nothing fails");
    }
    let error = read(&fixture.disk, START).expect_err("which one is true?");
    assert!(error.to_string().contains("two writers"), "{error}");
}
