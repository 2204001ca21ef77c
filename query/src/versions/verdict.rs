//! What follows from the intervals, in words.

use quipu_engine::PicoUsd;

use super::Versions;
use super::interval::Interval;
use super::moments::{Estimate, Moments, Pairs};

/// Fewer jobs than this on either side decide nothing.
const FEWEST: u64 = 10;
/// More than so many times the jobs there are is as good as never.
const NEVER: f64 = 100.0;

/// One thing compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// `cost_per_job`, `cost_per_success`, `success_rate` or `roi`.
    pub name: &'static str,
    /// What A and B come to: USD for costs, else a ratio; `None` where it is not known.
    pub values: [Option<f64>; 2],
    /// How B differs from A: costs in parts of A, rates and ROI as a difference.
    pub interval: Option<Interval>,
    /// Whether the interval tells the versions apart.
    pub decided: bool,
    /// About how many more jobs, over both versions in the same proportion, would decide it if
    /// the difference is what it looks like.
    pub more_jobs: Option<u64>,
    /// The conclusion in a sentence.
    pub verdict: String,
    /// How the interval was found.
    pub method: &'static str,
}

const QUOTIENT: &str = "linearised ratio (Cochran 1977), delta method on the logarithm, Welch's t (1947)";
const DIFFERENCE: &str = "linearised ratio (Cochran 1977), Welch's t (1947)";
const SHARES: &str = "hybrid score interval (Newcombe 1998, method 10)";

/// How the sentence about a finding goes.
struct Words {
    lower: &'static str,
    higher: &'static str,
    what: &'static str,
    /// What one unit of the interval is shown as.
    unit: &'static str,
    scale: f64,
}

pub(super) fn findings(versions: &Versions, [a, b]: &[Moments; 2]) -> Vec<Finding> {
    let confidence = f64::from(versions.confidence) / 100.0;
    let cost = |name, of: fn(&Moments) -> &Pairs, what| {
        let (a, b) = (of(a), of(b));
        let (from, to) = (a.ratio(), b.ratio());
        let interval = from.zip(to).and_then(|(a, b)| Interval::of_quotient(&a, &b, confidence));
        let words = Words { lower: "cheaper", higher: "dearer", what, unit: " %", scale: 100.0 };
        let usd = |estimate: Option<Estimate>| estimate.map(|estimate| estimate.value / 10_f64.powi(12));
        finding(versions, name, [usd(from), usd(to)], interval, [a.count, b.count], &words, QUOTIENT)
    };
    let share = |moments: &Moments| (moments.decided > 0).then(|| moments.successful as f64 / moments.decided as f64);
    let rate = Words { lower: "less often", higher: "more often", what: "successful", unit: " points", scale: 100.0 };
    let shares = Interval::of_shares((a.successful, a.decided), (b.successful, b.decided), confidence);
    let roi = [a, b]
        .map(|moments| moments.value_per_cost.ratio().map(|ratio| Estimate { value: ratio.value - 1.0, ..ratio }));
    let roi_interval = roi[0].zip(roi[1]).and_then(|(a, b)| Interval::of_difference(&a, &b, confidence));
    let roi_words = Words { lower: "lower", higher: "higher", what: "in ROI", unit: "", scale: 1.0 };
    vec![
        cost("cost_per_job", |moments| &moments.cost_per_job, "per job"),
        cost("cost_per_success", |moments| &moments.cost_per_success, "per successful job"),
        finding(versions, "success_rate", [share(a), share(b)], shares, [a.decided, b.decided], &rate, SHARES),
        finding(
            versions,
            "roi",
            roi.map(|roi| roi.map(|roi| roi.value)),
            roi_interval,
            [a.value_per_cost.count, b.value_per_cost.count],
            &roi_words,
            DIFFERENCE,
        ),
    ]
}

fn finding(
    versions: &Versions,
    name: &'static str,
    values: [Option<f64>; 2],
    interval: Option<Interval>,
    jobs: [u64; 2],
    words: &Words,
    method: &'static str,
) -> Finding {
    let enough = jobs.iter().all(|jobs| *jobs >= FEWEST);
    let decided = enough && interval.is_some_and(|interval| interval.excludes_zero());
    let more = interval.filter(|_| !decided).and_then(|interval| more_jobs(&interval, jobs));
    let verdict = match interval {
        _ if !enough => {
            let [a, b] = jobs;
            format!("not decided: {a} and {b} jobs say nothing; {FEWEST} of each are the least")
        }
        None => "not decided: there is nothing to divide by, or no spread to judge by".into(),
        Some(interval) if decided => differs(&versions.b, &interval, words),
        Some(interval) => undecided(&interval, more, words),
    };
    Finding { name, values, interval, decided, more_jobs: more, verdict, method }
}

/// `B is 12–19 % cheaper per job`.
fn differs(b: &str, interval: &Interval, words: &Words) -> String {
    let word = if interval.high < 0.0 { words.lower } else { words.higher };
    let bounds = [interval.low.abs().min(interval.high.abs()), interval.low.abs().max(interval.high.abs())];
    let [least, most] = bounds.map(|bound| shown(bound * words.scale));
    format!("{b} is {least}–{most}{} {word} {}", words.unit, words.what)
}

fn undecided(interval: &Interval, more: Option<u64>, words: &Words) -> String {
    let side = |bound: f64| {
        let word = if bound < 0.0 { words.lower } else { words.higher };
        format!("{}{} {word}", shown(bound.abs() * words.scale), words.unit)
    };
    let range = format!("not decided: between {} and {} {}", side(interval.low), side(interval.high), words.what);
    match more {
        Some(more) => format!("{range}; about {more} more jobs needed"),
        None => format!("{range}; too alike to be told apart by any likely number of jobs"),
    }
}

