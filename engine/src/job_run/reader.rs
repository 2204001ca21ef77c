//! Reads a job run beside its segment.

use std::sync::Arc;

use parking_lot::Mutex;

use super::gather::Places;
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
    /// Those of the block read last, for its columns are read one after the other.
    recent: Mutex<Option<Arc<Places>>>,
}

impl JobRun {
    /// Opens the job run that the manifest describes, beside the segment whose rows it sums up.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where, or what the disk says.
    pub fn open(disk: &dyn Disk, entry: &FileEntry, store: [u8; 16], segment: Arc<Segment>) -> Result<Self> {
        let container = Container::open_entry(disk, entry, store)?;
        let rows = Reader::new(container.meta()).u32().map_err(|error| container.damaged("meta", &error.what))?;
        let run = Self { rows: rows as usize, container, segment, recent: Mutex::default() };
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

    /// The counters of a block.
    fn places(&self, block: usize) -> Result<Arc<Places>> {
        if let Some(places) = &*self.recent.lock()
            && places.block == block
        {
            return Ok(Arc::clone(places));
        }
        let rows: Vec<u64> = self.column(ROW, block)?;
        if let Some(last) = rows.iter().max().filter(|last| **last >= self.segment.rows() as u64) {
            return Err(self.container.damaged(ROW, &format!("row {last} of a segment of {}", self.segment.rows())));
        }
        let rows = rows.into_iter().map(|row| row as u32).collect();
        let places = Arc::new(Places::new(block, rows, self.column(EVENTS, block)?));
        *self.recent.lock() = Some(Arc::clone(&places));
        Ok(places)
    }

    /// Replaces `out` by what the first row of each counter says of a quantity.
    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        let segment = &*self.segment;
        let read = |at, values: &mut Vec<u64>| segment.quantities(quantity, at, values);
        self.places(block)?.gather(read, |row| segment.quantity(quantity, row), out)
    }

    /// Replaces `out` by what the first row of each counter says of a dimension.
    fn first_codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        let segment = &*self.segment;
        let read = |at, codes: &mut Vec<u32>| segment.codes(dimension, at, codes);
        self.places(block)?.gather(read, |row| segment.code(dimension, row), out)
    }

    /// Replaces the values of counters of several events by those of a section.
    fn put_of_several(&self, name: &str, places: &Places, mut put: impl FnMut(usize, u64)) -> Result<()> {
        let values: Vec<u64> = match self.container.section(name) {
            Some(_) => self.column(name, places.block)?,
            None => vec![0; places.several.len()],
        };
        if values.len() != places.several.len() {
            let what = format!("{} sums for {} counters in block {}", values.len(), places.several.len(), places.block);
            return Err(self.container.damaged(name, &what));
        }
        places.several.iter().zip(values).for_each(|(at, value)| put(*at as usize, value));
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
        let places = self.places(block)?;
        out.clear();
        if places.several.len() < places.events.len() {
            first(out)?;
        }
        out.resize(places.events.len(), 0);
        self.put_of_several(&section(counter), &places, |at, sum| out[at] = sum)
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
            Counter::Events => out.clone_from(&self.places(block)?.events),
            Counter::ContextBand => {
                self.quantities(&Quantity::ContextBand, block, out)?;
                out.iter_mut().for_each(|stored| *stored = stored.saturating_sub(1));
            }
            Counter::Retries => {
                // A counter is either of retries or of other events.
                self.quantities(&Quantity::Number(Number::RetryDepth), block, out)?;
                let events = &self.places(block)?.events;
                out.iter_mut().zip(events).for_each(|(stored, events)| *stored = if *stored > 1 { *events } else { 0 });
            }
            Counter::Lacking(dimension) => {
                // All events of a counter have the same values.
                let mut codes = Vec::new();
                self.first_codes(*dimension, block, &mut codes)?;
                out.clone_from(&self.places(block)?.events);
                out.iter_mut().zip(codes).for_each(|(events, code)| *events *= u64::from(code == 0));
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
        let (segment, places) = (&*self.segment, self.places(block)?);
        places.gather(|at, times| segment.times(at, times), |row| segment.time(row), first)?;
        last.clone_from(first);
        self.put_of_several(SPAN, &places, |at, span| last[at] = last[at].wrapping_add(span.cast_signed()))
    }

    fn meters(&self) -> Vec<Meter> {
        self.segment.meters()
    }
}
