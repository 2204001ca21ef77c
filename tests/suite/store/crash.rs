//! Power cuts and kills at every call to the disk, and again at every call of the recovery.
//!
//! An operation that was under way when the machine died has happened as a whole or not at all; what was
//! acknowledged before it has happened. So each survivor must hold one of two models, exactly.
//!
//! `QUIPU_CRASH_SEEDS=500 cargo test -p quipu-tests crash -- --nocapture` explores so many random workloads more;
//! `QUIPU_CRASH_SEED=7` only the one that a failure named.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use fastrand::Rng;
use quipu_engine::io::Disk;
use quipu_engine::store::{Erasure, read_only_on, verify_on};
use quipu_engine::{ErrorKind, Snapshot};
use quipu_test_support::{CarelessDisk, Crash, Model, Omission, SimDisk};

use super::look;
use super::workload::{
    DECLARED, Driver, Failure, Generator, NOW, Op, attribution, book, corrections, events, outcome, people,
};

/// How a disk is seen by the store: as it is, or with a planted bug.
type View = fn(SimDisk) -> Arc<dyn Disk>;

fn honest(disk: SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk)
}

/// How much is explored.
#[derive(Clone, Copy)]
struct Depth {
    /// States of the disk per crash.
    states: usize,
    /// One in so many survivors is crashed again, at every call of its recovery.
    again: usize,
    /// States per crash in a recovery.
    states_again: usize,
}

struct Explorer {
    view: View,
    seal_events: usize,
    depth: Depth,
    /// Disks explored, by content and what they must hold.
    seen: HashSet<u64>,
    survivors: usize,
    survivors_again: usize,
}

/// A disk after a crash, and what it may hold.
struct Survivor<'a> {
    disk: SimDisk,
    candidates: &'a [Model],
    /// Whether all that it holds is on the disk, and none of it in the page cache alone.
    durable: bool,
    /// What was under way, to be retried.
    retry: Option<&'a Op>,
}

impl Explorer {
    fn new(view: View, seal_events: usize, depth: Depth) -> Self {
        Self { view, seal_events, depth, seen: HashSet::new(), survivors: 0, survivors_again: 0 }
    }

    fn driver(&self, disk: &SimDisk, model: Model) -> Driver {
        Driver::new((self.view)(disk.clone()), model, self.seal_events)
    }

    /// Runs `ops` once for each of their calls from the operation numbered `from` on, with a power cut there.
    fn explore(&mut self, ops: &[Op], from: usize) -> Result<(), String> {
        let (first, calls) = self.count(ops, from)?;
        for call in first..=calls + 1 {
            let disk = SimDisk::new(1);
            disk.crash_at_call(call);
            let mut driver = self.driver(&disk, Model::new(NOW));
            let mut retry = None;
            for op in ops {
                match driver.run(op) {
                    Ok(()) => {}
                    Err(Failure::Refused(_)) => {
                        retry = Some(op);
                        break;
                    }
                    Err(Failure::Wrong(what)) => return Err(format!("{ops:?}, call {call}: {what}")),
                }
            }
            let mut candidates = vec![driver.model.clone()];
            candidates.extend(retry.map(|op| driver.model_after(op)).filter(|after| *after != driver.model));
            drop(driver);
            let killed = std::iter::once(disk.kill());
            for (i, disk) in killed.chain(disk.crash_states(self.depth.states, call)).enumerate() {
                let survivor = Survivor { disk, candidates: &candidates, durable: i > 0, retry };
                self.visit(&survivor, call as usize + i)
                    .map_err(|what| format!("{ops:?}, call {call}, state {i}: {what}"))?;
            }
        }
        Ok(())
    }

