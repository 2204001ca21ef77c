//! From a directory to an open store.

use std::sync::Arc;

use super::options::Options;
use super::publish::{sync_dir, write_manifest};
use super::recover::recover;
use super::state::Shared;
use super::version::newest_manifest;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::format::manifest::Manifest;
use crate::format::names::{DIRECTORIES, FileKind, LOCK, LOST_DIR, SECRET, SERVER_DIR};
use crate::io::{Disk, Lock, LockError};
use crate::log::FILE_BYTES;
use crate::rollup::Rollup;

/// Opens or creates the store on `disk` and recovers what a crash left.
pub(super) fn open(disk: Arc<dyn Disk>, options: Options) -> Result<Arc<Shared>> {
    refuse_strangers(&*disk)?;
    let lock = lock(&*disk)?;
    let opened = match newest_manifest(&*disk)? {
        Some(_) => Ok(()),
        None => refuse_remains(&*disk).and_then(|()| create(&disk)),
    };
    let opened = opened.and_then(|()| recover(disk, options, lock)).inspect(|shared| shared.merge_behind());
    opened.map_err(|error| match error.kind() {
        ErrorKind::Full => error.hint(format!(
            "opening for writing takes {} MiB and what the log holds; free some space and open it again, nothing was harmed",
            FILE_BYTES >> 20
        )),
        _ => error,
    })
}

/// Nobody's other files are touched: a directory is a store or empty.
fn refuse_strangers(disk: &dyn Disk) -> Result<()> {
    let names = disk.list("").map_err(|error| Error::io("list", "the directory", error))?;
    let own = |name: &str| DIRECTORIES.contains(&name) || [LOCK, SECRET, SERVER_DIR, LOST_DIR].contains(&name);
    let stranger = names.iter().find(|name| !own(name));
    match stranger {
        Some(name) => Err(Error::new(
            ErrorKind::NotAStore,
            format!("not a Quipu store: it contains {name:?}; name an empty or a new directory"),
        )),
        None => Ok(()),
    }
}

/// Nothing is written to these directories before the first manifest is durable, so what lies there without one
/// is a store that lost its manifest, not an opening cut short: making a new store would remove it all.
fn refuse_remains(disk: &dyn Disk) -> Result<()> {
    for directory in DIRECTORIES.into_iter().filter(|directory| !["manifest", "tmp"].contains(directory)) {
        let names = match disk.list(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            names => names.map_err(|error| Error::io("list", directory, error))?,
        };
        if let Some(name) = names.first() {
            let what = format!("the manifest is missing, yet there is {directory}/{name}; nothing was changed");
            return Err(Error::corrupt(FileKind::Manifest.directory(), 0, what));
        }
    }
    Ok(())
}

pub(super) fn lock(disk: &dyn Disk) -> Result<Box<dyn Lock>> {
    let owner = format!("pid {}", std::process::id());
    disk.lock(LOCK, &owner).map_err(|error| match error {
        LockError::Held(owner) => Error::new(
            ErrorKind::Busy,
            format!(
                "another process is writing to this store ({}); reading works beside it",
                if owner.is_empty() { "it has not said which" } else { owner.as_str() }
            ),
        ),
        LockError::Io(error) => Error::io("lock", LOCK, error),
    })
}

/// Lays out an empty store. A crash on the way leaves no manifest, and the next opening starts
/// again: nothing was acknowledged before the first manifest.
fn create(disk: &Arc<dyn Disk>) -> Result<()> {
    for directory in DIRECTORIES {
        disk.create_dir(directory).map_err(|error| Error::io("create", directory, error))?;
    }
    let mut store = [0; 16];
    disk.random(&mut store).map_err(|error| Error::io("read", "the system's randomness", error))?;
    // A secret without a manifest is left over from an opening cut short; it protects nothing yet.
    let _ = disk.remove(SECRET);
    Secret::random(&**disk)?.write(disk, store)?;
    sync_dir(&**disk, "")?;
    let manifest = Manifest { first_log: 0, next_file: 1, rollups: Rollup::usual(), ..Manifest::default() };
    write_manifest(disk, store, 1, &manifest).map(drop)
}
