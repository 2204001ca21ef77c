//! Events and counters as the same kind of rows: keys, what each row adds, and its span of time.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::limits::BLOCK_ROWS;
use quipu_engine::rows::{Counter, CounterRows, EventRows, Quantity, Zone, ZoneColumn, time_of_zone};
use quipu_engine::{Dimension, Meter, Number, Result};

use super::keys::Selected;

/// The rows that a part is read from.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    Events(&'a dyn EventRows),
    Counters(&'a dyn CounterRows),
}

/// The starts of the earliest and the latest event of each row of a block; for events they are the same.
#[derive(Default)]
pub(super) struct Spans {
    pub(super) first: Vec<i64>,
    last: Vec<i64>,
    one_instant: bool,
    /// What is to be read; nothing once it was.
    pending: Option<usize>,
}

impl Spans {
    pub(super) fn last(&self) -> &[i64] {
        if self.one_instant { &self.first } else { &self.last }
    }

    /// Goes on to a block, which is not read until it is needed.
    pub(super) fn start(&mut self, block: usize) {
        self.pending = Some(block);
    }

    /// Reads the selected rows of the block, unless that was done.
    pub(super) fn load(&mut self, rows: Rows<'_>, selected: &Selected) -> Result<()> {
        let Some(block) = self.pending.take() else { return Ok(()) };
        rows.spans(block, self)?;
        selected.compact(&mut self.first);
        if !self.one_instant {
            selected.compact(&mut self.last);
        }
        Ok(())
    }
}

impl Rows<'_> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Events(events) => events.rows(),
            Self::Counters(counters) => counters.rows(),
        }
    }

    pub(super) fn blocks(self) -> usize {
        self.len().div_ceil(BLOCK_ROWS)
    }

    pub(super) fn block_len(self, block: usize) -> usize {
        self.len().saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }

    pub(super) fn dictionary(self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        match self {
            Self::Events(events) => events.dictionary(dimension),
            Self::Counters(counters) => counters.dictionary(dimension),
        }
    }

    pub(super) fn codes(self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::Events(events) => events.codes(dimension, block, out),
            Self::Counters(counters) => counters.codes(dimension, block, out),
        }
    }

    pub(super) fn meters(self) -> Vec<Meter> {
        match self {
            Self::Events(events) => events.meters(),
            Self::Counters(counters) => counters.meters(),
        }
    }

    pub(super) fn spans(self, block: usize, out: &mut Spans) -> Result<()> {
        match self {
            Self::Events(events) => {
                out.one_instant = true;
                events.times(block, &mut out.first)
            }
            Self::Counters(counters) => {
                out.one_instant = false;
                counters.times(block, &mut out.first, &mut out.last)
            }
        }
    }

    /// The first and the last start of an event in a block, where that is known without reading it.
    pub(super) fn zone(self, block: usize) -> Option<(i64, i64)> {
        let Self::Events(events) = self else { return None };
        let Zone { min, max } = events.zone(ZoneColumn::Time, block)?;
        Some((time_of_zone(min), time_of_zone(max)))
    }

    /// The context band of each row.
    pub(super) fn bands(self, block: usize, buffer: &mut Vec<u64>, out: &mut Vec<u32>) -> Result<()> {
        let absent = match self {
            Self::Events(events) => {
                events.quantities(&Quantity::ContextBand, block, buffer)?;
                1
            }
            Self::Counters(counters) => {
                counters.sums(&Counter::ContextBand, block, buffer)?;
                0
            }
        };
        out.clear();
        out.extend(buffer.iter().map(|band| u32::try_from(band.saturating_sub(absent)).unwrap_or(u32::MAX)));
        Ok(())
    }

    /// What each row of a block adds to a sum.
    pub(super) fn adds(self, counter: &Counter, block: usize, codes: &mut Vec<u32>, out: &mut Vec<u64>) -> Result<()> {
        let events = match self {
            Self::Counters(counters) => return counters.sums(counter, block, out),
            Self::Events(events) => events,
        };
        match counter {
            Counter::Events => {
                out.clear();
                out.resize(self.block_len(block), 1);
            }
            Counter::Errors => self.statuses("error", block, codes, out)?,
            Counter::Cancelled => self.statuses("cancelled", block, codes, out)?,
            Counter::Retries => {
                events.quantities(&Quantity::Number(Number::RetryDepth), block, out)?;
                out.iter_mut().for_each(|depth| *depth = u64::from(*depth > 1));
            }
            Counter::Meter(meter) => present(events, &Quantity::Meter(meter.clone()), block, out)?,
            Counter::Number(number) => present(events, &Quantity::Number(*number), block, out)?,
            Counter::NumberEvents(number) => {
                events.quantities(&Quantity::Number(*number), block, out)?;
                out.iter_mut().for_each(|value| *value = u64::from(*value > 0));
            }
            Counter::ContextBand => present(events, &Quantity::ContextBand, block, out)?,
        }
        Ok(())
    }

    /// How many events of each row of a block carry a dimension.
    pub(super) fn carrying(
        self,
        dimension: Dimension,
        block: usize,
        codes: &mut Vec<u32>,
        out: &mut Vec<u64>,
    ) -> Result<()> {
        self.adds(&Counter::Events, block, codes, out)?;
        self.codes(dimension, block, codes)?;
        out.iter_mut().zip(codes).for_each(|(events, code)| *events *= u64::from(*code != 0));
        Ok(())
    }

    fn statuses(self, status: &str, block: usize, codes: &mut Vec<u32>, out: &mut Vec<u64>) -> Result<()> {
        let code = self.dictionary(Dimension::Status)?.find(status);
        self.codes(Dimension::Status, block, codes)?;
        out.clear();
        out.extend(codes.iter().map(|one| u64::from(Some(*one) == code)));
        Ok(())
    }
}

/// Reads quantities with absent as 0.
fn present(events: &dyn EventRows, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
    events.quantities(quantity, block, out)?;
    out.iter_mut().for_each(|value| *value = value.saturating_sub(1));
    Ok(())
}
