//! Exact sums over the jobs of one version.

use ethnum::I256;

/// What one job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobResult {
    /// In pico-USD; `None` where a part of it is unknown.
    pub(super) cost: Option<i128>,
    /// `None` while it is pending.
    pub(super) successful: Option<bool>,
    /// In pico-USD, where the outcome states one or has one assumed.
    pub(super) value: Option<i128>,
}

/// Sums, sums of squares and of products of a pair of numbers per job.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pairs {
    pub(super) count: u64,
    x: I256,
    y: I256,
    xx: I256,
    yy: I256,
    xy: I256,
}

impl Pairs {
    pub(super) fn add(&mut self, x: i128, y: i128) {
        let (x, y) = (I256::from(x), I256::from(y));
        self.count += 1;
        self.x += x;
        self.y += y;
        // Costs and values are below 10³⁷ pico-USD in sum, so squares are below 10⁷⁴ and 256 bits hold them.
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// Σx / Σy and its variance; `None` where Σy is 0 or there are fewer than two jobs.
    pub(super) fn ratio(&self) -> Option<Estimate> {
        if self.count < 2 || self.y == 0 {
            return None;
        }
        let count = self.count as f64;
        // Centred before rounding to floats, so that nothing cancels there.
        let centred = |squares: I256, a: I256, b: I256| ((squares * I256::from(self.count)) - a * b).as_f64() / count;
        let (xx, yy, xy) =
            (centred(self.xx, self.x, self.x), centred(self.yy, self.y, self.y), centred(self.xy, self.x, self.y));
        let ratio = self.x.as_f64() / self.y.as_f64();
        let residual = (ratio * ratio).mul_add(yy, (-2.0 * ratio).mul_add(xy, xx)).max(0.0);
        let mean_y = self.y.as_f64() / count;
        Some(Estimate {
            value: ratio,
            variance: residual / (count - 1.0) / (count * mean_y * mean_y),
            freedom: count - 1.0,
        })
    }
}

/// A number inferred from a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) variance: f64,
    /// Degrees of freedom of the variance: one less than the jobs of the sample.
    pub(super) freedom: f64,
}

impl Estimate {
    /// What so many times the jobs would say if they were like these.
    pub(super) fn grown(self, times: f64) -> Self {
        let freedom = times.mul_add(self.freedom + 1.0, -1.0);
        Self { variance: self.variance * self.freedom / freedom, freedom, ..self }
    }
}

/// What is known of the jobs of one version.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) jobs: u64,
    pub(super) pending: u64,
    pub(super) cost_unknown: u64,
    /// With an outcome.
    pub(super) settled: u64,
    pub(super) successful: u64,
    /// Cost per 1, of every job whose cost is known.
    pub(super) cost_per_job: Pairs,
    /// Cost per success, of the settled ones among them.
    pub(super) cost_per_success: Pairs,
    /// Value per cost, of the same jobs; an outcome without a value counts as worth 0.
    pub(super) value_per_cost: Pairs,
    /// How many settled jobs have a value.
    pub(super) valued: u64,
}

impl Moments {
    pub(super) fn add(&mut self, job: &JobResult) {
        self.jobs += 1;
        match job.successful {
            None => self.pending += 1,
            Some(successful) => {
                self.settled += 1;
                self.successful += u64::from(successful);
                self.valued += u64::from(job.value.is_some());
            }
        }
        let Some(cost) = job.cost else {
            self.cost_unknown += 1;
            return;
        };
        self.cost_per_job.add(cost, 1);
        if let Some(successful) = job.successful {
            self.cost_per_success.add(cost, i128::from(successful));
            self.value_per_cost.add(job.value.unwrap_or(0), cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_the_variance_of_its_residuals() {
        let mut pairs = Pairs::default();
        for (x, y) in [(3, 1), (5, 2), (10, 3)] {
            pairs.add(x, y);
        }
        // r = 18 / 6; residuals 0, -1, 1; Σ = 2; 2 / (3 - 1) / (3 · 2²).
        let ratio = pairs.ratio().expect("an estimate");
        assert!((ratio.value - 3.0).abs() < 1e-12 && (ratio.variance - 1.0 / 12.0).abs() < 1e-12, "{ratio:?}");
    }

    #[test]
    fn large_amounts_lose_nothing() {
        let (mut small, mut large) = (Pairs::default(), Pairs::default());
        for x in [1_i128, 2, 4, 9] {
            small.add(x, 1);
            large.add(1_000_000_000_000_000_000_000_000_000_000 + x, 1);
        }
        let (small, large) = (small.ratio().expect("known"), large.ratio().expect("known"));
        assert!((small.variance / large.variance - 1.0).abs() < 1e-9, "{small:?} {large:?}");
    }

    #[test]
    fn an_estimate_of_twice_the_jobs_is_what_every_job_twice_says() {
        let (mut once, mut twice) = (Pairs::default(), Pairs::default());
        for (x, y) in [(3, 1), (5, 2), (10, 3)] {
            once.add(x, y);
            (0..2).for_each(|_| twice.add(x, y));
        }
        let (grown, twice) = (once.ratio().expect("known").grown(2.0), twice.ratio().expect("known"));
        assert!(
            (grown.variance - twice.variance).abs() < 1e-12 && grown.freedom == twice.freedom,
            "{grown:?} {twice:?}"
        );
    }

    #[test]
    fn a_settled_job_without_a_value_counts_against_the_others() {
        let job = |successful, value| JobResult { cost: Some(1), successful, value };
        let mut moments = Moments::default();
        [job(Some(true), Some(4)), job(Some(false), None), job(None, None)].iter().for_each(|job| moments.add(job));
        let ratio = moments.value_per_cost.ratio().expect("two jobs");
        assert!((ratio.value - 2.0).abs() < 1e-12 && moments.valued == 1, "{moments:?}");
    }

    #[test]
    fn nothing_follows_from_one_job_or_from_no_success() {
        let mut pairs = Pairs::default();
        pairs.add(1, 1);
        assert_eq!(pairs.ratio(), None);
        let mut failures = Pairs::default();
        failures.add(1, 0);
        failures.add(2, 0);
        assert_eq!(failures.ratio(), None);
    }
}
