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
    /// Adds what each row adds, for as many slots as there are.
    pub(super) fn add(&mut self, rows: &SlotsOfRows, adds: &[u64], slots: usize) {
        self.narrow.resize(slots, 0);
        // Not below any of them.
        let any = adds.iter().fold(0, |any, add| any | add);
        let most = u128::from(any) * adds.len() as u128;
        if most == 0 {
            return;
        }
        let Ok(most) = u64::try_from(most) else {
            self.wide.resize(slots, 0);
            return rows.slots.iter().zip(adds).for_each(|(slot, add)| self.wide[*slot as usize] += u128::from(*add));
        };
        self.bound = self.bound.checked_add(most).unwrap_or_else(|| {
            self.widen();
            most
        });
        if rows.runs.is_empty() {
            rows.slots.iter().zip(adds).for_each(|(slot, add)| self.narrow[*slot as usize] += add);
            return;
        }
        let mut start = 0;
        for (slot, end) in &rows.runs {
            self.narrow[*slot as usize] += adds[start..*end as usize].iter().sum::<u64>();
            start = *end as usize;
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
                sums.add(&rows, &each().map(|(_, add)| add).collect::<Vec<_>>(), 3);
                each().for_each(|(slot, add)| expected[slot as usize] += u128::from(add));
            }
            prop_assert_eq!([0, 1, 2].map(|slot| sums.get(slot)), expected);
        }
    }
}
