//! The real disk: a directory of the operating system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Bytes, Disk, Lock, LockError, WriteFile};
use crate::time::Timestamp;

/// A directory of the operating system, which must exist.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The directory `root`; nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes sure that the directory exists, readable by its owner only, and that its name is durable, as are
    /// those of the directories above it that had to be made.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create_root(dir: &Path) -> io::Result<()> {
        let parents = parents_to_sync(dir);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        for parent in parents {
            match File::open(&parent) {
                // Who may not read the parent has not made anything in it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                opened => tolerate_read_only(opened?.sync_all())?,
            }
        }
        Ok(())
    }

    /// Whether a file is where the directory should be.
    pub fn is_file(&self) -> bool {
        self.root.is_file()
    }

    /// Gives a file a second name, the same in another directory of its file system.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn link(&self, path: &str, to: &Self) -> io::Result<()> {
        fs::hard_link(self.path(path), to.path(path))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Disk for RealDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        match fs::create_dir(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(path))?;
        Ok(Box::new(RealFile { file }))
    }

    fn open(&self, path: &str) -> io::Result<Bytes> {
        let file = File::open(self.path(path))?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::new([]));
        }
        map(&file)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            // A name that is not UTF-8 cannot be one of the store's own.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path(to);
        if to.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.path(from), to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        tolerate_read_only(File::open(self.path(dir))?.sync_all())
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        tolerate_read_only(File::open(self.path(path))?.sync_data())
    }

    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError> {
        let path = self.path(path);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(read_owner(&path))),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        file.set_len(0).and_then(|()| file.write_all(owner.as_bytes())).map_err(LockError::Io)?;
        Ok(Box::new(RealLock { _file: file }))
    }

    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        let file = File::open(self.path(path))?;
        // Whoever removes holds the lock exclusively for that moment only.
        file.lock_shared()?;
        if file.metadata()?.nlink() == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(RealLock { _file: file }))
    }

    fn remove_unpinned(&self, path: &str) -> io::Result<bool> {
        let file = File::open(self.path(path))?;
        match file.try_lock() {
            Ok(()) => self.remove(path).map(|()| true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        File::open("/dev/urandom")?.read_exact(bytes)
    }
}

/// The directories that hold the name of `dir` and of each directory above it that is still missing. One that exists
/// already may have been made a moment before a crash, so its parent is among them.
fn parents_to_sync(dir: &Path) -> Vec<PathBuf> {
    let mut parents = Vec::new();
    let mut dir = dir;
    while let Some(parent) = dir.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        parents.push(parent.to_owned());
        if parent.exists() {
            break;
        }
        dir = parent;
    }
    parents
}

/// A medium that cannot be written has nothing to make durable.
fn tolerate_read_only(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::InvalidInput) => Ok(()),
        result => result,
    }
}

fn read_owner(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Maps a published file.
#[expect(unsafe_code, reason = "memory-mapping is unsafe by nature; the argument stands at the call")]
fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: the mapping is read-only, and a published file is never written, truncated or
    // reused under its name by this store (one writer holds LOCK; names are never given twice;
    // removal leaves the mapped pages alive). Somebody who alters a store's files from outside
    // breaks that promise, as with every memory-mapped database.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::new(map))
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl WriteFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        use rustix::fs::FallocateFlags;
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, bytes) {
            // Some file systems cannot reserve; they then find the disk full later, not wrongly.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            result => Ok(result?),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl Lock for RealLock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_created_once_synced_listed_and_mapped() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = RealDisk::new(dir.path());
        disk.create_dir("seg").expect("directory");
        disk.create_dir("seg").expect("again is fine");
        let mut file = disk.create("seg/a").expect("file");
        file.reserve(1 << 16).expect("space");
        file.append(b"knot").expect("bytes");
        file.sync().expect("sync");
        disk.sync_dir("seg").expect("directory sync");
        assert_eq!(&*disk.open("seg/a").expect("open"), b"knot");
        assert_eq!(disk.create("seg/a").expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        disk.rename("seg/a", "seg/b").expect("rename");
        assert_eq!(disk.list("seg").expect("list"), ["b"]);
    }

    #[test]
    fn the_names_of_new_directories_are_synced_where_they_stand() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let at = |path: &str| dir.path().join(path);
        assert_eq!(parents_to_sync(&at("a/b/store")), [at("a/b"), at("a"), at("")]);
        RealDisk::create_root(&at("a/b/store")).expect("directories");
        assert_eq!(parents_to_sync(&at("a/b/store")), [at("a/b")]);
        RealDisk::create_root(&at("a/b/store")).expect("again is fine");
        assert_eq!(parents_to_sync(Path::new("store")), [Path::new(".")]);
        assert!(parents_to_sync(Path::new("/")).is_empty());
    }

    #[test]
    fn a_second_lock_names_its_holder() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = RealDisk::new(dir.path());
        let first = disk.lock("LOCK", "pid 42").expect("free");
        assert!(matches!(disk.lock("LOCK", "pid 43"), Err(LockError::Held(owner)) if owner == "pid 42"));
        drop(first);
        disk.lock("LOCK", "pid 43").expect("free again");
    }

    #[test]
    fn what_is_pinned_stays_also_under_another_name() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (disk, other) = (RealDisk::new(dir.path()), RealDisk::new(dir.path()));
        disk.create("a").expect("file");
        let (first, second) = (disk.pin("a").expect("there"), other.pin("a").expect("several may"));
        disk.rename("a", "b").expect("rename");
        drop(first);
        assert!(!disk.remove_unpinned("b").expect("looked at"), "still pinned");
        drop(second);
        assert!(disk.remove_unpinned("b").expect("removed"));
        assert_eq!(disk.pin("b").expect_err("gone").kind(), io::ErrorKind::NotFound);
    }
}
