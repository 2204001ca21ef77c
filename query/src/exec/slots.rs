//! Numbers the distinct combinations of several columns of codes.

use hashbrown::HashMap;

/// Combined keys below this are looked up in an array, others in a hash table.
const DENSE_KEYS: usize = 1 << 18;
const UNKNOWN: u32 = u32::MAX;
/// How many keys of the hash table are kept at hand; a power of two.
const RECENT: usize = 1 << 12;
/// 2⁶⁴ over the golden ratio, which spreads keys that lie close together.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Gives every combination of codes a small number, its slot, in the order of first sight.
///
/// Codes are combined into one integer by mixed radix. Where the radixes of all columns do not fit
/// 64 bits, the columns so far are numbered first and take part as one column of 32 bits.
pub(super) struct Slots {
    stages: Vec<Stage>,
    columns: usize,
    /// The codes of each slot, one after the other.
    codes: Vec<u32>,
    keys: Vec<u64>,
    between: Vec<u32>,
}

struct Stage {
    /// Column and the factor of its code.
    factors: Vec<(usize, u64)>,
    /// The factor of the slot of the stage before.
    carry: u64,
    numbers: Numbers,
}

/// Numbers distinct integers.
#[derive(Default)]
struct Numbers {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    /// Keys of the hash table with their numbers, by some of their bits.
    recent: Vec<(u64, u32)>,
    count: u32,
}

impl Slots {
    /// For columns whose codes are below their `domains`. A column with a wide domain but small
    /// codes is best last: its factor is the largest.
    pub(super) fn new(domains: &[u64]) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let mut stage = Stage { factors: Vec::new(), carry: 0, numbers: Numbers::default() };
        let mut radix: u64 = 1;
        for (column, domain) in domains.iter().enumerate() {
            if radix.checked_mul(*domain).is_none() {
                let carry = Stage { factors: Vec::new(), carry: 1, numbers: Numbers::default() };
                stages.push(std::mem::replace(&mut stage, carry));
                radix = 1 << 32;
            }
            stage.factors.push((column, radix));
            radix = radix.saturating_mul(*domain);
        }
        stages.push(stage);
        Self { stages, columns: domains.len(), codes: Vec::new(), keys: Vec::new(), between: Vec::new() }
    }

    /// How many combinations were seen.
    pub(super) fn len(&self) -> usize {
        self.stages.last().map_or(0, |stage| stage.numbers.count as usize)
    }

    /// Bytes that a slot takes, estimated.
    pub(super) fn bytes_per_slot(&self) -> usize {
        self.columns * size_of::<u32>() + self.stages.len() * 24
    }

    /// The codes of a slot.
    pub(super) fn codes(&self, slot: usize) -> &[u32] {
        &self.codes[slot * self.columns..][..self.columns]
    }

    /// Replaces `out` by the slots of `rows` rows.
    pub(super) fn number(&mut self, columns: &[Vec<u32>], rows: usize, out: &mut Vec<u32>) {
        out.clear();
        let last = self.stages.len() - 1;
        for (at, stage) in self.stages.iter_mut().enumerate() {
            let one = stage.combine(columns, &self.between, rows, &mut self.keys);
            let Stage { numbers, .. } = stage;
            if at < last {
                self.between.clear();
                self.between.extend(self.keys.iter().map(|key| numbers.number(*key).0));
                continue;
            }
            let codes = &mut self.codes;
            let mut number = |row: usize, key: u64| {
                let (slot, is_new) = numbers.number(key);
                if is_new {
                    codes.extend(columns.iter().map(|column| column[row]));
                }
                slot
            };
            match one {
                Some(key) if rows > 0 => out.resize(rows, number(0, key)),
                _ => out.extend(self.keys.iter().enumerate().map(|(row, key)| number(row, *key))),
            }
        }
    }
}

