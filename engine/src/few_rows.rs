//! A few rows of a part as rows of their own.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::event::Event;
use crate::limits::BLOCK_ROWS;
use crate::rows::{EventRows, Part, Quantity, TagSets, Zone, ZoneColumn};
use crate::schema::{Dimension, Meter, Text};
use crate::time::Timestamp;

/// Some rows of others, with the dictionaries of all of them. Nothing of the rows between is decoded where single
/// values can be read, so what is asked about one job costs what that job's rows do.
pub struct FewRows {
    all: Arc<dyn EventRows>,
    /// Ascending.
    rows: Vec<u32>,
}

impl FewRows {
    /// The rows of a part that count and are among `rows`, as a part without counters.
    pub fn of(part: &Part, rows: &RoaringBitmap) -> Part {
        let rows = (rows - &*part.hidden).into_iter().collect();
        Part::of(Arc::new(Self { all: Arc::clone(&part.events), rows }))
    }

    /// Replaces `out` by what `read` gives for the rows of a block: it is asked for some rows of a block of all at a time.
    fn each<T>(
        &self,
        block: usize,
        out: &mut Vec<T>,
        read: impl Fn(usize, &[u32], &mut Vec<T>) -> Result<()>,
    ) -> Result<()> {
        out.clear();
        let start = (block * BLOCK_ROWS).min(self.rows.len());
        let rows = &self.rows[start..self.rows.len().min(start + BLOCK_ROWS)];
        let of = |row: u32| row as usize / BLOCK_ROWS;
        let (mut within, mut values) = (Vec::new(), Vec::new());
        for rows in rows.chunk_by(|one, next| of(*one) == of(*next)) {
            within.clear();
            within.extend(rows.iter().map(|row| row % BLOCK_ROWS as u32));
            read(of(rows[0]), &within, &mut values)?;
            out.append(&mut values);
        }
        Ok(())
    }
}

impl EventRows for FewRows {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn time_range(&self) -> (Timestamp, Timestamp) {
        self.all.time_range()
    }

    fn dictionary(&self, dimension: Dimension) -> Result<Arc<Dictionary>> {
        self.all.dictionary(dimension)
    }

    fn find(&self, dimension: Dimension, value: &str) -> Result<Option<u32>> {
        self.all.find(dimension, value)
    }

    fn codes(&self, dimension: Dimension, block: usize, out: &mut Vec<u32>) -> Result<()> {
        self.each(block, out, |of, rows, out| self.all.codes_of(dimension, of, rows, out))
    }

    fn times(&self, block: usize, out: &mut Vec<i64>) -> Result<()> {
        self.each(block, out, |of, rows, out| self.all.times_of(of, rows, out))
    }

    fn quantities(&self, quantity: &Quantity, block: usize, out: &mut Vec<u64>) -> Result<()> {
        self.each(block, out, |of, rows, out| self.all.quantities_of(quantity, of, rows, out))
    }

    fn meters(&self) -> Vec<Meter> {
        self.all.meters()
    }

    fn tag_sets(&self) -> Result<Arc<TagSets>> {
        self.all.tag_sets()
    }

    fn tag_set_codes(&self, block: usize, out: &mut Vec<u32>) -> Result<()> {
        self.each(block, out, |of, rows, out| self.all.tag_set_codes_of(of, rows, out))
    }

    fn tag_columns(&self) -> Vec<Text> {
        self.all.tag_columns()
    }

    fn tag_dictionary(&self, key: &str) -> Result<Arc<Dictionary>> {
        self.all.tag_dictionary(key)
    }

    fn tag_codes(&self, key: &str, block: usize, out: &mut Vec<u32>) -> Result<()> {
        self.each(block, out, |of, rows, out| self.all.tag_codes_of(key, of, rows, out))
    }

    fn zone(&self, _column: ZoneColumn<'_>, _block: usize) -> Option<Zone> {
        None
    }

    fn rows_with(&self, _dimension: Dimension, _code: u32) -> Result<Option<Arc<RoaringBitmap>>> {
        Ok(None)
    }

    fn event(&self, row: usize) -> Result<Event> {
        self.all.event(self.rows[row] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::schema::{Number, TokenMeter};

    #[test]
    fn a_few_rows_say_what_they_say_among_all() {
        let mut builder = BatchBuilder::default();
        for n in 0..40_000_u64 {
            let event = Event::new(format!("e{n}"), Timestamp::from_seconds(n.cast_signed()));
            let event = event.with(Dimension::JobId, format!("j{}", n % 500)).used(TokenMeter::Input, n);
            builder.push(&event);
        }
        let all: Arc<dyn EventRows> = Arc::new(builder.finish());
        let hidden = Arc::new((0..40_000).step_by(7).collect());
        let part = Part { hidden: Arc::clone(&hidden), ..Part::of(Arc::clone(&all)) };
        let picked: RoaringBitmap = (100..39_000).collect();
        let few = FewRows::of(&part, &picked);
        let expected: Vec<u32> = picked.iter().filter(|row| !hidden.contains(*row)).collect();
        assert_eq!((few.len(), few.events.rows()), (expected.len(), expected.len()));
        let (mut codes, mut inputs, mut missing, mut at) = (0, Vec::new(), Vec::new(), Vec::new());
        for block in 0..few.events.rows().div_ceil(BLOCK_ROWS) {
            let (mut jobs, mut times, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
            few.events.codes(Dimension::JobId, block, &mut jobs).expect("memory");
            few.events.times(block, &mut times).expect("memory");
            few.events.quantities(&Quantity::Meter(TokenMeter::Input.into()), block, &mut numbers).expect("memory");
            few.events.quantities(&Quantity::Number(Number::TtftMs), block, &mut missing).expect("memory");
            assert!(missing.iter().all(|stored| *stored == 0));
            codes += jobs.len();
            inputs.extend(numbers);
            at.extend(times);
        }
        assert_eq!(codes, expected.len());
        assert!(inputs.iter().map(|stored| *stored - 1).eq(expected.iter().map(|row| u64::from(*row))));
        assert!(at.iter().map(|at| at / 1_000_000).eq(expected.iter().map(|row| i64::from(*row))));
        let event = few.events.event(3).expect("memory");
        assert_eq!(event, all.event(expected[3] as usize).expect("memory"));
        assert_eq!(few.events.find(Dimension::JobId, "j9").expect("memory"), Some(10));
    }
}
