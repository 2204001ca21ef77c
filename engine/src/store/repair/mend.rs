//! Writes anew what is whole of damaged files, and publishes a manifest that does without them.

use std::sync::Arc;

use hashbrown::HashSet;
use roaring::RoaringBitmap;

use super::settle::Settler;
use super::survey::{HurtPart, Survey};
use crate::batch::BatchBuilder;
use crate::correction_run::CorrectionRun;
use crate::dedup::ContentHash;
use crate::error::Result;
use crate::format::container::Identity;
use crate::format::manifest::{Manifest, PartEntry, Record, RunEntry};
use crate::format::names::FileKind;
use crate::io::Disk;
use crate::rows::EventRows;
use crate::segment::write_mask;
use crate::store::collect::remove_orphans;
use crate::store::draft::{Draft, FileNumbers};
use crate::store::lasting::{self, hashed, write_outcome_run};
use crate::store::publish::{Change, sync_dir, write_manifest};
use crate::store::rewrite::REWRITTEN_ROWS;
use crate::store::seal::write_part;
use crate::store::version::Version;

/// Publishes the store without what is damaged of its files.
pub(super) fn publish(disk: &Arc<dyn Disk>, survey: &Survey) -> Result<()> {
    let newest = &survey.newest;
    remove_orphans(&**disk, newest.number, &newest.manifest)?;
    let numbers = FileNumbers::new(newest.manifest.next_file);
    let mut draft = Draft::new(&numbers);
    let mut mender = Mender { disk, survey, draft: &mut draft, maskless: HashSet::new() };
    let whole = mender.whole()?;
    let maskless = mender.maskless;
    // What is whole is a version of its own, though none that is ever published.
    let version = Version::open(&**disk, newest.store, newest.number + 1, whole, None)?;
    let mut change = Change::default();
    if needs_settling(survey, &version) {
        let mut settler = Settler::new(disk, survey, &version);
        settler.parts(&maskless, &mut draft, &mut change)?;
        settler.finish(&mut draft, &mut change)?;
    }
    for kind in FileKind::NUMBERED {
        sync_dir(&**disk, kind.directory())?;
    }
    let at = disk.now();
    let of_files = survey.report().losses.into_iter().filter(|loss| loss.is_of_a_file());
    change.records = of_files.map(|loss| Record { at, what: format!("repaired {loss}") }).collect();
    let manifest = version.manifest.with(change)?;
    let manifest = Manifest { next_file: numbers.next(), previous: newest.hash, ..manifest };
    // It names nothing that cannot be read back.
    Version::open(&**disk, newest.store, newest.number + 1, manifest.clone(), Some(&version))?;
    write_manifest(disk, newest.store, newest.number + 1, &manifest).map(drop)
}

/// Whether rows may be other than what is left of corrections and attributions makes of them.
fn needs_settling(survey: &Survey, version: &Version) -> bool {
    let is_said = !version.corrections.is_empty() || !version.in_force.is_empty();
    let was_said = !survey.corrections.is_empty() || !survey.attributions.is_empty();
    was_said || (is_said && !survey.parts.is_empty())
}

struct Mender<'a, 'b> {
    disk: &'a Arc<dyn Disk>,
    survey: &'a Survey,
    draft: &'a mut Draft<'b>,
    /// The segments of which nobody knows any more which rows do not count.
    maskless: HashSet<u64>,
}

impl Mender<'_, '_> {
    /// The manifest of what is whole.
    fn whole(&mut self) -> Result<Manifest> {
        let (survey, store) = (self.survey, self.survey.newest.store);
        let mut whole = Manifest { parts: Vec::new(), ..survey.newest.manifest.clone() };
        for entry in &survey.newest.manifest.parts {
            match survey.parts.iter().find(|part| part.entry == *entry) {
                None => whole.parts.push(*entry),
                Some(part) => whole.parts.extend(self.part(part)?),
            }
        }
        for hurt in &survey.outcomes {
            whole.outcomes.retain(|entry| *entry != hurt.entry);
            let outcomes: Vec<_> = hashed(&survey.secret, hurt.whole.clone()).collect();
            if !outcomes.is_empty() {
                whole.outcomes.push(write_outcome_run(self.disk, store, outcomes, self.draft)?);
            }
        }
        whole.corrections = self.corrections()?;
        let without = |entries: &mut Vec<RunEntry>, lost: &[RunEntry]| entries.retain(|entry| !lost.contains(entry));
        without(&mut whole.books, &survey.books);
        without(&mut whole.attributions, &survey.attributions);
        Ok(whole)
    }

    /// The correction runs: what is whole of them, without how events were first sent of which all rows are gone. These
    /// are taken again when they are sent again.
    fn corrections(&mut self) -> Result<Vec<RunEntry>> {
        let (survey, store) = (self.survey, self.survey.newest.store);
        let mut entries = Vec::new();
        for entry in &survey.newest.manifest.corrections {
            let hurt = survey.corrections.iter().find(|hurt| hurt.entry == *entry);
            let mut all = match hurt {
                Some(hurt) => hurt.whole.clone(),
                None if survey.parts.iter().all(|part| part.lost_ids.is_none()) => {
                    entries.push(*entry);
                    continue;
                }
                None => CorrectionRun::open(&**self.disk, &entry.file, store)?.all()?,
            };
            let before = all.len();
            for identity in all.firsts.keys().copied().collect::<Vec<_>>() {
                if survey.has_lost(identity)? {
                    all.firsts.remove(&identity);
                }
            }
            match hurt {
                None if all.len() == before => entries.push(*entry),
                _ if all.is_empty() => {}
                _ => entries.push(lasting::write(self.disk, store, &all, self.draft)?),
            }
        }
        Ok(entries)
    }

    /// Writes the rows of a part that can be read, in their order, with what is derived from them.
    fn part(&mut self, part: &HurtPart) -> Result<Vec<PartEntry>> {
        let Some(segment) = &part.segment else { return Ok(Vec::new()) };
        let (mut entries, mut rows, mut hidden) = (Vec::new(), BatchBuilder::default(), RoaringBitmap::new());
        let mut whole = (0_u32..).take(segment.rows()).filter(|row| !part.lost.contains(*row)).peekable();
        while let Some(row) = whole.next() {
            if part.hidden.as_ref().is_some_and(|hidden| hidden.contains(row)) {
                hidden.insert(u32::try_from(rows.len()).expect("a segment has fewer than 2³² rows"));
            }
            let (event, mark) = (segment.event(row as usize)?, segment.mark(row as usize)?);
            rows.push_corrected(&event, &mark, ContentHash::default());
            if rows.len() >= REWRITTEN_ROWS || whole.peek().is_none() {
                let (rows, hidden) = (std::mem::take(&mut rows), std::mem::take(&mut hidden));
                entries.push(self.rows(part, rows, &hidden)?);
            }
        }
        Ok(entries)
    }

    fn rows(&mut self, part: &HurtPart, rows: BatchBuilder, hidden: &RoaringBitmap) -> Result<PartEntry> {
        let (store, number) = (self.survey.newest.store, self.draft.take());
        let entry = write_part(self.disk, store, &self.survey.secret, part.entry.window, &rows.finish(), number)?;
        if part.hidden.is_none() {
            self.maskless.insert(number);
        }
        if hidden.is_empty() {
            return Ok(entry);
        }
        let file = write_mask(self.disk, Identity { store, file: self.draft.take() }, hidden)?;
        Ok(PartEntry { mask: Some(RunEntry { number: hidden.len(), file }), ..entry })
    }
}
