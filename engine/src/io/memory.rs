//! A disk in memory: every write is durable at once. For embedding without a directory and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::{Bytes, Disk, Lock, LockError, WriteFile};
use crate::time::Timestamp;

/// A store's directory in memory, with a settable clock and seeded randomness.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    tree: Mutex<Tree>,
    now_micros: AtomicI64,
    seed: AtomicU64,
}

#[derive(Debug, Default)]
struct Tree {
    dirs: BTreeSet<String>,
    files: BTreeMap<String, Arc<Content>>,
    locks: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Mutex<Vec<u8>>,
    pins: AtomicUsize,
}

impl MemoryDisk {
    /// An empty directory whose clock stands at `now` and whose randomness follows from `seed`.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        let disk = Self::default();
        disk.state.now_micros.store(now.micros(), Ordering::Relaxed);
        disk.state.seed.store(seed, Ordering::Relaxed);
        disk
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.state.now_micros.store(now.micros(), Ordering::Relaxed);
    }

    /// A copy of every file, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let tree = self.state.tree.lock();
        tree.files.iter().map(|(path, content)| (path.clone(), content.bytes.lock().clone())).collect()
    }

    /// Replaces the content of a file, or removes it.
    pub fn overwrite(&self, path: &str, content: Option<Vec<u8>>) {
        let mut tree = self.state.tree.lock();
        match content {
            Some(content) => {
                let content = Content { bytes: Mutex::new(content), pins: AtomicUsize::new(0) };
                tree.files.insert(path.into(), Arc::new(content))
            }
            None => tree.files.remove(path),
        };
    }
}

impl Disk for MemoryDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.state.tree.lock().dirs.insert(path.into());
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut tree = self.state.tree.lock();
        if tree.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::<Content>::default();
        tree.files.insert(path.into(), Arc::clone(&content));
        Ok(Box::new(MemoryFile { content }))
    }

    fn open(&self, path: &str) -> io::Result<Bytes> {
        let content = self.state.tree.lock().files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        let copy = content.bytes.lock().clone();
        Ok(Bytes::new(copy))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let tree = self.state.tree.lock();
        if !dir.is_empty() && !tree.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let children = tree.files.keys().chain(&tree.dirs).chain(tree.locks.keys());
        let names: BTreeSet<String> = children
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(String::from)
            .collect();
        Ok(names.into_iter().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut tree = self.state.tree.lock();
        if tree.files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = tree.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        tree.files.insert(to.into(), content);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let removed = self.state.tree.lock().files.remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        match self.state.tree.lock().files.contains_key(path) {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError> {
        let mut tree = self.state.tree.lock();
        if let Some(holder) = tree.locks.get(path) {
            return Err(LockError::Held(holder.clone()));
        }
        tree.locks.insert(path.into(), owner.into());
        Ok(Box::new(MemoryLock { state: Arc::clone(&self.state), path: path.into() }))
    }

    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        let tree = self.state.tree.lock();
        let content = Arc::clone(tree.files.get(path).ok_or(io::ErrorKind::NotFound)?);
        content.pins.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(MemoryPin { content }))
    }

    fn remove_unpinned(&self, path: &str) -> io::Result<bool> {
        let mut tree = self.state.tree.lock();
        let content = tree.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let free = content.pins.load(Ordering::Relaxed) == 0;
        if free {
            tree.files.remove(path);
        }
        Ok(free)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.state.now_micros.load(Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        // SplitMix64 (Steele, Lea, Flood 2014): enough for distinct names; secrets of a
        // memory store protect nothing.
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.state.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile {
    content: Arc<Content>,
}

impl WriteFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.content.bytes.lock().extend_from_slice(bytes);
        Ok(())
    }

    fn reserve(&mut self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryLock {
    state: Arc<State>,
    path: String,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.state.tree.lock().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct MemoryPin {
    content: Arc<Content>,
}

impl Lock for MemoryPin {}

impl Drop for MemoryPin {
    fn drop(&mut self) {
        self.content.pins.fetch_sub(1, Ordering::Relaxed);
    }
}
