//! Reading a store without its lock, also beside the process that writes it.

use std::path::Path;
use std::sync::Arc;

use super::recover::replay;
use super::snapshot::Snapshot;
use super::state::State;
use super::version::{Published, Version, newest_manifest};
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Disk, RealDisk};

/// What the store in `dir` holds right now. Nothing is written and no lock is taken.
///
/// # Errors
/// [`ErrorKind::NotAStore`] when there is none, [`ErrorKind::Corrupt`] naming the damage.
pub fn read_only(dir: impl AsRef<Path>) -> Result<Snapshot> {
    let dir = dir.as_ref();
    read_only_on(&RealDisk::new(dir)).map_err(|error| error.context(dir.display()))
}

/// How often a reader starts again when the writer replaced files under its eyes.
const ATTEMPTS: usize = 20;

/// What the store on any disk holds right now.
///
/// # Errors
/// As [`read_only`].
pub fn read_only_on(disk: &dyn Disk) -> Result<Snapshot> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let newest = newest_manifest(disk).and_then(|newest| newest.ok_or_else(not_a_store));
        let number = newest.as_ref().map(|newest| newest.number).ok();
        match newest.and_then(|newest| read(disk, newest)) {
            // A writer that published meanwhile may have removed what this manifest names: only
            // then is a failure a matter of timing.
            Err(_) if attempts < ATTEMPTS && was_replaced(disk, number) => {}
            result => return result,
        }
    }
}

fn was_replaced(disk: &dyn Disk, number: Option<u64>) -> bool {
    match newest_manifest(disk) {
        Ok(Some(newest)) => Some(newest.number) != number,
        Ok(None) => false,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

pub(super) fn not_a_store() -> Error {
    Error::new(ErrorKind::NotAStore, "not a Quipu store: there is no manifest in it")
}

fn read(disk: &dyn Disk, newest: Published) -> Result<Snapshot> {
    let Published { number, store, manifest, .. } = newest;
    let secret = Secret::read(disk, store)?;
    let version = Version::open(disk, store, number, manifest, None)?;
    let (head, recovery) = replay(disk, store, &secret, &version)?;
    let state = State { lsn: recovery.next_lsn - 1, version: Arc::new(version), frozen: None, head };
    Ok(Snapshot::new(Arc::new(state), secret))
}
