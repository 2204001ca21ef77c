//! A copy of a store that is a store itself, made beside the writer.
//!
//! The version is pinned while its files are copied or shared; they never change, so a hard link is as good as a
//! copy. The log is copied as far as it goes, the newest file first: whatever a later file continues is then complete.
//! What a commit under way has left at its end is cut off. The manifest comes last, so a copy that was cut short is
//! no store.

use std::path::Path;
use std::sync::Arc;

use super::publish::sync_dir;
use super::read_only::{ATTEMPTS, on_store, pin_newest};
use super::version::{Published, newest_manifest, newest_number};
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::FileEntry;
use crate::format::manifest::Manifest;
use crate::format::names::{DIRECTORIES, FileKind, LOG_DIR, SECRET, log_file, parse_log_name};
use crate::io::{Disk, RealDisk};
use crate::log::{self, Start};

/// What a backup consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The LSN of the last record in it.
    pub lsn: u64,
    /// Files, those of the log and the store's secret included.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that are shared with the store or with an earlier backup and take no space of their own.
    pub shared_bytes: u64,
}

/// How the files of a backup come to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sharing<'a> {
    /// An earlier backup of the store, whose files are shared where they are the same.
    pub earlier: Option<&'a Path>,
    /// Share files with the store itself, where both lie on one file system. It saves space and time and guards
    /// against everything but a disk that fails.
    pub store: bool,
}

