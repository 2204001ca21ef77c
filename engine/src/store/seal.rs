//! Sealing: the head becomes segments with their counters, fingerprints and outcomes.
//!
//! First, under the writer, the log is rotated and the head frozen; then, beside further commits,
//! the frozen head is cut into windows, each written as a part; then one manifest publishes them
//! all and the log files of the frozen head go. A crash before the manifest leaves orphans, a
//! crash after it leaves log files that nobody needs: opening removes both.

use std::sync::Arc;

use super::dedup::HeadIndex;
use super::draft::Draft;
use super::head::{Head, Outcomes};
use super::lasting;
use super::publish::{Change, sync_dir};
use super::state::{Frozen, Shared, Writer};
use super::version::Version;
use crate::batch::Batch;
use crate::dedup::{self, Secret};
use crate::error::{ErrorKind, Result};
use crate::format::container::Identity;
use crate::format::manifest::PartEntry;
use crate::format::names::{FileKind, LOG_DIR, log_file, parse_log_name};
use crate::io::Disk;
use crate::job_run;
use crate::segment::{self, Window, split};
use crate::telling::tell;

impl Shared {
    /// Freezes the head when it is full and has it sealed.
    pub(super) fn seal_if_due(&self, writer: &mut Writer) -> Result<()> {
        let (records, bytes) = {
            let head = &self.state().head;
            (head.events + head.corrections, head.bytes)
        };
        if records < self.options.seal_events && bytes < self.options.seal_bytes {
            return Ok(());
        }
        self.finish_sealing(writer)?;
        self.freeze(writer)?;
        if !self.options.background {
            return self.finish_sealing(writer);
        }
        writer.sealer = self.spawn_sealer();
        Ok(())
    }

    pub(super) fn seal_now(&self) -> Result<()> {
        self.seal_under(&mut self.writer.lock())
    }

    /// The same for whoever has the writer.
    pub(super) fn seal_under(&self, writer: &mut Writer) -> Result<()> {
        self.check_usable()?;
        self.finish_sealing(writer)?;
        if self.state().head.is_empty() {
            return Ok(());
        }
        self.freeze(writer)?;
        self.finish_sealing(writer)
    }

    /// Waits for a sealing under way; one that failed for want of space is tried again.
    fn finish_sealing(&self, writer: &mut Writer) -> Result<()> {
        if let Some(sealer) = writer.sealer.take() {
            // A panic there poisoned nothing on disk; the frozen head is still to be sealed.
            let _ = sealer.join();
        }
        self.check_usable()?;
        self.seal_frozen()
    }

    /// Ends the log properly: damage to its last commit then shows as damage, not as a torn tail.
    /// A failure changes nothing, for all that was acknowledged is synced.
    pub(super) fn close(&self) {
        self.stop_merging();
        let mut writer = self.writer.lock();
        if let Some(sealer) = writer.sealer.take() {
            let _ = sealer.join();
        }
        if self.check_usable().is_ok() {
            let _ = writer.log.close();
            self.collect();
        }
    }

    /// Makes the head immutable; what comes next goes to a new head and a new log file.
    fn freeze(&self, writer: &mut Writer) -> Result<()> {
        let rotated = writer.log.rotate();
        rotated.inspect_err(|error| self.poison_by(error))?;
        let index = Arc::new(std::mem::take::<HeadIndex>(&mut writer.active));
        let (last_lsn, next_log) = (writer.log.next_lsn() - 1, writer.log.number());
        self.change_state(|state| {
            let head = std::mem::take(&mut state.head);
            state.frozen = Some(Frozen { head, index, last_lsn, next_log });
        });
        Ok(())
    }

    /// Seals the frozen head, if there is one.
    pub(super) fn seal_frozen(&self) -> Result<()> {
        loop {
            let Some(next_log) = self.state().frozen.as_ref().map(|frozen| frozen.next_log) else { return Ok(()) };
            let sealed = self.publish(|draft| {
                // Looked at anew, for a merge moves rows; and not for longer, for to look at a version keeps its files.
                let state = self.state();
                let Some(Frozen { head, index, last_lsn, .. }) = &state.frozen else { return Ok(Change::default()) };
                let change = write_head(&self.disk, self.store, &self.secret, (head, index), &state.version, draft)?;
                Ok(Change { log: Some((*last_lsn, next_log)), ..change })
            });
            // A merge came first and moved rows that this head's corrections hide.
            if sealed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                continue;
            }
            sealed.inspect_err(|error| self.poison_by(error))?;
            remove_logs_before(&*self.disk, next_log);
            tell!(info, next_log, "sealed");
            self.merge_behind();
            return Ok(());
        }
    }

    fn spawn_sealer(&self) -> Option<std::thread::JoinHandle<()>> {
        let shared = self.me.upgrade()?;
        let sealer = std::thread::Builder::new().name("quipu-seal".into());
        // A failure shows at the next commit, which seals in its own thread what is still frozen.
        sealer.spawn(move || drop(shared.seal_frozen())).ok()
    }
}

/// Removes log files whose records are all in segments. One that cannot be removed is tried again
/// at the next opening; nothing depends on it.
pub(super) fn remove_logs_before(disk: &dyn Disk, number: u64) {
    for name in disk.list(LOG_DIR).unwrap_or_default() {
        if let Some(old) = parse_log_name(&name).filter(|old| *old < number) {
            let _ = disk.remove(&log_file(old));
        }
    }
}

/// Writes the files of a head, under the numbers of `draft`.
pub(super) fn write_head(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    secret: &Secret,
    (head, index): (&Head, &HeadIndex),
    version: &Version,
    draft: &mut Draft<'_>,
) -> Result<Change> {
    let mut change = Change::default();
    let all = live_rows(head);
    for (window, rows) in split(&all) {
        change.parts.push(write_part(disk, store, secret, window, &all.select(&rows).sorted(), draft.take())?);
    }
    let outcomes: Outcomes = head.outcomes.iter().flat_map(|chunk| chunk.iter().cloned()).collect();
    lasting::write_outcomes(disk, store, secret, version, outcomes, draft, &mut change)?;
    lasting::write_run(disk, store, version, index.corrections(secret, &all)?, draft, &mut change)?;
    lasting::write_masks(disk, store, version, &head.over, draft, &mut change)?;
    for kind in [FileKind::Segment, FileKind::JobRun, FileKind::IdRun] {
        sync_dir(&**disk, kind.directory())?;
    }
    Ok(change)
}

/// The rows of a head that count.
fn live_rows(head: &Head) -> Batch {
    let all = Batch::concat(&head.batches);
    if head.hidden.is_empty() {
        return all;
    }
    let rows = 0..u32::try_from(all.len()).expect("a head has fewer than 2³² rows");
    all.select(&rows.filter(|row| !head.hidden.contains(*row)).collect::<Vec<_>>())
}

/// Writes the files of a part, under one number.
pub(super) fn write_part(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    secret: &Secret,
    window: Window,
    batch: &Batch,
    number: u64,
) -> Result<PartEntry> {
    let identity = Identity { store, file: number };
    Ok(PartEntry {
        window,
        rows: batch.len() as u64,
        segment: segment::write(disk, identity, batch)?,
        job_run: job_run::write(disk, identity, batch)?,
        id_run: dedup::write(disk, identity, secret, batch)?,
        mask: None,
        rollups: None,
    })
}
