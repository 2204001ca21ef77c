//! Intervals around differences and quotients of two samples.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::moments::Estimate;
use crate::value::{Ratio, Value};

/// Millionths.
const SCALE: i128 = 1_000_000;

/// An estimate with the bounds between which the truth lies at the chosen confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// What the samples say.
    pub estimate: f64,
    /// The upper bound.
    pub high: f64,
}

impl Interval {
    /// Whether zero lies outside: then the versions differ.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// Lower bound, estimate and upper bound as decimals of six digits.
    pub fn values(&self) -> [Value; 3] {
        [self.low, self.estimate, self.high].map(|bound| {
            let scaled = (bound * SCALE as f64).round();
            let shown = scaled.is_finite().then(|| Ratio::new(scaled as i128, SCALE, 6)).flatten();
            shown.map_or(Value::Null, Value::Ratio)
        })
    }

    /// The quotient b / a less 1, where both are positive.
    pub(super) fn of_quotient(a: &Estimate, b: &Estimate, confidence: f64) -> Option<Self> {
        if a.value <= 0.0 || b.value <= 0.0 {
            return None;
        }
        let relative = |estimate: &Estimate| Estimate {
            variance: estimate.variance / (estimate.value * estimate.value),
            ..*estimate
        };
        let half = half_width(&relative(a), &relative(b), confidence)?;
        let log = (b.value / a.value).ln();
        Some(Self { low: (log - half).exp_m1(), estimate: log.exp_m1(), high: (log + half).exp_m1() })
    }

    /// The difference b − a.
    pub(super) fn of_difference(a: &Estimate, b: &Estimate, confidence: f64) -> Option<Self> {
        let half = half_width(a, b, confidence)?;
        let estimate = b.value - a.value;
        Some(Self { low: estimate - half, estimate, high: estimate + half })
    }

    /// The difference b − a of two shares, each a count of hits among tries.
    pub(super) fn of_shares(a: Tries, b: Tries, confidence: f64) -> Option<Self> {
        if a.tries <= 0.0 || b.tries <= 0.0 {
            return None;
        }
        let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
        let ((a, a_low, a_high), (b, b_low, b_high)) = (wilson(a, z), wilson(b, z));
        let estimate = b - a;
        Some(Self {
            low: estimate - (b - b_low).hypot(a_high - a),
            estimate,
            high: estimate + (b_high - b).hypot(a - a_low),
        })
    }
}

/// Hits among tries: whole numbers, but for samples that are supposed to grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    pub(super) hits: f64,
    pub(super) tries: f64,
}

impl Tries {
    pub(super) fn new(hits: u64, tries: u64) -> Self {
        Self { hits: hits as f64, tries: tries as f64 }
    }

    /// So many times the tries, with the same share of hits.
    pub(super) fn grown(self, times: f64) -> Self {
        Self { hits: self.hits * times, tries: self.tries * times }
    }
}

/// Half the width of the interval of a difference; `None` without any spread to judge by.
fn half_width(a: &Estimate, b: &Estimate, confidence: f64) -> Option<f64> {
    let variance = a.variance + b.variance;
    if variance <= 0.0 {
        return None;
    }
    let freedom = variance * variance / (a.variance * a.variance / a.freedom + b.variance * b.variance / b.freedom);
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(student.inverse_cdf(0.5 + confidence / 2.0) * variance.sqrt())
}

/// A share with Wilson's bounds of it.
fn wilson(Tries { hits, tries }: Tries, z: f64) -> (f64, f64, f64) {
    let (share, square) = (hits / tries, z * z);
    let middle = (share + square / (2.0 * tries)) / (1.0 + square / tries);
    let spread = z / (1.0 + square / tries) * (share * (1.0 - share) / tries + square / (4.0 * tries * tries)).sqrt();
    (share, (middle - spread).max(0.0), (middle + spread).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_the_published_interval() {
        // The example of Newcombe (1998), Table II, row 1: 56/70 − 48/80, method 10.
        let interval = Interval::of_shares(Tries::new(48, 80), Tries::new(56, 70), 0.95).expect("known");
        assert!((interval.low - 0.0524).abs() < 5e-5 && (interval.high - 0.3339).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn differences_have_the_interval_of_welch() {
        // Variances 1 and 4 over 10 and 20: t at 28.0 degrees of freedom is 2.0484.
        let a = Estimate { value: 0.0, variance: 0.1, freedom: 9.0 };
        let b = Estimate { value: 1.0, variance: 0.2, freedom: 19.0 };
        let interval = Interval::of_difference(&a, &b, 0.95).expect("known");
        assert!((interval.high - interval.estimate - 2.0488 * 0.3_f64.sqrt()).abs() < 1e-3, "{interval:?}");
    }
}
