//! What the log promises on a disk that does not fail. Crashes and damage are in `tests/suite`.

use std::sync::Arc;

use super::{Frame, FrameKind, LogIdentity, LogWriter, Recovery, Start, recover};
use crate::format::names::log_file;
use crate::io::{Disk, MemoryDisk, RealDisk};
use crate::limits::FRAME_BYTES;
use crate::{ErrorKind, Result, Timestamp};

const IDENTITY: LogIdentity = LogIdentity { store: [7; 16], epoch: 1 };
const START: Start = Start { store: IDENTITY.store, flushed_lsn: 0, min_file: 0 };

fn disk() -> (MemoryDisk, Arc<dyn Disk>) {
    let memory = MemoryDisk::new(Timestamp::from_seconds(0), 1);
    memory.create_dir("wal").expect("directory");
    (memory.clone(), Arc::new(memory))
}

fn create(disk: &Arc<dyn Disk>) -> LogWriter {
    LogWriter::create(disk, IDENTITY, 1, 1, None).expect("a log")
}

fn read(disk: &dyn Disk, start: Start) -> Result<(Recovery, Vec<Frame>)> {
    let mut frames = Vec::new();
    let recovery = recover(disk, start, &mut |frame| {
        frames.push(frame);
        Ok(())
    })?;
    Ok((recovery, frames))
}

#[test]
fn frames_read_back_in_order_across_rotation() {
    let (_, disk) = disk();
    let mut log = create(&disk);
    assert_eq!(log.append(FrameKind::Events, 3, b"three").expect("append"), 1);
    assert_eq!((log.next_lsn(), log.durable_lsn()), (4, 0));
    log.sync().expect("sync");
    assert_eq!(log.durable_lsn(), 3);
    log.confirm().expect("confirmed");
    let confirmed = log.bytes();
    log.confirm().expect("confirmed before");
    assert_eq!(log.bytes(), confirmed);
    log.append(FrameKind::Outcomes, 1, &[9; 9000]).expect("append");
    log.rotate().expect("rotate");
    assert_eq!((log.number(), log.bytes(), log.durable_lsn()), (2, 4096, 4));
    log.append(FrameKind::Outcomes, 1, b"").expect("append");
    log.close().expect("close");

    let (recovery, frames) = read(disk.as_ref(), START).expect("intact");
    let seen: Vec<_> = frames.iter().map(|f| (f.lsn, f.records, f.kind, f.payload.len())).collect();
    let expected = [(1, 3, FrameKind::Events, 5), (4, 1, FrameKind::Outcomes, 9000), (5, 1, FrameKind::Outcomes, 0)];
    assert_eq!(seen, expected);
    assert_eq!(frames[0].payload, b"three");
    assert_eq!((recovery.next_lsn, recovery.next_file, recovery.clean, recovery.torn), (6, 3, true, None));
    assert_eq!(recovery.files, [1, 2]);
}

#[test]
fn a_recovered_log_goes_on_in_a_new_file_chained_to_the_old_one() {
    let (_, disk) = disk();
    let mut log = create(&disk);
    log.append(FrameKind::Events, 2, b"ab").expect("append");
    log.sync().expect("sync");
    drop(log);
    let (recovery, _) = read(disk.as_ref(), START).expect("intact");
    assert!(!recovery.clean, "nobody closed it");
    let next = LogIdentity { epoch: 2, ..IDENTITY };
    let mut log =
        LogWriter::create(&disk, next, recovery.next_file, recovery.next_lsn, recovery.last).expect("successor");
    assert_eq!(log.append(FrameKind::Events, 1, b"c").expect("append"), 3);
    log.close().expect("close");
    let (recovery, frames) = read(disk.as_ref(), START).expect("intact");
    assert_eq!(frames.iter().map(|f| f.lsn).collect::<Vec<_>>(), [1, 3]);
    assert!(recovery.clean);
}

#[test]
fn records_in_segments_are_not_visited_and_their_files_not_needed() {
    let (memory, disk) = disk();
    let mut log = create(&disk);
    log.append(FrameKind::Events, 2, b"ab").expect("append");
    log.rotate().expect("rotate");
    log.append(FrameKind::Events, 2, b"cd").expect("append");
    log.append(FrameKind::Events, 2, b"ef").expect("append");
    log.close().expect("close");
    memory.overwrite(&log_file(1), None);
    let (recovery, frames) = read(disk.as_ref(), Start { flushed_lsn: 4, ..START }).expect("all there");
    assert_eq!(frames.iter().map(|f| f.lsn).collect::<Vec<_>>(), [5]);
    assert_eq!(recovery.next_lsn, 7);
    let error = read(disk.as_ref(), Start { flushed_lsn: 1, ..START }).expect_err("LSN 2 is gone");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("W-0000000001.qw") && error.to_string().contains("LSN 2..=2"), "{error}");
}

