//! Calls that fail while the machine lives on.

use std::sync::Arc;

use quipu_engine::ErrorKind;
use quipu_engine::io::Disk;
use quipu_engine::log::{FILE_BYTES, FrameKind, LogWriter};
use quipu_test_support::{Fault, SimDisk};

use super::Step::{Append, Confirm, Rotate, Sync};
use super::{Acknowledge, Ledger, identity};

fn with_log() -> (SimDisk, LogWriter) {
    let disk = SimDisk::new(1);
    disk.create_dir("wal").expect("directory");
    disk.sync_dir("").expect("sync");
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let log = LogWriter::create(&shared, identity(1), 1, 1, None).expect("a log");
    (disk, log)
}

#[test]
fn whatever_call_fails_however_nothing_acknowledged_is_lost() {
    let steps = [Append(2, 700), Sync, Append(1, 9000), Sync, Confirm, Rotate, Append(1, 40), Sync, Append(1, 40)];
    let run = |disk: &SimDisk| {
        let mut ledger = Ledger::default();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let result = ledger.run(&shared, &steps, Acknowledge::OnceSynced);
        (ledger, result)
    };
    let dry_run = SimDisk::new(1);
    run(&dry_run).1.expect("nothing fails");
    for call in 1..=dry_run.calls() {
        for fault in Fault::ALL {
            let disk = SimDisk::new(call);
            disk.fail_call(call, fault);
            let (ledger, result) = run(&disk);
            result.expect_err("one call fails");
            for survivor in std::iter::once(disk.kill()).chain(disk.crash_states(150, call)) {
                let checked = ledger.check(&survivor, 0);
                assert!(checked.is_ok(), "call {call}, {fault:?}: {checked:?}");
            }
        }
    }
}

#[test]
fn a_failed_append_or_sync_leaves_durability_unknown_and_ends_the_writer() {
    for fails_at_sync in [false, true] {
        for fault in Fault::ALL {
            let (disk, mut log) = with_log();
            disk.fail_call(disk.calls() + 1 + u64::from(fails_at_sync), fault);
            let failed = log.append(FrameKind::Events, 1, b"event").and_then(|_| log.sync()).expect_err("told to fail");
            assert_eq!(failed.kind(), ErrorKind::DurabilityUnknown, "{failed}");
            let calls = disk.calls();
            for after in [log.append(FrameKind::Events, 1, b"event").map(drop), log.sync(), log.rotate(), log.close()] {
                assert_eq!(after.expect_err("the writer is done").kind(), ErrorKind::Poisoned);
            }
            assert_eq!(disk.calls(), calls, "nothing was retried");
        }
    }
}

#[test]
fn a_rotation_that_fails_after_the_seal_ends_the_writer() {
    // Randomness, creation and reservation come before the seal; append and sync of the seal are its own.
    for (call, kind) in [(4, ErrorKind::DurabilityUnknown), (6, ErrorKind::Poisoned), (8, ErrorKind::Poisoned)] {
        let (disk, mut log) = with_log();
        disk.fail_call(disk.calls() + call, Fault::Io);
        assert_eq!(log.rotate().expect_err("told to fail").kind(), kind, "call {call}");
        assert_eq!(log.sync().expect_err("the writer is done").kind(), ErrorKind::Poisoned);
    }
}

#[test]
fn a_full_disk_refuses_a_new_log_and_is_left_as_it_was() {
    let disk = SimDisk::new(1);
    disk.create_dir("wal").expect("directory");
    disk.set_capacity(FILE_BYTES - 1);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let error = LogWriter::create(&shared, identity(1), 1, 1, None).err().expect("no room");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(disk.files().is_empty());
    disk.set_capacity(FILE_BYTES);
    LogWriter::create(&shared, identity(1), 1, 1, None).expect("room now");
}

#[test]
fn a_full_disk_refuses_to_rotate_and_the_writer_goes_on() {
    let (disk, mut log) = with_log();
    disk.set_capacity(FILE_BYTES + FILE_BYTES / 2);
    let mut ledger = Ledger { file: 1, ..Ledger::default() };
    ledger.append(&mut log, 1, 40).expect("append");
    assert_eq!(log.rotate().expect_err("no room").kind(), ErrorKind::Full);
    assert_eq!(log.durable_lsn(), 1, "what was appended is durable all the same");
    ledger.append(&mut log, 1, 40).expect("append");
    log.sync().expect("within the reservation");
    disk.set_capacity(FILE_BYTES * 2);
    log.rotate().expect("room now");
    ledger.append(&mut log, 1, 40).expect("append");
    log.close().expect("close");
    ledger.acknowledged_lsn = 3;
    assert!(ledger.check(&disk, 0).expect("recovered").clean);
}

#[test]
fn a_log_within_its_reservation_does_not_notice_a_full_disk() {
    let (disk, mut log) = with_log();
    disk.set_capacity(FILE_BYTES);
    assert_eq!(disk.free_bytes().expect("known"), 0);
    log.append(FrameKind::Events, 1, &[1; 5000]).expect("reserved");
    log.sync().expect("sync");
}
