//! Checks that every row is what corrections and attributions make of it, and that no row is hidden without a reason.

use super::dedup::HeadIndex;
use super::ground::{Ground, Place};
use super::head::Head;
use super::version::{SealedPart, Version};
use crate::batch::Batch;
use crate::correction::Settled;
use crate::dedup::Secret;
use crate::error::{Error, Result};
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::Dimension;

/// Checks the rows of a part, which are `batch`, against what the files of `version` hold of corrections.
pub(super) fn verify_rows(secret: &Secret, version: &Version, part: &SealedPart, batch: &Batch) -> Result<()> {
    if version.corrections.is_empty() && version.in_force.is_empty() && part.hidden.is_empty() {
        return Ok(());
    }
    let (head, index) = (Head::default(), HeadIndex::default());
    let ground = Ground { secret, version, head: &head, index: &index, frozen: None };
    for (row, at) in (0_u32..).zip(0..batch.len()) {
        let hidden = part.hidden.contains(row);
        let workspace = batch.value(Dimension::Workspace, at).unwrap_or(DEFAULT_WORKSPACE);
        let (id, trace) = (batch.ids.get(at), batch.value(Dimension::TraceId, at));
        let identity = secret.fingerprint(workspace, id);
        let mut said = ground.amendment(identity)?;
        if let Some(trace) = trace {
            said.join(&ground.amendment(secret.trace(workspace, trace))?);
        }
        if said.is_empty() && version.in_force.is_empty() && !hidden && batch.marks.get(at).is_none() {
            continue;
        }
        let live = version.live_row(identity, workspace, id)?.map(|(part, row)| (part.entry.segment.number, row));
        let place = (part.entry.segment.number, row);
        if hidden {
            if live.is_none() && !said.retracted && version.first(identity)?.is_none() {
                return Err(damaged(part, row, "is hidden, is not retracted and has no successor"));
            }
            continue;
        }
        if live != Some(place) {
            return Err(damaged(part, row, "counts twice"));
        }
        let found = ground.read(Place::Sealed(place.0, row))?;
        if said.settle(&found.event, &found.mark, &version.in_force) != Settled::Same {
            return Err(damaged(part, row, "is not what corrections and attributions make of it"));
        }
    }
    Ok(())
}

fn damaged(part: &SealedPart, row: u32, what: &str) -> Error {
    part.segment.container().damaged("marks", &format!("the event in row {row} {what}"))
}
