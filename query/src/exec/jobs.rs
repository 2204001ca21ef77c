//! The jobs of groups: what each costs within a group, and what came of it.
//!
//! Rows of a job lie together, so the fold walks runs of rows. A job whose rows are all in the run just walked, and all
//! in one group, is settled at once and leaves nothing behind but the tally of its group. The others leave *pieces*,
//! which are joined when every part was read.

use hashbrown::HashMap;
use quipu_engine::jobs::{JobOutcomes, OutcomeCursor, PartJobs};
use quipu_engine::{Dimension, Meter, Result};

use super::cost::Cost;
use super::plan::Plan;
use super::prices::PartPrices;
use super::row_costs::RowCosts;
use super::rows::Rows;
use super::selected::Selected;
use super::slots::Slots;
use super::tally::Tally;
use crate::query::{CostBasis, Query};

/// A job that has more groups in one run than this may leave several pieces for a group.
const GROUPS_SEARCHED: usize = 16;

/// What rows of a job cost within a group.
#[derive(Clone, Copy, Debug)]
struct Piece {
    job: u32,
    group: u32,
    cost: Cost,
}

/// The jobs of the rows of one part that one thread has read.
pub(super) struct PartJobSums<'a> {
    query: &'a Query,
    jobs: PartJobs<'a>,
    outcomes: OutcomeCursor<'a>,
    /// How costs are found, where they are asked for.
    costs: Option<RowCosts>,
    groups: SlotGroups,
    /// Of the jobs that are in one group only, per group.
    alone: Vec<Tally>,
    pieces: Vec<Piece>,
    codes: Vec<u32>,
    /// The groups of the run that is being walked.
    run: Vec<(u32, Cost)>,
}

/// From slots, which rates may split further, to groups.
struct SlotGroups {
    keys: usize,
    known: HashMap<Vec<u32>, u32>,
    of_slot: Vec<u32>,
    /// A slot of each group.
    slots: Vec<u32>,
}

impl SlotGroups {
    fn learn(&mut self, slots: &Slots) {
        for slot in self.of_slot.len()..slots.len() {
            let next = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
            let key = &slots.codes(slot)[..self.keys];
            // Without rates, every slot is a group of its own.
            let whole = key.len() == slots.codes(slot).len();
            let group = if whole { next } else { *self.known.entry_ref(key).or_insert(next) };
            if group == next {
                self.slots.push(u32::try_from(slot).unwrap_or(u32::MAX));
            }
            self.of_slot.push(group);
        }
    }
}

impl<'a> PartJobSums<'a> {
    /// For a part whose slots have that many keys before those of rates.
    pub(super) fn new(
        plan: &'a Plan<'a>,
        jobs: PartJobs<'a>,
        outcomes: &'a JobOutcomes,
        rows: Rows<'_>,
        keys: usize,
    ) -> Self {
        let groups = SlotGroups { keys, known: HashMap::new(), of_slot: Vec::new(), slots: Vec::new() };
        Self {
            query: plan.query,
            jobs,
            outcomes: outcomes.cursor(),
            costs: plan.job_costs.then(|| RowCosts::new(rows)),
            groups,
            alone: Vec::new(),
            pieces: Vec::new(),
            codes: Vec::new(),
            run: Vec::new(),
        }
    }

    /// Adds the selected rows of a block by their slots and, where there are any, price codes.
    pub(super) fn add(
        &mut self,
        rows: Rows<'_>,
        block: usize,
        selected: &Selected,
        slots: (&Slots, &[u32]),
        prices: Option<(&PartPrices<'_>, &[u32])>,
    ) -> Result<()> {
        rows.codes_of(Dimension::JobId, block, selected, &mut self.codes)?;
        if let Some(costs) = &mut self.costs {
            match (self.query.cost_basis, prices) {
                (CostBasis::Computed, Some((prices, codes))) => costs.price(rows, block, selected, prices, codes)?,
                _ => costs.report(rows, block, selected)?,
            }
        }
        let (slots, of_row) = slots;
        self.groups.learn(slots);
        self.alone.resize_with(self.groups.slots.len(), Tally::default);
        let (mut start, len) = (0, selected.len);
        let mut job = self.codes.first().copied().unwrap_or(0);
        // The first and the last run of a block may go on in its neighbours.
        let mut at_edge = true;
        while start < len {
            let slot = of_row[start];
            let same = self.codes[start..len].iter().zip(&of_row[start..len]);
            let end = start + same.take_while(|pair| (*pair.0, *pair.1) == (job, slot)).count();
            let cost = match &self.costs {
                Some(costs) if job != 0 => costs.sum(start..end)?,
                _ => Cost::default(),
            };
            self.join(self.groups.of_slot[slot as usize], cost)?;
            start = end;
            let next = self.codes.get(start).copied();
            if next != Some(job) {
                self.end_run(job, at_edge || next.is_none())?;
                at_edge = false;
                job = next.unwrap_or(0);
            }
        }
        Ok(())
    }

    /// Adds rows of the present job that lie in a group.
    fn join(&mut self, group: u32, cost: Cost) -> Result<()> {
        match self.run.iter_mut().rev().take(GROUPS_SEARCHED).find(|(known, _)| *known == group) {
            Some((_, known)) => known.add(cost),
            None => {
                self.run.push((group, cost));
                Ok(())
            }
        }
    }

    fn end_run(&mut self, code: u32, at_edge: bool) -> Result<()> {
        if code != 0 {
            let (job, whole) = self.jobs.job(code);
            match self.run.as_slice() {
                [(group, cost)] if whole && !at_edge => {
                    self.alone[*group as usize].add(self.query, self.outcomes.find(job), *cost)?;
                }
                pieces => {
                    self.pieces.extend(pieces.iter().map(|(group, cost)| Piece { job, group: *group, cost: *cost }))
                }
            }
        }
        self.run.clear();
        Ok(())
    }

    /// Bytes taken, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.len() * size_of::<Piece>() + self.alone.len() * (size_of::<Tally>() + 3 * size_of::<u32>())
    }

