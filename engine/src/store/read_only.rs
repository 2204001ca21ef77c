//! Reading a store without its lock, also beside the process that writes it.

use std::path::Path;
use std::sync::Arc;

use super::publish::sync_dir;
use super::recover::{Replayed, replay};
use super::snapshot::Snapshot;
use super::state::State;
use super::version::{Published, Version, newest_number, read_manifest};
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::format::names::FileKind;
use crate::io::{Disk, Lock, RealDisk};
use crate::log;

/// What the store in `dir` holds right now. Nothing is written and no lock is taken.
///
/// ```
/// use quipu_engine::store::{Options, Store, read_only};
/// use quipu_engine::{Event, Timestamp};
///
/// let dir = tempfile::tempdir()?;
/// let writer = Store::open(dir.path(), Options::default())?;
/// writer.append(vec![Event::new("call-1", Timestamp::from_seconds(1_767_225_600))])?;
/// let snapshot = read_only(dir.path())?; // from any process, beside the writer
/// assert_eq!(snapshot.stat()?.events, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NotAStore`] when there is none, [`ErrorKind::Corrupt`] naming the damage.
pub fn read_only(dir: impl AsRef<Path>) -> Result<Snapshot> {
    on_store(dir.as_ref(), |disk| read_only_on(&disk))
}

/// Finds that there is a store in `dir`, whatever its state.
///
/// # Errors
/// [`ErrorKind::NotAStore`] when there is none.
pub fn require(dir: impl AsRef<Path>) -> Result<()> {
    on_store(dir.as_ref(), |disk| newest_number(&disk)?.map(drop).ok_or_else(not_a_store))
}

/// Does something with the store that is in `dir`, saying of every failure where it is.
pub(super) fn on_store<T>(dir: &Path, work: impl FnOnce(RealDisk) -> Result<T>) -> Result<T> {
    on_disk(dir, |disk| if dir.try_exists().unwrap_or(true) { work(disk) } else { Err(not_there()) })
}

/// Does something in `dir`, saying of every failure where it is.
pub(super) fn on_disk<T>(dir: &Path, work: impl FnOnce(RealDisk) -> Result<T>) -> Result<T> {
    let disk = RealDisk::new(dir);
    let is_file = disk.is_file();
    let done = if is_file { Err(not_a_directory()) } else { work(disk) };
    done.map_err(|error| error.context(dir.display()))
}

fn not_there() -> Error {
    Error::new(ErrorKind::NotAStore, "not a Quipu store: there is no such directory")
}

fn not_a_directory() -> Error {
    Error::new(ErrorKind::NotAStore, "not a Quipu store: it is a file, and a store is a directory")
}

/// How often a reader starts again when the writer replaced files under its eyes.
pub(super) const ATTEMPTS: usize = 20;

/// What the store on any disk holds right now.
///
/// # Errors
/// As [`read_only`].
pub fn read_only_on(disk: &dyn Disk) -> Result<Snapshot> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (newest, pin) = pin_newest(disk)?;
        let number = newest.number;
        match read(disk, newest, pin) {
            // The pin keeps the files, but the writer may have removed log files that a newer manifest needs no
            // more: only then is a failure a matter of timing.
            Err(_) if attempts < ATTEMPTS && newest_number(disk)? != Some(number) => {}
            result => return result,
        }
    }
}

/// The newest manifest, kept with all that it names until the pin is dropped.
pub(super) fn pin_newest(disk: &dyn Disk) -> Result<(Published, Box<dyn Lock>)> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let number = newest_number(disk)?.ok_or_else(not_a_store)?;
        let path = FileKind::Manifest.path(number);
        match disk.pin(&path) {
            Ok(pin) => return Ok((read_manifest(disk, number)?, pin)),
            // Removed since it was listed: then there is a newer one.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
            Err(error) => return Err(Error::io("pin", &path, error)),
        }
    }
}

pub(super) fn not_a_store() -> Error {
    Error::new(ErrorKind::NotAStore, "not a Quipu store: there is no manifest in it")
}

fn read(disk: &dyn Disk, newest: Published, pin: Box<dyn Lock>) -> Result<Snapshot> {
    let Published { number, store, manifest, .. } = newest;
    let secret = Secret::read(disk, store)?;
    let mut version = Version::open(disk, store, number, manifest, None)?;
    version.pin = Some(pin);
    // Renamed by the writer, but perhaps not for good yet.
    sync_dir(disk, FileKind::Manifest.directory())?;
    let Replayed { head, recovery, .. } = replay(disk, store, &secret, &version, log::follow)?;
    let state = State::new(recovery.next_lsn - 1, Arc::new(version), head);
    let snapshot = Snapshot::new(Arc::new(state), secret);
    Ok(snapshot.with_unfinished(recovery.torn.filter(|torn| torn.bytes > 0)))
}
