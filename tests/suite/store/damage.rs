//! Every bit of every file flipped, files cut, removed and exchanged: the right answer, or an error that names
//! the file; never a panic, and never other data.

use std::collections::BTreeMap;

use quipu_engine::format::log_frame::{FRAME_ALIGN, FRAME_HEADER_BYTES};
use quipu_engine::format::log_header::LOG_HEADER_BYTES;
use quipu_engine::io::MemoryDisk;
use quipu_engine::store::{read_only_on, verify_on};
use quipu_engine::{ErrorKind, Result, Snapshot};
use quipu_test_support::Model;

use super::look;
use super::workload::{Driver, NOW, Op, book, events, outcome};

/// A store with files of every kind, and its model.
struct Fixture {
    files: BTreeMap<String, Vec<u8>>,
    model: Model,
    /// The models after each frame of the newest log file but the last, the first of all being what is in segments.
    prefixes: Vec<Model>,
}

impl Fixture {
    fn new() -> Self {
        let disk = MemoryDisk::new(NOW, 1);
        let mut driver = Driver::new(std::sync::Arc::new(disk.clone()), Model::new(NOW), 100);
        let mut run = |op: Op| {
            driver.run(&op).expect("nothing fails");
            driver.model.clone()
        };
        run(Op::Reopen);
        run(events(1..7));
        run(Op::Outcomes(vec![outcome(1)]));
        run(book(3));
        let prefixes = [Op::Seal, Op::Outcomes(vec![outcome(2)]), events(7..9)].map(&mut run).to_vec();
        let model = run(events(9..11));
        Self { files: disk.files(), model, prefixes }
    }

    fn disk(&self) -> MemoryDisk {
        let disk = MemoryDisk::new(NOW, 2);
        for dir in quipu_engine::format::names::DIRECTORIES {
            quipu_engine::io::Disk::create_dir(&disk, dir).expect("in memory");
        }
        self.files.iter().for_each(|(path, content)| disk.overwrite(path, Some(content.clone())));
        disk
    }

    /// What may be shown when byte `byte` is damaged. The newest frame was acknowledged, but no later one says so
    /// yet: damage to it looks like a crash that tore it, and is dropped like one.
    fn torn_by(&self, path: &str, byte: usize) -> &[Model] {
        let newest = path.starts_with("wal/") && byte >= self.files[path].len() - FRAME_ALIGN;
        if newest { &self.prefixes[self.prefixes.len() - 1..] } else { &[] }
    }

    /// Reads the store through every door with `damage` done to it; whether every answer was the right one.
    fn answers_rightly(&self, damage: &[(&str, Option<Vec<u8>>)], allowed: &[Model], what: &str) -> bool {
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
            for (path, content) in &self.files {
                if !paths.contains(&path.as_str()) {
                    assert_eq!(
                        disk.files().get(path),
                        Some(content),
                        "{what}: {path} was changed by a refused opening"
                    );
                }
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

/// Whether a byte has no meaning: what fills the blocks of the log up to their boundary, and the spaces between
/// the blocks of a container, which no reader looks at. Of the latter `verify` knows by the hash of the file.
fn may_be_harmless(path: &str, byte: usize) -> bool {
    !path.starts_with("wal/") || (byte >= LOG_HEADER_BYTES && byte % FRAME_ALIGN >= FRAME_HEADER_BYTES)
}

#[test]
fn every_flipped_bit_is_refused_or_without_meaning() {
    let fixture = Fixture::new();
    let (mut flipped, mut harmless) = (0, 0);
    for (path, content) in &fixture.files {
        let bits = content.len() * 8;
        // All of what is small; of what is large each byte of the ends, and the rest in strides prime to its structure.
        let dense = |bit: usize| bit < 64 * 8 || bit + 160 * 8 > bits;
        let chosen = (0..bits).filter(|&bit| if dense(bit) { bit % 3 == 0 } else { bit % 61 == 0 });
        for bit in chosen {
            let mut damaged = content.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let torn = fixture.torn_by(path, bit / 8);
            let what = format!("{path}, bit {bit}");
            let right = fixture.answers_rightly(&[(path, Some(damaged))], torn, &what);
            assert!(!right || !torn.is_empty() || may_be_harmless(path, bit / 8), "{what}: not noticed");
            flipped += 1;
            harmless += usize::from(right);
        }
    }
    eprintln!("{flipped} bits flipped in {} files, {harmless} of them without meaning", fixture.files.len());
    assert!(flipped > 3_000 && harmless * 2 < flipped);
}

#[test]
fn every_cut_file_is_refused_unless_the_log_ends_sooner() {
    let fixture = Fixture::new();
    for (path, content) in &fixture.files {
        for len in (0..content.len()).step_by(content.len().div_ceil(24)).chain([content.len() - 1]) {
            // Of frames that are gone altogether nothing is left that could tell that they were acknowledged.
            let log_goes_on = path.starts_with("wal/") && len >= LOG_HEADER_BYTES;
            let shorter = if log_goes_on { fixture.prefixes.as_slice() } else { &[] };
            let what = format!("{path} cut to {len}");
            let right = fixture.answers_rightly(&[(path, Some(content[..len].to_vec()))], shorter, &what);
            assert_eq!(right, log_goes_on, "{what}: not noticed, or too much refused");
        }
    }
}

#[test]
fn every_removed_file_is_missed() {
    let fixture = Fixture::new();
    for path in fixture.files.keys() {
        assert!(!fixture.answers_rightly(&[(path, None)], &[], &format!("{path} removed")), "{path} was not missed");
    }
}

#[test]
fn files_that_changed_places_are_refused() {
    let fixture = Fixture::new();
    let mut exchanged = 0;
    for (a, content_a) in &fixture.files {
        for (b, content_b) in fixture.files.iter().filter(|(b, _)| *b > a) {
            let damage = [(a.as_str(), Some(content_b.clone())), (b.as_str(), Some(content_a.clone()))];
            assert!(!fixture.answers_rightly(&damage, &[], &format!("{a} and {b} exchanged")), "{a}, {b}");
            exchanged += 1;
        }
    }
    assert!(exchanged > 20, "{exchanged}");
}
