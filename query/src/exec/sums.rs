//! What the rows of each slot add up to.

/// Rows in runs of a slot are at least this long on average where they are added run by run.
const LONG: usize = 8;

/// The slot of each row of a block.
#[derive(Default)]
pub(super) struct SlotsOfRows {
    pub(super) slots: Vec<u32>,
    /// Slots with the end of each run of rows that have it; empty where runs are short.
    runs: Vec<(u32, u32)>,
}

impl SlotsOfRows {
    /// Looks for runs; to be called once the slots are known.
    pub(super) fn find_runs(&mut self) {
        self.runs.clear();
        let (Some(last), ends) = (self.slots.last(), self.slots.iter().zip(&self.slots[1.min(self.slots.len())..]))
        else {
            return;
        };
        if (ends.clone().filter(|(slot, next)| slot != next).count() + 1) * LONG <= self.slots.len() {
            let ends = (1..).zip(ends).filter(|(_, (slot, next))| slot != next).map(|(end, (slot, _))| (*slot, end));
            self.runs.extend(ends);
            self.runs.push((*last, u32::try_from(self.slots.len()).unwrap_or(u32::MAX)));
        }
    }
}

/// One sum per slot. Each is kept in 64 bits for as long as it is certain to fit, and in 128 bits beyond.
#[derive(Default)]
pub(super) struct Sums {
    narrow: Vec<u64>,
    /// No narrow sum is above this.
    bound: u64,
    /// What comes on top; empty while nothing does.
    wide: Vec<u128>,
}

impl Sums {
    /// Adds what `add` makes of the value of each row, which is no more than the value, for as many slots as there are.
    #[inline]
    pub(super) fn add(&mut self, rows: &SlotsOfRows, values: &[u64], slots: usize, add: impl Fn(u64) -> u64) {
        self.narrow.resize(slots, 0);
        // Not below any of them.
        let any = values.iter().fold(0, |any, value| any | value);
        let most = u128::from(any) * values.len() as u128;
        if most == 0 {
            return;
        }
        let Ok(most) = u64::try_from(most) else {
            self.wide.resize(slots, 0);
            let wide = &mut self.wide;
            return rows
                .slots
                .iter()
                .zip(values)
                .for_each(|(slot, value)| wide[*slot as usize] += u128::from(add(*value)));
        };
        self.bound = self.bound.checked_add(most).unwrap_or_else(|| {
            self.widen();
            most
        });
        if rows.runs.is_empty() {
            let narrow = &mut self.narrow[..slots];
            return rows.slots.iter().zip(values).for_each(|(slot, value)| narrow[*slot as usize] += add(*value));
        }
        let mut start = 0;
        for (slot, end) in &rows.runs {
            self.narrow[*slot as usize] += values[start..*end as usize].iter().map(|value| add(*value)).sum::<u64>();
            start = *end as usize;
        }
    }

    /// Adds one for each row.
    pub(super) fn count(&mut self, rows: &SlotsOfRows, slots: usize) {
        self.narrow.resize(slots, 0);
        self.bound = self.bound.checked_add(rows.slots.len() as u64).unwrap_or_else(|| {
            self.widen();
            rows.slots.len() as u64
        });
        if rows.runs.is_empty() {
            return rows.slots.iter().for_each(|slot| self.narrow[*slot as usize] += 1);
        }
        let mut start = 0;
        for (slot, end) in &rows.runs {
            self.narrow[*slot as usize] += u64::from(end - start);
            start = *end;
        }
    }

    fn widen(&mut self) {
        self.wide.resize(self.narrow.len(), 0);
        self.wide
            .iter_mut()
            .zip(&mut self.narrow)
            .for_each(|(wide, narrow)| *wide += u128::from(std::mem::take(narrow)));
    }

    /// The sum of a slot.
    pub(super) fn get(&self, slot: usize) -> u128 {
        let [narrow, wide] = [self.narrow.get(slot).map(|sum| (*sum).into()), self.wide.get(slot).copied()];
        narrow.unwrap_or(0) + wide.unwrap_or(0)
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.narrow.capacity() * size_of::<u64>() + self.wide.capacity() * size_of::<u128>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_exact_in_runs_and_beyond_64_bits(
            blocks in prop::collection::vec(
                prop::collection::vec((0..3_u32, 1..30_usize, prop_oneof![Just(0), 0..9_u64, any::<u64>()]), 0..20), 1..6,
            ),
        ) {
            let (mut sums, mut expected) = (Sums::default(), [0_u128; 3]);
            for block in blocks {
                let each = || block.iter().flat_map(|(slot, rows, add)| std::iter::repeat_n((*slot, *add), *rows));
                let mut rows = SlotsOfRows { slots: each().map(|(slot, _)| slot).collect(), runs: Vec::new() };
                rows.find_runs();
                sums.add(&rows, &each().map(|(_, add)| add).collect::<Vec<_>>(), 3, |value| value / 2);
                sums.count(&rows, 3);
                each().for_each(|(slot, add)| expected[slot as usize] += u128::from(add / 2) + 1);
            }
            prop_assert_eq!([0, 1, 2].map(|slot| sums.get(slot)), expected);
        }
    }
}
