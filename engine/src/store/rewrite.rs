//! Sealed parts, written anew without some of their rows: what has expired, what is erased; and rows, written anew
//! beside their parts.

use std::sync::Arc;

use hashbrown::HashSet;
use parking_lot::MutexGuard;

use super::dedup::HeadIndex;
use super::draft::Draft;
use super::head::Head;
use super::publish::Change;
use super::seal::write_part;
use super::state::{Shared, State, Writer};
use super::version::Version;
use crate::batch::BatchBuilder;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Disk;
use crate::segment::split;

/// How often something is begun anew when commits or merges came first.
const ATTEMPTS: usize = 20;
/// Rows that are written anew are put into parts of this size.
pub(super) const REWRITTEN_ROWS: usize = 1 << 18;

/// How far writing a change came.
pub(super) enum Attempt<'a, T> {
    /// It is all written, and commits wait for its publication.
    Ready(MutexGuard<'a, Writer>, Box<Change>, T),
    /// There is nothing to change, and nothing was written.
    Nothing(T),
    /// Commits came first.
    Late,
}

/// The heads of a moment, with what is known of their events.
pub(super) struct Heads<'a>(&'a State, &'a Writer);

impl<'a> Heads<'a> {
    pub(super) fn each(&self) -> impl Iterator<Item = (&'a Head, &'a HeadIndex)> {
        let frozen = self.0.frozen.as_ref().map(|frozen| (&frozen.head, &*frozen.index));
        frozen.into_iter().chain([(&self.0.head, &self.1.active)])
    }

    /// Whether corrections that are not sealed yet hide rows of one of these segments.
    fn hide_in(&self, segments: &HashSet<u64>) -> bool {
        self.each().any(|(head, _)| head.over.sealed.keys().any(|segment| segments.contains(segment)))
    }
}

/// Writes rows as parts, by their windows.
pub(super) fn write_rows(
    disk: &Arc<dyn Disk>,
    store: [u8; 16],
    secret: &Secret,
    rows: &mut BatchBuilder,
    draft: &mut Draft<'_>,
    change: &mut Change,
) -> Result<()> {
    let rows = std::mem::take(rows).finish();
    if rows.is_empty() {
        return Ok(());
    }
    for (window, places) in split(&rows) {
        let part = rows.select(&places).sorted();
        change.parts.push(write_part(disk, store, secret, window, &part, draft.take())?);
    }
    Ok(())
}

impl Shared {
    /// Writes rows as parts, by their windows.
    pub(super) fn write_rows(&self, rows: &mut BatchBuilder, draft: &mut Draft<'_>, change: &mut Change) -> Result<()> {
        write_rows(&self.disk, self.store, &self.secret, rows, draft, change)
    }

    /// Publishes what `write` makes of the sealed files, if it makes anything. `holds` looks at what came meanwhile and
    /// is not sealed yet: whether the change is still all there is to do.
    ///
    /// # Errors
    /// As [`Shared::publish_first`].
    pub(super) fn rewrite<T>(
        &self,
        mut write: impl FnMut(&Arc<Version>, &mut Draft<'_>) -> Result<Option<(Change, T)>>,
        holds: impl Fn(&Heads<'_>) -> Result<bool>,
    ) -> Result<Option<T>> {
        self.publish_first(|attempt, draft| {
            if attempt > 0 {
                // What came first is looked at where it lies in the end.
                self.seal_now()?;
            }
            let version = Arc::clone(&self.state().version);
            let Some((change, outcome)) = write(&version, draft)? else { return Ok(Attempt::Nothing(None)) };
            drop(version);
            let segments = change.removed_parts.iter().map(|part| part.segment.number).collect();
            // From here on no commit comes between.
            let writer = self.writer.lock();
            let state = self.state();
            let heads = Heads(&state, &writer);
            if heads.hide_in(&segments) || !holds(&heads)? {
                return Ok(Attempt::Late);
            }
            Ok(Attempt::Ready(writer, Box::new(change), Some(outcome)))
        })
    }

    /// Publishes a change to sealed files, beside which no merge and no other such change goes on, once `write` comes
    /// before all commits that touch the same rows.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] and [`ErrorKind::Corrupt`]: nothing was changed. [`ErrorKind::Overloaded`] when commits
    /// came first every time.
    pub(super) fn publish_first<'a, T>(
        &'a self,
        mut write: impl FnMut(usize, &mut Draft<'_>) -> Result<Attempt<'a, T>>,
    ) -> Result<T> {
        let _turn = self.merger.turn.lock();
        for attempt in 0..ATTEMPTS {
            self.check_usable()?;
            let mut draft = Draft::new(&self.numbers);
            match write(attempt, &mut draft) {
                Ok(Attempt::Ready(_commits_wait, change, outcome)) => match self.publish_draft(draft, *change) {
                    Ok(()) => return Ok(outcome),
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => {
                        self.poison_by(&error);
                        return Err(error);
                    }
                },
                Ok(Attempt::Late) => draft.abandon(&*self.disk),
                Ok(Attempt::Nothing(outcome)) => return Ok(outcome),
                Err(error) => {
                    // Whatever failed, no manifest names these files.
                    draft.abandon(&*self.disk);
                    return Err(error);
                }
            }
        }
        Err(Error::new(ErrorKind::Overloaded, "commits came first every time; try again when fewer come"))
    }
}
