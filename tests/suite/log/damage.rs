//! Bits that flip, pages that vanish, files that go missing: the right answer, or an error that says what is lost.

use std::sync::Arc;

use quipu_engine::format::log_frame::{FRAME_ALIGN, FRAME_HEADER_BYTES};
use quipu_engine::format::log_header::LOG_HEADER_BYTES;
use quipu_engine::format::names::log_file;
use quipu_engine::io::Disk;
use quipu_engine::log::{Frame, Start};
use quipu_engine::{ErrorKind, Result};
use quipu_test_support::SimDisk;

use super::Step::{Append, Close, Confirm, Rotate, Sync};
use super::{Acknowledge, Ledger, STORE, Step, read};

pub(super) const START: Start = Start { store: STORE, flushed_lsn: 0, min_file: 0 };

/// A log on a healthy disk.
pub(super) struct Fixture {
    pub(super) disk: SimDisk,
    pub(super) ledger: Ledger,
}

impl Fixture {
    pub(super) fn new(steps: &[Step]) -> Self {
        let disk = SimDisk::new(1);
        let mut ledger = Ledger::default();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        ledger.run(&shared, steps, Acknowledge::OnceSynced).expect("nothing fails");
        Self { disk, ledger }
    }

    pub(super) fn file(&self, number: u64) -> Vec<u8> {
        self.disk.files().remove(&log_file(number)).expect("the file")
    }

    /// What is read when file `number` holds `bytes`.
    pub(super) fn read_with(&self, number: u64, bytes: Vec<u8>) -> Result<Vec<Frame>> {
        self.disk.overwrite(&log_file(number), Some(bytes));
        read(&self.disk, START).map(|(_, frames)| frames)
    }

    /// Whether `read` is the right answer; if not, it must be the error for damage, naming a file.
    fn is_right_or_refused(&self, read: Result<Vec<Frame>>, what: &str) -> bool {
        match read {
            Ok(frames) => {
                assert_eq!(frames, self.ledger.frames, "{what}");
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                assert!(error.to_string().starts_with("wal/W-00000000"), "{what}: {error}");
                false
            }
        }
    }
}

pub(super) fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn every_flipped_bit_of_a_confirmed_log_is_harmless_or_refused() {
    // The last frame confirms all records, so none can pass for a torn tail.
    let fixture = Fixture::new(&[Append(1, 30), Sync, Append(3, 600), Sync, Append(1, 10), Sync, Confirm, Sync]);
    let whole = fixture.file(1);
    let lens = [30, 600, 10];
    for bit in 0..whole.len() * 8 {
        let byte = bit / 8;
        let right = fixture.is_right_or_refused(fixture.read_with(1, flipped(&whole, bit)), &format!("bit {bit}"));
        let carries = match byte / FRAME_ALIGN {
            0 => true,
            frame => lens.get(frame - 1).is_some_and(|len| byte % FRAME_ALIGN < FRAME_HEADER_BYTES + len),
        };
        assert_eq!(right, !carries, "bit {bit}: what carries data is refused, padding and heartbeat are harmless");
    }
}

#[test]
fn a_damaged_record_is_named_by_file_offset_and_lsn() {
    let fixture = Fixture::new(&[Append(2, 30), Sync, Append(3, 600), Sync, Append(1, 10), Sync]);
    let whole = fixture.file(1);
    for byte in [2 * FRAME_ALIGN, 2 * FRAME_ALIGN + 20, 2 * FRAME_ALIGN + FRAME_HEADER_BYTES + 5] {
        let error = fixture.read_with(1, flipped(&whole, byte * 8)).expect_err("confirmed by the frame behind it");
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(text.starts_with("wal/W-0000000001.qw: damaged at byte 8192: "), "{text}");
        assert!(text.ends_with("acknowledged records LSN 3..=5 are lost"), "{text}");
    }
}

#[test]
fn the_same_damage_where_nobody_confirmed_the_frame_is_a_torn_tail() {
    let fixture = Fixture::new(&[Append(2, 30), Sync, Append(3, 600), Append(1, 10)]);
    let whole = fixture.file(1);
    let frames = fixture.read_with(1, flipped(&whole, 2 * FRAME_ALIGN * 8)).expect("nothing acknowledged is hit");
    assert_eq!(frames, fixture.ledger.frames[..1]);
    let (recovery, _) = read(&fixture.disk, START).expect("again");
    let torn = recovery.torn.expect("reported");
    assert_eq!((torn.file, torn.offset, torn.bytes), (1, 8192, 8192));
    assert_eq!(recovery.next_lsn, 3);
}

