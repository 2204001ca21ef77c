//! Chooses the rows that each part is read from, and reads them on several threads.
//!
//! Counters go first, a part at a time; parts whose counters straddle a boundary join the parts
//! that are scanned, which the threads share block by block.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quipu_engine::Result;
use quipu_engine::rows::Part;

use super::budget::Budget;
use super::groups::Groups;
use super::part::{Outcome, PartSums};
use super::plan::Plan;
use super::predicate::Predicate;
use super::rows::Rows;
use crate::answer::{Explain, PartExplain, Path};
use crate::price::Pricer;
use crate::query::{PathChoice, Query};

/// How many events there must be per counter for counters to be worth reading: what a counter says is gathered from
/// the row that it begins in, which costs as much as reading some four rows one behind the other.
const WORTHWHILE: usize = 5;
/// An event that an index selects costs as much as so many that are read one behind the other.
const SELECTED: usize = 16;

/// Groups that all threads add to, and what they may take.
struct Sink<'a> {
    plan: &'a Plan<'a>,
    budget: Budget,
    groups: Mutex<Groups>,
}

impl<'a> Sink<'a> {
    /// Adds the rows of a block to the sums of its part.
    fn add_block(&self, sums: &mut PartSums<'a>, block: usize) -> Result<Outcome> {
        self.budget.check_cancelled()?;
        let before = sums.bytes();
        let outcome = sums.add(block)?;
        self.budget.replace(before, sums.bytes())?;
        Ok(outcome)
    }

    /// Takes back what a part was counted with.
    fn forget(&self, sums: &PartSums<'a>) -> Result<()> {
        self.budget.replace(sums.bytes(), 0)
    }

    /// Adds the sums of a part to the groups.
    fn absorb(&self, sums: PartSums<'a>) -> Result<()> {
        let mut groups = self.groups.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = groups.bytes(self.plan) + sums.bytes();
        groups.absorb(self.plan, sums)?;
        self.budget.replace(before, groups.bytes(self.plan))
    }
}

/// What reading the counters of one part came to.
enum FromCounters {
    Read(u64),
    NoMatch,
    Scan(&'static str),
}

/// Sums up all parts.
pub(super) fn read<'a>(
    plan: &'a Plan<'a>,
    parts: &'a [Part],
    pricer: Option<&'a Pricer<'a>>,
) -> Result<(Groups, Explain)> {
    let sink = Sink { plan, budget: Budget::of(plan.query), groups: Mutex::new(Groups::new(plan)) };
    let threads = threads(plan.query);
    let counted = share(threads, parts.len(), |part| from_counters(&sink, part, &parts[part], pricer))?;
    let mut explain = Vec::with_capacity(parts.len());
    let mut scans = Vec::new();
    for (at, (part, counted)) in parts.iter().zip(counted).enumerate() {
        let counters = part.counters.as_ref().map_or(0, |counters| counters.rows() as u64);
        explain.push(match counted {
            FromCounters::Read(rows_read) => {
                PartExplain { path: Path::Counters, why: "counters answer exactly", rows: counters, rows_read }
            }
            FromCounters::NoMatch => {
                PartExplain { path: Path::Pruned, why: "no row can match", rows: counters, rows_read: 0 }
            }
            FromCounters::Scan(why) => {
                scans.push((at, part));
                PartExplain { path: Path::Scan, why, rows: part.events.rows() as u64, rows_read: 0 }
            }
        });
    }
    let rows_read = scan(&sink, &scans, pricer, threads)?;
    for ((at, _), rows_read) in scans.iter().zip(rows_read) {
        explain[*at].rows_read = rows_read;
        if rows_read == 0 {
            explain[*at].path = Path::Pruned;
            explain[*at].why = "no row can match";
        }
    }
    let groups = sink.groups.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok((groups, Explain { parts: explain }))
}

/// How many threads a query may use.
pub(super) fn threads(query: &Query) -> usize {
    let available = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    query.threads.unwrap_or_else(available).get()
}

/// As much work as so many events of a part are: an index may leave few of them.
fn events_to_read(plan: &Plan<'_>, at: usize, part: &Part) -> Result<usize> {
    let all = part.events.rows();
    let most = Predicate::of(plan, at, part, Rows::Events(&*part.events))?.most();
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    Ok(all.min(most.saturating_mul(SELECTED)))
}

