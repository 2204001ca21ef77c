//! A moment of the store, immutable.

use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use super::head::Head;
use super::outcomes::revisions;
use super::state::State;
use crate::attribution::Attribution;
use crate::dedup::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::format::manifest::Record;
use crate::log::TornTail;
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::price_book::PriceBook;
use crate::retention::Retention;
use crate::rollup::Rollup;
use crate::rows::{EventRows, Part};
use crate::schema::Dimension;
use crate::time::Timestamp;

/// What was stored at one moment. Later commits, seals and removals do not touch it.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) state: Arc<State>,
    secret: Secret,
    parts: Arc<OnceLock<Vec<Part>>>,
    unfinished: Option<TornTail>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("lsn", &self.lsn()).finish_non_exhaustive()
    }
}

/// The batches of a head as parts, without the rows that are `hidden`.
fn batches<'a>(head: &'a Head, hidden: &'a RoaringBitmap) -> impl Iterator<Item = Part> + 'a {
    head.numbered().map(|(first, batch)| {
        let end = first + u32::try_from(batch.len()).expect("a head has fewer than 2³² rows");
        let rows: RoaringBitmap = hidden.range(first..end).map(|row| row - first).collect();
        Part { hidden: Arc::new(rows), ..Part::of(Arc::clone(batch) as Arc<dyn EventRows>) }
    })
}

impl Snapshot {
    pub(super) fn new(state: Arc<State>, secret: Secret) -> Self {
        Self { state, secret, parts: Arc::default(), unfinished: None }
    }

    pub(super) fn with_unfinished(self, unfinished: Option<TornTail>) -> Self {
        Self { unfinished, ..self }
    }

    /// What lay behind the last commit in the log when a store was read without its lock: a commit being
    /// written at that moment, or left by a crash. The snapshot does not show it.
    pub fn unfinished(&self) -> Option<TornTail> {
        self.unfinished
    }

    /// The LSN of the last record it shows.
    pub fn lsn(&self) -> u64 {
        self.state.lsn
    }

    /// The key by which this store knows the cursors of its answers.
    pub fn query_key(&self) -> [u8; 32] {
        self.secret.derive("quipu 2026-11 cursors of queries")
    }

