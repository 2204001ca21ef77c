//! Publishing a manifest: the only commit point.
//!
//! The files are written and synced, then their directories, then the manifest under `tmp/`, then
//! it is renamed to its own name, then that directory is synced. Only then do readers see it, and
//! only then may anything that it no longer names be removed.

use std::sync::Arc;

use super::state::{Publisher, Shared};
use super::version::{BOOK, Version};
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{ContainerWriter, Identity};
use crate::format::manifest::{Manifest, PartEntry, RunEntry};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::price_book::PriceBook;

/// The section of a manifest file.
pub(super) const MANIFEST: &str = "manifest";

/// What a new version has beyond the one before.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) parts: Vec<PartEntry>,
    pub(super) outcomes: Vec<RunEntry>,
    pub(super) books: Vec<RunEntry>,
    /// The LSN up to which the log is in files now, and the first log file still needed.
    pub(super) log: Option<(u64, u64)>,
}

impl Manifest {
    /// The next version: this one with a change.
    pub(super) fn with(&self, change: Change) -> Self {
        let mut next = self.clone();
        next.parts.extend(change.parts);
        next.outcomes.extend(change.outcomes);
        next.books.extend(change.books);
        (next.flushed_lsn, next.first_log) = change.log.unwrap_or((next.flushed_lsn, next.first_log));
        next
    }
}

impl Shared {
    /// Has `write` write its files, the numbers taken from the one it is given on, and publishes
    /// the version that names them.
    pub(super) fn publish(&self, write: impl FnOnce(&mut u64) -> Result<Change>) -> Result<()> {
        let mut publisher = self.publisher.lock();
        self.check_usable()?;
        let first_file = publisher.next_file;
        let published = self.publish_next(&mut publisher, write);
        if published.as_ref().is_err_and(|error| error.kind() == ErrorKind::Full) {
            remove_unpublished(&*self.disk, first_file..publisher.next_file);
        }
        published
    }

    fn publish_next(&self, publisher: &mut Publisher, write: impl FnOnce(&mut u64) -> Result<Change>) -> Result<()> {
        let change = write(&mut publisher.next_file)?;
        let sealed_head = change.log.is_some();
        let before = self.state().version.clone();
        let mut manifest = before.manifest.with(change);
        manifest.next_file = publisher.next_file;
        manifest.previous = publisher.manifest_hash;
        let number = before.number + 1;
        // Opened before they are published: a file that cannot be read back is never named.
        let version = Version::open(&*self.disk, self.store, number, manifest, Some(&before))?;
        publisher.manifest_hash = write_manifest(&self.disk, self.store, number, &version.manifest)?;
        self.change_state(|state| {
            state.version = Arc::new(version);
            if sealed_head {
                state.frozen = None;
            }
        });
        remove_manifests_before(&*self.disk, number);
        Ok(())
    }

    pub(super) fn add_price_book(&self, mut book: PriceBook) -> Result<u32> {
        let mut version = 0;
        let added = self.publish(|next_file| {
            let newest = self.state().version.manifest.books.last().map_or(0, |run| run.number);
            version = u32::try_from(newest + 1).map_err(|_| Error::invalid("no price book number is left"))?;
            book.version = version;
            book.known_at = self.disk.now();
            let identity = Identity { store: self.store, file: *next_file };
            *next_file += 1;
            let mut writer = ContainerWriter::create(&self.disk, FileKind::PriceBook, identity)?;
            writer.blob(BOOK, &book.encode())?;
            let file = writer.finish(&[])?;
            sync_dir(&*self.disk, FileKind::PriceBook.directory())?;
            Ok(Change { books: vec![RunEntry { number: version.into(), file }], ..Change::default() })
        });
        added.inspect_err(|error| self.poison_by(error))?;
        Ok(version)
    }
}

impl Publisher {
    pub(super) fn new(manifest: &Manifest, manifest_hash: [u8; 16]) -> Self {
        Self { next_file: manifest.next_file, manifest_hash }
    }
}

/// Writes and publishes a manifest and returns its hash.
pub(super) fn write_manifest(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    number: u64,
    manifest: &Manifest,
) -> Result<[u8; 16]> {
    let path = FileKind::Manifest.path(number);
    let unpublished = format!("tmp/M-{number:010}.qm");
    // An earlier attempt that ran out of space may have left its file.
    let _ = disk.remove(&unpublished);
    let identity = Identity { store, file: number };
    let mut writer = ContainerWriter::create_at(disk, &unpublished, FileKind::Manifest, identity)?;
    writer.blob(MANIFEST, &manifest.encode())?;
    let entry = writer.finish(&[])?;
    // From the rename on it is unknown which version a crash would leave, so no failure is mere lack of space.
    let unknown = |action: &str, error| Error::io(action, &path, error).with_kind(ErrorKind::DurabilityUnknown);
    disk.rename(&unpublished, &path).map_err(|error| unknown("publish", error))?;
    let directory = FileKind::Manifest.directory();
    disk.sync_dir(directory).map_err(|error| unknown("sync the directory of", error))?;
    Ok(entry.hash)
}

/// Removes manifests that a newer one replaced. One that stays is removed at the next opening.
pub(super) fn remove_manifests_before(disk: &dyn Disk, number: u64) {
    let directory = FileKind::Manifest.directory();
    for name in disk.list(directory).unwrap_or_default() {
        if FileKind::Manifest.number(&name).is_some_and(|old| old < number) {
            let _ = disk.remove(&format!("{directory}/{name}"));
        }
    }
}

/// Gives back the space of files that no manifest names. What cannot be removed now is an orphan,
/// removed at the next opening.
fn remove_unpublished(disk: &dyn Disk, numbers: std::ops::Range<u64>) {
    for number in numbers {
        for kind in FileKind::NUMBERED.into_iter().filter(|kind| *kind != FileKind::Manifest) {
            let _ = disk.remove(&kind.path(number));
        }
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(disk: &dyn Disk, directory: &str) -> Result<()> {
    disk.sync_dir(directory).map_err(|error| Error::io("sync", directory, error))
}