/// The width of an interval falls with the root of the number of jobs.
fn more_jobs(interval: &Interval, jobs: [u64; 2]) -> Option<u64> {
    let half = (interval.high - interval.low) / 2.0;
    let times = (half / interval.estimate).powi(2);
    let jobs = jobs.iter().sum::<u64>() as f64;
    (times.is_finite() && times < NEVER).then(|| (jobs * (times - 1.0)).max(1.0).ceil() as u64)
}

/// At most three digits that mean something.
fn shown(number: f64) -> String {
    match number {
        number if number >= 10.0 => format!("{number:.0}"),
        number if number >= 1.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

impl Finding {
    /// What A or B comes to as USD, where it is a cost.
    pub fn usd(&self, version: usize) -> Option<PicoUsd> {
        let value = self.values.get(version).copied().flatten()?;
        self.name.starts_with("cost").then(|| PicoUsd::from_pico((value * 10_f64.powi(12)).round() as i128))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pivot::Pivot;
    use crate::versions::moments::JobResult;

    /// A small generator of even numbers in [0, 1) (Steele, Lea, Flood: SplitMix64, 2014).
    struct Random(u64);

    impl Random {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            radius * (std::f64::consts::TAU * self.unit()).cos()
        }
    }

    fn versions() -> Versions {
        let pivot = Pivot::Dimension(quipu_engine::Dimension::JobVersion);
        Versions { pivot, a: "A".into(), b: "B".into(), confidence: 95 }
    }

    /// Jobs with log-normal costs, dearer when they fail, and a value when they succeed.
    fn sample(random: &mut Random, jobs: u64, price: f64, rate: f64) -> Moments {
        let mut moments = Moments::default();
        for _ in 0..jobs {
            let successful = random.unit() < rate;
            let cost = price * (0.7 * random.normal()).exp() * if successful { 1.0 } else { 1.5 };
            let value = if successful { 2.0 + random.unit() } else { 0.0 };
            let pico = |usd: f64| (usd * 1e12).round() as i128;
            let (cost, value) = (Some(pico(cost)), Some(pico(value)));
            moments.add(&JobResult { cost, successful: Some(successful), value });
        }
        moments
    }

    #[test]
    fn the_intervals_hold_the_truth_as_often_as_they_say() {
        let mut random = Random(7);
        // The truth: E cost = price · exp(0.7² / 2) · (rate + 1.5 (1 − rate)).
        let mean = |price: f64, rate: f64| price * (0.245_f64).exp() * 1.5_f64.mul_add(1.0 - rate, rate);
        let (a, b) = ((1.0, 0.7), (0.9, 0.6));
        let (cost_a, cost_b) = (mean(a.0, a.1), mean(b.0, b.1));
        let truth = [
            cost_b / cost_a - 1.0,
            cost_b / b.1 / (cost_a / a.1) - 1.0,
            b.1 - a.1,
            2.5 * b.1 / cost_b - 2.5 * a.1 / cost_a,
        ];
        let (mut held, rounds) = ([0_u32; 4], 2_000);
        for _ in 0..rounds {
            let moments = [sample(&mut random, 120, a.0, a.1), sample(&mut random, 180, b.0, b.1)];
            for ((held, truth), finding) in held.iter_mut().zip(truth).zip(findings(&versions(), &moments)) {
                let interval = finding.interval.expect("many jobs");
                *held += u32::from(interval.low <= truth && truth <= interval.high);
            }
        }
        for (held, name) in held.into_iter().zip(["cost per job", "cost per success", "success rate", "roi"]) {
            let share = f64::from(held) / f64::from(rounds);
            // Three standard errors of 2,000 rounds are 1.5 %; skewed costs take up to 1 % more.
            assert!((0.925..0.975).contains(&share), "{name}: {share}");
        }
    }

    #[test]
    fn a_clear_difference_is_said_plainly_and_an_unclear_one_says_how_many_jobs_are_missing() {
        let mut random = Random(1);
        let clear = [sample(&mut random, 3_000, 1.0, 0.8), sample(&mut random, 3_000, 0.8, 0.9)];
        let clear = findings(&versions(), &clear);
        assert!(clear.iter().all(|finding| finding.decided && finding.more_jobs.is_none()), "{clear:?}");
        assert!(
            clear[0].verdict.starts_with("B is 2") && clear[0].verdict.ends_with(" % cheaper per job"),
            "{clear:?}"
        );
        assert!(clear[2].verdict.contains("points more often successful"), "{clear:?}");
        let unclear = [sample(&mut random, 50, 1.0, 0.8), sample(&mut random, 50, 0.9, 0.8)];
        let unclear = findings(&versions(), &unclear);
        assert!(!unclear[2].decided && unclear[2].verdict.starts_with("not decided: between "), "{unclear:?}");
        let few = [sample(&mut random, 9, 1.0, 0.8), sample(&mut random, 500, 0.1, 0.8)];
        assert!(findings(&versions(), &few)[0].verdict.contains("10 of each are the least"));
    }

    #[test]
    fn the_jobs_that_are_missing_would_decide_it() {
        let interval = Interval { low: -0.3, estimate: -0.1, high: 0.1 };
        // Half the width is 0.2, twice the estimate: four times the jobs.
        assert_eq!(more_jobs(&interval, [60, 40]), Some(300));
        assert_eq!(more_jobs(&Interval { low: -1.0, estimate: 0.0, high: 1.0 }, [60, 40]), None);
    }
}
