//! Attributions in: what is assigned afterwards shows at once, in every row that lacks it and in all to come.
//!
//! The head is sealed; then each row that an attribution changes is hidden in its segment and written anew, beside
//! what goes on. Under the writer's lock what came meanwhile is sealed too and looked at, so that no commit is
//! missed, and one manifest names the attribution, the masks and the new rows. From then on commits heed it.

use std::sync::Arc;

use hashbrown::HashSet;
use roaring::RoaringBitmap;

use super::dedup::HeadIndex;
use super::draft::Draft;
use super::ground::{Ground, Row};
use super::head::Head;
use super::lasting;
use super::overlay::Overlay;
use super::publish::{Change, sync_dir};
use super::rewrite::{Attempt, REWRITTEN_ROWS};
use super::state::Shared;
use super::version::{ATTRIBUTION, SealedPart, Version};
use crate::attribution::{Assignment, Attribution, AttributionChange, InForce, KEYS};
use crate::batch::BatchBuilder;
use crate::correction::Settled;
use crate::error::{Error, ErrorKind, Result};
use crate::format::container::{ContainerWriter, Identity};
use crate::format::manifest::RunEntry;
use crate::format::names::FileKind;
use crate::limits;
use crate::limits::BLOCK_ROWS;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::rows::{EventRows, ZoneColumn};
use crate::schema::{Dimension, Text};
use crate::telling::tell;

/// What an attribution did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributionReceipt {
    /// Its number, by which it can be undone.
    pub number: u64,
    /// Events that it changed.
    pub events: u64,
}

/// What is said of one attribution, before it has a number.
pub(super) struct Said<'a> {
    pub(super) workspace: &'a str,
    pub(super) by: &'a str,
    pub(super) why: &'a str,
    pub(super) change: AttributionChange,
}

impl Shared {
    pub(super) fn attribute(&self, said: &Said<'_>) -> Result<AttributionReceipt> {
        let receipt = self.publish_first(|_, draft| {
            // What cannot be is refused before anything is done for it.
            self.numbered(said, &self.state().version)?;
            self.seal_now()?;
            self.write_attribution(said, draft)
        })?;
        tell!(info, number = receipt.number, events = receipt.events, "usage was attributed");
        Ok(receipt)
    }

    /// Writes all that an attribution changes; corrections come first where they changed rows that it was to change.
    fn write_attribution(&self, said: &Said<'_>, draft: &mut Draft<'_>) -> Result<Attempt<'_, AttributionReceipt>> {
        let before = Arc::clone(&self.state().version);
        let attribution = Arc::new(self.numbered(said, &before)?);
        let number = attribution.number;
        let mut all = before.attributions.clone();
        all.push(Arc::clone(&attribution));
        let in_force = InForce::of(&all);
        if in_force.len() > limits::ATTRIBUTED_KEYS {
            let (keys, most) = (in_force.len(), limits::ATTRIBUTED_KEYS);
            let what = format!(
                "{keys} requests, traces and credentials would be assigned, at most {most} can be; undo what is of no use"
            );
            return Err(Error::invalid(what));
        }
        let mut settler = Settler::new(self, said.workspace, touched(&attribution, &before), in_force);
        for part in &before.parts {
            settler.part(&before, part, draft)?;
        }
        // From here on no commit comes between.
        let mut writer = self.writer.lock();
        self.seal_under(&mut writer)?;
        let after = Arc::clone(&self.state().version);
        if settler.is_outdated(&after) {
            return Ok(Attempt::Late);
        }
        for part in after.parts.iter().filter(|part| before.part(part.entry.segment.number).is_none()) {
            settler.part(&after, part, draft)?;
        }
        let (mut change, events) = settler.finish(&after, draft)?;
        change.attributions.push(self.write_attribution_file(&attribution, draft)?);
        for kind in [FileKind::Segment, FileKind::JobRun, FileKind::IdRun, FileKind::Attribution] {
            sync_dir(&*self.disk, kind.directory())?;
        }
        Ok(Attempt::Ready(writer, Box::new(change), AttributionReceipt { number, events }))
    }

    /// Writes an attribution as a file of its own.
    pub(super) fn write_attribution_file(&self, attribution: &Attribution, draft: &mut Draft<'_>) -> Result<RunEntry> {
        let identity = Identity { store: self.store, file: draft.take() };
        let mut writer = ContainerWriter::create(&self.disk, FileKind::Attribution, identity)?;
        writer.blob(ATTRIBUTION, &attribution.encode())?;
        Ok(RunEntry { number: attribution.number, file: writer.finish(&[])? })
    }

    /// The attribution with its number, checked; what it undoes must be there and in force.
    fn numbered(&self, said: &Said<'_>, version: &Version) -> Result<Attribution> {
        if let AttributionChange::Undo(number) = said.change {
            let of_workspace = |known: &&Arc<Attribution>| known.number == number && known.workspace == said.workspace;
            let known = version.attributions.iter().find(of_workspace);
            let known =
                known.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no attribution {number}")))?;
            if matches!(known.change, AttributionChange::Undo(_)) {
                return Err(Error::invalid(format!(
                    "attribution {number} undoes another; assign anew what that assigned"
                )));
            }
            if let Some(by) = version.attributions.iter().find(|it| it.change == said.change) {
                let what = format!("attribution {number} was undone by attribution {} already", by.number);
                return Err(Error::new(ErrorKind::Conflict, what));
            }
        }
        let attribution = Attribution {
            number: version.attributions.last().map_or(0, |newest| newest.number) + 1,
            at: self.disk.now(),
            by: said.by.into(),
            why: said.why.into(),
            workspace: said.workspace.into(),
            change: said.change.clone(),
        };
        attribution.check()?;
        Ok(attribution)
    }
}

