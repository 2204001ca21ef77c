//! What names a person is written anew without the name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::compact::left_out;
use super::super::draft::Draft;
use super::super::ground::Row;
use super::super::lasting::{self, hashed, write_outcome_run};
use super::super::publish::Change;
use super::super::rewrite::REWRITTEN_ROWS;
use super::super::state::Shared;
use super::super::version::{SealedPart, Version};
use super::person::{Named, Person};
use super::{Erasure, ErasureReceipt};
use crate::attribution::Attribution;
use crate::batch::BatchBuilder;
use crate::correction::{Amendment, Field, Settled};
use crate::correction_run::Corrections;
use crate::dedup::Fingerprint;
use crate::error::Result;
use crate::rows::EventRows;
use crate::schema::Dimension;

/// Writes anew what names a person.
pub(super) struct Eraser<'a> {
    pub(super) shared: &'a Shared,
    pub(super) version: &'a Version,
    pub(super) person: &'a Person,
    pub(super) erasure: Erasure,
    pub(super) change: Change,
}

impl Eraser<'_> {
    /// Writes a part without the rows that name the person, and puts those that stay, without the name, with `kept`.
    #[expect(clippy::too_many_arguments, reason = "what the parts of one erasure have in common")]
    pub(super) fn part(
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
            if kept.len() >= REWRITTEN_ROWS {
                shared.write_rows(kept, draft, &mut self.change)?;
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
        match said.settle(&event, &mark, &self.version.in_force) {
            Settled::Same | Settled::Retracted => kept.push_corrected(&event, &mark, first),
            Settled::Changed(event, mark) => kept.push_corrected(&event, &mark, first),
        }
        Ok(())
    }

    /// What corrections say of a target, those of `cleaned` as they are now.
    fn said_of(&self, target: Fingerprint, cleaned: &Corrections) -> Result<Amendment> {
        if let Some(said) = cleaned.amendments.get(&target) {
            return Ok(said.clone());
        }
        let mut said = Amendment::default();
        for run in &self.version.corrections {
            if let Some(amendment) = run.find(target)? {
                said.join(&amendment);
            }
        }
        Ok(said)
    }

    /// Takes the person out of what corrections said; what is now said of whatever they had named the person for. All
    /// that was said of each is joined first: what is left must not depend on which runs were joined before.
    pub(super) fn corrections(&mut self, draft: &mut Draft<'_>, receipt: &mut ErasureReceipt) -> Result<Corrections> {
        let (shared, version) = (self.shared, self.version);
        let mut named = BTreeSet::new();
        for run in &version.corrections {
            let all = run.all()?.amendments.into_iter();
            named.extend(all.filter(|(_, said)| self.person.is_said(said)).map(|(target, _)| target));
        }
        let mut cleaned = Corrections::default();
        if named.is_empty() {
            return Ok(cleaned);
        }
        for (entry, run) in version.manifest.corrections.iter().zip(&version.corrections) {
            let mut all = run.all()?;
            let (of_them, others) = all.amendments.into_iter().partition(|(target, _)| named.contains(target));
            all.amendments = others;
            let of_them = Corrections { amendments: of_them, ..Corrections::default() };
            if of_them.is_empty() {
                continue;
            }
            cleaned.join(of_them);
            if !all.is_empty() {
                self.change.corrections.push(lasting::write(&shared.disk, shared.store, &all, draft)?);
            }
            self.change.removed_corrections.push(*entry);
        }
        for (target, said) in &mut cleaned.amendments {
            let is_stored = version.is_stored(&shared.secret, *target)?;
            receipt.corrections += u64::from(self.person.clean_amendment(said, is_stored));
        }
        let mut left = cleaned.clone();
        left.amendments.retain(|_, said| !said.is_empty());
        if !left.is_empty() {
            self.change.corrections.push(lasting::write(&shared.disk, shared.store, &left, draft)?);
        }
        Ok(cleaned)
    }

    /// Writes the attributions that name the person in saying who made them or why anew.
    pub(super) fn attributions(&mut self, draft: &mut Draft<'_>) -> Result<()> {
        let shared = self.shared;
        for (entry, known) in self.version.manifest.attributions.iter().zip(&self.version.attributions) {
            let mut attribution = Attribution::clone(known);
            if self.person.clean_attribution(&mut attribution) {
                self.change.attributions.push(shared.write_attribution_file(&attribution, draft)?);
                self.change.removed_attributions.push(*entry);
            }
        }
        Ok(())
    }

    /// Writes the outcome runs that name the person anew.
    pub(super) fn outcomes(&mut self, draft: &mut Draft<'_>, receipt: &mut ErasureReceipt) -> Result<()> {
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
