//! Compaction: parts of similar size become one, so that old data lies in few, large segments.
//!
//! A merge writes its part beside everything else that goes on, checks that no row and no sum was lost, and publishes
//! one manifest that names the new part in place of the old ones. It takes no lock that commits or readers wait for. A
//! merge that fails leaves the store as it was.

mod check;
mod pace;
mod pick;
mod thread;

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::draft::Draft;
use super::ground::Row;
use super::lasting;
use super::publish::{Change, sync_dir};
use super::state::Shared;
use super::version::SealedPart;
use crate::correction_run::Corrections;
use crate::dedup::{self, IdRun, Record, Secret};
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{FileEntry, Identity};
use crate::format::manifest::PartEntry;
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::job_run;
use crate::rows::EventRows;
use crate::schema::Dimension;
use crate::segment::{self, Input, MergedRows, Segment, Window};
use crate::telling::tell;

use check::Totals;
pub(super) use pick::Zeal;
pub(super) use thread::Merger;

/// A part with its rows that do not go on; hidden ones never do.
pub(super) type Left = (Arc<SealedPart>, Arc<RoaringBitmap>);

/// The rows of a part that do not go on where `more` go too.
pub(super) fn left_out(part: &SealedPart, more: &RoaringBitmap) -> Arc<RoaringBitmap> {
    Arc::new(&*part.hidden | more)
}

/// What merging did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// How often several parts became one.
    pub merges: usize,
    /// Rows that were rewritten.
    pub rows: u64,
    /// Bytes of the files that were replaced.
    pub read_bytes: u64,
    /// Bytes of the files that took their place.
    pub written_bytes: u64,
}

impl Compaction {
    fn add(&mut self, other: Self) {
        self.merges += other.merges;
        self.rows += other.rows;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
    }
}

impl Shared {
    /// Merges until nothing more fits together and no row is left that does not count.
    pub(super) fn compact(&self) -> Result<Compaction> {
        let mut done = Compaction::default();
        while let Some(merged) = self.merge_next(&self.disk, Zeal::All)? {
            done.add(merged);
        }
        while self.renew_rollups(&self.disk)? {}
        self.collect();
        Ok(done)
    }

    /// Does the next merge that is due; whether there was one.
    pub(super) fn merge_due(&self) -> Result<bool> {
        Ok(self.merge_next(&self.disk, Zeal::Due)?.is_some())
    }

    /// Does the next merge, writing through `disk`.
    fn merge_next(&self, disk: &Arc<dyn Disk>, zeal: Zeal) -> Result<Option<Compaction>> {
        let _turn = self.merger.turn.lock();
        self.check_usable()?;
        let version = Arc::clone(&self.state().version);
        let picked = pick::pick(&version.manifest.parts, self.options.segment_rows, zeal);
        let Some((places, window)) = picked else { return Ok(None) };
        let parts: Vec<Arc<SealedPart>> = places.into_iter().map(|place| Arc::clone(&version.parts[place])).collect();
        // The version before would keep the files that are replaced.
        drop(version);
        self.merge(disk, &parts, window).map(Some)
    }

    fn merge(&self, disk: &Arc<dyn Disk>, parts: &[Arc<SealedPart>], window: Window) -> Result<Compaction> {
        let read_bytes: u64 = parts.iter().flat_map(|part| part.entry.files()).map(|file| file.bytes).sum();
        self.check_room(read_bytes.saturating_add(self.options.reserve_bytes))?;
        let mut draft = Draft::new(&self.numbers);
        let inputs: Vec<Left> = parts.iter().map(|part| (Arc::clone(part), Arc::clone(&part.hidden))).collect();
        let change = match self.write_merged(disk, &inputs, window, &mut draft) {
            Ok(change) => change,
            Err(error) => {
                // Whatever failed, no manifest names these files.
                draft.abandon(&*self.disk);
                return Err(error.context(format!("merging {} parts", parts.len())));
            }
        };
        let written_bytes = change.parts.iter().flat_map(PartEntry::files).map(|file| file.bytes).sum();
        let rows = change.parts.iter().map(|part| part.rows).sum();
        let removed_parts = parts.iter().map(|part| part.entry).collect();
        let published = self.publish_draft(draft, Change { removed_parts, ..change });
        published.inspect_err(|error| self.poison_by(error))?;
        tell!(info, parts = parts.len(), rows, read_bytes, written_bytes, "merged");
        Ok(Compaction { merges: 1, rows, read_bytes, written_bytes })
    }

    /// Refuses what may not fit beside what is there. What makes room takes it from what is kept in reserve.
    pub(super) fn check_room(&self, bytes: u64) -> Result<()> {
        let free = self.free_bytes()?;
        if free < bytes {
            let what = format!("{free} bytes are free on the disk; writing parts anew waits for {bytes}");
            return Err(Error::new(ErrorKind::Full, what));
        }
        Ok(())
    }