#[test]
fn a_frame_confirmed_only_by_a_later_one_than_the_next_counts_as_acknowledged() {
    // The third frame was composed before the sync that made the second durable, the fourth after it.
    let fixture = Fixture::new(&[Append(1, 30), Sync, Append(1, 30), Append(1, 30), Sync, Append(1, 30)]);
    let damaged = flipped(&fixture.file(1), 2 * FRAME_ALIGN * 8);
    let error = fixture.read_with(1, damaged).expect_err("acknowledged");
    assert!(error.to_string().ends_with("records LSN 2..=2 are lost"), "{error}");
}

#[test]
fn damage_to_what_segments_hold_already_loses_nothing() {
    let fixture = Fixture::new(&[Append(2, 30), Sync, Append(3, 600), Sync, Append(1, 10), Sync]);
    let damaged = flipped(&fixture.file(1), (2 * FRAME_ALIGN + 8) * 8);
    fixture.disk.overwrite(&log_file(1), Some(damaged));
    for (flushed_lsn, visited) in [(5, 2..), (6, 3..)] {
        let (recovery, frames) = read(&fixture.disk, Start { flushed_lsn, ..START }).expect("not needed");
        assert_eq!(frames, fixture.ledger.frames[visited]);
        assert_eq!(recovery.next_lsn, 7);
    }
    read(&fixture.disk, Start { flushed_lsn: 4, ..START }).expect_err("LSN 5 is needed");
}

#[test]
fn every_flipped_bit_of_a_chain_of_files_is_harmless_or_refused() {
    let fixture = Fixture::new(&[Append(1, 30), Rotate, Append(1, 30), Rotate, Append(1, 30), Sync, Confirm, Close]);
    for number in 1..=3 {
        let whole = fixture.file(number);
        // The padding behind is covered by the test of one file.
        for at in (0..whole.len()).step_by(FRAME_ALIGN) {
            for bit in at * 8..(at + 100) * 8 {
                let read = fixture.read_with(number, flipped(&whole, bit));
                fixture.is_right_or_refused(read, &format!("file {number}, bit {bit}"));
            }
        }
        assert!(fixture.is_right_or_refused(fixture.read_with(number, whole), "restored"));
    }
}

#[test]
fn lost_doubled_and_exchanged_pages_are_harmless_or_refused() {
    let fixture = Fixture::new(&[Append(1, 5000), Sync, Append(3, 600), Sync, Append(1, 10), Sync, Confirm, Sync]);
    let whole = fixture.file(1);
    let last = whole.len() - FRAME_ALIGN;
    for size in [512, FRAME_ALIGN] {
        let pages = || (0..last).step_by(size);
        for to in pages() {
            let mut zeroed = whole.clone();
            zeroed[to..to + size].fill(0);
            fixture.is_right_or_refused(fixture.read_with(1, zeroed), &format!("{size} bytes at {to} zeroed"));
            for from in pages() {
                let mut doubled = whole.clone();
                doubled.copy_within(from..from + size, to);
                let mut exchanged = doubled.clone();
                exchanged[from..from + size].copy_from_slice(&whole[to..to + size]);
                for bytes in [doubled, exchanged] {
                    fixture.is_right_or_refused(fixture.read_with(1, bytes), &format!("{size} bytes, {from} at {to}"));
                }
            }
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused_when_a_later_one_continues_it() {
    let fixture = Fixture::new(&[Append(1, 30), Sync, Append(1, 30), Rotate, Append(1, 30), Close]);
    let whole = fixture.file(1);
    let last_record = whole.len() - 2 * FRAME_ALIGN;
    for len in 0..whole.len() {
        let read = fixture.read_with(1, whole[..len].to_vec());
        if let Err(error) = &read {
            assert!(error.to_string().starts_with(&log_file(1)), "{error}");
        }
        let right = fixture.is_right_or_refused(read, &format!("{len} bytes"));
        // With all records there it may lack its seal: the next file says where it ended.
        assert_eq!(right, len >= last_record + FRAME_HEADER_BYTES + 30, "{len} bytes");
    }
}

#[test]
fn a_missing_file_is_refused_wherever_it_was() {
    for number in 1..=3 {
        let fixture = Fixture::new(&[Append(1, 30), Rotate, Append(1, 30), Rotate, Append(1, 30), Close]);
        fixture.disk.overwrite(&log_file(number), None);
        let error = read(&fixture.disk, Start { min_file: 3, ..START }).expect_err("missing");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let text = error.to_string();
        assert!(text.starts_with(&log_file(number)) && text.contains("missing") && text.contains("LSN"), "{text}");
    }
}

#[test]
fn bytes_behind_the_seal_are_refused() {
    let fixture = Fixture::new(&[Append(1, 30), Close]);
    let mut whole = fixture.file(1);
    whole.extend_from_within(LOG_HEADER_BYTES..LOG_HEADER_BYTES + FRAME_ALIGN);
    let error = fixture.read_with(1, whole).expect_err("nothing follows a seal");
    assert!(error.to_string().contains("seal"), "{error}");
}
