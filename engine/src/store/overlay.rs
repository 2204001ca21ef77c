//! Rows that no longer count since corrections hide them: of a head itself, and of what lies below it.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::head::Head;
use super::version::Version;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::Dimension;

/// The rows below a head that its corrections hide. What became of them is in the head, so both must be sealed by
/// one publication.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay {
    /// Rows of the head that is being sealed.
    pub(super) frozen: RoaringBitmap,
    /// Rows of segments, by the number of the segment.
    pub(super) sealed: BTreeMap<u64, RoaringBitmap>,
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.frozen.is_empty() && self.sealed.is_empty()
    }

    pub(super) fn hide(&mut self, segment: u64, row: u32) {
        self.sealed.entry(segment).or_default().insert(row);
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.frozen |= &other.frozen;
        for (segment, rows) in &other.sealed {
            *self.sealed.entry(*segment).or_default() |= rows;
        }
    }

    /// How many rows of segments are hidden.
    pub(super) fn sealed_rows(&self) -> u64 {
        self.sealed.values().map(RoaringBitmap::len).sum()
    }

    /// The same rows where they lie in `after`: those of segments that a merge replaced, and those of a `frozen`
    /// head that has become segments.
    pub(super) fn moved(
        &self,
        secret: &Secret,
        frozen: Option<&Head>,
        before: &Version,
        after: &Version,
    ) -> Result<Self> {
        let mut moved = Self { frozen: RoaringBitmap::new(), sealed: BTreeMap::new() };
        match frozen {
            Some(frozen) => {
                for row in &self.frozen {
                    let (batch, row) = frozen.row(row);
                    let workspace = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE);
                    moved.follow(secret, after, workspace, batch.ids.get(row))?;
                }
            }
            None => moved.frozen = self.frozen.clone(),
        }
        for (segment, rows) in &self.sealed {
            if after.part(*segment).is_some() {
                *moved.sealed.entry(*segment).or_default() |= rows;
                continue;
            }
            let part = before.part(*segment).ok_or_else(|| lost(&format!("segment {segment}")))?;
            for row in rows {
                let (workspace, id) = (part.workspace(row as usize)?, part.segment.id(row as usize)?);
                moved.follow(secret, after, &workspace, &id)?;
            }
        }
        Ok(moved)
    }

    fn follow(&mut self, secret: &Secret, version: &Version, workspace: &str, id: &str) -> Result<()> {
        let (part, row) =
            version.live_row(secret.fingerprint(workspace, id), workspace, id)?.ok_or_else(|| lost(id))?;
        self.hide(part.entry.segment.number, row);
        Ok(())
    }
}

fn lost(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} was corrected and is in no segment after a publication"))
}