impl Stage {
    /// Replaces `keys` by the combined codes of each row; returns the only one where all rows have the same.
    fn combine(&self, columns: &[Vec<u32>], between: &[u32], rows: usize, keys: &mut Vec<u64>) -> Option<u64> {
        let mut same = 0;
        let mut varying = false;
        keys.clear();
        if self.carry > 0 {
            keys.extend(between.iter().map(|slot| u64::from(*slot) * self.carry));
            varying = true;
        }
        for (column, factor) in &self.factors {
            let codes = &columns[*column];
            match codes.first() {
                Some(first) if codes.iter().all(|code| code == first) => same += u64::from(*first) * factor,
                _ if varying => {
                    keys.iter_mut().zip(codes).for_each(|(key, code)| *key += u64::from(*code) * factor);
                }
                _ => {
                    keys.extend(codes.iter().map(|code| u64::from(*code) * factor));
                    varying = true;
                }
            }
        }
        if !varying {
            keys.resize(rows, same);
            return Some(same);
        }
        if same > 0 {
            keys.iter_mut().for_each(|key| *key += same);
        }
        None
    }
}

impl Numbers {
    /// The number of a key, and whether it is new.
    #[inline]
    fn number(&mut self, key: u64) -> (u32, bool) {
        match usize::try_from(key).ok().and_then(|key| self.dense.get(key)) {
            Some(number) if *number != UNKNOWN => (*number, false),
            _ => self.find(key),
        }
    }

    fn find(&mut self, key: u64) -> (u32, bool) {
        let next = self.count;
        let number = match usize::try_from(key) {
            Ok(key) if key < DENSE_KEYS => {
                if self.dense.len() <= key {
                    self.dense.resize((key + 1).next_power_of_two(), UNKNOWN);
                }
                self.dense[key] = next;
                next
            }
            _ => self.find_sparse(key),
        };
        self.count += u32::from(number == next);
        (number, number == next)
    }

    /// Rows that lie together have few keys among them, so the last ones are tried before the hash table.
    fn find_sparse(&mut self, key: u64) -> u32 {
        if self.recent.is_empty() {
            self.recent.resize(RECENT, (0, UNKNOWN));
        }
        let place = (key.wrapping_mul(SPREAD) >> (u64::BITS - RECENT.trailing_zeros())) as usize;
        let recent = &mut self.recent[place];
        if *recent == (key, recent.1) && recent.1 != UNKNOWN {
            return recent.1;
        }
        let number = *self.sparse.entry(key).or_insert(self.count);
        *recent = (key, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_combinations_get_equal_slots_and_others_do_not(
            rows in prop::collection::vec((0..3_u32, 0..4_u32, 0..3_u32, 0..2_u32), 0..60),
            wide in prop::collection::vec(prop::sample::select(vec![5_u64, 1 << 20, 1 << 32]), 4),
        ) {
            // Codes near the ends of the domains exercise the hash table and several stages.
            let spread = |code: u32, domain: u64| if code == 2 { u32::try_from(domain - 1).unwrap() } else { code };
            let columns: Vec<Vec<u32>> = vec![
                rows.iter().map(|row| spread(row.0, wide[0])).collect(),
                rows.iter().map(|row| spread(row.1, wide[1])).collect(),
                rows.iter().map(|row| spread(row.2, wide[2])).collect(),
                rows.iter().map(|row| spread(row.3, wide[3])).collect(),
            ];
            let mut slots = Slots::new(&wide);
            let mut numbers = Vec::new();
            slots.number(&columns, rows.len(), &mut numbers);
            let distinct: std::collections::BTreeSet<_> = (0..rows.len()).map(|row| columns.iter().map(|c| c[row]).collect::<Vec<_>>()).collect();
            prop_assert_eq!(slots.len(), distinct.len());
            for (row, slot) in numbers.iter().enumerate() {
                let expected: Vec<u32> = columns.iter().map(|column| column[row]).collect();
                prop_assert_eq!(slots.codes(*slot as usize), &expected[..]);
            }
        }
    }

    #[test]
    fn a_stage_has_room_for_every_slot_of_the_one_before() {
        let rows = 70_000;
        let columns = vec![(0..rows).collect(), (0..rows).map(|row| u32::from(row < 65_536)).collect()];
        let mut slots = Slots::new(&[1 << 40, 1 << 32]);
        let mut numbers = Vec::new();
        slots.number(&columns, rows as usize, &mut numbers);
        assert_eq!((slots.len(), slots.stages.len()), (rows as usize, 2));
    }

    #[test]
    fn without_columns_there_is_one_slot() {
        let mut slots = Slots::new(&[]);
        let mut numbers = Vec::new();
        slots.number(&[], 3, &mut numbers);
        assert_eq!((numbers, slots.len()), (vec![0, 0, 0], 1));
    }
}