/// Makes `target`, which is missing or empty, a copy of what the store in `dir` holds right now, its secret included.
///
/// ```
/// use quipu_engine::store::{Options, Sharing, Store, backup, read_only};
/// use quipu_engine::{Event, Timestamp};
///
/// let (dir, safe) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// let store = Store::open(dir.path(), Options::default())?;
/// store.append(vec![Event::new("call-1", Timestamp::from_seconds(1_767_225_600))])?;
/// backup(dir.path(), safe.path(), Sharing::default())?; // while the store is open
/// assert_eq!(read_only(safe.path())?.stat()?.events, 1); // a backup is a store
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NotAStore`] when there is none, [`ErrorKind::Conflict`] when there is something in `target`, or what
/// the disk says. Nothing is a backup before this returns.
pub fn backup(dir: impl AsRef<Path>, target: impl AsRef<Path>, sharing: Sharing<'_>) -> Result<Backup> {
    let target = target.as_ref();
    on_store(dir.as_ref(), |store| {
        let named = |error: Error| error.context(target.display());
        RealDisk::create_root(target).map_err(|error| named(Error::io("create", "the directory", error)))?;
        let (into, earlier) = (RealDisk::new(target), sharing.earlier.map(RealDisk::new));
        let known = earlier.as_ref().map(newest_manifest_of).transpose()?.flatten();
        let known: Vec<FileEntry> = known.iter().flat_map(Manifest::files).copied().collect();
        let share = |file: &FileEntry| {
            let path = file.kind.path(file.number);
            let shared = |from: &RealDisk| from.link(&path, &into).is_ok();
            earlier.as_ref().is_some_and(|earlier| known.contains(file) && shared(earlier))
                || (sharing.store && shared(&store))
        };
        backup_on(&store, &(Arc::new(into.clone()) as Arc<dyn Disk>), &share).map_err(named)
    })
}

/// A backup that cannot be read has nothing to share; the new one does without it.
fn newest_manifest_of(earlier: &RealDisk) -> Result<Option<Manifest>> {
    match newest_manifest(earlier) {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        newest => Ok(newest?.map(|published| published.manifest)),
    }
}

/// The same from any disk to any other; `share` puts a file there without copying it, or says that it cannot.
///
/// # Errors
/// As [`backup`].
pub fn backup_on(source: &dyn Disk, target: &Arc<dyn Disk>, share: &dyn Fn(&FileEntry) -> bool) -> Result<Backup> {
    lay_out(&**target)?;
    let mut copy = Copy { source, target, files: 0, bytes: 0 };
    let (Published { number, store, manifest, .. }, pin) = copy.pin_with_log()?;
    let mut shared_bytes = 0;
    for file in manifest.files() {
        if share(file) {
            (copy.files, shared_bytes) = (copy.files + 1, shared_bytes + file.bytes);
        } else {
            copy.file(&file.kind.path(file.number))?;
        }
    }
    copy.file(SECRET)?;
    let lsn = cut_log(target, store, &manifest)?;
    copy.manifest(number)?;
    drop(pin);
    Ok(Backup { lsn, files: copy.files, bytes: copy.bytes + shared_bytes, shared_bytes })
}

fn lay_out(target: &dyn Disk) -> Result<()> {
    let names = target.list("").map_err(|error| Error::io("list", "the directory", error))?;
    if let Some(name) = names.first() {
        return Err(Error::new(ErrorKind::Conflict, format!("it contains {name:?}; name a new or an empty directory")));
    }
    for directory in DIRECTORIES {
        target.create_dir(directory).map_err(|error| Error::io("create", directory, error))?;
    }
    sync_dir(target, "")
}

/// What is copied from where to where, and how much it was.
struct Copy<'a> {
    source: &'a dyn Disk,
    target: &'a Arc<dyn Disk>,
    files: usize,
    bytes: u64,
}

impl Copy<'_> {
    /// Pins the newest version and copies the log from there on.
    fn pin_with_log(&mut self) -> Result<(Published, Box<dyn crate::io::Lock>)> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (newest, pin) = pin_newest(self.source)?;
            match self.log(newest.manifest.first_log) {
                Ok(()) => return Ok((newest, pin)),
                // The writer removes log files that a newer version needs no more, whoever has pinned this one.
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        && attempts < ATTEMPTS
                        && newest_number(self.source)? != Some(newest.number) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn log(&mut self, first: u64) -> Result<()> {
        for number in log_numbers(&**self.target)? {
            remove(&**self.target, &log_file(number))?;
        }
        let numbers = log_numbers(self.source)?;
        let (files, bytes) = (self.files, self.bytes);
        for number in numbers.into_iter().rev().filter(|number| *number >= first) {
            let copied = self.file(&log_file(number));
            copied.inspect_err(|_| (self.files, self.bytes) = (files, bytes))?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str) -> Result<()> {
        self.file_as(path, path)
    }

    fn file_as(&mut self, path: &str, name: &str) -> Result<()> {
        let bytes = self.source.open(path).map_err(|error| Error::io("open", path, error))?;
        write(&**self.target, name, &bytes)?;
        (self.files, self.bytes) = (self.files + 1, self.bytes + bytes.len() as u64);
        Ok(())
    }

    /// Makes all names durable and then a store of them.
    fn manifest(&mut self, number: u64) -> Result<()> {
        let (path, unpublished) = (FileKind::Manifest.path(number), "tmp/manifest");
        self.file_as(&path, unpublished)?;
        for directory in DIRECTORIES.into_iter().chain([""]) {
            sync_dir(&**self.target, directory)?;
        }
        self.target.rename(unpublished, &path).map_err(|error| Error::io("publish", &path, error))?;
        sync_dir(&**self.target, FileKind::Manifest.directory())
    }
}

/// Cuts off what no commit has completed; the LSN of the last record.
fn cut_log(target: &Arc<dyn Disk>, store: [u8; 16], manifest: &Manifest) -> Result<u64> {
    let start = Start { store, flushed_lsn: manifest.flushed_lsn, min_file: manifest.first_log };
    let recovery = log::recover(&**target, start, &mut |_| Ok(()))?;
    if let Some(torn) = recovery.torn {
        let path = log_file(torn.file);
        let bytes = target.open(&path).map_err(|error| Error::io("open", &path, error))?;
        remove(&**target, &path)?;
        if let Some(sound) =
            usize::try_from(torn.offset).ok().and_then(|end| bytes.get(..end)).filter(|b| !b.is_empty())
        {
            write(&**target, &path, sound)?;
        }
    }
    Ok(recovery.next_lsn - 1)
}

fn log_numbers(disk: &dyn Disk) -> Result<Vec<u64>> {
    let names = disk.list(LOG_DIR).map_err(|error| Error::io("list", LOG_DIR, error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| parse_log_name(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn remove(disk: &dyn Disk, path: &str) -> Result<()> {
    disk.remove(path).map_err(|error| Error::io("remove", path, error))
}

fn write(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Result<()> {
    let mut file = disk.create(path).map_err(|error| Error::io("create", path, error))?;
    file.append(bytes).map_err(|error| Error::io("write", path, error))?;
    file.sync().map_err(|error| Error::io("sync", path, error))
}
