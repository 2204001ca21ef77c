//! Files damaged in every way: the right answer, or an error that names the file; never a panic, and never
//! other data.

mod bits;
mod files;
mod repair;

use std::collections::BTreeMap;

use quipu_engine::correction::Target;
use quipu_engine::io::MemoryDisk;
use quipu_engine::store::{read_only_on, verify_on};
use quipu_engine::{Correction, Dimension, ErrorKind, Event, Result, Snapshot, Timestamp, TokenMeter};
use quipu_test_support::Model;

use super::look;
use super::workload::{DECLARED, Driver, NOW, Op, attribution, book, corrections, event, events, outcome};

/// A store with files of every kind, and its model.
pub(crate) struct Fixture {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    model: Model,
    /// The models after each frame of the newest log file but the last, the first of all being what is in segments.
    prefixes: Vec<Model>,
    /// All that was done to it.
    ops: Vec<Op>,
}

impl Fixture {
    fn new() -> Self {
        let disk = MemoryDisk::new(NOW, 1);
        let mut driver = Driver::new(std::sync::Arc::new(disk.clone()), Model::new(NOW), 100);
        let mut ops = Vec::new();
        let mut run = |op: Op| {
            driver.run(&op).expect("nothing fails");
            ops.push(op);
            driver.model.clone()
        };
        run(Op::Reopen);
        run(events(1..7));
        run(Op::Seal);
        run(corrections());
        run(Op::Outcomes(vec![outcome(1)]));
        run(book(3));
        run(attribution());
        let grown = Op::Correct(vec![Correction::grow(event(4).used(TokenMeter::Output, 3))]);
        let prefixes = [Op::Seal, Op::Outcomes(vec![outcome(2)]), grown, events(7..9)].map(&mut run).to_vec();
        let model = run(events(9..11));
        Self { files: disk.files(), model, prefixes, ops }
    }

    /// The smallest store with files of every kind, the newest commit of which the log has confirmed.
    pub(crate) fn small() -> Self {
        let event = |n: u64| {
            let at = Timestamp::from_seconds(1_767_000_000);
            let event = Event::new(format!("e{n}"), at).with(Dimension::JobId, "j1").with(Dimension::Model, "m");
            event.used(TokenMeter::Input, n * 1000)
        };
        let disk = MemoryDisk::new(NOW, 1);
        let mut driver = Driver::new(std::sync::Arc::new(disk.clone()), Model::new(NOW), 100);
        let mut ops = Vec::new();
        let mut run = |op: Op| {
            driver.run(&op).expect("nothing fails");
            ops.push(op);
            driver.model.clone()
        };
        run(Op::Reopen);
        run(Op::Declare(DECLARED[0]));
        run(Op::Append(vec![event(1), event(2).tagged("k", "v")]));
        run(Op::Append((11..17).map(event).collect()));
        run(Op::Compact);
        run(Op::Correct(vec![Correction::retract(Target::Event("e2".into()))]));
        run(Op::Outcomes(vec![outcome(1)]));
        run(book(3));
        run(attribution());
        let prefixes = [Op::Seal, Op::Append(vec![event(3)]), Op::Append(vec![event(4)])].map(&mut run).to_vec();
        let model = run(Op::Confirm);
        Self { files: disk.files(), model, prefixes, ops }
    }

    fn disk(&self) -> MemoryDisk {
        let disk = MemoryDisk::new(NOW, 2);
        for dir in quipu_engine::format::names::DIRECTORIES {
            quipu_engine::io::Disk::create_dir(&disk, dir).expect("in memory");
        }
        self.files.iter().for_each(|(path, content)| disk.overwrite(path, Some(content.clone())));
        disk
    }

    /// Reads the store through every door with `damage` done to it; whether every answer was the right one.
    pub(crate) fn answers_rightly(&self, damage: &[(&str, Option<Vec<u8>>)], allowed: &[Model], what: &str) -> bool {
        let disk = self.disk();
        damage.iter().for_each(|(path, content)| disk.overwrite(path, content.clone()));
        let paths: Vec<&str> = damage.iter().map(|(path, _)| *path).collect();
        let reader = self.is_right(read_only_on(&disk), &paths, allowed, &format!("{what}, read_only"));
        match verify_on(&disk) {
            Ok(verified) => verified.damage.iter().for_each(|error| names(error, &paths, what)),
            Err(error) => names(&error, &paths, what),
        }
        let writer = super::open(&(std::sync::Arc::new(disk.clone()) as _), 100);
        let opened = writer.as_ref().map(quipu_engine::Store::snapshot);
        let opened = opened.map_err(|error| quipu_engine::Error::new(error.kind(), error.to_string()));
        let opened = self.is_right(opened, &paths, allowed, &format!("{what}, open"));
        if writer.is_err() {
            // Nothing that is there may be lost by trying to open what cannot be opened.
            let left = disk.files();
            for (path, content) in self.files.iter().filter(|(path, _)| !paths.contains(&path.as_str())) {
                assert_eq!(left.get(path), Some(content), "{what}: {path} was changed by a refused opening");
            }
        }
        reader && opened
    }

    fn is_right(&self, opened: Result<Snapshot>, paths: &[&str], allowed: &[Model], what: &str) -> bool {
        let snapshot = match opened {
            Ok(snapshot) => snapshot,
            Err(error) => {
                names(&error, paths, what);
                return false;
            }
        };
        match look::compare(&snapshot, &self.model) {
            Ok(()) => true,
            Err(_) if allowed.iter().any(|model| look::compare(&snapshot, model).is_ok()) => true,
            Err(found) => {
                let refused = found.starts_with("Corrupt: ") && paths.iter().any(|path| found.contains(path));
                assert!(refused, "{what}: {found}");
                false
            }
        }
    }
}

/// Asserts that an error is one for damage and names a file that was damaged.
fn names(error: &quipu_engine::Error, paths: &[&str], what: &str) {
    let kind = error.kind();
    let typed =
        matches!(kind, ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::NotAStore | ErrorKind::NotFound);
    // Of a manifest that is missing nobody knows the number.
    let missing = paths.iter().any(|path| path.starts_with("manifest/")) && error.to_string().starts_with("manifest: ");
    let named = kind == ErrorKind::NotAStore || missing || paths.iter().any(|path| error.to_string().contains(path));
    assert!(typed && named, "{what}: {kind:?}: {error}");
}

/// Checks every item, on all processors; how many checks said yes.
fn in_parallel<T: Sync>(items: &[T], check: impl Fn(&T) -> bool + Sync) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (check, strides) = (&check, 0..threads);
    std::thread::scope(|scope| {
        let stride = |first| items.iter().skip(first).step_by(threads);
        let checking: Vec<_> =
            strides.map(|first| scope.spawn(move || stride(first).filter(|item| check(item)).count())).collect();
        checking.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    })
}
