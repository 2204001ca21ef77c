//! Publishing a manifest: the only commit point.
//!
//! The files are written and synced, then their directories, then the manifest under `tmp/`, then
//! it is renamed to its own name, then that directory is synced. Only then do readers see it, and
//! only then may anything that it no longer names be removed.

use std::sync::Arc;

use super::collect::Garbage;
use super::draft::Draft;
use super::state::{Shared, State};
use super::version::{BOOK, Version};
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{ContainerWriter, Identity};
use crate::format::manifest::{Manifest, PartEntry, Record, RunEntry};
use crate::format::names::FileKind;
use crate::io::{Disk, Lock};
use crate::price_book::PriceBook;
use crate::retention::Retention;
use crate::rollup::Rollup;
use crate::time::Timestamp;

/// The section of a manifest file.
pub(super) const MANIFEST: &str = "manifest";

/// How a new version differs from the one before.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) parts: Vec<PartEntry>,
    pub(super) outcomes: Vec<RunEntry>,
    pub(super) books: Vec<RunEntry>,
    /// Parts that it does without; the new ones take the place of the first of them.
    pub(super) removed_parts: Vec<PartEntry>,
    /// Outcome runs that it does without.
    pub(super) removed_outcomes: Vec<RunEntry>,
    pub(super) corrections: Vec<RunEntry>,
    /// Correction runs that it does without.
    pub(super) removed_corrections: Vec<RunEntry>,
    pub(super) attributions: Vec<RunEntry>,
    /// Attributions that it does without, for they were written anew.
    pub(super) removed_attributions: Vec<RunEntry>,
    /// Parts as they were, each with how it is now: other rows of it are hidden, or it has other rollups.
    pub(super) changed: Vec<(PartEntry, PartEntry)>,
    /// What parts are to keep rollups of, where that changes.
    pub(super) rollups: Option<Vec<Rollup>>,
    /// How long workspaces are to keep their events from now on; of each, from when on they are there stays.
    pub(super) retention: Vec<Retention>,
    /// From when on the events of workspaces are there now; of each, how long they are kept stays.
    pub(super) expired: Vec<Retention>,
    /// What was done.
    pub(super) records: Vec<Record>,
    /// The LSN up to which the log is in files now, and the first log file still needed.
    pub(super) log: Option<(u64, u64)>,
}

impl Manifest {
    /// The next version: this one with a change.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when something that is to be removed is not there, exactly as the change names it:
    /// another change was published since this one was begun, and this one must not undo it.
    pub(super) fn with(&self, change: Change) -> Result<Self> {
        let mut next = self.clone();
        let written: u64 = change.parts.iter().flat_map(PartEntry::files).map(|file| file.bytes).sum();
        let bytes = if change.removed_parts.is_empty() { &mut next.sealed_bytes } else { &mut next.merged_bytes };
        *bytes = bytes.saturating_add(written);
        for (before, after) in change.changed {
            replace(&mut next.parts, &[before], vec![after])?;
        }
        replace(&mut next.parts, &change.removed_parts, change.parts)?;
        replace(&mut next.outcomes, &change.removed_outcomes, change.outcomes)?;
        replace(&mut next.corrections, &change.removed_corrections, change.corrections)?;
        replace(&mut next.attributions, &change.removed_attributions, change.attributions)?;
        // One that was written anew is as old as it was.
        next.attributions.sort_unstable_by_key(|attribution| attribution.number);
        for said in change.retention {
            match next.retention.iter_mut().find(|known| known.workspace == said.workspace) {
                Some(known) => known.days = said.days,
                None => next.retention.push(said),
            }
        }
        next.retention.sort_unstable_by(|one, other| one.workspace.cmp(&other.workspace));
        for known in &mut next.retention {
            let moved = change.expired.iter().filter(|moved| moved.workspace == known.workspace);
            known.from = moved.map(|moved| moved.from).fold(known.from, Timestamp::max);
        }
        next.records.extend(change.records);
        next.rollups = change.rollups.unwrap_or(next.rollups);
        next.books.extend(change.books);
        (next.flushed_lsn, next.first_log) = change.log.unwrap_or((next.flushed_lsn, next.first_log));
        Ok(next)
    }
}

