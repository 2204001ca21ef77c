//! Retention: events that have outlived it go.
//!
//! From when on a workspace has events, and the parts without what started before, are published by one manifest: no
//! answer shows half of it. The head is sealed first; a commit that brings what has expired meanwhile is looked at
//! where it lies then. An event that expired is known no longer, which is why none that old is taken any more; only one
//! that corrections changed stays known, for its source may have sent it with another time. Its job stays known too.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::compact::{Zeal, left_out};
use super::draft::Draft;
use super::ground::Row;
use super::head::Head;
use super::lasting;
use super::publish::{Change, sync_dir};
use super::rewrite::Heads;
use super::state::Shared;
use super::version::{SealedPart, Version};
use crate::batch::Batch;
use crate::correction_run::Corrections;
use crate::error::Result;
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::retention::Retention;
use crate::rows::EventRows;
use crate::schema::Dimension;
use crate::telling::tell;

impl Shared {
    pub(super) fn set_retention(&self, workspace: &str, days: Option<u32>) -> Result<()> {
        let retention = Retention::new(workspace, days)?;
        self.publish(|_| Ok(Change { retention: vec![retention], ..Change::default() }))
            .inspect_err(|error| self.poison_by(error))
    }

    pub(super) fn expire_now(&self) -> Result<u64> {
        self.expire(&self.disk, Zeal::All)
    }

    /// Lets all events go that have expired, or with less zeal, where it is worth it, writing through `disk`; how many.
    pub(super) fn expire(&self, disk: &Arc<dyn Disk>, zeal: Zeal) -> Result<u64> {
        let now = self.disk.now();
        let is_due = |retention: &&Retention| match zeal {
            Zeal::All => retention.due(now) > retention.from,
            Zeal::Due => retention.is_worth(now),
        };
        let moved = |retention: &Retention| Retention { from: retention.due(now), ..retention.clone() };
        let due: Vec<_> = self.state().version.manifest.retention.iter().filter(is_due).map(moved).collect();
        if due.is_empty() {
            return Ok(0);
        }
        self.seal_now()?;
        let none_came =
            |heads: &Heads<'_>| Ok(!heads.each().any(|(head, _)| batches(head).any(|batch| expired_in(batch, &due))));
        let gone =
            self.rewrite(|version, draft| self.write_expired(disk, version, &due, draft).map(Some), none_came)?;
        self.collect();
        tell!(info, events = gone, "events expired");
        Ok(gone.unwrap_or(0))
    }

    fn write_expired(
        &self,
        disk: &Arc<dyn Disk>,
        version: &Arc<Version>,
        due: &[Retention],
        draft: &mut Draft<'_>,
    ) -> Result<(Change, u64)> {
        let (mut change, mut known) = (Change { expired: due.to_vec(), ..Change::default() }, Corrections::default());
        let mut events = 0;
        for part in &version.parts {
            let rows = expired_rows(part, due)?;
            if rows.is_empty() {
                continue;
            }
            events += rows.len() - rows.intersection_len(&part.hidden);
            self.remember(version, part, &rows, &mut known)?;
            if rows.len() < part.entry.rows {
                self.check_room(part.entry.files().map(|file| file.bytes).sum())?;
            }
            let left = [(Arc::clone(part), left_out(part, &rows))];
            let merged = self.write_merged(disk, &left, part.entry.window, draft)?;
            change.parts.extend(merged.parts);
            change.corrections.extend(merged.corrections);
            change.removed_parts.push(part.entry);
        }
        lasting::write_run(disk, self.store, version, known, draft, &mut change)?;
        sync_dir(&**disk, FileKind::CorrectionRun.directory())?;
        Ok((change, events))
    }

    /// Remembers of rows that go what stays known.
    fn remember(
        &self,
        version: &Version,
        part: &SealedPart,
        rows: &RoaringBitmap,
        known: &mut Corrections,
    ) -> Result<()> {
        let jobs = part.segment.dictionary(Dimension::JobId)?;
        let mut last = None;
        for row in rows {
            let code = |dimension| part.segment.code(dimension, row as usize);
            let found = (code(Dimension::Workspace)?, code(Dimension::JobId)?);
            if let Some(job) = jobs.get(found.1).filter(|_| last != Some(found)) {
                known.jobs.insert(self.secret.job(&part.workspace(row as usize)?, job));
            }
            last = Some(found);
        }
        for row in rows - &*part.hidden {
            if !part.segment.mark(row as usize)?.is_empty() {
                let first = Row::of_segment(&self.secret, version, part, row)?.first;
                known.firsts.insert(part.identity(&self.secret, row)?, first);
            }
        }
        Ok(())
    }
}

fn batches(head: &Head) -> impl Iterator<Item = &Batch> {
    head.batches.iter().map(|batch| &**batch)
}

/// Whether a batch of a head has rows that are to go.
fn expired_in(batch: &Batch, due: &[Retention]) -> bool {
    (0..batch.len()).any(|row| {
        let workspace = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE);
        due.iter().any(|due| due.workspace == workspace && batch.at[row] < due.from.micros())
    })
}

/// The rows of a part that are to go, hidden ones too.
fn expired_rows(part: &SealedPart, due: &[Retention]) -> Result<RoaringBitmap> {
    let (segment, mut rows) = (&part.segment, RoaringBitmap::new());
    let first = segment.time_range().0;
    let workspaces = segment.dictionary(Dimension::Workspace)?;
    let (mut codes, mut times) = (Vec::new(), Vec::new());
    for due in due.iter().filter(|due| first < due.from) {
        let own = |code: u32| workspaces.get(code).unwrap_or(DEFAULT_WORKSPACE) == due.workspace;
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            segment.times(block, &mut times)?;
            segment.codes(Dimension::Workspace, block, &mut codes)?;
            let first = u32::try_from(block * BLOCK_ROWS).expect("a segment has fewer than 2³² rows");
            let expired = |(at, code): (&i64, &u32)| *at < due.from.micros() && own(*code);
            rows.extend((first..).zip(times.iter().zip(&codes)).filter(|(_, row)| expired(*row)).map(|(row, _)| row));
        }
    }
    Ok(rows)
}
