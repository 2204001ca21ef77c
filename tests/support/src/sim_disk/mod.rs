//! A disk that forgets what was not synced.
//!
//! Reads see every write at once, as from a page cache. A *crash* is a power cut: each 512-byte
//! sector and each file length written since the file's last sync, and each name created, renamed
//! or removed since its directory's last sync, survives, is lost or (sectors) is torn, independently
//! of all others. A *kill* ends the process alone: the page cache stays, still unsynced.
//! Every call to the disk is counted and can be made to fail. Same seed, same run.
//!
//! A crash test runs a workload once to count its calls, then once for each call with
//! [`SimDisk::crash_at_call`], and checks what each of [`SimDisk::crash_states`] recovers to:
//!
//! ```
//! use quipu_engine::io::Disk;
//! use quipu_test_support::SimDisk;
//!
//! let workload = |disk: &SimDisk| -> std::io::Result<()> {
//!     let mut file = disk.create("a")?;
//!     file.append(b"knot")?;
//!     file.sync()?;
//!     disk.sync_dir("")
//! };
//! let dry_run = SimDisk::new(1);
//! workload(&dry_run).expect("nothing fails");
//! for call in 1..=dry_run.calls() + 1 {
//!     let disk = SimDisk::new(1);
//!     disk.crash_at_call(call);
//!     let acknowledged = workload(&disk).is_ok();
//!     for survivor in disk.crash_states(100, 1) {
//!         let there = survivor.open("a").is_ok_and(|bytes| *bytes == *b"knot");
//!         assert!(there || !acknowledged);
//!     }
//! }
//! ```

mod content;
mod crash;
mod fault;
mod names;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;
use quipu_engine::Timestamp;
use quipu_engine::io::{Bytes, Disk, Lock, LockError, WriteFile};

pub use crash::Crash;
pub use fault::Fault;

use content::Content;
use fault::Schedule;
use names::{Names, Node};
use world::World;

/// A simulated disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

impl SimDisk {
    /// An empty disk without bounds, whose clock stands at 2026-01-01 and whose randomness follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::of(World {
            names: Names::default(),
            contents: BTreeMap::new(),
            next_file: 1,
            locks: BTreeMap::new(),
            pins: BTreeMap::new(),
            now: Timestamp::from_seconds(1_767_225_600),
            rng: Rng::with_seed(seed),
            schedule: Schedule::default(),
            capacity: u64::MAX,
        })
    }

    fn of(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.world.lock().now = now;
    }

    /// Sets how many bytes the files may take in all, reserved ones included.
    pub fn set_capacity(&self, bytes: u64) {
        self.world.lock().capacity = bytes;
    }

    /// Calls made to this disk and its files so far, failed ones included. Asking for the time is none.
    pub fn calls(&self) -> u64 {
        self.world.lock().schedule.calls
    }

    /// Makes call number `call`, counted from 1, fail.
    pub fn fail_call(&self, call: u64, fault: Fault) {
        self.world.lock().schedule.faults.insert(call, fault);
    }

    /// Makes the machine die within call number `call`, counted from 1: that call and all later ones fail.
    pub fn crash_at_call(&self, call: u64) {
        self.world.lock().schedule.crash_at = Some(call);
    }

    /// A disk in one state that a power cut now could leave. Locks and pins are free, no fault is set, calls count from 0.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let world = self.world.lock();
        Self::of(crash::survivor(&world, &crash::fates(&world, crash)))
    }

    /// Disks in the states that a power cut now could leave: all of them if they are at most `limit`,
    /// else `limit` of them, chosen by `seed`, of which the first two have lost and kept everything.
    pub fn crash_states(&self, limit: usize, seed: u64) -> impl Iterator<Item = Self> + use<> {
        let world = self.world.lock().clone();
        let states = crash::states(&world, limit, seed);
        states.into_iter().map(move |fates| Self::of(crash::survivor(&world, &fates)))
    }

    /// The disk after the process ended and the machine did not: what was not synced is still
    /// visible, and still not durable. Locks and pins are free, no fault is set, calls count from 0.
    #[must_use]
    pub fn kill(&self) -> Self {
        let world = self.world.lock().clone();
        Self::of(World { locks: BTreeMap::new(), pins: BTreeMap::new(), schedule: Schedule::default(), ..world })
    }

    /// The visible content of every file, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let world = self.world.lock();
        let files = world.names.live().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.to_owned(), world.contents[&file].live().to_vec())),
            Node::Dir => None,
        });
        files.collect()
    }

    /// Damages the disk: puts `content` under `path`, or removes it, durably and without a call.
    pub fn overwrite(&self, path: &str, content: Option<Vec<u8>>) {
        let mut world = self.world.lock();
        let node = content.map(|content| {
            let file = world.file(path).unwrap_or(world.next_file);
            world.next_file = world.next_file.max(file + 1);
            world.contents.insert(file, Content::durable(content));
            Node::File(file)
        });
        world.names.force(path, node);
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.world.lock().create_dir(path)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = self.world.lock().create(path)?;
        Ok(Box::new(SimFile { world: Arc::clone(&self.world), file }))
    }

    fn open(&self, path: &str) -> io::Result<Bytes> {
        self.world.lock().open(path).map(Bytes::new)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.world.lock().list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world.lock().rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.world.lock().remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.world.lock().sync_dir(dir)
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = world.file(path)?;
        world.sync(file)
    }

    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError> {
        self.world.lock().lock(path, owner)?;
        Ok(Box::new(SimLock { world: Arc::clone(&self.world), path: path.into() }))
    }

    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        let file = self.world.lock().pin(path)?;
        Ok(Box::new(SimPin { world: Arc::clone(&self.world), file }))
    }

    fn remove_unpinned(&self, path: &str) -> io::Result<bool> {
        self.world.lock().remove_unpinned(path)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let mut world = self.world.lock();
        world.look()?;
        Ok(world.free())
    }

    fn now(&self) -> Timestamp {
        self.world.lock().now
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut world = self.world.lock();
        world.look()?;
        world.rng.fill(bytes);
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    world: Arc<Mutex<World>>,
    file: u64,
}

impl WriteFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.world.lock().append(self.file, bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.world.lock().reserve(self.file, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.world.lock().sync(self.file)
    }
}

#[derive(Debug)]
struct SimLock {
    world: Arc<Mutex<World>>,
    path: String,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.world.lock().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimPin {
    world: Arc<Mutex<World>>,
    file: u64,
}

impl Lock for SimPin {}

impl Drop for SimPin {
    fn drop(&mut self) {
        self.world.lock().unpin(self.file);
    }
}
