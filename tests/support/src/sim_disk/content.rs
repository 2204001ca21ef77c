//! The bytes of one file: what the running system reads, and what a power cut leaves.

use std::collections::BTreeSet;

use fastrand::Rng;

/// The unit that a disk writes, keeps, loses or tears, in bytes.
pub(super) const SECTOR: usize = 512;

/// What becomes of an unsynced sector in a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectorFate {
    /// What was there before stays: old bytes, or zeros.
    Lost,
    Kept,
    /// New bytes up to some point, then garbage.
    Torn,
}

/// What becomes of an unsynced length in a power cut; it is metadata, so no sector's fate decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LengthFate {
    Old,
    New,
    Between,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors in which the two may differ and that the system still means to write.
    dirty: BTreeSet<usize>,
    pub(super) reserved: u64,
}

impl Content {
    /// Bytes that are durable already.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), durable: bytes, ..Self::default() }
    }

    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    /// Bytes of the disk that the file takes.
    pub(super) fn space(&self) -> u64 {
        self.reserved.max(self.live.len() as u64)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let from = self.live.len();
        self.live.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.dirty.extend(from / SECTOR..self.live.len().div_ceil(SECTOR));
        }
    }

    /// Replaces everything, as truncating and writing anew does.
    pub(super) fn rewrite(&mut self, bytes: &[u8]) {
        self.live.clear();
        self.dirty.clear();
        self.append(bytes);
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.live, &mut self.durable, sector);
        }
    }

    /// A failed sync: nothing reaches the disk, yet the system takes the sectors for written.
    /// Whether it goes on to show them depends on the file system.
    pub(super) fn fail_sync(&mut self, keeps_cache: bool) {
        self.dirty.clear();
        if !keeps_cache {
            let len = self.live.len();
            self.live.clone_from(&self.durable);
            self.live.resize(len, 0);
        }
    }

    pub(super) fn unsynced_sectors(&self) -> impl Iterator<Item = usize> {
        self.dirty.iter().copied()
    }

    pub(super) fn has_unsynced_length(&self) -> bool {
        self.live.len() != self.durable.len()
    }

    /// What a power cut leaves, `sectors` being the fates of the unsynced sectors in order.
    pub(super) fn survivor(&self, mut sectors: impl FnMut() -> SectorFate, length: LengthFate, rng: &mut Rng) -> Self {
        let (old, new) = (self.durable.len(), self.live.len());
        let mut bytes = self.durable.clone();
        bytes.resize(old.max(new), 0);
        for &sector in &self.dirty {
            match sectors() {
                SectorFate::Lost => {}
                SectorFate::Kept => copy_sector(&self.live, &mut bytes, sector),
                SectorFate::Torn => tear_sector(&self.live, &mut bytes, sector, rng),
            }
        }
        bytes.truncate(match length {
            LengthFate::Old => old,
            LengthFate::New => new,
            LengthFate::Between => rng.usize(old.min(new)..=old.max(new)),
        });
        Self { reserved: self.reserved, ..Self::durable(bytes) }
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let end = ((sector + 1) * SECTOR).min(from.len()).min(to.len());
    if let Some(range) = (sector * SECTOR < end).then_some(sector * SECTOR..end) {
        to[range.clone()].copy_from_slice(&from[range]);
    }
}

fn tear_sector(from: &[u8], to: &mut [u8], sector: usize, rng: &mut Rng) {
    copy_sector(from, to, sector);
    let end = ((sector + 1) * SECTOR).min(to.len());
    let torn_at = rng.usize(sector * SECTOR..end);
    to[torn_at..end].iter_mut().for_each(|byte| *byte = rng.u8(..));
}
