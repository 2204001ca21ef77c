//! What of a head lasts besides its events: the runs that keep outcomes and corrections, and the masks of the segments
//! that the latter touch.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::dedup::{Entry, HeadIndex};
use super::draft::Draft;
use super::head::Outcomes;
use super::overlay::Overlay;
use super::publish::Change;
use super::version::Version;
use crate::batch::Batch;
use crate::correction_run::{self, Corrections};
use crate::dedup::{Secret, hashes};
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::Identity;
use crate::format::manifest::{PartEntry, RunEntry};
use crate::io::Disk;
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::outcome_run;
use crate::schema::Dimension;
use crate::segment::write_mask;

/// Runs are joined with newer ones while they have less than so many times what those have, so there are few.
const GROWTH: u64 = 4;
/// A run of this size is left alone: joining runs takes the memory of what they hold.
const LARGE_RUN: u64 = 1 << 18;

impl HeadIndex {
    /// What of the head whose rows that count are `rows` must be kept besides them.
    pub(super) fn corrections(&self, secret: &Secret, rows: &Batch) -> Result<Corrections> {
        let gone = self.events.iter().filter(|(_, entry)| entry.row == Entry::GONE);
        let gone = gone.map(|(fingerprint, entry)| (*fingerprint, entry.first));
        let replaced = (0..rows.len()).filter(|row| rows.marks.get(*row).is_some_and(|mark| mark.replaced));
        let replaced = replaced.map(|row| {
            let workspace = rows.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE);
            (secret.fingerprint(workspace, rows.ids.get(row)), rows.firsts[row])
        });
        let kept = hashes(rows, Dimension::JobId, |workspace, job| secret.job(workspace, job))?;
        let kept: BTreeSet<u64> = kept.into_iter().collect();
        Ok(Corrections {
            amendments: self.amendments.iter().map(|(target, said)| (*target, said.clone())).collect(),
            firsts: gone.chain(replaced).collect(),
            jobs: self.jobs.iter().copied().filter(|job| !kept.contains(job)).collect(),
        })
    }
}

/// Writes `corrections` as a run that takes the place of older ones that are not much larger.
pub(super) fn write_run(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    version: &Version,
    mut corrections: Corrections,
    draft: &mut Draft<'_>,
    change: &mut Change,
) -> Result<()> {
    if corrections.is_empty() {
        return Ok(());
    }
    for (entry, run) in version.manifest.corrections.iter().zip(&version.corrections).rev() {
        if entry.number >= LARGE_RUN || entry.number >= corrections.len() as u64 * GROWTH {
            break;
        }
        corrections.join(run.all()?);
        change.removed_corrections.push(*entry);
    }
    change.corrections.push(write(disk, store, &corrections, draft)?);
    Ok(())
}

/// Writes `outcomes`, if there are any, as a run that takes the place of older ones that are not much larger.
pub(super) fn write_outcomes(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    secret: &Secret,
    version: &Version,
    mut outcomes: Outcomes,
    draft: &mut Draft<'_>,
    change: &mut Change,
) -> Result<()> {
    if outcomes.is_empty() {
        return Ok(());
    }
    for (entry, run) in version.manifest.outcomes.iter().zip(&version.outcomes).rev() {
        if entry.number >= LARGE_RUN || entry.number >= outcomes.len() as u64 * GROWTH {
            break;
        }
        outcomes.extend(hashed(secret, run.all()?));
        change.removed_outcomes.push(*entry);
    }
    change.outcomes.push(write_outcome_run(disk, store, outcomes, draft)?);
    Ok(())
}

/// Outcomes with the hashes of their jobs.
pub(super) fn hashed(secret: &Secret, outcomes: Vec<Outcome>) -> impl Iterator<Item = (u64, Arc<Outcome>)> {
    let hash = |outcome: &Outcome| secret.job(outcome.workspace(), &outcome.job_id);
    outcomes.into_iter().map(move |outcome| (hash(&outcome), Arc::new(outcome)))
}

/// Writes outcomes as a run.
pub(super) fn write_outcome_run(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    mut outcomes: Outcomes,
    draft: &mut Draft<'_>,
) -> Result<RunEntry> {
    outcomes.sort_by_key(|(hash, _)| *hash);
    let file = outcome_run::write(disk, Identity { store, file: draft.take() }, &outcomes)?;
    Ok(RunEntry { number: outcomes.len() as u64, file })
}

/// Writes `corrections` as a run.
pub(super) fn write(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    corrections: &Corrections,
    draft: &mut Draft<'_>,
) -> Result<RunEntry> {
    let file = correction_run::write(disk, Identity { store, file: draft.take() }, corrections)?;
    Ok(RunEntry { number: corrections.len() as u64, file })
}

/// Writes the masks of the segments that `over` hides rows of.
pub(super) fn write_masks(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    version: &Version,
    over: &Overlay,
    draft: &mut Draft<'_>,
    change: &mut Change,
) -> Result<()> {
    for (segment, rows) in &over.sealed {
        let part = version.part(*segment);
        let part =
            part.ok_or_else(|| Error::new(ErrorKind::Conflict, "a segment to be masked was replaced meanwhile"))?;
        let rows = rows | &*part.hidden;
        let file = write_mask(disk, Identity { store, file: draft.take() }, &rows)?;
        let mask = Some(RunEntry { number: rows.len(), file });
        change.changed.push((part.entry, PartEntry { mask, ..part.entry }));
    }
    Ok(())
}
