//! Minima, maxima and percentiles of numbers, per group.

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

    /// Sorts the values; statistics may be asked for afterwards.
    pub(super) fn sort(&mut self) {
        if let Self::All(values) = self {
            values.sort_unstable();
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

    fn at(&self, rank: u64) -> u64 {
        match self {
            Self::All(values) => values[usize::try_from(rank).unwrap_or(usize::MAX)],
            Self::Sketch(sketch) => sketch.at(rank),
        }
    }

    /// A statistic other than the mean.
    pub(super) fn statistic(&self, statistic: Statistic) -> Value {
        let Some(last) = self.len().checked_sub(1) else { return Value::Null };
        match statistic {
            Statistic::Average => Value::Null,
            Statistic::Minimum => Value::Count(self.at(0).into()),
            Statistic::Maximum => Value::Count(self.at(last).into()),
            Statistic::Percentile(thousandths) => {
                let place = u128::from(last) * u128::from(thousandths);
                let rank = u64::try_from(place / 1_000).unwrap_or(last);
                let (low, high) = (i128::from(self.at(rank)), i128::from(self.at(last.min(rank + 1))));
                let beyond = i128::try_from(place % 1_000).unwrap_or_default();
                Value::ratio(low * 1_000 + (high - low) * beyond, 1_000, TIME_DIGITS)
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>, precision: Precision) -> Values {
        let mut all = Values::default();
        values.into_iter().for_each(|value| all.push(value, precision));
        all.sort();
        all
    }

    #[test]
    fn percentiles_are_interpolated_between_the_nearest_values() {
        let values = of([50, 15, 20, 35, 40, 40], Precision::Auto);
        let shown = |statistic| values.statistic(statistic).to_string();
        let percentiles = [1, 200, 500, 510, 950, 999].map(|one| shown(Statistic::Percentile(one)));
        assert_eq!(percentiles, ["15.025", "20.000", "37.500", "37.750", "47.500", "49.950"]);
        assert_eq!((shown(Statistic::Minimum), shown(Statistic::Maximum)), ("15".into(), "50".into()));
        assert!(Values::default().statistic(Statistic::Maximum).is_null());
        assert_eq!(of([7], Precision::Exact).statistic(Statistic::Percentile(990)).to_string(), "7.000");
    }

    #[test]
    fn large_groups_are_sketched_unless_exactness_is_asked_for_and_the_split_does_not_matter() {
        let many = || (0..10_000_u64).map(|n| n * n);
        let (whole, exact) = (of(many(), Precision::Auto), of(many(), Precision::Exact));
        assert!(!whole.is_exact() && exact.is_exact());
        for cut in [1, 100, 5_000, 9_990] {
            let mut joined = of(many().take(cut), Precision::Auto);
            joined.add(of(many().skip(cut), Precision::Auto), Precision::Auto);
            for statistic in [Statistic::Minimum, Statistic::Percentile(500), Statistic::Percentile(999)] {
                assert_eq!(joined.statistic(statistic), whole.statistic(statistic));
            }
        }
        assert_eq!(exact.statistic(Statistic::Percentile(500)).to_string(), "24995000.500");
        let (_, Value::Ratio(near)) = ((), whole.statistic(Statistic::Percentile(500))) else { panic!("a number") };
        let off = (near.numerator() - 24_995_000_500).abs();
        assert!(off * 256 <= 24_995_000_500, "{off}");
        assert_eq!(whole.statistic(Statistic::Maximum), Value::Count(9_999 * 9_999));
    }
}
