//! Every bit of every file flipped, and sectors lost, doubled and exchanged.

use quipu_engine::format::log_frame::{FRAME_ALIGN, FRAME_HEADER_BYTES, FrameHeader};
use quipu_engine::format::log_header::{LOG_HEADER_BYTES, LogHeader};

use quipu_engine::store::{read_only_on, verify_on};

use super::{Fixture, in_parallel};

/// What a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// Which bytes of a log file mean something: its header, and each frame up to its padding.
pub(super) fn meaning(path: &str, content: &[u8]) -> Vec<bool> {
    if !path.starts_with("wal/") {
        return vec![true; content.len()];
    }
    let (header, _) = LogHeader::decode(content).expect("sound");
    let mut meaning = vec![false; content.len()];
    meaning[..LOG_HEADER_BYTES].fill(true);
    let mut at = LOG_HEADER_BYTES;
    while at < content.len() {
        let (frame, _) = FrameHeader::decode(&content[at..], header.salt).expect("sound");
        meaning[at..at + FRAME_HEADER_BYTES + frame.payload_len as usize].fill(true);
        at += frame.padded_len();
    }
    meaning
}

/// Whether damage to a byte may leave every answer right: the spaces between the blocks of a container, which no
/// reader looks at and of which `verify` knows by the hash of the file, and the last frame of the log, which says
/// only that the others are durable.
fn may_be_harmless(path: &str, content: &[u8], byte: usize) -> bool {
    !path.starts_with("wal/") || byte >= content.len() - FRAME_ALIGN
}

#[test]
fn every_flipped_bit_is_refused_or_without_meaning() {
    let fixture = Fixture::small();
    let mut bits = Vec::new();
    for (path, content) in &fixture.files {
        let meaning = meaning(path, content);
        bits.extend((0..content.len() * 8).filter(|bit| meaning[bit / 8]).map(|bit| (path.as_str(), bit)));
    }
    let harmless = in_parallel(&bits, |&(path, bit)| {
        let content = &fixture.files[path];
        let mut damaged = content.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let what = format!("{path}, bit {bit}");
        let right = fixture.answers_rightly(&[(path, Some(damaged))], &[], &what);
        assert!(!right || may_be_harmless(path, content, bit / 8), "{what}: not noticed");
        right
    });
    eprintln!("{} bits flipped in {} files, {harmless} of them without meaning", bits.len(), fixture.files.len());
    assert!(bits.len() > 50_000 && harmless * 2 < bits.len());
}

#[test]
fn damage_to_a_commit_that_nothing_confirms_yet_is_taken_for_a_torn_tail_and_reported() {
    let fixture = Fixture::new();
    let (path, content) = fixture.files.iter().rfind(|(path, _)| path.starts_with("wal/")).expect("a log");
    let meaning = meaning(path, content);
    let before = fixture.prefixes.last().expect("the log has frames");
    let newest = (content.len() - FRAME_ALIGN..content.len()).filter(|byte| meaning[*byte]);
    for byte in newest {
        let mut damaged = content.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let what = format!("{path}, byte {byte}");
        fixture.answers_rightly(&[(path, Some(damaged.clone()))], std::slice::from_ref(before), &what);
        let disk = fixture.disk();
        disk.overwrite(path, Some(damaged));
        let dropped = [
            read_only_on(&disk).expect("opens").unfinished(),
            verify_on(&disk).expect("opens").unfinished,
            super::super::open(&(std::sync::Arc::new(disk) as _), 100).expect("opens").dropped(),
        ];
        for tail in dropped {
            let tail = tail.unwrap_or_else(|| panic!("{what}: not reported"));
            assert_eq!((tail.bytes, tail.after_lsn), (FRAME_ALIGN as u64, before.lsn()), "{what}");
        }
    }
}

#[test]
fn what_fills_the_log_up_to_its_boundaries_has_no_meaning() {
    let fixture = Fixture::small();
    let logs: Vec<_> = fixture.files.iter().filter(|(path, _)| path.starts_with("wal/")).collect();
    for (path, content) in &logs {
        let mut damaged = (*content).clone();
        damaged.iter_mut().zip(meaning(path, content)).filter(|(_, meant)| !meant).for_each(|(byte, _)| *byte ^= 0xFF);
        assert!(damaged != **content && fixture.answers_rightly(&[(path, Some(damaged))], &[], path), "{path}");
    }
    assert!(!logs.is_empty());
}

#[test]
fn sectors_that_are_lost_doubled_or_exchanged_are_noticed() {
    let fixture = Fixture::small();
    let mut changed = Vec::new();
    for (path, content) in &fixture.files {
        let sectors: Vec<&[u8]> = content.chunks(SECTOR_BYTES).collect();
        for a in 0..sectors.len() {
            let mut put = |what: &str, changes: &[(usize, &[u8])]| {
                let mut damaged = content.clone();
                for (sector, bytes) in changes {
                    let start = sector * SECTOR_BYTES;
                    damaged[start..start + bytes.len()].copy_from_slice(bytes);
                }
                if damaged != *content {
                    changed.push((path.as_str(), a, what.to_owned(), damaged));
                }
            };
            put("is zero", &[(a, &[0; SECTOR_BYTES][..sectors[a].len()])]);
            for b in (0..sectors.len()).filter(|b| *b != a && sectors[a].len() == sectors[*b].len()) {
                put(&format!("holds sector {b}"), &[(a, sectors[b])]);
                if b > a {
                    put(&format!("has changed places with {b}"), &[(a, sectors[b]), (b, sectors[a])]);
                }
            }
        }
    }
    let harmless = in_parallel(&changed, |(path, sector, what, damaged)| {
        let content = &fixture.files[*path];
        let meaning = meaning(path, content);
        let lost = (0..content.len())
            .find(|&byte| meaning[byte] && content[byte] != damaged[byte] && !may_be_harmless(path, content, byte));
        let what = format!("{path}: sector {sector} {what}");
        let right = fixture.answers_rightly(&[(*path, Some(damaged.clone()))], &[], &what);
        assert!(!right || lost.is_none(), "{what}: not noticed");
        right
    });
    eprintln!("{} changes of sectors, {harmless} of them without meaning", changed.len());
}
