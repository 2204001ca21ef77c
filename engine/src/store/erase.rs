//! Erasure: a subscriber goes, by id or by e-mail.
//!
//! The head is sealed, so that the log holds nothing of it; then all that names the person is written anew, and one
//! manifest names the new files in place of the old ones. What a crash leaves is the one state or the other. The old
//! files go as soon as nobody reads them.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::compact::left_out;
use super::dedup::HeadIndex;
use super::draft::Draft;
use super::ground::Row;
use super::head::Head;
use super::lasting::{self, hashed, write_outcome_run};
use super::publish::{Change, sync_dir};
use super::rewrite::Heads;
use super::seal::write_part;
use super::state::Shared;
use super::version::{SealedPart, Version};
use crate::batch::BatchBuilder;
use crate::correction::{Amendment, Field, PERSON, Settled};
use crate::correction_run::Corrections;
use crate::dedup::Fingerprint;
use crate::error::{Error, Result};
use crate::event::{Event, check_text};
use crate::format::container::FileEntry;
use crate::format::manifest::{PartEntry, Record};
use crate::format::names::FileKind;
use crate::limits::BLOCK_ROWS;
use crate::outcome::{DEFAULT_WORKSPACE, Outcome};
use crate::rows::EventRows;
use crate::schema::{Dimension, Text};
use crate::segment::split;
use crate::telling::tell;
use crate::time::Timestamp;

/// Anonymised rows are written in parts of this size.
const ROWS: usize = 1 << 18;
/// What stands for the reason of an amendment that named the person.
const ERASED: &str = "erased";

/// What becomes of the events of whoever is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// They stay, for nobody in particular: every total is what it was.
    Anonymise,
    /// They go. Their identities stay taken, so a retry does not bring one back.
    Delete,
}

impl Erasure {
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

/// Whoever is erased.
struct Person {
    workspace: Text,
    name: Text,
    /// All that the person's events call them.
    names: BTreeSet<Text>,
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
        let mut receipt = done.unwrap_or_default();
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
        eraser.flush(&mut builder, draft)?;
        if !gone.is_empty() {
            eraser.change.corrections.push(lasting::write(&self.disk, self.store, &gone, draft)?);
        }
        eraser.outcomes(draft, &mut receipt)?;
        let mut change = eraser.change;
        for kind in [FileKind::Segment, FileKind::JobRun, FileKind::IdRun] {
            sync_dir(&*self.disk, kind.directory())?;
        }
        let files = change.removed_parts.iter().flat_map(PartEntry::files);
        let runs = change.removed_outcomes.iter().chain(&change.removed_corrections).map(|run| &run.file);
        let path = |file: &FileEntry| file.kind.path(file.number);
        receipt.replaced = files.chain(runs).map(path).collect();
        if receipt.replaced.is_empty() {
            return Ok(None);
        }
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

/// What of a part names a person.
#[derive(Default)]
struct Named {
    /// The person's own rows.
    own: RoaringBitmap,
    /// Rows of others that name the person in a tag, or that a correction had given a name of the person.
    mentions: RoaringBitmap,
}

impl Named {
    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.mentions.is_empty()
    }
}

impl Person {
    /// Remembers what the person's rows of a part call them.
    fn learn(&mut self, part: &SealedPart) -> Result<()> {
        let own = self.rows_of(part)?.own;
        for dimension in PERSON {
            let (dictionary, mut codes) = (part.segment.dictionary(dimension)?, Vec::new());
            if dictionary.is_empty() || own.is_empty() {
                continue;
            }
            for block in blocks_of(&own) {
                part.segment.codes(dimension, block, &mut codes)?;
                let names = rows_in(block, &codes).filter(|(row, _)| own.contains(*row));
                let names = names.filter_map(|(_, code)| dictionary.get(*code).map(Text::from));
                self.names.extend(names.collect::<BTreeSet<_>>());
            }
        }
        Ok(())
    }