fn from_counters<'a>(
    sink: &Sink<'a>,
    at: usize,
    part: &'a Part,
    pricer: Option<&'a Pricer<'a>>,
) -> Result<FromCounters> {
    let plan = sink.plan;
    if matches!(plan.query.path, PathChoice::Scan | PathChoice::Index) {
        return Ok(FromCounters::Scan("events were asked for"));
    }
    if let Some(why) = plan.needs_events {
        return Ok(FromCounters::Scan(why));
    }
    let Some(counters) = &part.counters else { return Ok(FromCounters::Scan("the part keeps no counters")) };
    if !part.hidden.is_empty() {
        return Ok(FromCounters::Scan("corrections hide some of the rows that its counters sum up"));
    }
    // Blocks of events are shared by the threads and skipped by indexes; counters only pay when they are fewer.
    if plan.query.path == PathChoice::Auto && counters.rows() * WORTHWHILE > events_to_read(plan, at, part)? {
        return Ok(FromCounters::Scan("the part has hardly fewer counters than events"));
    }
    let rows = Rows::Counters(&**counters);
    let Some(mut sums) = PartSums::new(plan, at, part, rows, pricer)? else { return Ok(FromCounters::NoMatch) };
    let mut rows_read = 0;
    for block in 0..rows.blocks() {
        if sink.add_block(&mut sums, block)? == Outcome::Straddles {
            sink.forget(&sums)?;
            return Ok(FromCounters::Scan("a counter straddles a boundary of time, price or size"));
        }
        rows_read += rows.block_len(block) as u64;
    }
    sink.absorb(sums)?;
    Ok(FromCounters::Read(rows_read))
}

/// Scans parts, whose blocks the threads take in turn; how many rows of each were read.
fn scan<'a>(
    sink: &Sink<'a>,
    parts: &[(usize, &'a Part)],
    pricer: Option<&'a Pricer<'a>>,
    threads: usize,
) -> Result<Vec<u64>> {
    let rows: Vec<Rows<'a>> = parts.iter().map(|(_, part)| Rows::Events(&*part.events)).collect();
    let all_blocks = rows.iter().enumerate();
    let blocks: Vec<(usize, usize)> =
        all_blocks.flat_map(|(part, rows)| (0..rows.blocks()).map(move |block| (part, block))).collect();
    let next = AtomicUsize::new(0);
    let rows_read: Vec<AtomicU64> = parts.iter().map(|_| AtomicU64::new(0)).collect();
    let work = |_| {
        // Blocks are taken in order, so a thread never comes back to a part that it has left.
        let mut current: Option<(usize, Option<PartSums<'a>>)> = None;
        while let Some((part, block)) = blocks.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            if current.as_ref().is_none_or(|(at, _)| *at != part) {
                current.take().and_then(|(_, sums)| sums).map_or(Ok(()), |sums| sink.absorb(sums))?;
                current = Some((part, PartSums::new(sink.plan, parts[part].0, parts[part].1, rows[part], pricer)?));
            }
            if let Some((_, Some(sums))) = &mut current
                && sink.add_block(sums, block)? == Outcome::Added
            {
                rows_read[part].fetch_add(rows[part].block_len(block) as u64, Ordering::Relaxed);
            }
        }
        current.and_then(|(_, sums)| sums).map_or(Ok(()), |sums| sink.absorb(sums))
    };
    let threads = threads.min(blocks.len());
    share(threads, threads, work)?;
    Ok(rows_read.into_iter().map(AtomicU64::into_inner).collect())
}

/// Does `jobs` pieces of work on several threads and returns their results in order.
pub(super) fn share<T: Send>(threads: usize, jobs: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads.min(jobs) <= 1 {
        return (0..jobs).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<T>>>> = (0..jobs).map(|_| Mutex::new(None)).collect();
    let run = || {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = results.get(job) else { return };
            let done = work(job);
            *result.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(done);
        }
    };
    std::thread::scope(|scope| {
        // This thread works too.
        for _ in 1..threads.min(jobs) {
            scope.spawn(run);
        }
        run();
    });
    let results =
        results.into_iter().map(|result| result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
    results.flatten().collect()
}