fn replace<T: PartialEq>(entries: &mut Vec<T>, removed: &[T], added: Vec<T>) -> Result<()> {
    let before = entries.len();
    let place = entries.iter().position(|entry| removed.contains(entry)).unwrap_or(before);
    entries.retain(|entry| !removed.contains(entry));
    if before - entries.len() != removed.len() {
        return Err(Error::new(ErrorKind::Conflict, "what was to be replaced was changed meanwhile"));
    }
    entries.splice(place..place, added);
    Ok(())
}

impl Shared {
    /// Has `write` write its files and publishes the version that names them. Writing goes on beside other
    /// publications; what is written is removed again if it cannot be published.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another publication came first, see [`Change`]; [`ErrorKind::Full`]; nothing was
    /// changed by either. What the disk says; the caller poisons the store by it if need be.
    pub(super) fn publish(&self, write: impl FnOnce(&mut Draft<'_>) -> Result<Change>) -> Result<()> {
        self.check_usable()?;
        let mut draft = Draft::new(&self.numbers);
        match write(&mut draft) {
            Ok(change) => self.publish_draft(draft, change),
            Err(error) => Err(self.abandoned(draft, error)),
        }
    }

    /// Publishes a change whose files were written as `draft`.
    ///
    /// # Errors
    /// As [`Shared::publish`].
    pub(super) fn publish_draft(&self, draft: Draft<'_>, change: Change) -> Result<()> {
        self.publish_change(change).map_err(|error| self.abandoned(draft, error))
    }

    /// Removes a draft after an error that says for sure that no manifest names it.
    fn abandoned(&self, draft: Draft<'_>, error: Error) -> Error {
        if matches!(error.kind(), ErrorKind::Full | ErrorKind::Conflict) {
            draft.abandon(&*self.disk);
        }
        error
    }

    fn publish_change(&self, change: Change) -> Result<()> {
        let mut publisher = self.publisher.lock();
        let sealed_head = change.log.is_some();
        let before = self.state().version.clone();
        let mut manifest = before.manifest.with(change)?;
        manifest.next_file = self.numbers.next();
        let version = Arc::new(publisher.publish(&self.disk, self.store, manifest, &before)?);
        let mut moved = Ok(());
        self.change_state(|state| {
            moved = state.advance(&self.secret, &version, sealed_head);
        });
        // What is published stands, but what was seen of it here no longer does.
        moved.map_err(|error| error.with_kind(ErrorKind::DurabilityUnknown))?;
        let number = version.number;
        // The version before is pinned by whoever still reads it, and by nobody else.
        drop((before, version));
        publisher.garbage.collect(&*self.disk, number);
        Ok(())
    }

    /// Removes what is no longer named or read.
    pub(super) fn collect(&self) {
        let mut publisher = self.publisher.lock();
        let newest = self.state().version.number;
        publisher.garbage.collect(&*self.disk, newest);
    }

    pub(super) fn add_price_book(&self, mut book: PriceBook) -> Result<u32> {
        let mut version = 0;
        // One at a time: each takes the number after the one before.
        let _turn = self.adding_book.lock();
        let added = self.publish(|draft| {
            let newest = self.state().version.manifest.books.last().map_or(0, |run| run.number);
            version = u32::try_from(newest + 1).map_err(|_| Error::invalid("no price book number is left"))?;
            book.version = version;
            book.known_at = self.disk.now();
            let identity = Identity { store: self.store, file: draft.take() };
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

impl State {
    /// Goes on from the next version, which may have the frozen head as segments: what corrections hide is hidden
    /// where it lies now.
    fn advance(&mut self, secret: &Secret, version: &Arc<Version>, sealed_head: bool) -> Result<()> {
        let sealed = if sealed_head { self.frozen.take() } else { None };
        let sealed = sealed.as_ref().map(|frozen| &frozen.head);
        let before = std::mem::replace(&mut self.version, Arc::clone(version));
        let heads = [Some(&mut self.head), self.frozen.as_mut().map(|frozen| &mut frozen.head)];
        for head in heads.into_iter().flatten().filter(|head| !head.over.is_empty()) {
            head.over = Arc::new(head.over.moved(secret, sealed, &before, version)?);
        }
        Ok(())
    }
}

/// What only one publication at a time touches.
#[derive(Debug)]
pub(super) struct Publisher {
    /// The hash of the newest manifest.
    pub(super) newest: [u8; 16],
    pub(super) garbage: Garbage,
}

impl Publisher {
    /// Publishes `manifest`, whose files are complete and synced, as the version after `before`.
    pub(super) fn publish(
        &mut self,
        disk: &Arc<dyn Disk>,
        store: [u8; 16],
        mut manifest: Manifest,
        before: &Version,
    ) -> Result<Version> {
        manifest.previous = self.newest;
        let number = before.number + 1;
        // Opened before they are published: a file that cannot be read back is never named.
        let mut version = Version::open(&**disk, store, number, manifest, Some(before))?;
        let (hash, pin) = write_manifest(disk, store, number, &version.manifest)?;
        self.newest = hash;
        version.pin = Some(pin);
        self.garbage.add(before, &version.manifest);
        Ok(version)
    }
}

/// Writes and publishes a manifest; its hash, and the pin that keeps what it names.
pub(super) fn write_manifest(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    number: u64,
    manifest: &Manifest,
) -> Result<([u8; 16], Box<dyn Lock>)> {
    let path = FileKind::Manifest.path(number);
    let unpublished = format!("tmp/M-{number:010}.qm");
    // An earlier attempt that ran out of space may have left its file.
    let _ = disk.remove(&unpublished);
    let identity = Identity { store, file: number };
    let mut writer = ContainerWriter::create_at(disk, &unpublished, FileKind::Manifest, identity)?;
    writer.blob(MANIFEST, &manifest.encode())?;
    let entry = writer.finish(&[])?;
    let pin = disk.pin(&unpublished).map_err(|error| Error::io("pin", &unpublished, error))?;
    // From the rename on it is unknown which version a crash would leave, so no failure is mere lack of space.
    let unknown = |action: &str, error| Error::io(action, &path, error).with_kind(ErrorKind::DurabilityUnknown);
    disk.rename(&unpublished, &path).map_err(|error| unknown("publish", error))?;
    let directory = FileKind::Manifest.directory();
    disk.sync_dir(directory).map_err(|error| unknown("sync the directory of", error))?;
    Ok((entry.hash, pin))
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(disk: &dyn Disk, directory: &str) -> Result<()> {
    disk.sync_dir(directory).map_err(|error| Error::io("sync", directory, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_what_it_names_or_nothing() {
        let run = |number| {
            let file =
                crate::format::container::FileEntry { kind: FileKind::OutcomeRun, number, bytes: 1, hash: [0; 16] };
            RunEntry { number, file }
        };
        let manifest = Manifest { outcomes: [1, 2, 3, 4].map(run).to_vec(), ..Manifest::default() };
        let merge = |removed: &[u64]| {
            let removed_outcomes = removed.iter().map(|number| run(*number)).collect();
            manifest.with(Change { removed_outcomes, outcomes: vec![run(9)], ..Change::default() })
        };
        assert_eq!(merge(&[2, 4]).expect("both are there").outcomes, [1, 9, 3].map(run));
        assert_eq!(merge(&[]).expect("nothing to remove").outcomes, [1, 2, 3, 4, 9].map(run));
        assert_eq!(merge(&[2, 5]).expect_err("one is gone").kind(), ErrorKind::Conflict);
    }
}
