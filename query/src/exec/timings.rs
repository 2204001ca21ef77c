//! Minima, maxima and percentiles of numbers, per group.

use std::collections::BTreeSet;

use super::ranks::select;
use super::sketch::Sketch;
use crate::measure::Statistic;
use crate::query::Precision;
use crate::value::Value;

/// Groups of at most this many values are always exact.
pub(super) const EXACT_VALUES: usize = 4_096;
/// What percentiles of larger groups may be off by, in words.
pub(super) const SKETCH_ERROR: &str = "DDSketch, within 0.4 % of each value";
/// Decimals shown of percentiles and mean times.
pub(super) const TIME_DIGITS: u8 = 3;

/// The values of one group: all of them, or a sketch of them. Which it is depends on nothing but
/// how many there are.
#[derive(Clone, Debug)]
pub(super) enum Values {
    All(Vec<u64>),
    Sketch(Box<Sketch>),
}

impl Default for Values {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Values {
    pub(super) fn push(&mut self, value: u64, precision: Precision) {
        match self {
            Self::All(values) => {
                values.push(value);
                if precision == Precision::Auto && values.len() > EXACT_VALUES {
                    *self = Self::Sketch(Box::new(sketch(values)));
                }
            }
            Self::Sketch(sketch) => sketch.push(value),
        }
    }

    pub(super) fn add(&mut self, other: Self, precision: Precision) {
        match (&mut *self, other) {
            (Self::All(values), Self::All(more)) => {
                if values.is_empty() {
                    *values = more
                } else {
                    values.extend(more)
                };
                if precision == Precision::Auto && values.len() > EXACT_VALUES {
                    *self = Self::Sketch(Box::new(sketch(values)));
                }
            }
            (Self::Sketch(sum), Self::All(more)) => more.into_iter().for_each(|value| sum.push(value)),
            (Self::Sketch(sum), Self::Sketch(more)) => sum.add(&more),
            (Self::All(values), Self::Sketch(mut sum)) => {
                values.iter().for_each(|value| sum.push(*value));
                *self = Self::Sketch(sum);
            }
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Self::All(_))
    }

    /// How many values there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::All(values) => values.len() as u64,
            Self::Sketch(sketch) => sketch.count(),
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::All(values) => values.capacity() * size_of::<u64>(),
            Self::Sketch(sketch) => size_of::<Sketch>() + sketch.bytes(),
        }
    }
}

fn sketch(values: &[u64]) -> Sketch {
    let mut sketch = Sketch::default();
    values.iter().for_each(|value| sketch.push(*value));
    sketch
}

/// What statistics are made of: how many values some groups have together, and those of the ranks that are asked for.
pub(super) struct Ranked {
    count: u64,
    /// Ranks, ascending, with their values.
    known: Vec<(u64, u64)>,
}

impl Ranked {
    /// The ranks that some statistics need of the values of several groups.
    pub(super) fn of<'v>(
        groups: impl Iterator<Item = &'v Values> + Clone,
        statistics: &[Statistic],
        precision: Precision,
    ) -> Self {
        let count = groups.clone().map(Values::len).sum();
        let Some(last) = u64::checked_sub(count, 1) else { return Self { count, known: Vec::new() } };
        let ranks: BTreeSet<u64> = statistics.iter().flat_map(|statistic| ranks_of(*statistic, last)).collect();
        let ranks: Vec<u64> = ranks.into_iter().collect();
        let found: Vec<u64> = if precision == Precision::Exact || count <= EXACT_VALUES as u64 {
            let slices = groups.filter_map(|values| match values {
                Values::All(values) => Some(values.as_slice()),
                Values::Sketch(_) => None,
            });
            select(&slices.collect::<Vec<_>>(), &ranks)
        } else {
            let mut sum = Sketch::default();
            groups.for_each(|values| match values {
                Values::All(values) => values.iter().for_each(|value| sum.push(*value)),
                Values::Sketch(sketch) => sum.add(sketch),
            });
            ranks.iter().map(|rank| sum.at(*rank)).collect()
        };
        Self { count, known: ranks.into_iter().zip(found).collect() }
    }

    fn at(&self, rank: u64) -> u64 {
        self.known.iter().find(|(known, _)| *known == rank).map_or(0, |(_, value)| *value)
    }

    /// A statistic that looks at values, of those that were asked for.
    pub(super) fn statistic(&self, statistic: Statistic) -> Value {
        let Some(last) = self.count.checked_sub(1) else { return Value::Null };
        match statistic {
            Statistic::Total | Statistic::Average => Value::Null,
            Statistic::Minimum => Value::Count(self.at(0).into()),
            Statistic::Maximum => Value::Count(self.at(last).into()),
            Statistic::Percentile(thousandths) => {
                let (rank, beyond) = place(thousandths, last);
                let (low, high) = (i128::from(self.at(rank)), i128::from(self.at(last.min(rank + 1))));
                Value::ratio(low * 1_000 + (high - low) * beyond, 1_000, TIME_DIGITS)
            }
        }
    }
}

