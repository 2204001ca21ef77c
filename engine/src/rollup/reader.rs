//! Reads the rollups of a part beside its segment.

use std::sync::Arc;

use super::{Rollup, STEP, codes, section};
use crate::codec::bytes::{DecodeError, Reader};
use crate::codec::vector::Value;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{Container, FileEntry, Section};
use crate::io::Disk;
use crate::job_run;
use crate::limits::BLOCK_ROWS;
use crate::rows::{Counter, CounterRows, EventRows, Rolled, ZoneColumn};
use crate::schema::{Dimension, Meter};
use crate::segment::Segment;

/// The open rollups of a part.
#[derive(Debug)]
pub struct RollupRun {
    container: Arc<Container>,
    declared: Vec<Rollup>,
    kept: Vec<Arc<Rows>>,
}

/// The rows of one rollup.
#[derive(Debug)]
struct Rows {
    container: Arc<Container>,
    segment: Arc<Segment>,
    place: usize,
    rollup: Rollup,
    rows: usize,
}

impl RollupRun {
    /// Opens the rollups that the manifest describes, beside the segment whose rows they sum up.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16], segment: &Arc<Segment>) -> Result<Self> {
        let container = Arc::new(Container::open_entry(disk, entry, store)?);
        let all = decode_meta(container.meta()).map_err(|error| container.damaged("meta", &error.what))?;
        let mut run = Self { container, declared: Vec::new(), kept: Vec::new() };
        for (place, (rollup, rows)) in all.into_iter().enumerate() {
            run.declared.push(rollup.clone());
            if rows > 0 {
                let (container, segment) = (Arc::clone(&run.container), Arc::clone(segment));
                run.kept.push(Arc::new(Rows { container, segment, place, rollup, rows }));
            }
        }
        run.kept.iter().try_for_each(|rows| rows.check_shape())?;
        Ok(run)
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Every rollup that was declared when the file was written, kept or not.
    pub fn declared(&self) -> &[Rollup] {
        &self.declared
    }

    /// Those that were kept.
    pub fn kept(&self) -> impl Iterator<Item = Rolled> + '_ {
        let rolled = |rows: &Arc<Rows>| Rolled { rollup: rows.rollup.clone(), rows: Arc::clone(rows) as _ };
        self.kept.iter().map(rolled)
    }

    /// Those that were kept, with how many rows and bytes each takes.
    pub fn sizes(&self) -> impl Iterator<Item = (&Rollup, usize, u64)> {
        self.kept
            .iter()
            .map(|rows| (&rows.rollup, rows.rows, rows.sections().map(|(_, section)| section.bytes()).sum()))
    }
}

fn decode_meta(bytes: &[u8]) -> Result<Vec<(Rollup, usize)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(3)?;
    let all = (0..count).map(|_| Ok((Rollup::decode(&mut reader)?, reader.u32()? as usize)));
    let all = all.collect::<Result<_, DecodeError>>()?;
    reader.finish()?;
    Ok(all)
}

impl Rows {
    fn check_shape(&self) -> Result<()> {
        for (name, column) in self.sections() {
            let full = (0..column.blocks()).all(|block| column.block_rows(block) == self.block_rows(block));
            if column.blocks() != self.rows.div_ceil(BLOCK_ROWS) || !full {
                return Err(self.container.damaged(name, "the column does not have the rollup's rows"));
            }
        }
        for name in [STEP, &job_run::section(&Counter::Events)].map(|name| section(self.place, name)) {
            if self.container.section(&name).is_none() {
                return Err(self.container.damaged(&name, "the column is missing"));
            }
        }
        Ok(())
    }

    fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        let own = section(self.place, "");
        self.container.sections().filter(move |(name, _)| name.starts_with(&own))
    }

    fn block_rows(&self, block: usize) -> usize {
        self.rows.saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }

    /// Refuses a rollup that says no event lacks a dimension where the segment shows at a glance that some do.
    fn check_lacking(&self, dimension: Dimension) -> Result<()> {
        let name = section(self.place, &job_run::section(&Counter::Lacking(dimension)));
        let lacks = |block| self.segment.zone(ZoneColumn::Codes(dimension), block).is_some_and(|codes| codes.min == 0);
        let blocks = self.segment.rows().div_ceil(BLOCK_ROWS);
        if self.container.section(&name).is_none() && (0..blocks).any(lacks) {
            return Err(self.container.damaged(&name, "the column is missing, and events lack the dimension"));
        }
        Ok(())
    }

    /// Replaces `out` by a block of a counter's own column.
    fn counter(&self, counter: &Counter, block: usize, out: &mut Vec<u64>) -> Result<()> {
        self.column(&section(self.place, &job_run::section(counter)), block, out)
    }

    /// Replaces `out` by a block of a column, or by 0 where all of it is.
    fn column<T: Value>(&self, name: &str, block: usize, out: &mut Vec<T>) -> Result<()> {
        out.clear();
        match self.container.section(name) {
            Some(section) => self.container.numbers(section, block, out),
            None => {
                out.resize(self.block_rows(block), T::default());
                Ok(())
            }
        }
    }
}

impl CounterRows for Rows {
    fn rows(&self) -> usize {
        self.rows
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.segment.dictionary(dimension)
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let name = codes(self.place, dimension);
        self.column(&name, block, out)?;
        let (largest, values) = (out.iter().copied().max().unwrap_or(0), self.dictionary(dimension)?.len());
        if largest as usize > values {
            return Err(self.container.damaged(&name, &format!("code {largest} in a dictionary of {values} values")));
        }
        Ok(())
    }

    fn sums(&self, counter: &Counter, block: usize, out: &mut Vec<u64>) -> Result<()> {
        match counter {
            Counter::Lacking(dimension) if self.rollup.keeps(*dimension) => {
                let mut codes = Vec::new();
                self.codes(*dimension, block, &mut codes)?;
                self.counter(&Counter::Events, block, out)?;
                out.iter_mut().zip(codes).for_each(|(events, code)| *events *= u64::from(code == 0));
                Ok(())
            }
            // What no event carries is not counted.
            Counter::Lacking(dimension) if self.dictionary(*dimension)?.is_empty() => {
                self.counter(&Counter::Events, block, out)
            }
            Counter::Lacking(dimension) => {
                self.check_lacking(*dimension)?;
                self.counter(counter, block, out)
            }
            counter => self.counter(counter, block, out),
        }
    }

    /// The bounds of each row's step, as far as the segment has events there.
    fn times(&self, block: usize, first: &mut Vec<i64>, last: &mut Vec<i64>) -> Result<()> {
        let name = section(self.place, STEP);
        let mut steps: Vec<u64> = Vec::new();
        self.column(&name, block, &mut steps)?;
        let (from, to) = self.segment.time_range();
        let length = self.rollup.every().micros();
        let zero = from.micros().div_euclid(length);
        if let Some(step) = steps.iter().max().filter(|step| **step > to.micros().abs_diff(from.micros())) {
            return Err(self.container.damaged(&name, &format!("step {step} lies behind the segment's events")));
        }
        let start = |step: &u64| zero.saturating_add_unsigned(*step).saturating_mul(length);
        first.clear();
        last.clear();
        first.extend(steps.iter().map(|step| start(step).max(from.micros())));
        last.extend(steps.iter().map(|step| start(step).saturating_add(length - 1).min(to.micros())));
        Ok(())
    }

    fn meters(&self) -> Vec<Meter> {
        self.segment.meters()
    }
}