    /// The first call of the operation numbered `from`, and the last of all.
    fn count(&self, ops: &[Op], from: usize) -> Result<(u64, u64), String> {
        let disk = SimDisk::new(1);
        let mut driver = self.driver(&disk, Model::new(NOW));
        let mut first = 1;
        for (i, op) in ops.iter().enumerate() {
            if i == from {
                first = disk.calls() + 1;
            }
            driver.run(op).map_err(|failure| format!("{ops:?} without a crash: {failure:?}"))?;
            driver.compare().map_err(|what| format!("{ops:?} without a crash: {what}"))?;
        }
        drop(driver);
        Ok((first, disk.calls()))
    }

    fn visit(&mut self, survivor: &Survivor<'_>, place: usize) -> Result<(), String> {
        if !self.is_new(&survivor.disk, survivor.candidates) {
            return Ok(());
        }
        self.survivors += 1;
        let held = [self.recovers(survivor)?];
        if place.is_multiple_of(self.depth.again) {
            // What a kill left in the page cache alone, a power cut may yet take.
            let candidates = if survivor.durable { &held } else { survivor.candidates };
            self.crash_again(&survivor.disk, candidates)?;
        }
        Ok(())
    }

    /// Recovers a survivor and goes on with it; the model it held.
    fn recovers(&self, survivor: &Survivor<'_>) -> Result<Model, String> {
        // The reader makes durable what it shows, so it has a disk of its own.
        let read = survivor.disk.kill();
        let before = read_only_on(&read);
        let disk = survivor.disk.kill();
        let mut driver = self.driver(&disk, survivor.candidates[0].clone());
        let snapshot = driver.open().map_err(|error| format!("refused: {error}"))?.snapshot();
        let held = held(&snapshot, survivor.candidates)?.clone();
        match before {
            Ok(reader) => {
                look::compare(&reader, &held).map_err(|what| format!("read_only differs: {what}"))?;
                let cut = self.opens_to(&read.crash(Crash::LoseAll), std::slice::from_ref(&held));
                cut.map_err(|what| format!("a power cut after read_only showed it: {what}"))?;
            }
            Err(error) if error.kind() == ErrorKind::NotAStore && held == Model::new(NOW) => {}
            Err(error) => return Err(format!("read_only: {error}")),
        }
        self.is_sound(&disk, &held)?;
        driver.model = held.clone();
        if let Some(op) = survivor.retry {
            driver.run(op).map_err(|failure| format!("retrying {op:?}: {failure:?}"))?;
            driver.compare().map_err(|what| format!("after retrying {op:?}: {what}"))?;
        }
        driver.run(&Op::Reopen).map_err(|failure| format!("reopening: {failure:?}"))?;
        driver.compare().map_err(|what| format!("after reopening: {what}"))?;
        let model = driver.model.clone();
        drop(driver);
        // What recovery and retry acknowledged is durable, even if the first crash was but a kill.
        let lost_all = disk.crash(Crash::LoseAll);
        self.opens_to(&lost_all, &[model]).map_err(|what| format!("a power cut after it: {what}"))?;
        Ok(held)
    }

    fn is_sound(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        let verified = verify_on(disk).map_err(|error| format!("verify: {error}"))?;
        if verified.damage.is_empty() && verified.events == model.events().len() as u64 {
            return Ok(());
        }
        Err(format!("verify: {verified:?}"))
    }

    fn opens_to(&self, disk: &SimDisk, candidates: &[Model]) -> Result<(), String> {
        let mut driver = self.driver(disk, candidates[0].clone());
        let snapshot = driver.open().map_err(|error| format!("refused: {error}"))?.snapshot();
        self.is_sound(disk, held(&snapshot, candidates)?)
    }

    /// Recovers a survivor once for each call of its recovery, with a power cut there.
    fn crash_again(&mut self, survivor: &SimDisk, candidates: &[Model]) -> Result<(), String> {
        let dry_run = survivor.kill();
        let before = dry_run.calls();
        self.opens(&dry_run)?;
        for call in before + 1..=dry_run.calls() {
            let disk = survivor.kill();
            disk.crash_at_call(call);
            // Some failures to tidy up are survived, so it may even have opened.
            let _ = self.opens(&disk);
            for (i, disk) in disk.crash_states(self.depth.states_again, call).enumerate() {
                if self.is_new(&disk, candidates) {
                    self.survivors_again += 1;
                    let opened = self.opens_to(&disk, candidates);
                    opened.map_err(|what| format!("recovery's call {call}, state {i}: {what}"))?;
                }
            }
        }
        Ok(())
    }

