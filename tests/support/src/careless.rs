//! Planted bugs: a disk that leaves out what a careless store would forget to ask for.
//!
//! A crash test that passes on it proves nothing.

use std::io;

use quipu_engine::Timestamp;
use quipu_engine::io::{Bytes, Disk, Lock, LockError, WriteFile};

use crate::SimDisk;

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omission {
    /// [`WriteFile::sync`] says yes and does nothing.
    FileSync,
    /// [`Disk::sync_dir`] says yes and does nothing.
    DirSync,
}

/// A [`SimDisk`] seen by a store with a planted bug.
#[derive(Clone, Debug)]
pub struct CarelessDisk {
    disk: SimDisk,
    omission: Omission,
}

impl CarelessDisk {
    /// `disk`, without what `omission` says.
    pub fn new(disk: SimDisk, omission: Omission) -> Self {
        Self { disk, omission }
    }
}

impl Disk for CarelessDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = self.disk.create(path)?;
        Ok(match self.omission {
            Omission::FileSync => Box::new(CarelessFile(file)),
            Omission::DirSync => file,
        })
    }

    fn open(&self, path: &str) -> io::Result<Bytes> {
        self.disk.open(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        match self.omission {
            Omission::DirSync => Ok(()),
            Omission::FileSync => self.disk.sync_dir(dir),
        }
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        match self.omission {
            Omission::FileSync => Ok(()),
            Omission::DirSync => self.disk.sync_file(path),
        }
    }

    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError> {
        self.disk.lock(path, owner)
    }

    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        self.disk.pin(path)
    }

    fn remove_unpinned(&self, path: &str) -> io::Result<bool> {
        self.disk.remove_unpinned(path)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn now(&self) -> Timestamp {
        self.disk.now()
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.random(bytes)
    }
}

#[derive(Debug)]
struct CarelessFile(Box<dyn WriteFile>);

impl WriteFile for CarelessFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.0.reserve(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