/// The ranks that a statistic looks at.
fn ranks_of(statistic: Statistic, last: u64) -> Vec<u64> {
    match statistic {
        Statistic::Total | Statistic::Average => Vec::new(),
        Statistic::Minimum => vec![0],
        Statistic::Maximum => vec![last],
        Statistic::Percentile(thousandths) => {
            let (rank, _) = place(thousandths, last);
            vec![rank, last.min(rank + 1)]
        }
    }
}

/// The rank that a percentile lies at or above, and the thousandths of the way to the next one.
fn place(thousandths: u16, last: u64) -> (u64, i128) {
    let place = u128::from(last) * u128::from(thousandths);
    (u64::try_from(place / 1_000).unwrap_or(last), i128::try_from(place % 1_000).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>, precision: Precision) -> Values {
        let mut all = Values::default();
        values.into_iter().for_each(|value| all.push(value, precision));
        all
    }

    fn statistic(values: &Values, statistic: Statistic, precision: Precision) -> Value {
        Ranked::of(std::iter::once(values), &[statistic], precision).statistic(statistic)
    }

    #[test]
    fn percentiles_are_interpolated_between_the_nearest_values() {
        let values = of([50, 15, 20, 35, 40, 40], Precision::Auto);
        let shown = |one| statistic(&values, one, Precision::Auto).to_string();
        let percentiles = [1, 200, 500, 510, 950, 999].map(|one| shown(Statistic::Percentile(one)));
        assert_eq!(percentiles, ["15.025", "20.000", "37.500", "37.750", "47.500", "49.950"]);
        assert_eq!((shown(Statistic::Minimum), shown(Statistic::Maximum)), ("15".into(), "50".into()));
        assert!(statistic(&Values::default(), Statistic::Maximum, Precision::Auto).is_null());
        let one = of([7], Precision::Exact);
        assert_eq!(statistic(&one, Statistic::Percentile(990), Precision::Exact).to_string(), "7.000");
    }

    #[test]
    fn large_groups_are_sketched_unless_exactness_is_asked_for_and_the_split_does_not_matter() {
        let many = || (0..10_000_u64).map(|n| n * n);
        let (whole, exact) = (of(many(), Precision::Auto), of(many(), Precision::Exact));
        assert!(!whole.is_exact() && exact.is_exact());
        for cut in [1, 100, 5_000, 9_990] {
            let mut joined = of(many().take(cut), Precision::Auto);
            joined.add(of(many().skip(cut), Precision::Auto), Precision::Auto);
            for one in [Statistic::Minimum, Statistic::Percentile(500), Statistic::Percentile(999)] {
                let of = |values| statistic(values, one, Precision::Auto);
                assert_eq!(of(&joined), of(&whole));
            }
        }
        let median = |values, precision| statistic(values, Statistic::Percentile(500), precision);
        assert_eq!(median(&exact, Precision::Exact).to_string(), "24995000.500");
        let (_, Value::Ratio(near)) = ((), median(&whole, Precision::Auto)) else { panic!("a number") };
        let off = (near.numerator() - 24_995_000_500).abs();
        assert!(off * 256 <= 24_995_000_500, "{off}");
        assert_eq!(statistic(&whole, Statistic::Maximum, Precision::Auto), Value::Count(9_999 * 9_999));
    }
}