    fn opens(&self, disk: &SimDisk) -> Result<(), String> {
        let mut driver = self.driver(disk, Model::new(NOW));
        driver.open().map(|_| ()).map_err(|error| format!("refused: {error}"))
    }

    /// Whether a disk of this content that may hold these models was not explored before.
    fn is_new(&mut self, disk: &SimDisk, candidates: &[Model]) -> bool {
        let mut hasher = DefaultHasher::new();
        let sizes: Vec<_> = candidates
            .iter()
            .map(|model| {
                let kept = (model.retention.clone(), model.expired.len());
                (model.lsn(), model.books.len(), model.attributions.len(), model.erased.len(), kept)
            })
            .collect();
        (disk.files(), sizes).hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }
}

/// The one of the models that a snapshot shows.
fn held<'a>(snapshot: &Snapshot, candidates: &'a [Model]) -> Result<&'a Model, String> {
    let mut differences = Vec::new();
    for model in candidates {
        match look::compare(snapshot, model) {
            Ok(()) => return Ok(model),
            Err(what) => differences.push(what),
        }
    }
    Err(format!("it holds neither what was before nor what was to come: {differences:?}"))
}

/// Short workloads in which every kind of change meets every other; each with the head's size and the first
/// operation that is crashed.
fn workloads() -> Vec<(usize, usize, Vec<Op>)> {
    let outcomes = |jobs: std::ops::Range<u64>| Op::Outcomes(jobs.map(outcome).collect());
    let amend = |job: u64| Op::Outcomes(vec![outcome(job).amending("a refund"), outcome(job).amending("none")]);
    let (people, erase) = (people(), |erasure| Op::Erase("default", "A", erasure));
    vec![
        (100, 2, vec![Op::Reopen, events(1..3), outcomes(1..2), Op::Seal, amend(1), Op::Reopen, amend(1), Op::Seal]),
        (100, 0, vec![Op::Reopen, events(0..4)]),
        (100, 1, vec![Op::Reopen, events(0..6), outcomes(0..9), Op::Reopen]),
        (4, 1, vec![Op::Reopen, events(0..3), events(2..7), events(5..9)]),
        (100, 1, vec![Op::Reopen, events(1..5), Op::Seal, outcomes(0..2), events(3..8)]),
        (100, 1, vec![Op::Reopen, book(1), events(1..4), Op::Seal, book(2)]),
        (100, 2, vec![Op::Reopen, events(1..5), outcomes(1..3), Op::Seal, Op::Reopen, outcomes(0..3), Op::Seal]),
        (100, 2, vec![Op::Reopen, events(0..2), Op::Reopen, Op::Reopen, events(0..3)]),
        (2, 2, vec![Op::Reopen, events(0..9), Op::Compact, events(7..11)]),
        (
            100,
            3,
            vec![Op::Reopen, events(0..5), Op::Seal, events(3..9), Op::Reopen, Op::Compact, outcomes(0..3), Op::Seal],
        ),
        (100, 1, vec![Op::Reopen, events(0..2), Op::Confirm, outcomes(0..3), Op::Confirm, Op::Confirm, Op::Seal]),
        (100, 1, vec![Op::Reopen, events(0..5), corrections(), events(4..8), Op::Reopen]),
        (100, 5, vec![Op::Reopen, events(0..6), Op::Seal, corrections(), events(5..8), Op::Seal, Op::Compact]),
        (
            100,
            3,
            vec![Op::Reopen, events(6..20), Op::Seal, Op::Declare(DECLARED[0]), Op::Compact, Op::Declare(DECLARED[2])],
        ),
        (100, 3, vec![Op::Reopen, people[0].clone(), people[1].clone(), erase(Erasure::Delete)]),
        (
            100,
            4,
            vec![Op::Reopen, people[0].clone(), Op::Seal, people[1].clone(), erase(Erasure::Anonymise), events(1..5)],
        ),
        (100, 4, vec![Op::Reopen, events(0..4), Op::Seal, events(4..6), attribution(), Op::Undo(1)]),
        (100, 3, vec![Op::Reopen, corrections(), attribution(), events(0..4), Op::Reopen]),
        (
            100,
            3,
            vec![
                Op::Reopen,
                events(0..7),
                corrections(),
                Op::Keep("default", Some(30)),
                Op::Expire,
                events(0..8),
                Op::Reopen,
            ],
        ),
        (3, 2, vec![Op::Reopen, corrections(), events(0..5), corrections(), events(5..8), Op::Reopen]),
    ]
}

