//! Events and counters as the same kind of rows: keys, what each row adds, and its span of time.

use std::sync::Arc;

use quipu_engine::dictionary::Dictionary;
use quipu_engine::limits::BLOCK_ROWS;
use quipu_engine::rows::{Counter, CounterRows, EventRows, Quantity, Zone, ZoneColumn, time_of_zone};
use quipu_engine::{Dimension, Meter, Number, Result};

use super::selected::Selected;

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
        if let (Rows::Events(events), Some(sparse)) = (rows, selected.sparse()) {
            self.one_instant = true;
            return events.times_of(block, sparse, &mut self.first);
        }
        rows.spans(block, self)?;
        selected.compact(&mut self.first);
        if !self.one_instant {
            selected.compact(&mut self.last);
        }
        Ok(())
    }
}

/// How the values that were read of rows say what the rows add to a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing was read: no row adds anything.
    Nothing,
    /// Nothing was read: every row adds 1.
    One,
    /// Each adds its value.
    Sum,
    /// Each adds the quantity that its value stores.
    Stored,
    /// Each whose value is above that adds 1.
    Above(u64),
}

impl Reading {
    /// What a row adds by its value, of which it is no more.
    #[inline]
    pub(super) fn of(self, value: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::One => 1,
            Self::Sum => value,
            Self::Stored => value.saturating_sub(1),
            Self::Above(least) => u64::from(value > least),
        }
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

    pub(super) fn find(self, dimension: Dimension, value: &str) -> Result<Option<u32>> {
        match self {
            Self::Events(events) => events.find(dimension, value),
            Self::Counters(counters) => Ok(counters.dictionary(dimension)?.find(value)),
        }
    }

    pub(super) fn codes(self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::Events(events) => events.codes(dimension, block, out),
            Self::Counters(counters) => counters.codes(dimension, block, out),
        }
    }

    /// Replaces `out` by the codes of the selected rows.
    pub(super) fn codes_of(
        self,
        dimension: Dimension,
        block: usize,
        selected: &Selected,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        if let (Self::Events(events), Some(sparse)) = (self, selected.sparse()) {
            return events.codes_of(dimension, block, sparse, out);
        }
        self.codes(dimension, block, out)?;
        selected.compact(out);
        Ok(())
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

    /// The context band of each selected row.
    pub(super) fn bands(
        self,
        block: usize,
        selected: &Selected,
        buffer: &mut Vec<u64>,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let absent = match self {
            Self::Events(events) => {
                selected.quantities(events, &Quantity::ContextBand, block, buffer)?;
                1
            }
            Self::Counters(counters) => {
                counters.sums(&Counter::ContextBand, block, buffer)?;
                selected.compact(buffer);
                0
            }
        };
        out.clear();
        out.extend(buffer.iter().map(|band| u32::try_from(band.saturating_sub(absent)).unwrap_or(u32::MAX)));
        Ok(())
    }

    /// Replaces `out` by what says how much each selected row adds to a sum, and how it says that.
    pub(super) fn read(
        self,
        counter: &Counter,
        block: usize,
        selected: &Selected,
        codes: &mut Vec<u32>,
        out: &mut Vec<u64>,
    ) -> Result<Reading> {
        let events = match self {
            Self::Counters(counters) => {
                counters.sums(counter, block, out)?;
                selected.compact(out);
                return Ok(Reading::Sum);
            }
            Self::Events(events) => events,
        };
        let (quantity, reading) = match counter {
            Counter::Events => return Ok(Reading::One),
            Counter::Errors => return self.statuses("error", block, selected, codes, out).map(|()| Reading::Sum),
            Counter::Cancelled => {
                return self.statuses("cancelled", block, selected, codes, out).map(|()| Reading::Sum);
            }
            Counter::Lacking(dimension) => {
                self.codes_of(*dimension, block, selected, codes)?;
                out.clear();
                out.extend(codes.iter().map(|code| u64::from(*code == 0)));
                return Ok(Reading::Sum);
            }
            Counter::Retries => (Quantity::Number(Number::RetryDepth), Reading::Above(1)),
            Counter::Meter(meter) => (Quantity::Meter(meter.clone()), Reading::Stored),
            Counter::Number(number) => (Quantity::Number(*number), Reading::Stored),
            Counter::NumberEvents(number) => (Quantity::Number(*number), Reading::Above(0)),
            Counter::ContextBand => (Quantity::ContextBand, Reading::Stored),
        };
        let least = if reading == Reading::Above(0) { 1 } else { 2 };
        if events.zone(ZoneColumn::Quantity(&quantity), block).is_some_and(|zone| zone.max < least) {
            return Ok(Reading::Nothing);
        }
        selected.quantities(events, &quantity, block, out)?;
        Ok(reading)
    }

    /// What each selected row adds to a sum.
    pub(super) fn adds(
        self,
        counter: &Counter,
        block: usize,
        selected: &Selected,
        codes: &mut Vec<u32>,
        out: &mut Vec<u64>,
    ) -> Result<()> {
        let constant = match self.read(counter, block, selected, codes, out)? {
            Reading::Nothing => 0,
            Reading::One => 1,
            reading => {
                out.iter_mut().for_each(|value| *value = reading.of(*value));
                return Ok(());
            }
        };
        out.clear();
        out.resize(selected.len, constant);
        Ok(())
    }

    /// Replaces `out` by how many events of each selected row carry a dimension, and how it says that.
    pub(super) fn carrying(
        self,
        dimension: Dimension,
        block: usize,
        selected: &Selected,
        codes: &mut Vec<u32>,
        out: &mut Vec<u64>,
    ) -> Result<Reading> {
        if let Self::Counters(counters) = self {
            let mut lacking = Vec::new();
            counters.sums(&Counter::Events, block, out)?;
            counters.sums(&Counter::Lacking(dimension), block, &mut lacking)?;
            out.iter_mut().zip(lacking).for_each(|(events, lacking)| *events = events.saturating_sub(lacking));
            selected.compact(out);
            return Ok(Reading::Sum);
        }
        let reading = self.present(dimension, block, selected, codes)?;
        out.clear();
        out.extend(codes.iter().map(|code| u64::from(*code != 0)));
        Ok(reading)
    }

    /// Replaces `codes` by those of a dimension in the selected rows, unless all of the block carry it, or none does.
    pub(super) fn present(
        self,
        dimension: Dimension,
        block: usize,
        selected: &Selected,
        codes: &mut Vec<u32>,
    ) -> Result<Reading> {
        codes.clear();
        let zone = match self {
            Self::Events(events) => events.zone(ZoneColumn::Codes(dimension), block),
            Self::Counters(_) => None,
        };
        match zone {
            Some(Zone { max: 0, .. }) => Ok(Reading::Nothing),
            Some(Zone { min: 1.., .. }) => Ok(Reading::One),
            _ => self.codes_of(dimension, block, selected, codes).map(|()| Reading::Sum),
        }
    }

    fn statuses(
        self,
        status: &str,
        block: usize,
        selected: &Selected,
        codes: &mut Vec<u32>,
        out: &mut Vec<u64>,
    ) -> Result<()> {
        let code = self.dictionary(Dimension::Status)?.find(status);
        self.codes_of(Dimension::Status, block, selected, codes)?;
        out.clear();
        out.extend(codes.iter().map(|one| u64::from(Some(*one) == code)));
        Ok(())
    }
}