    /// Writes the rows of parts that go on as one part, and checks it.
    pub(super) fn write_merged(
        &self,
        disk: &Arc<dyn Disk>,
        parts: &[Left],
        window: Window,
        draft: &mut Draft<'_>,
    ) -> Result<Change> {
        let mut inputs = Vec::new();
        let mut before = Totals::default();
        for (part, left_out) in parts {
            // Opened once more, so that nothing the merge reads stays in memory for the sake of queries.
            let segment = Arc::new(Segment::open(&**disk, &part.entry.segment, self.store)?);
            let left_out = (!left_out.is_empty()).then(|| Arc::clone(left_out));
            before.add_rows(&segment, left_out.as_deref())?;
            before.add_run(&part.id_run, left_out.as_deref())?;
            inputs.push(Input { segment, left_out });
        }
        let rows = MergedRows::new(inputs)?;
        let (identity, mut change) = (Identity { store: self.store, file: draft.take() }, Change::default());
        let departed = self.departed(parts, rows.rows() == 0)?;
        if !departed.is_empty() {
            change.corrections.push(lasting::write(disk, self.store, &departed, draft)?);
        }
        if rows.rows() > 0 {
            change.parts.push(PartEntry {
                window,
                rows: rows.rows() as u64,
                segment: segment::write(disk, identity, &rows)?,
                job_run: job_run::write(disk, identity, &rows)?,
                id_run: write_ids(disk, identity, &self.secret, parts, &rows)?,
                mask: None,
                rollups: None,
            });
        }
        drop(rows);
        for entry in &mut change.parts {
            // Read from the segment itself, which takes much less than reading merged rows once more.
            let segment = Segment::open(&**disk, &entry.segment, self.store)?;
            entry.rollups = self.write_rollups(disk, &segment, identity.file)?;
        }
        for kind in [FileKind::Segment, FileKind::JobRun, FileKind::IdRun] {
            sync_dir(&**disk, kind.directory())?;
        }
        for entry in &change.parts {
            self.check_merged(entry, &before)?;
        }
        Ok(change)
    }

    /// The identities of rows that were retracted, which stay taken though the rows are left out; and, where nothing
    /// else of the parts is left, their jobs.
    fn departed(&self, parts: &[Left], all: bool) -> Result<Corrections> {
        let mut departed = Corrections::default();
        if !all && parts.iter().all(|(part, _)| part.hidden.is_empty()) {
            return Ok(departed);
        }
        let version = Arc::clone(&self.state().version);
        for (part, _) in parts {
            for row in &*part.hidden {
                let (workspace, id) = (part.workspace(row as usize)?, part.segment.id(row as usize)?);
                let identity = self.secret.fingerprint(&workspace, &id);
                if version.live_row(identity, &workspace, &id)?.is_none() {
                    departed.firsts.insert(identity, Row::of_segment(&self.secret, &version, part, row)?.first);
                }
            }
            if all {
                departed.jobs.extend(part.id_run.jobs()?);
            }
        }
        Ok(departed)
    }

    /// Reads back what was written: it must come to the same as what it replaces, by its rows and by its index.
    fn check_merged(&self, entry: &PartEntry, before: &Totals) -> Result<()> {
        let segment = Segment::open(&*self.disk, &entry.segment, self.store)?;
        let (mut by_rows, mut by_run) = (Totals::default(), Totals::default());
        by_rows.add_rows(&segment, None)?;
        by_run.clone_from(&by_rows);
        by_rows.add_ids(&segment, &self.secret)?;
        by_run.add_run(&IdRun::open(&*self.disk, &entry.id_run, self.store)?, None)?;
        if by_rows != *before || by_run != *before {
            let what = "a merge came to other totals than its inputs; it was given up, and what is stored stands";
            return Err(segment.container().damaged("meta", what));
        }
        Ok(())
    }
}

/// Merges the id runs of parts whose rows were merged.
fn write_ids(
    disk: &Arc<dyn Disk>,
    identity: Identity,
    secret: &Secret,
    parts: &[Left],
    rows: &MergedRows,
) -> Result<FileEntry> {
    let (mut records, mut jobs) = (Vec::new(), Vec::new());
    for (input, (part, _)) in parts.iter().enumerate() {
        let places = rows.places(input);
        let place = |record: Record| Some(Record { row: places.get(record.row as usize).copied()??, ..record });
        records.extend(part.id_run.all()?.filter_map(place));
        jobs.extend(part.id_run.jobs()?);
    }
    jobs.sort_unstable();
    jobs.dedup();
    let traces = dedup::hashes(rows, Dimension::TraceId, |workspace, trace| secret.trace(workspace, trace).upper())?;
    dedup::write_records(disk, identity, records, &jobs, &traces)
}
