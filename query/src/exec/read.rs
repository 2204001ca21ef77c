//! Chooses the rows that each part is read from, and reads them on several threads.
//!
//! Rollups and counters go first, a part at a time; what they leave of a part is scanned, block by block, which the
//! threads share.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use quipu_engine::format::container::Touched;
use quipu_engine::rows::Part;
use quipu_engine::{Error, Result};

use super::budget::Budget;
use super::cuts::Cuts;
use super::groups::Groups;
use super::part::{Outcome, PartSums};
use super::plan::Plan;
use super::rows::Rows;
use super::summed::{Summed, fitting, read_sums};
use super::times::Times;
use crate::answer::{Explain, PartExplain, Path};
use crate::price::Pricer;
use crate::query::{PathChoice, Query};

/// Groups that all threads add to, and what they may take.
pub(super) struct Sink<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) pricer: Option<&'a Pricer<'a>>,
    pub(super) cuts: Cuts<'a>,
    budget: Budget,
    groups: Mutex<Groups>,
}

impl<'a> Sink<'a> {
    /// Adds the rows of a block to the sums of its part.
    pub(super) fn add_block(&self, sums: &mut PartSums<'a>, block: usize) -> Result<Outcome> {
        self.budget.check_cancelled()?;
        let before = sums.bytes();
        let outcome = sums.add(block)?;
        self.budget.replace(before, sums.bytes())?;
        Ok(outcome)
    }

    /// Takes back what a part was counted with.
    pub(super) fn forget(&self, sums: &PartSums<'a>) -> Result<()> {
        self.budget.replace(sums.bytes(), 0)
    }

    /// Adds the sums of a part to the groups.
    pub(super) fn absorb(&self, sums: PartSums<'a>) -> Result<()> {
        let mut groups = self.groups.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = groups.bytes(self.plan) + sums.bytes();
        groups.absorb(self.plan, sums)?;
        self.budget.replace(before, groups.bytes(self.plan))
    }
}

/// Sums up all parts.
pub(super) fn read<'a>(
    plan: &'a Plan<'a>,
    parts: &'a [Part],
    pricer: Option<&'a Pricer<'a>>,
    explain: &mut Explain,
) -> Result<Groups> {
    let (budget, groups) = (Budget::of(plan.query), Mutex::new(Groups::new(plan)));
    let sink = Sink { plan, pricer, cuts: Cuts::of(plan, pricer), budget, groups };
    if plan.query.path == PathChoice::Rollup && parts.iter().all(|part| fitting(&sink, part).is_empty()) {
        return Err(no_rollup(parts));
    }
    let (threads, started) = (threads(plan.query), Instant::now());
    let summed = share(threads, parts.len(), |at| read_sums(&sink, at, &parts[at]))?;
    explain.end_stage("sums", started);
    let (mut tasks, mut places, started) = (Vec::new(), Vec::new(), Instant::now());
    for ((at, part), Summed { read, left }) in parts.iter().enumerate().zip(summed) {
        let rows = part.events.rows() as u64;
        if read.is_empty() && left.is_none() {
            explain.parts.push(PartExplain { path: Path::Pruned, ..unread(at, "no row can match", rows) });
        }
        explain.parts.extend(read);
        if let Some(left) = left {
            tasks.push(Task { at, part, times: left.times });
            places.push(explain.parts.len());
            explain.parts.push(unread(at, left.why, rows));
        }
    }
    for (place, (rows_read, touched)) in places.into_iter().zip(scan(&sink, &tasks, threads)?) {
        let scanned = &mut explain.parts[place];
        (scanned.rows_read, scanned.touched) = (rows_read, touched);
        if rows_read == 0 {
            (scanned.path, scanned.why) = (Path::Pruned, "no row can match");
        }
    }
    explain.end_stage("scan", started);
    Ok(sink.groups.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// A part whose events were not read yet.
fn unread(part: usize, why: &'static str, rows: u64) -> PartExplain {
    PartExplain { part, path: Path::Scan, why, rows, rows_read: 0, touched: Touched::default() }
}

fn no_rollup(parts: &[Part]) -> Error {
    let kept: BTreeSet<String> =
        parts.iter().flat_map(|part| &part.rollups).map(|rolled| format!("`{}`", rolled.rollup)).collect();
    let kept = match kept.is_empty() {
        true => "none is kept, for nothing was merged yet or none is declared".into(),
        false => format!("kept are {}", kept.into_iter().collect::<Vec<_>>().join(", ")),
    };
    Error::invalid(format!("no rollup can answer this query; {kept}"))
}

/// How many threads a query may use.
pub(super) fn threads(query: &Query) -> usize {
    let available = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    query.threads.unwrap_or_else(available).get()
}

/// Events to be scanned.
struct Task<'a> {
    /// The place of their part among all.
    at: usize,
    part: &'a Part,
    /// Those within these times; all of them where there are none.
    times: Option<Times>,
}

/// Scans parts, whose blocks the threads take in turn; how many rows of each were read, and how much of files that took.
fn scan<'a>(sink: &Sink<'a>, tasks: &[Task<'a>], threads: usize) -> Result<Vec<(u64, Touched)>> {
    let rows: Vec<Rows<'a>> = tasks.iter().map(|task| Rows::Events(&*task.part.events)).collect();
    let all_blocks = rows.iter().enumerate();
    let blocks: Vec<(usize, usize)> =
        all_blocks.flat_map(|(part, rows)| (0..rows.blocks()).map(move |block| (part, block))).collect();
    let next = AtomicUsize::new(0);
    let read: Vec<Mutex<(u64, Touched)>> = tasks.iter().map(|_| Mutex::default()).collect();
    let work = |_| {
        // Blocks are taken in order, so a thread never comes back to a part that it has left.
        let mut current: Option<(usize, Option<PartSums<'a>>)> = None;
        while let Some((part, block)) = blocks.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let before = Touched::so_far();
            if current.as_ref().is_none_or(|(at, _)| *at != part) {
                current.take().and_then(|(_, sums)| sums).map_or(Ok(()), |sums| sink.absorb(sums))?;
                let Task { at, part: of, times } = &tasks[part];
                let sums = PartSums::new(sink.plan, *at, of, rows[part], sink.pricer, times.as_ref())?;
                current = Some((part, sums));
            }
            let mut rows_read = 0;
            if let Some((_, Some(sums))) = &mut current
                && sink.add_block(sums, block)? == Outcome::Added
            {
                rows_read = rows[part].block_len(block) as u64;
            }
            let mut read = read[part].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            read.0 += rows_read;
            read.1 += Touched::so_far() - before;
        }
        current.and_then(|(_, sums)| sums).map_or(Ok(()), |sums| sink.absorb(sums))
    };
    let threads = threads.min(blocks.len());
    share(threads, threads, work)?;
    Ok(read.into_iter().map(|read| read.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)).collect())
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