    /// The quantities that had no rate, by price code.
    pub(super) fn unpriced(&self) -> impl Iterator<Item = (&Meter, usize, u128)> {
        self.costs.iter().flat_map(RowCosts::unpriced)
    }
}

/// The jobs of all groups.
#[derive(Default)]
pub(super) struct GroupJobs {
    /// Of the jobs that are in one group only, per group.
    alone: Vec<Tally>,
    /// In the end only of jobs that are in several groups, in their order and that of groups.
    pieces: Vec<Piece>,
    /// Of all jobs of each group, in the end.
    pub(super) tallies: Vec<Tally>,
}

impl GroupJobs {
    /// Adds the jobs of a part whose slots belong to `groups`.
    pub(super) fn absorb(&mut self, part: &PartJobSums<'_>, groups: &[u32]) -> Result<()> {
        let of_part: Vec<u32> = part.groups.slots.iter().map(|slot| groups[*slot as usize]).collect();
        for (tally, group) in part.alone.iter().zip(&of_part).filter(|(tally, _)| tally.jobs > 0) {
            self.tally(*group).add_all(tally)?;
        }
        self.pieces.extend(part.pieces.iter().map(|piece| Piece { group: of_part[piece.group as usize], ..*piece }));
        Ok(())
    }

    fn tally(&mut self, group: u32) -> &mut Tally {
        let at = group as usize;
        if self.alone.len() <= at {
            self.alone.resize_with(at + 1, Tally::default);
        }
        &mut self.alone[at]
    }

    /// Joins the pieces, once there are no more.
    pub(super) fn finish(&mut self, query: &Query, outcomes: &JobOutcomes, groups: usize) -> Result<()> {
        self.alone.resize_with(groups, Tally::default);
        // What each thread read of each part is in order already.
        self.pieces.sort_by_key(|piece| (piece.job, piece.group));
        let mut joined: Vec<Piece> = Vec::new();
        for piece in std::mem::take(&mut self.pieces) {
            match joined.last_mut() {
                Some(last) if (last.job, last.group) == (piece.job, piece.group) => last.cost.add(piece.cost)?,
                _ => joined.push(piece),
            }
        }
        let mut cursor = outcomes.cursor();
        for of_job in joined.chunk_by(|a, b| a.job == b.job) {
            match of_job {
                [piece] => self.alone[piece.group as usize].add(query, cursor.find(piece.job), piece.cost)?,
                pieces => self.pieces.extend_from_slice(pieces),
            }
        }
        self.tallies.clone_from(&self.alone);
        for piece in &self.pieces {
            self.tallies[piece.group as usize].add(query, cursor.find(piece.job), piece.cost)?;
        }
        Ok(())
    }

    /// The jobs of the groups that are included, each of them once.
    pub(super) fn over(
        &self,
        query: &Query,
        outcomes: &JobOutcomes,
        includes: impl Fn(usize) -> bool,
    ) -> Result<Tally> {
        let mut all = Tally::default();
        let included = self.alone.iter().enumerate().filter(|(group, _)| includes(*group));
        included.map(|(_, tally)| tally).filter(|tally| tally.jobs > 0).try_for_each(|tally| all.add_all(tally))?;
        let mut cursor = outcomes.cursor();
        for of_job in self.pieces.chunk_by(|a, b| a.job == b.job) {
            let mut pieces = of_job.iter().filter(|piece| includes(piece.group as usize)).peekable();
            if pieces.peek().is_some() {
                let mut cost = Cost::default();
                pieces.try_for_each(|piece| cost.add(piece.cost))?;
                all.add(query, cursor.find(of_job[0].job), cost)?;
            }
        }
        Ok(all)
    }

    /// How many jobs are in several groups, once joined.
    pub(super) fn in_several(&self) -> u64 {
        self.pieces.chunk_by(|a, b| a.job == b.job).count() as u64
    }

    /// Bytes taken, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.len() * size_of::<Piece>() + self.alone.len() * size_of::<Tally>()
    }
}
