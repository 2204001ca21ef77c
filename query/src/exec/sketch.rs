//! Percentiles of many values in little memory, in integers.
//!
//! This is DDSketch (Masson, Rim, Lee: *DDSketch: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees*, VLDB 2019) with the linearly interpolated logarithm as its mapping:
//! every power of two is cut into 128 buckets of the same width, and values below 256 have one each.
//! A bucket's middle is at most a 256th (0.4 %) of the value away from anything in it. Buckets add
//! up, so neither the order of values nor their split over threads and parts changes an answer.

/// Buckets in every power of two.
const STEPS: u32 = 128;

/// Counts of values by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    /// The bucket of `counts[0]`.
    first: u32,
    counts: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

fn bucket(value: u64) -> u32 {
    let shift = (u64::BITS - 1 - (value | 1).leading_zeros()).saturating_sub(STEPS.trailing_zeros());
    // What is left after the shift is below 256.
    shift * STEPS + u32::try_from(value >> shift).unwrap_or(u32::MAX)
}

fn middle(bucket: u32) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    (u64::from(bucket - shift * STEPS) << shift) + ((1_u64 << shift) >> 1)
}

impl Sketch {
    pub(super) fn push(&mut self, value: u64) {
        let bucket = bucket(value);
        self.make_room(bucket, bucket);
        self.counts[(bucket - self.first) as usize] += 1;
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.make_room(other.first, other.first + u32::try_from(other.counts.len() - 1).unwrap_or(u32::MAX));
        let start = (other.first - self.first) as usize;
        self.counts[start..].iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
    }

    fn make_room(&mut self, low: u32, high: u32) {
        if self.counts.is_empty() {
            self.first = low;
        }
        if low < self.first {
            let missing = (self.first - low) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = low;
        }
        let needed = (high - self.first) as usize + 1;
        if self.counts.len() < needed {
            self.counts.resize(needed, 0);
        }
    }

    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The value of that rank from 0, give or take a 256th; the first and the last are exact.
    pub(super) fn at(&self, rank: u64) -> u64 {
        if rank == 0 {
            return self.min;
        }
        let mut below = 0;
        for (bucket, count) in (self.first..).zip(&self.counts) {
            below += count;
            if below > rank && rank + 1 < self.count {
                return middle(bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_rank_is_within_a_256th_however_the_values_are_split(
            mut values in prop::collection::vec((0..64_u32, any::<u64>()).prop_map(|(shift, value)| value >> shift), 1..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut whole = Sketch::default();
            values.iter().for_each(|value| whole.push(*value));
            let (left, right) = values.split_at(cut.index(values.len()));
            let [mut a, mut b] = [left, right].map(|values| {
                let mut sketch = Sketch::default();
                values.iter().for_each(|value| sketch.push(*value));
                sketch
            });
            let swapped = b.clone();
            b.add(&a);
            a.add(&swapped);
            values.sort_unstable();
            for (rank, value) in (0..).zip(&values) {
                let found = whole.at(rank);
                prop_assert!(found.abs_diff(*value) <= value / 256, "{found} for {value}");
                prop_assert_eq!((a.at(rank), b.at(rank)), (found, found));
            }
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let edges = (0..1 << 20_u64).chain((20..64).flat_map(|bits| [(1 << bits) - 1, 1 << bits]));
        let mut last = 0;
        for value in edges {
            let bucket = bucket(value);
            assert!(bucket == last || bucket == last + 1 || value >= 1 << 20, "{value}");
            last = bucket;
        }
        assert_eq!(middle(bucket(255)), 255);
        assert!(middle(bucket(u64::MAX)) > u64::MAX / 256 * 255);
    }
}
