//! Files that are being written and that no manifest names yet.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::format::names::FileKind;
use crate::io::Disk;

/// The numbers of new files: each is given once, also to those who write at the same time.
#[derive(Debug)]
pub(super) struct FileNumbers(AtomicU64);

impl FileNumbers {
    /// Numbers from `next` on.
    pub(super) fn new(next: u64) -> Self {
        Self(AtomicU64::new(next))
    }

    /// A number that no file has had.
    pub(super) fn next(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one change of the store has written so far.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    numbers: &'a FileNumbers,
    taken: Vec<u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(numbers: &'a FileNumbers) -> Self {
        Self { numbers, taken: Vec::new() }
    }

    /// The number of the next file or part.
    pub(super) fn take(&mut self) -> u64 {
        let number = self.numbers.0.fetch_add(1, Ordering::Relaxed);
        self.taken.push(number);
        number
    }

    /// Gives back the space of all of it, for it will not be published. What cannot be removed now is an orphan,
    /// removed at the next opening.
    pub(super) fn abandon(self, disk: &dyn Disk) {
        for number in self.taken {
            for kind in FileKind::NUMBERED.into_iter().filter(|kind| *kind != FileKind::Manifest) {
                let _ = disk.remove(&kind.path(number));
            }
        }
    }
}
