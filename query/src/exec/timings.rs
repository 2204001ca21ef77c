//! Exact minima, maxima and percentiles: the distinct values of each group with their counts.

use crate::measure::Statistic;
use crate::value::Value;

/// Values of groups, sorted and counted now and then so that memory follows the distinct ones.
#[derive(Default)]
pub(super) struct Timings {
    entries: Vec<Entry>,
    tidy: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    group: u32,
    value: u64,
    count: u64,
}

/// Entries below this are not worth tidying.
const FEW: usize = 1 << 16;

impl Timings {
    pub(super) fn push(&mut self, group: u32, value: u64, count: u64) {
        self.entries.push(Entry { group, value, count });
        if self.entries.len() >= FEW.max(self.tidy * 2) {
            self.sort();
        }
    }

    /// Sorts by group and value, and makes equal entries one.
    pub(super) fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup_by(|next, kept| {
            let same = (next.group, next.value) == (kept.group, kept.value);
            if same {
                kept.count += next.count;
            }
            same
        });
        self.tidy = self.entries.len();
    }

    /// The values of one group; only after [`Self::sort`].
    pub(super) fn of(&self, group: u32) -> Values<'_> {
        let start = self.entries.partition_point(|entry| entry.group < group);
        let end = start + self.entries[start..].partition_point(|entry| entry.group == group);
        Values(&self.entries[start..end])
    }

    /// The same values with other groups.
    pub(super) fn regroup(&self, group_of: impl Fn(u32) -> u32, into: &mut Self) {
        for entry in &self.entries {
            into.push(group_of(entry.group), entry.value, entry.count);
        }
    }
}

/// The sorted values of one group.
pub(super) struct Values<'a>(&'a [Entry]);

impl Values<'_> {
    pub(super) fn statistic(&self, statistic: Statistic) -> Value {
        let all: u64 = self.0.iter().map(|entry| entry.count).sum();
        let rank = match statistic {
            Statistic::Minimum | Statistic::Average => 1,
            Statistic::Maximum => all,
            Statistic::Percentile(percent) => (u128::from(all) * u128::from(percent)).div_ceil(100).max(1) as u64,
        };
        let mut below = 0;
        for entry in self.0 {
            below += entry.count;
            if below >= rank {
                return Value::Count(u128::from(entry.value));
            }
        }
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let mut timings = Timings::default();
        for value in [50, 15, 20, 35, 40, 40] {
            timings.push(7, value, 1);
            timings.push(8, 1, 1);
        }
        timings.sort();
        let of = |statistic| timings.of(7).statistic(statistic).to_string();
        let percentiles = [1, 17, 50, 51, 95, 100].map(|percent| of(Statistic::Percentile(percent)));
        assert_eq!(percentiles, ["15", "20", "35", "40", "50", "50"]);
        assert_eq!((of(Statistic::Minimum), of(Statistic::Maximum)), ("15".into(), "50".into()));
        assert!(timings.of(9).statistic(Statistic::Maximum).is_null());
    }
}
