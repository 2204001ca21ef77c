//! Power cuts and kills at every call, and again at every call of what follows.

use std::sync::Arc;

use proptest::prelude::*;
use quipu_engine::format::names::log_file;
use quipu_engine::io::Disk;
use quipu_engine::log::LogWriter;
use quipu_engine::{Error, Result};
use quipu_test_support::{CarelessDisk, Omission, SimDisk};

use super::Step::{Append, Close, Confirm, Rotate, Sync};
use super::{Acknowledge, Ledger, Step, identity};

const SHORT: [&[Step]; 5] = [
    &[Append(1, 100), Sync],
    &[Append(2, 700), Append(1, 9000), Sync, Append(1, 40), Append(3, 40)],
    &[Append(1, 40), Sync, Confirm, Append(1, 5000), Sync, Confirm, Sync],
    &[Append(1, 40), Rotate, Append(1, 40), Sync, Rotate, Append(1, 40)],
    &[Append(1, 40), Sync, Append(2, 40), Close],
];

/// How a disk is seen by the log: as it is, or with a planted bug.
type View = fn(SimDisk) -> Arc<dyn Disk>;

fn honest(disk: SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk)
}

fn calls(view: View, steps: &[Step]) -> u64 {
    let disk = SimDisk::new(1);
    Ledger::default().run(&view(disk.clone()), steps, Acknowledge::OnceSynced).expect("nothing fails");
    disk.calls()
}

/// Runs `steps` once for each of its calls, with a power cut there, and calls `check` on `limit` survivors of each.
fn crash_everywhere(
    view: View,
    steps: &[Step],
    acknowledge: Acknowledge,
    limit: usize,
    check: &mut dyn FnMut(&Ledger, SimDisk) -> Result<(), String>,
) -> Result<(), String> {
    let calls = calls(view, steps);
    for call in 1..=calls + 1 {
        let disk = SimDisk::new(1);
        disk.crash_at_call(call);
        let mut ledger = Ledger::default();
        let finished = ledger.run(&view(disk.clone()), steps, acknowledge);
        assert_eq!(finished.is_err(), call <= calls, "call {call}");
        for (i, survivor) in disk.crash_states(limit, call).enumerate() {
            check(&ledger, survivor).map_err(|what| format!("{steps:?}, call {call}, state {i}: {what}"))?;
        }
    }
    Ok(())
}

fn every_survivor_recovers(view: View, acknowledge: Acknowledge) -> Result<(), String> {
    SHORT.iter().try_for_each(|steps| {
        crash_everywhere(view, steps, acknowledge, 250, &mut |ledger, disk| ledger.check(&disk, 0).map(drop))
    })
}

#[test]
fn a_power_cut_at_any_call_leaves_all_that_was_acknowledged_and_no_hole() {
    every_survivor_recovers(honest, Acknowledge::OnceSynced).expect("recovered");
}

#[test]
fn the_crash_test_catches_an_acknowledgement_before_the_sync() {
    let caught = every_survivor_recovers(honest, Acknowledge::BeforeSync).expect_err("a planted bug");
    assert!(caught.contains("was acknowledged"), "{caught}");
}

#[test]
fn the_crash_test_catches_a_forgotten_file_sync() {
    every_survivor_recovers(|disk| Arc::new(CarelessDisk::new(disk, Omission::FileSync)), Acknowledge::OnceSynced)
        .expect_err("a planted bug");
}

#[test]
fn the_crash_test_catches_a_forgotten_directory_sync() {
    every_survivor_recovers(|disk| Arc::new(CarelessDisk::new(disk, Omission::DirSync)), Acknowledge::OnceSynced)
        .expect_err("a planted bug");
}

/// What a reopening store does with the records it recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reopen {
    /// It leaves them in the log and chains a new file to it.
    Chained,
    /// It moves them into segments, starts a new file, and removes the old ones.
    Flushed,
}

/// Recovers `before` on `disk`, goes on in a new file and appends two more groups: the ledger then,
/// the last LSN in segments, and whether all calls worked.
fn reopen(before: &Ledger, disk: &SimDisk, how: Reopen) -> (Ledger, u64, Result<()>) {
    let recovery = before.check(disk, 0).expect("recovered before");
    let mut ledger = Ledger { acknowledged_lsn: recovery.next_lsn - 1, ..before.clone() };
    ledger.frames.retain(|frame| frame.lsn < recovery.next_lsn);
    let flushed_lsn = if how == Reopen::Flushed { recovery.next_lsn - 1 } else { 0 };
    let shared = honest(disk.clone());
    let mut go_on = || {
        let io = |error| Error::io("change", "the store's directory", error);
        disk.create_dir("wal").map_err(io)?;
        disk.sync_dir("").map_err(io)?;
        let log = LogWriter::create(&shared, identity(2), recovery.next_file, recovery.next_lsn, recovery.last)?;
        ledger.file = log.number();
        if how == Reopen::Flushed {
            recovery.files.iter().try_for_each(|&file| disk.remove(&log_file(file))).map_err(io)?;
        }
        ledger.take(log, &[Append(1, 40), Sync, Append(2, 40)], Acknowledge::OnceSynced)
    };
    let result = go_on();
    (ledger, flushed_lsn, result)
}

