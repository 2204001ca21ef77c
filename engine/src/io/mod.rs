//! The only door to disk, clock and randomness.
//!
//! Everything the store does to the outside world goes through [`Disk`], so a test can
//! replace the world by one that forgets, tears, reorders, fills up and fails.
//! Paths are relative to the store's directory and use `/`; they are built by
//! [`crate::format::names`] alone.

mod memory;
mod real;

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::time::Timestamp;

pub use memory::MemoryDisk;
pub use real::RealDisk;

/// A directory that a store lives in, with the clock and randomness of its world.
///
/// Nothing is durable before it is synced: the content of a file by
/// [`WriteFile::sync`], the existence of its name by [`Disk::sync_dir`] of its parent.
/// No method retries; after a failed sync the state of the file is unknown.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a directory, whose parent exists; one that exists already is fine.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Creates a file for writing; an existing one is an error.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// The bytes of a file that nobody writes any more.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &str) -> io::Result<Bytes>;

    /// The names in a directory (`""` is the store's own), sorted.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Moves a file to a name that is not taken.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes the content of a file durable, whoever wrote it. A medium that cannot be written has nothing to make
    /// durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_file(&self, path: &str) -> io::Result<()>;

    /// Takes the exclusive lock on `path`, creating it, and writes `owner` into it.
    ///
    /// # Errors
    /// [`LockError::Held`] with the text its holder wrote, or what the operating system says.
    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError>;

    /// Keeps a file from being removed by [`Disk::remove_unpinned`], of this or any other process, until the pin
    /// is dropped. A pin follows the file when it is renamed and ends with the process that holds it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file is gone, or what the operating system says.
    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>>;

    /// Removes a file unless somebody has pinned it; whether it is gone.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove_unpinned(&self, path: &str) -> io::Result<bool>;

    /// Bytes still free for this store.
    ///
    /// # Errors
    /// What the operating system says.
    fn free_bytes(&self) -> io::Result<u64>;

    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with randomness fit for secrets.
    ///
    /// # Errors
    /// What the operating system says.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;
}

/// A new file being written from start to end.
pub trait WriteFile: Send + Sync + fmt::Debug {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// What the operating system says; part of the bytes may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reserves space for `bytes` bytes from the start, so that appending within it cannot find
    /// the disk full. The length of the file does not change.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::StorageFull`] when there is no room.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;

    /// Makes the content durable.
    ///
    /// # Errors
    /// What the operating system says; the state of the content is then unknown.
    fn sync(&mut self) -> io::Result<()>;
}

/// A lock or a pin, held until dropped.
pub trait Lock: Send + Sync + fmt::Debug {}

/// Why a lock could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Somebody holds it; the text is what they wrote into it.
    Held(String),
    /// The operating system refused.
    Io(io::Error),
}

/// The immutable bytes of a published file, cheap to clone and to share.
#[derive(Clone)]
pub struct Bytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Bytes {
    /// Bytes owned by anything that can lend them.
    pub fn new(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
