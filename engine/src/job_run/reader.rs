//! Reads a job run beside its segment.

use std::sync::Arc;

use super::gather::gather;
use super::{EVENTS, ROW, SPAN, section};
use crate::codec::bytes::Reader;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::format::container::{Container, FileEntry};
use crate::io::Disk;
use crate::limits::BLOCK_ROWS;
use crate::rows::{Counter, CounterRows, EventRows, Quantity};
use crate::schema::{Dimension, Meter, Number};
use crate::segment::Segment;

/// An open job run.
#[derive(Debug)]
pub struct JobRun {
    container: Container,
    segment: Arc<Segment>,
    rows: usize,
}

impl JobRun {
    /// Opens the job run that the manifest describes, beside the segment whose rows it sums up.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16], segment: Arc<Segment>) -> Result<Self> {
        let container = Container::open_entry(disk, entry, store)?;
        let rows = Reader::new(container.meta()).u32().map_err(|error| container.damaged("meta", &error.what))?;
        let run = Self { rows: rows as usize, container, segment };
        let blocks = run.rows.div_ceil(BLOCK_ROWS);
        for (name, section) in run.container.sections() {
            let fits = |rows, all| if [ROW, EVENTS].contains(&name) { rows == all } else { rows <= all };
            let full = (0..blocks).all(|block| fits(section.block_rows(block), run.block_rows(block)));
            if section.blocks() != blocks || !full {
                return Err(run.container.damaged(name, "the column does not have the run's rows"));
            }
        }
        for name in [ROW, EVENTS] {
            if run.container.section(name).is_none() {
                return Err(run.container.damaged(name, "the column is missing"));
            }
        }
        Ok(run)
    }

    /// The file.
    pub fn container(&self) -> &Container {
        &self.container
    }

    fn block_rows(&self, block: usize) -> usize {
        self.rows.saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }

    fn column<T: crate::codec::vector::Value>(&self, name: &str, block: usize) -> Result<Vec<T>> {
        let mut values = Vec::new();
        if let Some(section) = self.container.section(name) {
            self.container.numbers(section, block, &mut values)?;
        }
        Ok(values)
    }

    /// The row of the segment in which each counter of a block begins.
    fn places(&self, block: usize) -> Result<Vec<u32>> {
        let rows: Vec<u64> = self.column(ROW, block)?;
        match rows.iter().max() {
            Some(last) if *last >= self.segment.rows() as u64 => {
                let what = format!("row {last} of a segment of {}", self.segment.rows());
                Err(self.container.damaged(ROW, &what))
            }
            _ => Ok(rows.into_iter().map(|row| row as u32).collect()),
        }
    }

    /// Replaces `out` by what the first row of each counter says of a quantity.
    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        let segment = &*self.segment;
        let read = |at, values: &mut Vec<u64>| segment.quantities(quantity, at, values);
        gather(&self.places(block)?, read, |row| segment.quantity(quantity, row), out)
    }

    /// Replaces `out` by what the first row of each counter says of a dimension.
    fn first_codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let segment = &*self.segment;
        let read = |at, codes: &mut Vec<u32>| segment.codes(dimension, at, codes);
        gather(&self.places(block)?, read, |row| segment.code(dimension, row), out)
    }

    /// Replaces the values of counters of several events by those of a section.
    fn put_of_several(&self, name: &str, block: usize, events: &[u64], mut put: impl FnMut(usize, u64)) -> Result<()> {
        let several = || (0..events.len()).filter(|at| events[*at] > 1);
        let values: Vec<u64> = match self.container.section(name) {
            Some(_) => self.column(name, block)?,
            None => vec![0; several().count()],
        };
        if values.len() != several().count() {
            let what = format!("block {block} has {} sums for {} counters", values.len(), several().count());
            return Err(self.container.damaged(name, &what));
        }
        several().zip(values).for_each(|(at, value)| put(at, value));
        Ok(())
    }

    /// Replaces `out` by a counter that the first row tells where it is the only one.
    fn summed(
        &self,
        counter: &Counter,
        block: usize,
        out: &mut Vec<u64>,
        first: impl FnOnce(&mut Vec<u64>) -> Result<()>,
    ) -> Result<()> {
        let events: Vec<u64> = self.column(EVENTS, block)?;
        out.clear();
        if events.contains(&1) {
            first(out)?;
        }
        out.resize(events.len(), 0);
        self.put_of_several(&section(counter), block, &events, |at, sum| out[at] = sum)
    }

    fn with_status(&self, counter: &Counter, status: &str, block: usize, out: &mut Vec<u64>) -> Result<()> {
        let code = self.segment.dictionary(Dimension::Status)?.find(status);
        self.summed(counter, block, out, |out| {
            let mut codes = Vec::new();
            self.first_codes(Dimension::Status, block, &mut codes)?;
            out.extend(codes.iter().map(|found| u64::from(Some(*found) == code)));
            Ok(())
        })
    }

    fn added_up(
        &self,
        counter: &Counter,
        quantity: &Quantity,
        block: usize,
        out: &mut Vec<u64>,
        value: impl Fn(u64) -> u64,
    ) -> Result<()> {
        self.summed(counter, block, out, |out| {
            self.quantities(quantity, block, out)?;
            out.iter_mut().for_each(|stored| *stored = value(*stored));
            Ok(())
        })
    }
}

impl CounterRows for JobRun {
    fn rows(&self) -> usize {
        self.rows
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.segment.dictionary(dimension)
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        self.first_codes(dimension, block, out)
    }

    fn sums(&self, counter: &Counter, block: usize, out: &mut Vec<u64>) -> Result<()> {
        match counter {
            Counter::Events => *out = self.column(EVENTS, block)?,
            Counter::ContextBand => {
                self.quantities(&Quantity::ContextBand, block, out)?;
                out.iter_mut().for_each(|stored| *stored = stored.saturating_sub(1));
            }
            Counter::Retries => {
                // A counter is either of retries or of other events.
                self.quantities(&Quantity::Number(Number::RetryDepth), block, out)?;
                let events: Vec<u64> = self.column(EVENTS, block)?;
                out.iter_mut().zip(events).for_each(|(stored, events)| *stored = if *stored > 1 { events } else { 0 });
            }
            Counter::Errors => self.with_status(counter, "error", block, out)?,
            Counter::Cancelled => self.with_status(counter, "cancelled", block, out)?,
            Counter::Meter(meter) => {
                let quantity = Quantity::Meter(meter.clone());
                self.added_up(counter, &quantity, block, out, |stored| stored.saturating_sub(1))?;
            }
            Counter::Number(number) => {
                self.added_up(counter, &Quantity::Number(*number), block, out, |stored| stored.saturating_sub(1))?;
            }
            Counter::NumberEvents(number) => {
                self.added_up(counter, &Quantity::Number(*number), block, out, |stored| u64::from(stored > 0))?;
            }
        }
        Ok(())
    }

    fn times(&self, block: usize, first: &mut Vec<i64>, last: &mut Vec<i64>) -> Result<()> {
        let segment = &*self.segment;
        gather(&self.places(block)?, |at, times| segment.times(at, times), |row| segment.time(row), first)?;
        last.clone_from(first);
        let events: Vec<u64> = self.column(EVENTS, block)?;
        self.put_of_several(SPAN, block, &events, |at, span| last[at] = last[at].wrapping_add(span.cast_signed()))
    }

    fn meters(&self) -> Vec<Meter> {
        self.segment.meters()
    }
}
