//! A folder of backups: each a store of its own under the time it was made, the files that did not change shared
//! with the one before.
//!
//! A backup is made under a name that ends in `.partial` and gets its own when it is complete, so what bears a time is
//! whole. It holds the store, its secret and what the server keeps beside it: tokens, by their hashes, and the audit log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use quipu::format::names::{LOCK, SERVER_DIR};
use quipu::io::{Disk, Lock, LockError, RealDisk};
use quipu::store::{self, Backup, Sharing};
use quipu::{Error, ErrorKind, Result, Timestamp};

const PARTIAL: &str = ".partial";

/// A folder of backups, held against others who would write to it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: Box<dyn Lock>,
}

impl Folder {
    /// Opens the folder, making it when it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when there is something else in it, [`ErrorKind::Busy`] while another backup is made.
    pub fn open(path: &Path) -> Result<Self> {
        let named = |error: Error| error.context(path.display());
        RealDisk::create_root(path).map_err(|error| named(Error::io("create", "the folder", error)))?;
        for name in names(path)? {
            if name != LOCK && time_of(name.strip_suffix(PARTIAL).unwrap_or(&name)).is_none() {
                let what = format!("not a folder of backups: it contains {name:?}; name an empty or a new one");
                return Err(named(Error::new(ErrorKind::Conflict, what)));
            }
        }
        let lock = RealDisk::new(path).lock(LOCK, &format!("pid {}", std::process::id()));
        let lock = lock.map_err(|error| match error {
            LockError::Held(owner) => {
                named(Error::new(ErrorKind::Busy, format!("another backup is being made here ({owner}); wait for it")))
            }
            LockError::Io(error) => named(Error::io("lock", LOCK, error)),
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Copies the store in `dir` into the folder under the time `now`; where it is and what it consists of. Files are
    /// shared with the newest backup, and with the store itself if `link` says so.
    ///
    /// # Errors
    /// As [`store::backup`].
    pub fn add(&self, dir: &Path, link: bool, mut now: Timestamp) -> Result<(PathBuf, Backup)> {
        for name in names(&self.path)?.iter().filter(|name| name.ends_with(PARTIAL)) {
            let left = self.path.join(name);
            fs::remove_dir_all(&left).map_err(|error| failed("remove", &left, error))?;
        }
        let earlier = newest(&self.path)?;
        let path = loop {
            let path = self.path.join(name_of(now));
            if !path.exists() {
                break path;
            }
            now = Timestamp::from_micros(now.micros() + quipu::time::MICROS_PER_SECOND);
        };
        let made = copy(dir, &path, Sharing { earlier: earlier.as_deref(), store: link })?;
        Ok((path, made))
    }
}

/// The store that `path` means: itself, or the newest of the backups in it.
///
/// # Errors
/// What the system says.
pub fn chosen(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        let what = format!("{} is no folder; name a backup, or the folder with the backups", path.display());
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    Ok(newest(path)?.unwrap_or_else(|| path.to_owned()))
}

/// Makes `dir`, which is missing or empty, a copy of the store in `source`, all at once.
///
/// # Errors
/// As [`store::backup`].
pub fn restore(source: &Path, dir: &Path) -> Result<Backup> {
    if dir.is_file() || (dir.is_dir() && !names(dir)?.is_empty()) {
        let what = format!("{} is not empty; restore into a new or an empty directory", dir.display());
        return Err(Error::new(ErrorKind::Conflict, what));
    }
    copy(source, dir, Sharing::default())
}

/// Copies a store under another name, and gives it its own when it is complete.
fn copy(from: &Path, to: &Path, sharing: Sharing<'_>) -> Result<Backup> {
    let partial = PathBuf::from(format!("{}{PARTIAL}", to.display()));
    if partial.exists() {
        let what =
            format!("{} is there, left of a copy that was cut short or somebody else's; remove it", partial.display());
        return Err(Error::new(ErrorKind::Conflict, what));
    }
    let copied = store::backup(from, &partial, sharing).and_then(|made| {
        copy_server_folder(&from.join(SERVER_DIR), &partial.join(SERVER_DIR))?;
        Ok(made)
    });
    let made = copied.inspect_err(|_| drop(fs::remove_dir_all(&partial)))?;
    fs::rename(&partial, to).map_err(|error| failed("name", to, error))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| failed("sync", parent, error))?;
    Ok(made)
}

/// Files there are replaced as a whole or only grow, so each can be copied as it is.
fn copy_server_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    RealDisk::create_root(to).map_err(|error| failed("create", to, error))?;
    for name in names(from)?.iter().filter(|name| *name != LOCK) {
        let (source, target) = (from.join(name), to.join(name));
        let copied = fs::copy(&source, &target).and_then(|_| File::open(&target)?.sync_all());
        copied.map_err(|error| failed("copy", &source, error))?;
    }
    File::open(to).and_then(|dir| dir.sync_all()).map_err(|error| failed("sync", to, error))
}

fn newest(path: &Path) -> Result<Option<PathBuf>> {
    let names = names(path)?;
    Ok(names.into_iter().filter(|name| time_of(name).is_some()).max().map(|name| path.join(name)))
}

fn names(path: &Path) -> Result<Vec<String>> {
    RealDisk::new(path).list("").map_err(|error| failed("list", path, error))
}

/// A time as a name that sorts by it and that every file system takes.
fn name_of(time: Timestamp) -> String {
    let seconds = time.micros().div_euclid(quipu::time::MICROS_PER_SECOND);
    Timestamp::from_seconds(seconds).to_string().replace(':', "-")
}

fn time_of(name: &str) -> Option<Timestamp> {
    let (date, clock) = name.split_once('T')?;
    let time = Timestamp::parse_rfc3339(&format!("{date}T{}", clock.replace('-', ":"))).ok()?;
    (name_of(time) == name).then_some(time)
}

fn failed(action: &str, path: &Path, error: std::io::Error) -> Error {
    Error::io(action, &path.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_folder_is_no_backup() {
        let error = chosen(Path::new("/there/is/none")).expect_err("nothing there").to_string();
        assert!(error.contains("is no folder; name a backup"), "{error}");
    }

    #[test]
    fn names_are_times_and_sort_like_them() {
        let name = name_of(Timestamp::from_micros(1_767_225_600_999_999));
        assert_eq!(name, "2026-01-01T00-00-00Z");
        assert_eq!(time_of(&name), Some(Timestamp::from_seconds(1_767_225_600)));
        for other in ["2026-01-01", "2026-01-01T00-00-00+01-00", "2026-01-01T00-00-00Z.partial", "notes", ""] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