/// Reopens once for each call of the reopening, with a power cut there.
fn crash_in_reopening(before: &Ledger, disk: &SimDisk, how: Reopen, limit: usize) -> Result<(), String> {
    let dry_run = disk.kill();
    before.check(&dry_run, 0)?;
    let recovering = dry_run.calls();
    for call in 1.. {
        let disk = disk.kill();
        disk.crash_at_call(recovering + call);
        let (ledger, flushed_lsn, result) = reopen(before, &disk, how);
        for (i, survivor) in disk.crash_states(limit, call).enumerate() {
            let checked = ledger.check(&survivor, flushed_lsn);
            checked.map_err(|what| format!("{how:?} reopening, call {call}, state {i}: {what}"))?;
        }
        if result.is_ok() {
            break;
        }
    }
    Ok(())
}

#[test]
fn a_second_power_cut_while_going_on_from_the_first_loses_nothing_more() {
    for steps in SHORT {
        for how in [Reopen::Chained, Reopen::Flushed] {
            crash_everywhere(honest, steps, Acknowledge::OnceSynced, 6, &mut |ledger, disk| {
                crash_in_reopening(ledger, &disk, how, 8)
            })
            .expect("recovered twice");
        }
    }
}

#[test]
fn a_power_cut_after_a_kill_takes_nothing_that_was_built_on() {
    let mut clean = 0;
    for steps in SHORT {
        for call in 1..=calls(honest, steps) + 1 {
            let disk = SimDisk::new(1);
            disk.crash_at_call(call);
            let mut ledger = Ledger::default();
            // How far it got is in the ledger.
            let _ = ledger.run(&honest(disk.clone()), steps, Acknowledge::OnceSynced);
            let killed = disk.kill();
            let recovery = ledger.check(&killed, 0).expect("recovered");
            crash_in_reopening(&ledger, &killed, Reopen::Flushed, 30).expect("what is in segments is durable");
            if recovery.clean {
                clean += 1;
                crash_in_reopening(&ledger, &killed, Reopen::Chained, 30).expect("a clean log is durable");
            }
        }
    }
    assert!(clean > 5, "{clean}");
}

#[test]
fn a_power_cut_before_an_opening_is_published_leaves_what_was_acknowledged_before_it() {
    for steps in SHORT {
        for call in 1..=calls(honest, steps) + 1 {
            let disk = SimDisk::new(1);
            disk.crash_at_call(call);
            let mut ledger = Ledger::default();
            // How far it got is in the ledger.
            let _ = ledger.run(&honest(disk.clone()), steps, Acknowledge::OnceSynced);
            let killed = disk.kill();
            killed.create_dir("wal").expect("directory");
            killed.sync_dir("").expect("sync");
            for _ in 0..2 {
                let recovery = ledger.check(&killed, 0).expect("recovered");
                let shared = honest(killed.clone());
                let (next, first) = (recovery.next_file, recovery.next_lsn);
                LogWriter::create(&shared, identity(2), next, first, recovery.last).expect("a log");
                for survivor in killed.crash_states(60, call) {
                    let checked = ledger.check(&survivor, 0);
                    assert!(checked.is_ok(), "{steps:?}, call {call}: {checked:?}");
                }
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u32..5, 0usize..10_000).prop_map(|(records, len)| Append(records, len)),
        3 => Just(Sync),
        1 => Just(Confirm),
        1 => Just(Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_workload_survives_a_power_cut_anywhere(
        steps in prop::collection::vec(step(), 1..12),
        part in 0u64..100,
        seed: u64,
    ) {
        let disk = SimDisk::new(seed);
        disk.crash_at_call(1 + calls(honest, &steps) * part / 99);
        let mut ledger = Ledger::default();
        // How far it got is in the ledger.
        let _ = ledger.run(&honest(disk.clone()), &steps, Acknowledge::OnceSynced);
        for survivor in disk.crash_states(40, seed) {
            let checked = ledger.check(&survivor, 0);
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
    }
}
