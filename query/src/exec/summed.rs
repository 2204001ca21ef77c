//! Reads of each part as much as its rollups and its counters can answer, and says what is left to its events.
//!
//! The smallest rows go first. They answer for the steps of time within which nothing changes that the question asks
//! about; the rest is for finer rows.

use quipu_engine::Result;
use quipu_engine::format::container::Touched;
use quipu_engine::rows::{Part, Rolled};
use quipu_engine::time::MICROS_PER_DAY;

use super::cohort::event_range;
use super::part::{Outcome, PartSums};
use super::predicate::Predicate;
use super::read::Sink;
use super::rows::Rows;
use super::times::Times;
use crate::answer::{PartExplain, Path};
use crate::query::PathChoice;

/// How many events there must be per counter for counters to be worth reading: what a counter says is gathered from
/// the row that it begins in, which costs as much as reading some four rows one behind the other.
const WORTHWHILE: usize = 5;
/// An event that an index selects costs as much as so many that are read one behind the other.
const SELECTED: usize = 16;

/// What was read of a part.
pub(super) struct Summed {
    pub(super) read: Vec<PartExplain>,
    /// What its events are to answer, and why; `None` when nothing is left.
    pub(super) left: Option<Left>,
}

/// What is left to the events of a part.
pub(super) struct Left {
    /// When they start; `None` for whenever the question asks about.
    pub(super) times: Option<Times>,
    pub(super) why: &'static str,
}

/// Reads the part in that place, all of it or as much as can be.
pub(super) fn read_sums<'a>(sink: &Sink<'a>, at: usize, part: &'a Part) -> Result<Summed> {
    let all = Times::of_events(part.events.time_range(), event_range(sink.plan.query));
    let mut reading = OfPart { sink, at, part, left: all.clone(), read: Vec::new() };
    let why = if all.is_empty() { None } else { reading.run()? };
    let times = (reading.left != all).then_some(reading.left);
    Ok(Summed { read: reading.read, left: why.map(|why| Left { times, why }) })
}

/// The rollups of a part that can answer, smallest first.
pub(super) fn fitting<'a>(sink: &Sink<'_>, part: &'a Part) -> Vec<&'a Rolled> {
    let knows_tenants = sink.pricer.is_some_and(|pricer| pricer.knows_tenants());
    let mut fitting: Vec<&Rolled> =
        part.rollups.iter().filter(|rolled| sink.plan.fits(&rolled.rollup, knows_tenants)).collect();
    fitting.sort_by_key(|rolled| rolled.rows.rows());
    fitting
}

struct OfPart<'r, 'a> {
    sink: &'r Sink<'a>,
    /// The place of the part among all.
    at: usize,
    part: &'a Part,
    left: Times,
    read: Vec<PartExplain>,
}

impl<'a> OfPart<'_, 'a> {
    /// Why something is left; `None` when nothing is.
    fn run(&mut self) -> Result<Option<&'static str>> {
        let (sink, part) = (self.sink, self.part);
        let path = sink.plan.query.path;
        if matches!(path, PathChoice::Scan | PathChoice::Index) {
            return Ok(Some("events were asked for"));
        }
        if !part.hidden.is_empty() {
            return Ok(Some("corrections hide some of the rows that its counters sum up"));
        }
        if path != PathChoice::Counters && self.rollups()? {
            return Ok(None);
        }
        if let Some(why) = sink.plan.needs_events {
            return Ok(Some(why));
        }
        let Some(counters) = &part.counters else { return Ok(Some("the part keeps no counters")) };
        // Blocks of events are shared by the threads and skipped by indexes; counters only pay when they are fewer.
        if path != PathChoice::Counters && counters.rows() * WORTHWHILE > self.events_to_read()? {
            return Ok(Some("the part has hardly fewer counters than events"));
        }
        let rows = Rows::Counters(&**counters);
        if self.add(rows, Path::Counters, self.left.clone())? {
            return Ok(None);
        }
        // Each sums up events of one day.
        let days = sink.cuts.whole_steps(&self.left, part.events.time_range(), MICROS_PER_DAY);
        if self.is_whole() || days.is_empty() || days == self.left || !self.add(rows, Path::Counters, days)? {
            return Ok(Some("a counter straddles a boundary of time, price or size"));
        }
        Ok(Some("a boundary of time or price lies within these days"))
    }

    /// As much work as so many events of the part are: an index may leave few of them.
    fn events_to_read(&self) -> Result<usize> {
        let all = self.part.events.rows();
        let most = Predicate::of(self.sink.plan, self.at, self.part, Rows::Events(&*self.part.events), None)?.most();
        let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        Ok(all.min(most.saturating_mul(SELECTED)))
    }

    /// Whether the part must be read from one kind of rows, because its jobs are followed to where their rows end.
    fn is_whole(&self) -> bool {
        self.sink.plan.jobs
    }

    /// Reads what rollups can answer; whether that was all.
    fn rollups(&mut self) -> Result<bool> {
        for rolled in fitting(self.sink, self.part) {
            let length = rolled.rollup.every().micros();
            let steps = self.sink.cuts.whole_steps(&self.left, self.part.events.time_range(), length);
            // Where a price depends on sizes that bands do not tell apart, no rollup does.
            if !steps.is_empty() && !self.add(Rows::Counters(&*rolled.rows), Path::Rollup, steps)? {
                return Ok(false);
            }
            if self.left.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the rows within `times`, unless one of them straddles a boundary; whether it did.
    fn add(&mut self, rows: Rows<'a>, path: Path, times: Times) -> Result<bool> {
        let sink = self.sink;
        let within = (times != self.left || !self.read.is_empty()).then_some(&times);
        let (mut rows_read, before) = (0, Touched::so_far());
        if let Some(mut sums) = PartSums::new(sink.plan, self.at, self.part, rows, sink.pricer, within)? {
            for block in 0..rows.blocks() {
                if sink.add_block(&mut sums, block)? == Outcome::Straddles {
                    sink.forget(&sums)?;
                    return Ok(false);
                }
                rows_read += rows.block_len(block) as u64;
            }
            sink.absorb(sums)?;
        }
        self.left = self.left.without(&times);
        let rows = rows.len() as u64;
        let (path, why) = match (rows_read, path) {
            (0, _) => (Path::Pruned, "no row can match"),
            (_, Path::Rollup) => (path, "a rollup answers exactly"),
            _ => (path, "counters answer exactly"),
        };
        let touched = Touched::so_far() - before;
        self.read.push(PartExplain { part: self.at, path, why, rows, rows_read, touched });
        Ok(true)
    }
}