#[test]
fn a_power_cut_at_any_call_loses_nothing_acknowledged_and_doubles_nothing() {
    let depth = Depth { states: 4, again: 37, states_again: 2 };
    for (seal_events, from, ops) in workloads() {
        let mut explorer = Explorer::new(honest, seal_events, depth);
        explorer.explore(&ops, from).expect("every survivor recovers");
        assert!(explorer.survivors > 50 && explorer.survivors_again > 100, "{ops:?}: too little was explored");
        eprintln!("{ops:?}: {} survivors, {} of recoveries", explorer.survivors, explorer.survivors_again);
    }
}

/// Holds that what `ops` acknowledge from the operation numbered `from` on survives a power cut at each of their calls.
pub(crate) fn survives_every_cut(seal_events: usize, from: usize, ops: &[Op]) {
    let mut explorer = Explorer::new(honest, seal_events, Depth { states: 4, again: 97, states_again: 2 });
    explorer.explore(ops, from).expect("every survivor recovers");
    assert!(explorer.survivors > 20, "only {} survivors", explorer.survivors);
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_workloads_survive_a_power_cut_at_any_call() {
    let seeds = match setting("QUIPU_CRASH_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("QUIPU_CRASH_SEEDS").unwrap_or(3),
    };
    for seed in seeds {
        let mut generator = Generator { rng: Rng::with_seed(seed), assigned: false };
        let seal_events = generator.rng.usize(1..12);
        let mut ops = vec![Op::Reopen];
        ops.extend(std::iter::repeat_with(|| generator.op()).take(4));
        let mut explorer = Explorer::new(honest, seal_events, Depth { states: 3, again: 41, states_again: 2 });
        let explored = explorer.explore(&ops, 1);
        explored.unwrap_or_else(|what| panic!("{what}\nrerun with QUIPU_CRASH_SEED={seed}"));
        eprintln!("seed {seed}: {} survivors, {} of recoveries", explorer.survivors, explorer.survivors_again);
    }
}

/// The first violation that the crash test finds on a disk with a planted bug.
fn caught(view: View) -> Option<String> {
    let depth = Depth { states: 6, again: 1000, states_again: 1 };
    let explore = |(seal_events, from, ops): (usize, usize, Vec<Op>)| {
        Explorer::new(view, seal_events, depth).explore(&ops, from).err()
    };
    workloads().into_iter().find_map(explore)
}

#[test]
fn the_crash_test_catches_a_forgotten_file_sync() {
    let caught = caught(|disk| Arc::new(CarelessDisk::new(disk, Omission::FileSync)));
    eprintln!("caught: {}", caught.expect("a planted bug"));
}

#[test]
fn the_crash_test_catches_a_forgotten_directory_sync() {
    let caught = caught(|disk| Arc::new(CarelessDisk::new(disk, Omission::DirSync)));
    eprintln!("caught: {}", caught.expect("a planted bug"));
}