    /// The rows of a part that name the person, hidden ones too.
    fn rows_of(&self, part: &SealedPart) -> Result<Named> {
        let segment = &part.segment;
        let workspaces = segment.dictionary(Dimension::Workspace)?;
        let workspace = match workspaces.find(&self.workspace) {
            Some(code) => code,
            None if self.workspace == DEFAULT_WORKSPACE => 0,
            None => return Ok(Named::default()),
        };
        let (is_default, sets) = (self.workspace == DEFAULT_WORKSPACE, segment.tag_sets()?);
        let tagged: Vec<bool> = (0..u32::try_from(sets.len()).unwrap_or(u32::MAX))
            .map(|set| sets.get(set).iter().any(|(_, value)| self.names.contains(value)))
            .collect();
        let dictionaries = [segment.dictionary(PERSON[0])?, segment.dictionary(PERSON[1])?];
        let called = dictionaries.each_ref().map(|names| names.find(&self.name));
        let known_as = dictionaries
            .each_ref()
            .map(|names| self.names.iter().filter_map(|name| names.find(name)).collect::<Vec<_>>());
        let may_complete = segment.is_corrected() && known_as.iter().any(|codes| !codes.is_empty());
        let mut named = Named::default();
        if called.iter().all(Option::is_none) && !tagged.contains(&true) && !may_complete {
            return Ok(named);
        }
        let (mut own, mut of, mut tags) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
        for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
            segment.codes(Dimension::Workspace, block, &mut own)?;
            for (dimension, codes) in PERSON.into_iter().zip(&mut of) {
                segment.codes(dimension, block, codes)?;
            }
            segment.tag_set_codes(block, &mut tags)?;
            for (row, code) in
                rows_in(block, &own).filter(|(_, code)| **code == workspace || (is_default && **code == 0))
            {
                let (at, _) = (row as usize % BLOCK_ROWS, code);
                if (0..2).any(|n| called[n].is_some_and(|code| of[n][at] == code)) {
                    named.own.insert(row);
                } else if tagged[tags[at] as usize]
                    || (may_complete
                        && (0..2).any(|n| known_as[n].contains(&of[n][at]))
                        && self.was_given(part, row)?)
                {
                    named.mentions.insert(row);
                }
            }
        }
        Ok(named)
    }

    /// Whether a correction gave a row who it was for.
    fn was_given(&self, part: &SealedPart, row: u32) -> Result<bool> {
        let mark = part.segment.mark(row as usize)?;
        Ok(PERSON.into_iter().any(|dimension| mark.completed.contains(&Field::Dimension(dimension))))
    }

    fn is_in_head(&self, head: &Head) -> bool {
        head.batches.iter().any(|batch| {
            (0..batch.len()).any(|row| {
                let own = batch.value(Dimension::Workspace, row).unwrap_or(DEFAULT_WORKSPACE) == self.workspace;
                let tags = batch.tag_sets.get(batch.tag_codes[row]);
                own && (PERSON.into_iter().any(|dimension| batch.value(dimension, row) == Some(&self.name))
                    || tags.iter().any(|(_, value)| *value == self.name))
            })
        })
    }

    fn is_said_in(&self, index: &HeadIndex) -> bool {
        index.amendments.values().any(|amendment| self.clean_amendment(&mut amendment.clone()))
    }

    /// Takes the person out of an event; whether there was anything to take.
    fn clean(&self, event: &mut Event) -> bool {
        let is_named =
            PERSON.into_iter().any(|dimension| event.get(dimension).is_some_and(|name| self.names.contains(name)));
        if is_named {
            PERSON.iter().for_each(|dimension| drop(event.dimensions.remove(dimension)));
        }
        let keys: Vec<Text> =
            event.tags.iter().filter(|(_, value)| self.names.contains(*value)).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| drop(event.tags.remove(key)));
        is_named || !keys.is_empty()
    }

    /// Takes the person out of what corrections said; whether there was anything to take.
    fn clean_amendment(&self, amendment: &mut Amendment) -> bool {
        if amendment.workspace != self.workspace {
            return false;
        }
        let mut changed = false;
        if let Some(version) = &mut amendment.version {
            changed |= self.clean(&mut version.event);
        }
        for dimension in PERSON {
            if amendment.dimensions.get(&dimension).is_some_and(|said| self.names.contains(&said.value)) {
                changed |= amendment.dimensions.remove(&dimension).is_some();
            }
        }
        let named = amendment.tags.iter().filter(|(_, said)| self.names.contains(&said.value));
        for key in named.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            changed |= amendment.tags.remove(&key).is_some();
        }
        changed
    }

    /// Takes the person out of an outcome; whether there was anything to take.
    fn clean_outcome(&self, outcome: &mut Outcome) -> bool {
        if outcome.workspace() != self.workspace {
            return false;
        }
        let names = |text: &str| self.names.iter().any(|name| text.contains(name.as_str()));
        let mut changed = false;
        changed |= outcome.metadata.take_if(|metadata| names(metadata)).is_some();
        changed |= outcome.idempotency_key.take_if(|key| names(key)).is_some();
        if outcome.reason.as_ref().is_some_and(|reason| names(reason)) {
            (outcome.reason, changed) = (Some(ERASED.into()), true);
        }
        changed
    }
}

