//! Estimates of how many distinct values there are, by HyperLogLog.
//!
//! The sketches are those of Apache DataSketches with 2¹⁴ registers: a standard error of 0.8 % in
//! 16 KiB a group, nearly exact while there are few values. The *composite* estimate depends on the
//! registers alone, so neither the order of values nor their split over threads changes it.

use datasketches::hll::{HllSketch, HllType, HllUnion};

/// The logarithm of the number of registers.
const REGISTERS_LOG2: u8 = 14;
/// What estimates may be off by, in words.
pub(crate) const ESTIMATE_ERROR: &str = "HyperLogLog, standard error 0.8 %";

/// An estimate per group.
#[derive(Default)]
pub(super) struct Estimates(Vec<Option<HllSketch>>);

impl Estimates {
    pub(super) fn add_group(&mut self) {
        self.0.push(None);
    }

    pub(super) fn add(&mut self, group: u32, value: &str) {
        let sketch = &mut self.0[group as usize];
        if sketch.is_none() {
            *sketch = HllSketch::new(REGISTERS_LOG2, HllType::Hll8).ok();
        }
        sketch.iter_mut().for_each(|sketch| sketch.update(value));
    }

    /// The estimate of the groups that are included, together.
    pub(super) fn over(&self, groups: impl Iterator<Item = usize>) -> u64 {
        let mut sketches = groups.filter_map(|group| self.0[group].as_ref());
        let (Some(first), rest) = (sketches.next(), sketches) else { return 0 };
        let mut rest = rest.peekable();
        if rest.peek().is_none() {
            return rounded(first.composite_estimate());
        }
        let Ok(mut union) = HllUnion::new(REGISTERS_LOG2) else { return 0 };
        std::iter::once(first).chain(rest).for_each(|sketch| union.update(sketch));
        rounded(union.composite_estimate())
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|sketch| sketch.as_ref().map_or(0, HllSketch::estimated_size)).sum()
    }
}

fn rounded(estimate: f64) -> u64 {
    // Never negative, and far below 2⁵³.
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_keep_their_error_and_forget_the_order() {
        let mut up = Estimates::default();
        let mut down = Estimates::default();
        for _ in 0..2 {
            up.add_group();
            down.add_group();
        }
        for value in 0..200_000 {
            up.add(value % 2, &value.to_string());
            down.add((199_999 - value) % 2, &(199_999 - value).to_string());
        }
        for groups in [0..1, 1..2, 0..2] {
            let (truth, estimate) = (100_000 * groups.len() as u64, up.over(groups.clone()));
            assert_eq!(estimate, down.over(groups));
            // Four standard errors.
            assert!(estimate.abs_diff(truth) * 1_000 <= truth * 33, "{estimate} for {truth}");
        }
        let mut few = Estimates::default();
        few.add_group();
        assert_eq!(few.over(0..1), 0);
        ["a", "b", "a"].iter().for_each(|value| few.add(0, value));
        assert_eq!(few.over(0..1), 2);
    }
}
