//! The state behind a simulated disk, and what each call does to it.

use std::collections::BTreeMap;
use std::io;

use fastrand::Rng;
use quipu_engine::Timestamp;
use quipu_engine::io::LockError;

use super::content::Content;
use super::fault::{Event, Fault, Schedule, dead};
use super::names::{Names, Node, parent};

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) names: Names,
    pub(super) contents: BTreeMap<u64, Content>,
    pub(super) next_file: u64,
    pub(super) locks: BTreeMap<String, String>,
    /// How often each file is pinned.
    pub(super) pins: BTreeMap<u64, usize>,
    pub(super) now: Timestamp,
    pub(super) rng: Rng,
    pub(super) schedule: Schedule,
    pub(super) capacity: u64,
}

impl World {
    /// A call that only looks.
    pub(super) fn look(&mut self) -> io::Result<()> {
        match self.schedule.next() {
            Event::Works => Ok(()),
            Event::Fails(fault) => Err(fault.error()),
            Event::Dies | Event::Dead => Err(dead()),
        }
    }

    /// A call that changes names: refused, or done; where the machine dies within it, done and not told.
    fn change<T>(&mut self, change: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.schedule.next() {
            Event::Works => change(self),
            Event::Fails(fault) => Err(fault.error()),
            Event::Dies => change(self).and(Err(dead())),
            Event::Dead => Err(dead()),
        }
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        self.change(|world| match world.names.get(path) {
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None if world.names.has_dir(parent(path)) => {
                world.names.add(path, Node::Dir);
                Ok(())
            }
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        let file = self.next_file;
        self.change(|world| world.new_file(path))?;
        Ok(file)
    }

    fn new_file(&mut self, path: &str) -> io::Result<()> {
        if self.names.get(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.names.has_dir(parent(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.names.add(path, Node::File(self.next_file));
        self.contents.insert(self.next_file, Content::default());
        self.next_file += 1;
        Ok(())
    }

    pub(super) fn file(&self, path: &str) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn open(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.look()?;
        Ok(self.contents[&self.file(path)?].live().to_vec())
    }

    pub(super) fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        self.look()?;
        if !self.names.has_dir(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let children = self.names.live().filter(|(path, _)| parent(path) == dir);
        Ok(children.map(|(path, _)| path.rsplit('/').next().unwrap_or(path).to_owned()).collect())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|world| {
            world.file(from)?;
            if world.names.get(to).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if !world.names.has_dir(parent(to)) {
                return Err(io::ErrorKind::NotFound.into());
            }
            world.names.rename(from, to);
            Ok(())
        })
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.change(|world| {
            world.file(path)?;
            world.names.remove(path);
            Ok(())
        })
    }

    pub(super) fn pin(&mut self, path: &str) -> io::Result<u64> {
        self.look()?;
        let file = self.file(path)?;
        *self.pins.entry(file).or_default() += 1;
        Ok(file)
    }

    pub(super) fn unpin(&mut self, file: u64) {
        if let Some(pins) = self.pins.get_mut(&file) {
            *pins -= 1;
        }
    }

    pub(super) fn remove_unpinned(&mut self, path: &str) -> io::Result<bool> {
        self.change(|world| {
            let pinned = world.pins.get(&world.file(path)?).is_some_and(|pins| *pins > 0);
            if !pinned {
                world.names.remove(path);
            }
            Ok(!pinned)
        })
    }

    pub(super) fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        self.look()?;
        if !self.names.has_dir(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.names.sync(dir);
        Ok(())
    }

    pub(super) fn lock(&mut self, path: &str, owner: &str) -> Result<(), LockError> {
        self.look().map_err(LockError::Io)?;
        if let Some(holder) = self.locks.get(path) {
            return Err(LockError::Held(holder.clone()));
        }
        if self.names.get(path).is_none() {
            self.new_file(path).map_err(LockError::Io)?;
        }
        let file = self.file(path).map_err(LockError::Io)?;
        self.content(file).rewrite(owner.as_bytes());
        self.locks.insert(path.into(), owner.into());
        Ok(())
    }

    pub(super) fn append(&mut self, file: u64, bytes: &[u8]) -> io::Result<()> {
        match self.schedule.next() {
            Event::Works => {
                let content = &self.contents[&file];
                let room = (content.space() - content.live().len() as u64).saturating_add(self.free());
                let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                self.content(file).append(&bytes[..fits]);
                if fits < bytes.len() { Err(Fault::Full.error()) } else { Ok(()) }
            }
            Event::Fails(fault) => {
                let written = self.rng.usize(0..=bytes.len());
                self.content(file).append(&bytes[..written]);
                Err(fault.error())
            }
            Event::Dies => {
                self.content(file).append(bytes);
                Err(dead())
            }
            Event::Dead => Err(dead()),
        }
    }

    pub(super) fn reserve(&mut self, file: u64, bytes: u64) -> io::Result<()> {
        self.look()?;
        let more = bytes.saturating_sub(self.contents[&file].space());
        if more > self.free() {
            return Err(Fault::Full.error());
        }
        let content = self.content(file);
        content.reserved = content.reserved.max(bytes);
        Ok(())
    }

    pub(super) fn sync(&mut self, file: u64) -> io::Result<()> {
        match self.schedule.next() {
            Event::Works => {
                self.content(file).sync();
                Ok(())
            }
            Event::Fails(fault) => {
                match fault {
                    Fault::SyncKeepsCache => self.content(file).fail_sync(true),
                    Fault::SyncDropsCache => self.content(file).fail_sync(false),
                    Fault::Io | Fault::Full => {}
                }
                Err(fault.error())
            }
            Event::Dies | Event::Dead => Err(dead()),
        }
    }

    /// Bytes neither used nor reserved by a file that has a name.
    pub(super) fn free(&self) -> u64 {
        let used = self.names.live().filter_map(|(_, node)| match node {
            Node::File(file) => Some(self.contents[&file].space()),
            Node::Dir => None,
        });
        self.capacity.saturating_sub(used.sum())
    }

    /// The content of a file that exists, named or not; contents are never taken away.
    fn content(&mut self, file: u64) -> &mut Content {
        self.contents.entry(file).or_default()
    }
}