/// The requests, traces and credentials whose usage an attribution may change, in the order of [`KEYS`].
type Touched = [HashSet<Text>; KEYS.len()];

fn touched(attribution: &Attribution, version: &Version) -> Touched {
    let mut touched = Touched::default();
    let mut add = |assignments: &[Assignment]| {
        for assignment in assignments {
            let place = KEYS.iter().position(|key| *key == assignment.by);
            touched[place.expect("only these can be assigned by")].insert(assignment.key.clone());
        }
    };
    match &attribution.change {
        AttributionChange::Assign(assignments) => add(assignments),
        AttributionChange::Undo(number) => {
            let undone = version.attributions.iter().find(|known| known.number == *number);
            if let Some(AttributionChange::Assign(assignments)) = undone.map(|undone| &undone.change) {
                add(assignments);
            }
        }
    }
    touched
}

/// Makes of rows what an attribution makes of them.
struct Settler<'a> {
    shared: &'a Shared,
    workspace: &'a str,
    touched: Touched,
    in_force: InForce,
    /// The rows that were written anew.
    over: Overlay,
    rows: BatchBuilder,
    change: Change,
    events: u64,
}

impl<'a> Settler<'a> {
    fn new(shared: &'a Shared, workspace: &'a str, touched: Touched, in_force: InForce) -> Self {
        let (over, rows, change) = (Overlay::default(), BatchBuilder::default(), Change::default());
        Self { shared, workspace, touched, in_force, over, rows, change, events: 0 }
    }

    fn part(&mut self, version: &Version, part: &SealedPart, draft: &mut Draft<'_>) -> Result<()> {
        let secret = &self.shared.secret;
        let (head, index) = (Head::default(), HeadIndex::default());
        let ground = Ground { secret, version, head: &head, index: &index, frozen: None };
        for row in self.rows_of(part)? - &*part.hidden {
            let found = Row::of_segment(secret, version, part, row)?;
            let said = ground.said_of(&found.event)?;
            if let Settled::Changed(event, mark) = said.settle(&found.event, &found.mark, &self.in_force) {
                self.rows.push_corrected(&event, &mark, found.first);
                self.over.hide(part.entry.segment.number, row);
                self.events += 1;
                if self.rows.len() >= REWRITTEN_ROWS {
                    self.shared.write_rows(&mut self.rows, draft, &mut self.change)?;
                }
            }
        }
        Ok(())
    }

    /// The rows of a part whose usage may change, hidden ones too.
    fn rows_of(&self, part: &SealedPart) -> Result<RoaringBitmap> {
        let (segment, mut rows) = (&part.segment, RoaringBitmap::new());
        let workspaces = segment.read_dictionary(Dimension::Workspace)?;
        let is_own = |code: u32| workspaces.get(code).unwrap_or(DEFAULT_WORKSPACE) == self.workspace;
        let (mut own, mut codes) = (Vec::new(), Vec::new());
        for (by, touched) in KEYS.into_iter().zip(&self.touched).filter(|(_, touched)| !touched.is_empty()) {
            let dictionary = segment.read_dictionary(by)?;
            let known: HashSet<u32> = touched.iter().filter_map(|key| dictionary.find(key)).collect();
            let (Some(min), Some(max)) = (known.iter().min(), known.iter().max()) else { continue };
            for block in 0..segment.rows().div_ceil(BLOCK_ROWS) {
                let zone = segment.zone(ZoneColumn::Codes(by), block);
                if zone.is_some_and(|zone| zone.max < u64::from(*min) || zone.min > u64::from(*max)) {
                    continue;
                }
                segment.codes(Dimension::Workspace, block, &mut own)?;
                segment.codes(by, block, &mut codes)?;
                let first = u32::try_from(block * BLOCK_ROWS).expect("a segment has fewer than 2³² rows");
                let found = (first..).zip(codes.iter().zip(&own));
                rows.extend(
                    found.filter(|(_, (code, own))| known.contains(*code) && is_own(**own)).map(|(row, _)| row),
                );
            }
        }
        Ok(rows)
    }

    /// Whether rows that were written anew no longer count.
    fn is_outdated(&self, version: &Version) -> bool {
        self.over
            .sealed
            .iter()
            .any(|(segment, rows)| version.part(*segment).is_none_or(|part| !part.hidden.is_disjoint(rows)))
    }

    /// What is to be published, and how many events it changes.
    fn finish(mut self, version: &Version, draft: &mut Draft<'_>) -> Result<(Change, u64)> {
        let Shared { disk, store, .. } = self.shared;
        self.shared.write_rows(&mut self.rows, draft, &mut self.change)?;
        lasting::write_masks(disk, *store, version, &self.over, draft, &mut self.change)?;
        Ok((self.change, self.events))
    }
}
