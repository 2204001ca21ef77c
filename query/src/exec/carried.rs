//! Counts the events that carry each of several dimensions.
//!
//! Where slots are few, eight dimensions become one set per row, and one counter per slot and set is raised instead of
//! eight sums.

use quipu_engine::{Dimension, Result};

use super::rows::{Reading, Rows};
use super::selected::Selected;
use super::sums::{SlotsOfRows, Sums};

/// So many dimensions fit the set of a row.
const TOGETHER: usize = 8;
const SETS: usize = 1 << TOGETHER;
/// With more slots, the counters of their sets would leave the nearest cache.
const SLOTS_MOST: usize = 64;

/// Space that is used again from block to block.
#[derive(Default)]
pub(super) struct Carrying {
    sets: Vec<u8>,
    /// Per slot, per set.
    counts: Vec<u32>,
    /// Each slot once.
    slots: SlotsOfRows,
    /// Per dimension, per slot.
    events: Vec<Vec<u64>>,
    codes: Vec<u32>,
    adds: Vec<u64>,
}

impl Carrying {
    /// Adds the selected rows of a block, which have these of so many slots, to the sums of each dimension.
    pub(super) fn add(
        &mut self,
        (rows, block): (Rows<'_>, usize),
        selected: &Selected,
        (of_rows, slots): (&SlotsOfRows, usize),
        dimensions: &[Dimension],
        sums: &mut [Sums],
    ) -> Result<()> {
        let together = dimensions.len() > 1 && slots <= SLOTS_MOST && matches!(rows, Rows::Events(_));
        for (dimensions, sums) in dimensions.chunks(TOGETHER).zip(sums.chunks_mut(TOGETHER)) {
            if together {
                self.read_sets((rows, block), selected, dimensions)?;
                self.count(of_rows, slots, sums);
                continue;
            }
            for (dimension, sum) in dimensions.iter().zip(sums) {
                match rows.carrying(*dimension, block, selected, &mut self.codes, &mut self.adds)? {
                    Reading::Nothing => {}
                    Reading::One => sum.count(of_rows, slots),
                    _ => sum.add(of_rows, &self.adds, slots, |add| add),
                }
            }
        }
        Ok(())
    }

    /// The set of dimensions that each selected row carries.
    fn read_sets(&mut self, (rows, block): (Rows<'_>, usize), selected: &Selected, of: &[Dimension]) -> Result<()> {
        self.sets.clear();
        self.sets.resize(selected.len, 0);
        for (bit, dimension) in of.iter().enumerate() {
            match rows.present(*dimension, block, selected, &mut self.codes)? {
                Reading::Nothing => {}
                Reading::One => self.sets.iter_mut().for_each(|set| *set |= 1 << bit),
                _ => {
                    let sets = self.sets.iter_mut().zip(&self.codes);
                    sets.for_each(|(set, code)| *set |= u8::from(*code != 0) << bit);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, of_rows: &SlotsOfRows, slots: usize, sums: &mut [Sums]) {
        self.counts.clear();
        self.counts.resize(slots * SETS, 0);
        for (slot, set) in of_rows.slots.iter().zip(&self.sets) {
            self.counts[*slot as usize * SETS + usize::from(*set)] += 1;
        }
        self.events.clear();
        self.events.resize_with(sums.len(), || vec![0; slots]);
        for (at, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (slot, set) = (at / SETS, at % SETS);
            let carried = self.events.iter_mut().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
            carried.for_each(|(_, events)| events[slot] += u64::from(*count));
        }
        self.slots.slots.clear();
        self.slots.slots.extend((0..).take(slots));
        for (sum, events) in sums.iter_mut().zip(&self.events) {
            sum.add(&self.slots, events, slots, |events| events);
        }
    }
}