#[test]
fn an_empty_directory_starts_behind_what_is_flushed() {
    let (_, disk) = disk();
    let (recovery, frames) = read(disk.as_ref(), Start { flushed_lsn: 9, ..START }).expect("nothing there");
    assert_eq!((recovery.next_lsn, recovery.next_file, recovery.last, recovery.clean), (10, 1, None, true));
    assert!(frames.is_empty());
    let error = read(disk.as_ref(), Start { min_file: 3, ..START }).expect_err("file 3 was there");
    assert!(error.to_string().contains("W-0000000003.qw: damaged at byte 0: the file is missing"), "{error}");
}

#[test]
fn what_cannot_be_appended_is_refused_and_harms_nothing() {
    let (_, disk) = disk();
    let mut log = create(&disk);
    for (kind, records, payload) in [
        (FrameKind::Events, 0, &b""[..]),
        (FrameKind::Seal, 0, b""),
        (FrameKind::Heartbeat, 1, b""),
        (FrameKind::Heartbeat, 0, b""),
    ] {
        assert_eq!(log.append(kind, records, payload).expect_err("impossible").kind(), ErrorKind::Invalid);
    }
    assert_eq!(log.append(FrameKind::Events, 1, b"fine").expect("append"), 1);
    let error = LogWriter::create(&disk, IDENTITY, 0, 1, None).err().expect("numbers start at 1");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_frame_refused_amid_its_group_takes_the_group_with_it() {
    let (memory, disk) = disk();
    let mut log = create(&disk);
    log.append(FrameKind::Events, 1, b"synced").expect("append");
    log.sync().expect("sync");
    log.append(FrameKind::Events, 1, b"first of a group").expect("append");
    let error = log.append(FrameKind::Events, 1, &vec![0; FRAME_BYTES + 1]).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::DurabilityUnknown, "{error}");
    assert!(error.to_string().contains("split the batch"), "{error}");
    for refused in [log.append(FrameKind::Events, 1, b"next").map(drop), log.sync(), log.confirm(), log.close()] {
        assert_eq!(refused.expect_err("poisoned").kind(), ErrorKind::Poisoned);
    }
    let (recovery, _) = read(&memory, START).expect("readable");
    assert!(recovery.next_lsn >= 2, "what was synced stays");
}

#[test]
fn a_file_of_another_store_or_number_is_refused() {
    let (memory, disk) = disk();
    create(&disk).close().expect("close");
    let error = read(disk.as_ref(), Start { store: [8; 16], ..START }).expect_err("foreign");
    assert!(error.to_string().contains("another store"), "{error}");
    memory.overwrite(&log_file(5), memory.files().remove(&log_file(1)));
    let error = read(disk.as_ref(), START).expect_err("renamed");
    assert!(error.to_string().contains("number 1"), "{error}");
}

#[test]
fn a_reader_beside_the_writer_sees_a_prefix_wherever_the_file_ends() {
    let (memory, disk) = disk();
    let mut log = create(&disk);
    for payload in [&b"one"[..], &[2; 5000], b"three"] {
        log.append(FrameKind::Events, 1, payload).expect("append");
        log.sync().expect("sync");
    }
    let whole = memory.files().remove(&log_file(1)).expect("the file");
    for len in 0..=whole.len() {
        memory.overwrite(&log_file(1), Some(whole[..len].to_vec()));
        let (recovery, frames) = read(disk.as_ref(), START).expect("a prefix");
        assert!(frames.iter().map(|f| f.lsn).eq(1..recovery.next_lsn), "{len}");
    }
}

#[test]
fn a_log_in_a_real_directory_reads_back_also_beside_its_writer() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.path()));
    disk.create_dir("wal").expect("directory");
    let mut log = create(&disk);
    log.append(FrameKind::Events, 2, &[5; 20_000]).expect("append");
    log.sync().expect("sync");
    let (recovery, frames) = read(disk.as_ref(), START).expect("beside the writer");
    assert_eq!((frames.len(), recovery.next_lsn, recovery.clean, recovery.torn), (1, 3, false, None));
    log.rotate().expect("rotate");
    log.append(FrameKind::Events, 1, b"more").expect("append");
    log.close().expect("close");
    let (recovery, frames) = read(disk.as_ref(), START).expect("after the writer");
    assert_eq!((frames.len(), recovery.next_lsn, recovery.clean), (2, 4, true));
    assert_eq!(frames[0].payload, [5; 20_000]);
}
