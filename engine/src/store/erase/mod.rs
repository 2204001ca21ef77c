//! Erasure: a subscriber goes, by id or by e-mail.
//!
//! The head is sealed, so that the log holds nothing of it; then all that names the person is written anew, and one
//! manifest names the new files in place of the old ones. What a crash leaves is the one state or the other. The old
//! files go as soon as nobody reads them.

mod eraser;
mod person;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::Draft;
use super::lasting;
use super::publish::{Change, sync_dir};
use super::rewrite::Heads;
use super::state::Shared;
use super::version::Version;
use crate::batch::BatchBuilder;
use crate::correction_run::Corrections;
use crate::error::{Error, Result};
use crate::event::check_text;
use crate::format::container::FileEntry;
use crate::format::manifest::{PartEntry, Record};
use crate::format::names::FileKind;
use crate::schema::{Dimension, Text};
use crate::telling::tell;
use crate::time::Timestamp;

use eraser::Eraser;
use person::Person;

/// What becomes of the events of whoever is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// They stay, for nobody in particular: every total is what it was.
    Anonymise,
    /// They go. Their identities stay taken, so a retry does not bring one back.
    Delete,
}

impl Erasure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Anonymise, Self::Delete];

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|erasure| erasure.name() == name)
    }

    /// The name used everywhere outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymise => "anonymise",
            Self::Delete => "delete",
        }
    }
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErasureReceipt {
    /// When, by the clock of the store's disk.
    pub at: Option<Timestamp>,
    /// How this store knows the person from now on: by a hash that only its key makes.
    pub person: String,
    /// All that the person was called here, to be searched for; whatever keeps the receipt leaves them out.
    pub names: Vec<Text>,
    /// Events that were the person's.
    pub events: u64,
    /// Events of others that named the person in a tag, which went.
    pub mentions: u64,
    /// Outcomes that named the person in what they say beside status, type and value, which went.
    pub outcomes: u64,
    /// Events and traces of which corrections had named the person.
    pub corrections: u64,
    /// The files that were replaced.
    pub replaced: Vec<String>,
    /// Those of them that somebody still reads; they go with their readers.
    pub lingering: Vec<String>,
}

impl Shared {
    pub(super) fn erase(&self, workspace: &str, subscriber: &str, erasure: Erasure) -> Result<ErasureReceipt> {
        check_text("subscriber", subscriber, Dimension::SubscriberId.max_bytes())?;
        if subscriber.is_empty() {
            return Err(Error::invalid("the subscriber has no name"));
        }
        self.seal_now()?;
        let (workspace, name) = (Text::from(workspace), Text::from(subscriber));
        let person = Person { workspace, names: BTreeSet::from([name.clone()]), name };
        let untouched = |heads: &Heads<'_>| {
            heads.each().try_fold(true, |so_far, (head, index)| {
                Ok(so_far && !person.is_in_head(head) && !person.is_said_in(index))
            })
        };
        let done = self.rewrite(|version, draft| self.write_erased(version, &person, erasure, draft), untouched)?;
        let hash = self.secret.fingerprint(&person.workspace, &person.name).to_hex();
        let mut receipt =
            done.unwrap_or_else(|| ErasureReceipt { names: vec![person.name], ..ErasureReceipt::default() });
        receipt.person = hash;
        self.collect();
        let remains = |path: &&String| self.disk.open(path).is_ok();
        receipt.lingering = receipt.replaced.iter().filter(remains).cloned().collect();
        tell!(info, events = receipt.events, mode = erasure.name(), "a subscriber was erased");
        Ok(receipt)
    }

    fn write_erased(
        &self,
        version: &Arc<Version>,
        person: &Person,
        erasure: Erasure,
        draft: &mut Draft<'_>,
    ) -> Result<Option<(Change, ErasureReceipt)>> {
        let mut receipt = ErasureReceipt { at: Some(self.disk.now()), ..ErasureReceipt::default() };
        let mut person =
            Person { workspace: person.workspace.clone(), name: person.name.clone(), names: person.names.clone() };
        for part in &version.parts {
            person.learn(part)?;
        }
        let mut eraser = Eraser { shared: self, version, person: &person, erasure, change: Change::default() };
        let corrections = eraser.corrections(draft, &mut receipt)?;
        let mut gone = Corrections::default();
        let mut builder = BatchBuilder::default();
        for part in &version.parts {
            let rows = person.rows_of(part)?;
            if !rows.is_empty() {
                eraser.part(part, &rows, &corrections, &mut builder, &mut gone, draft, &mut receipt)?;
            }
        }
        self.write_rows(&mut builder, draft, &mut eraser.change)?;
        if !gone.is_empty() {
            eraser.change.corrections.push(lasting::write(&self.disk, self.store, &gone, draft)?);
        }
        eraser.outcomes(draft, &mut receipt)?;
        eraser.attributions(draft)?;
        let mut change = eraser.change;
        for kind in [FileKind::Segment, FileKind::JobRun, FileKind::IdRun, FileKind::Attribution] {
            sync_dir(&*self.disk, kind.directory())?;
        }
        let files = change.removed_parts.iter().flat_map(PartEntry::files);
        let runs = change.removed_outcomes.iter().chain(&change.removed_corrections);
        let runs = runs.chain(&change.removed_attributions).map(|run| &run.file);
        let path = |file: &FileEntry| file.kind.path(file.number);
        receipt.replaced = files.chain(runs).map(path).collect();
        if receipt.replaced.is_empty() {
            return Ok(None);
        }
        receipt.names = person.names.iter().cloned().collect();
        change.records.push(Record {
            at: self.disk.now(),
            what: format!(
                "erased the subscriber {} of the workspace {:?} ({}): {} events, {} mentions, {} outcomes, corrections of {}",
                self.secret.fingerprint(&person.workspace, &person.name).to_hex(),
                person.workspace,
                erasure.name(),
                receipt.events,
                receipt.mentions,
                receipt.outcomes,
                receipt.corrections
            ),
        });
        Ok(Some((change, receipt)))
    }
}