/// The rows of a block with what was read of each.
fn rows_in<T>(block: usize, values: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (u32::try_from(block * BLOCK_ROWS).expect("a segment has fewer than 2³² rows")..).zip(values)
}

/// The blocks that hold rows.
fn blocks_of(rows: &RoaringBitmap) -> BTreeSet<usize> {
    rows.iter().map(|row| row as usize / BLOCK_ROWS).collect()
}

/// Writes anew what names a person.
struct Eraser<'a> {
    shared: &'a Shared,
    version: &'a Version,
    person: &'a Person,
    erasure: Erasure,
    change: Change,
}

impl Eraser<'_> {
    /// Writes a part without the rows that name the person, and puts those that stay, without the name, with `kept`.
    #[expect(clippy::too_many_arguments, reason = "what the parts of one erasure have in common")]
    fn part(
        &mut self,
        part: &Arc<SealedPart>,
        rows: &Named,
        corrections: &Corrections,
        kept: &mut BatchBuilder,
        gone: &mut Corrections,
        draft: &mut Draft<'_>,
        receipt: &mut ErasureReceipt,
    ) -> Result<()> {
        let shared = self.shared;
        shared.check_room(part.entry.files().map(|file| file.bytes).sum())?;
        let all = &rows.own | &rows.mentions;
        for row in &all - &*part.hidden {
            let is_own = rows.own.contains(row);
            *(if is_own { &mut receipt.events } else { &mut receipt.mentions }) += 1;
            if is_own && self.erasure == Erasure::Delete {
                let first = Row::of_segment(&shared.secret, self.version, part, row)?.first;
                gone.firsts.insert(part.identity(&shared.secret, row)?, first);
                let job = part.segment.dictionary(Dimension::JobId)?;
                if let Some(job) = job.get(part.segment.code(Dimension::JobId, row as usize)?) {
                    gone.jobs.insert(shared.secret.job(&self.person.workspace, job));
                }
                continue;
            }
            let kept_row = Row::of_segment(&shared.secret, self.version, part, row)?;
            // No row says any more what was first sent.
            gone.firsts.insert(part.identity(&shared.secret, row)?, kept_row.first);
            self.keep(kept_row, corrections, kept)?;
            if kept.len() >= ROWS {
                self.flush(kept, draft)?;
            }
        }
        let left = [(Arc::clone(part), left_out(part, &all))];
        let merged = shared.write_merged(&shared.disk, &left, part.entry.window, draft)?;
        self.change.parts.extend(merged.parts);
        self.change.corrections.extend(merged.corrections);
        self.change.removed_parts.push(part.entry);
        Ok(())
    }

    /// Keeps a row without the person, as corrections without the person make it.
    fn keep(&self, row: Row, corrections: &Corrections, kept: &mut BatchBuilder) -> Result<()> {
        let Row { mut event, mut mark, first } = row;
        self.person.clean(&mut event);
        mark.erased = true;
        mark.completed.retain(|field| match field {
            Field::Dimension(dimension) => event.get(*dimension).is_some(),
            Field::Number(_) => true,
            Field::Tag(key) => event.tags.get(key).is_some(),
        });
        let secret = &self.shared.secret;
        let mut said = Amendment::default();
        let by_id = secret.fingerprint(&self.person.workspace, event.id.as_deref().unwrap_or_default());
        let by_trace = event.get(Dimension::TraceId).map(|trace| secret.trace(&self.person.workspace, trace));
        for target in std::iter::once(by_id).chain(by_trace) {
            said.join(&self.said_of(target, corrections)?);
        }
        match said.settle(&event, &mark) {
            Settled::Same | Settled::Retracted => kept.push_corrected(&event, &mark, first),
            Settled::Changed(event, mark) => kept.push_corrected(&event, &mark, first),
        }
        Ok(())
    }

    /// What corrections say of a target once the person is taken out of them, those of `cleaned` as they are now.
    fn said_of(&self, target: Fingerprint, cleaned: &Corrections) -> Result<Amendment> {
        let mut said = cleaned.amendments.get(&target).cloned().unwrap_or_default();
        for run in &self.version.corrections {
            if let Some(mut amendment) = run.find(target)? {
                self.person.clean_amendment(&mut amendment);
                said.join(&amendment);
            }
        }
        Ok(said)
    }

    /// Writes the rows that are kept, by their windows.
    fn flush(&mut self, kept: &mut BatchBuilder, draft: &mut Draft<'_>) -> Result<()> {
        let shared = self.shared;
        let rows = std::mem::take(kept).finish();
        if rows.is_empty() {
            return Ok(());
        }
        for (window, places) in split(&rows) {
            let part = rows.select(&places).sorted();
            let entry = write_part(&shared.disk, shared.store, &shared.secret, window, &part, draft.take())?;
            self.change.parts.push(entry);
        }
        Ok(())
    }

    /// Writes the correction runs that name the person anew; what was cleaned of them.
    fn corrections(&mut self, draft: &mut Draft<'_>, receipt: &mut ErasureReceipt) -> Result<Corrections> {
        let mut cleaned = Corrections::default();
        for (entry, run) in self.version.manifest.corrections.iter().zip(&self.version.corrections) {
            let mut all = run.all()?;
            let before = cleaned.amendments.len();
            for (target, amendment) in &mut all.amendments {
                if self.person.clean_amendment(amendment) {
                    cleaned.amendments.entry(*target).or_default().join(amendment);
                    receipt.corrections += 1;
                }
            }
            if cleaned.amendments.len() > before {
                all.amendments.retain(|_, amendment| !amendment.is_empty());
                if !all.is_empty() {
                    let shared = self.shared;
                    self.change.corrections.push(lasting::write(&shared.disk, shared.store, &all, draft)?);
                }
                self.change.removed_corrections.push(*entry);
            }
        }
        Ok(cleaned)
    }

    /// Writes the outcome runs that name the person anew.
    fn outcomes(&mut self, draft: &mut Draft<'_>, receipt: &mut ErasureReceipt) -> Result<()> {
        let shared = self.shared;
        for (entry, run) in self.version.manifest.outcomes.iter().zip(&self.version.outcomes) {
            let mut all = run.all()?;
            let changed = all.iter_mut().filter_map(|outcome| self.person.clean_outcome(outcome).then_some(())).count();
            if changed > 0 {
                receipt.outcomes += changed as u64;
                let hashed = hashed(&shared.secret, all).collect();
                self.change.outcomes.push(write_outcome_run(&shared.disk, shared.store, hashed, draft)?);
                self.change.removed_outcomes.push(*entry);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correction::Version as Said;
    use crate::schema::TokenMeter;

    #[test]
    fn a_person_goes_out_of_everything_that_can_name_one_and_nobody_else_does() {
        let person = Person { workspace: "w".into(), name: "ann".into(), names: ["ann".into(), "ann@x".into()].into() };
        let at = Timestamp::from_seconds(1_767_225_600);
        let event = |id: &str, email: &str, boss: &str| {
            let event = Event::new("e", at).with(Dimension::SubscriberId, id).with(Dimension::SubscriberEmail, email);
            event.tagged("boss", boss).used(TokenMeter::Input, 3)
        };
        let mut own = event("ann", "ann@x", "bob");
        assert!(person.clean(&mut own));
        assert_eq!(own, Event::new("e", at).tagged("boss", "bob").used(TokenMeter::Input, 3));
        let mut other = event("bob", "bob@x", "ann");
        assert!(person.clean(&mut other) && !person.clean(&mut other));
        assert_eq!((other.get(Dimension::SubscriberId), other.tags.get("boss")), (Some("bob"), None));
        let mut amendment = Amendment { workspace: "w".into(), ..Amendment::default() };
        amendment.offer(0, &event("ann", "bob@x", "bob"));
        amendment.version = Some(Box::new(Said { revision: 1, event: event("x", "ann@x", "bob") }));
        assert!(person.clean_amendment(&mut amendment) && !person.clean_amendment(&mut amendment));
        assert!(amendment.dimensions.get(&Dimension::SubscriberEmail).is_some());
        let mut outcome = Outcome::new("j", crate::OutcomeStatus::Success);
        (outcome.workspace, outcome.metadata) = (Some("w".into()), Some(r#"{"by":"ann@x"}"#.into()));
        assert!(person.clean_outcome(&mut outcome) && outcome.metadata.is_none());
    }
}
