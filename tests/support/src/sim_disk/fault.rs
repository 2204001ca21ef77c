//! Which calls fail, and how.

use std::collections::BTreeMap;
use std::io;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An input/output error. An append may have written part of its bytes; a sync may yet be followed by the
    /// data reaching the disk.
    Io,
    /// No space is left. An append may have written part of its bytes.
    Full,
    /// A failed sync after which the system takes the data for written and goes on showing it,
    /// though a power cut will take it. An input/output error in any other call.
    SyncKeepsCache,
    /// A failed sync after which the system shows the old data again. An input/output error in any other call.
    SyncDropsCache,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 4] = [Self::Io, Self::Full, Self::SyncKeepsCache, Self::SyncDropsCache];

    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Full => io::ErrorKind::StorageFull.into(),
            Self::Io | Self::SyncKeepsCache | Self::SyncDropsCache => io::Error::other("simulated input/output error"),
        }
    }
}

/// What happens to the call being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Works,
    Fails(Fault),
    /// The machine dies within this call: a change may be under way, nobody learns of it.
    Dies,
    /// The machine is dead.
    Dead,
}

pub(super) fn dead() -> io::Error {
    io::Error::other("the simulated machine is gone")
}

#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    pub(super) calls: u64,
    pub(super) faults: BTreeMap<u64, Fault>,
    pub(super) crash_at: Option<u64>,
}

impl Schedule {
    pub(super) fn next(&mut self) -> Event {
        self.calls += 1;
        match self.crash_at {
            Some(at) if self.calls == at => Event::Dies,
            Some(at) if self.calls > at => Event::Dead,
            _ => self.faults.get(&self.calls).map_or(Event::Works, |&fault| Event::Fails(fault)),
        }
    }
}