    /// All events: sealed parts with their counters, then the batches of the head.
    pub fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| {
            let State { version, frozen, head, .. } = &*self.state;
            let frozen = frozen.as_ref().map(|frozen| &frozen.head);
            let sealed = version.parts.iter().map(|part| {
                let heads = frozen.into_iter().chain([head]);
                part.part(heads.filter_map(|head| head.over.sealed.get(&part.entry.segment.number)))
            });
            let frozen_hidden = frozen.map(|frozen| &*frozen.hidden | &head.over.frozen).unwrap_or_default();
            let frozen = frozen.into_iter().flat_map(|frozen| batches(frozen, &frozen_hidden));
            sealed.chain(frozen).chain(batches(head, &head.hidden)).collect()
        })
    }

    /// What merged parts keep rollups of.
    pub fn rollups(&self) -> &[Rollup] {
        &self.state.version.manifest.rollups
    }

    /// What was done to the store beside storing: erasures and repairs, in the order of time.
    pub fn records(&self) -> &[Record] {
        &self.state.version.manifest.records
    }

    /// How long a workspace keeps its events, and from when on they are there; `None` where it keeps them for ever.
    pub fn retention(&self, workspace: &str) -> Option<&Retention> {
        self.state.version.manifest.retention.iter().find(|retention| retention.workspace == workspace)
    }

    /// What was assigned afterwards, in the order of the numbers.
    pub fn attributions(&self) -> &[Arc<Attribution>] {
        &self.state.version.attributions
    }

    /// The event of that id, with all that corrections made of it; `None` when there is none, or when it was
    /// retracted.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn event(&self, workspace: &str, id: &str) -> Result<Option<Event>> {
        self.find(workspace, id, false)
    }

    /// Whether the event of that id was retracted, be it stored or still to come.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn is_retracted(&self, workspace: &str, id: &str) -> Result<bool> {
        if self.find(workspace, id, false)?.is_some() {
            return Ok(false);
        }
        let fingerprint = self.secret.fingerprint(workspace, id);
        for run in &self.state.version.corrections {
            if run.find(fingerprint)?.is_some_and(|said| said.retracted) {
                return Ok(true);
            }
        }
        // A row that is hidden and has no other in its place.
        Ok(self.find(workspace, id, true)?.is_some())
    }

    /// The event of that id among the rows that are hidden, or among those that are not.
    fn find(&self, workspace: &str, id: &str, hidden: bool) -> Result<Option<Event>> {
        let State { version, frozen, head, .. } = &*self.state;
        let (sealed, heads) = self.parts().split_at(version.parts.len());
        let batches = frozen.iter().flat_map(|frozen| &frozen.head.batches).chain(&head.batches);
        for (part, batch) in heads.iter().zip(batches) {
            let own = |row: usize| batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE) == workspace;
            let mut rows = (0_u32..).zip(batch.ids.iter()).filter(|(_, known)| *known == id).map(|(row, _)| row);
            if let Some(row) = rows.find(|row| own(*row as usize) && part.hidden.contains(*row) == hidden) {
                return batch.event(row as usize).map(Some);
            }
        }
        let fingerprint = self.secret.fingerprint(workspace, id);
        for (part, seen) in version.parts.iter().zip(sealed) {
            for row in part.rows_of(fingerprint, workspace, id)? {
                if seen.hidden.contains(row) == hidden {
                    return part.segment.event(row as usize).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The newest outcome of a job; `None` while it is pending.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn outcome(&self, workspace: &str, job_id: &str) -> Result<Option<Outcome>> {
        Ok(self.revisions(workspace, job_id)?.pop())
    }

    /// The outcome of a job with all its amendments, in the order they were made.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn revisions(&self, workspace: &str, job_id: &str) -> Result<Vec<Outcome>> {
        revisions(&self.state, self.secret.job(workspace, job_id), workspace, job_id)
    }

    /// The outcomes of the jobs of a workspace, by job, as they were known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<Vec<Outcome>> {
        let mut all = self.all_revisions(workspace)?;
        all.retain(|outcome| as_of.is_none_or(|as_of| outcome.known_at.is_none_or(|known| known <= as_of)));
        // Of the revisions of a job, which stand one behind the other, the last stays.
        all.reverse();
        all.dedup_by(|earlier, newest| earlier.job_id == newest.job_id);
        all.reverse();
        Ok(all)
    }

    /// Every revision of every outcome in a workspace, by job and then in the order they were made.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], saying where.
    pub fn all_revisions(&self, workspace: &str) -> Result<Vec<Outcome>> {
        let mut all = Vec::new();
        for run in &self.state.version.outcomes {
            all.extend(run.all()?);
        }
        all.extend(self.state.head_outcomes().cloned());
        all.retain(|outcome| outcome.workspace() == workspace);
        all.sort_unstable_by(|a, b| (&a.job_id, a.revision).cmp(&(&b.job_id, b.revision)));
        Ok(all)
    }

    /// A version of the price book, the newest when `None`; the empty book while there is none.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], naming the versions there are.
    pub fn price_book(&self, version: Option<u32>) -> Result<Arc<PriceBook>> {
        let books = &self.state.version.books;
        let Some(version) = version else { return Ok(books.last().cloned().unwrap_or_default()) };
        books.iter().find(|book| book.version == version).cloned().ok_or_else(|| {
            let newest = match books.last() {
                Some(book) => format!("the newest is {}", book.version),
                None => "none was added so far".to_owned(),
            };
            Error::new(ErrorKind::NotFound, format!("there is no price book {version}; {newest}"))
        })
    }

    /// The version of the price book that was the newest at an instant; the empty book before the first.
    pub fn price_book_known_at(&self, at: Timestamp) -> Arc<PriceBook> {
        self.price_books().iter().rev().find(|book| book.known_at <= at).cloned().unwrap_or_default()
    }

    /// Every version of the price book, ascending.
    pub fn price_books(&self) -> &[Arc<PriceBook>] {
        &self.state.version.books
    }
}
