//! What follows from the intervals, in words.

use quipu_engine::PicoUsd;

use super::Versions;
use super::interval::{Interval, Tries};
use super::moments::{Estimate, Moments, Pairs};
use crate::value::Ratio;

/// Fewer jobs than this on either side decide nothing.
const FEWEST: u64 = 10;
/// More than so many times the jobs there are is as good as never.
const NEVER: f64 = 100.0;

/// One thing compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// `cost_per_job`, over all jobs; `settled_cost_per_success`, `settled_success_rate` and `settled_roi`, over
    /// those with an outcome.
    pub name: &'static str,
    /// What A and B come to: USD for costs, else a ratio; `None` where it is not known.
    pub values: [Option<f64>; 2],
    /// How B differs from A: see [`Self::is_relative`].
    pub interval: Option<Interval>,
    /// Whether the interval is in parts of A, as that of costs is, rather than a plain difference.
    pub is_relative: bool,
    /// Whether the interval tells the versions apart.
    pub decided: bool,
    /// With about so many more jobs, both versions together and in the proportion they have now, the interval would
    /// tell them apart if those jobs were like these; `None` also where there are too few to judge by.
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
    /// What a hundredth of the interval is called.
    unit: &'static str,
}

pub(super) fn findings(versions: &Versions, [a, b]: &[Moments; 2]) -> Vec<Finding> {
    let confidence = f64::from(versions.confidence) / 100.0;
    let cost = |name, of: fn(&Moments) -> &Pairs, what| {
        let (a, b) = (of(a), of(b));
        let (from, to) = (a.ratio(), b.ratio());
        let interval = |times: f64| Interval::of_quotient(&from?.grown(times), &to?.grown(times), confidence);
        let words = Words { lower: "cheaper", higher: "dearer", what, unit: " %" };
        let usd = |estimate: Option<Estimate>| estimate.map(|estimate| estimate.value / 10_f64.powi(12));
        let sample = Sample { values: [usd(from), usd(to)], jobs: [a.count, b.count] };
        Finding { is_relative: true, ..finding(versions, name, sample, &interval, &words, QUOTIENT) }
    };
    let points = |lower, higher, what| Words { lower, higher, what, unit: " points" };
    let share = |moments: &Moments| (moments.settled > 0).then(|| moments.successful as f64 / moments.settled as f64);
    let [tries_a, tries_b] = [a, b].map(|moments| Tries::new(moments.successful, moments.settled));
    let shares = |times: f64| Interval::of_shares(tries_a.grown(times), tries_b.grown(times), confidence);
    let rates = Sample { values: [share(a), share(b)], jobs: [a.settled, b.settled] };
    // A value that nobody states is 0 as soon as anybody states one; before that, nobody knows.
    let is_valued = a.valued + b.valued > 0;
    let roi = [a, b].map(|moments| {
        let ratio = moments.value_per_cost.ratio().filter(|_| is_valued)?;
        Some(Estimate { value: ratio.value - 1.0, ..ratio })
    });
    let rois = |times: f64| Interval::of_difference(&roi[0]?.grown(times), &roi[1]?.grown(times), confidence);
    let returns = Sample {
        values: roi.map(|roi| roi.map(|roi| roi.value)),
        jobs: [a.value_per_cost.count, b.value_per_cost.count],
    };
    let (often, high) = (points("less often", "more often", "successful"), points("lower", "higher", "in ROI"));
    vec![
        cost("cost_per_job", |moments| &moments.cost_per_job, "per job"),
        cost("settled_cost_per_success", |moments| &moments.cost_per_success, "per successful job"),
        finding(versions, "settled_success_rate", rates, &shares, &often, SHARES),
        finding(versions, "settled_roi", returns, &rois, &high, DIFFERENCE),
    ]
}

/// What a finding is made of.
struct Sample {
    values: [Option<f64>; 2],
    jobs: [u64; 2],
}

/// A finding; `interval` is that of so many times the jobs.
fn finding(
    versions: &Versions,
    name: &'static str,
    Sample { values, jobs }: Sample,
    interval: &dyn Fn(f64) -> Option<Interval>,
    words: &Words,
    method: &'static str,
) -> Finding {
    let enough = jobs.iter().all(|jobs| *jobs >= FEWEST);
    let found = interval(1.0);
    let decided = enough && found.is_some_and(|interval| interval.excludes_zero());
    let more = if enough && !decided { more_jobs(interval, jobs) } else { None };
    let verdict = match found {
        _ if !enough => {
            let [a, b] = jobs;
            format!("not decided: {a} and {b} jobs say nothing; {FEWEST} of each are the least")
        }
        None => "not decided: there is nothing to divide by, or no spread to judge by".into(),
        Some(interval) if decided => differs(&versions.b, &interval, words),
        Some(interval) => undecided(&interval, more, words),
    };
    Finding { name, values, interval: found, is_relative: false, decided, more_jobs: more, verdict, method }
}

/// `B is 12–19 % cheaper per job`.
fn differs(b: &str, interval: &Interval, words: &Words) -> String {
    let word = if interval.high < 0.0 { words.lower } else { words.higher };
    let bounds = [interval.low.abs().min(interval.high.abs()), interval.low.abs().max(interval.high.abs())];
    let [least, most] = bounds.map(|bound| shown(bound * 100.0));
    format!("{b} is {least}–{most}{} {word} {}", words.unit, words.what)
}

fn undecided(interval: &Interval, more: Option<u64>, words: &Words) -> String {
    let side = |bound: f64| {
        let word = if bound < 0.0 { words.lower } else { words.higher };
        format!("{}{} {word}", shown(bound.abs() * 100.0), words.unit)
    };
    let range = format!("not decided: between {} and {} {}", side(interval.low), side(interval.high), words.what);
    match more {
        Some(more) => format!("{range}; about {more} more jobs needed, of both together"),
        None => format!("{range}; too alike to be told apart by any likely number of jobs"),
    }
}

/// The least growth of the sample with which the interval excludes zero, found by halving, in jobs.
fn more_jobs(interval: &dyn Fn(f64) -> Option<Interval>, jobs: [u64; 2]) -> Option<u64> {
    let decides = |times: f64| interval(times).is_some_and(|interval| interval.excludes_zero());
    let jobs = jobs.iter().sum::<u64>() as f64;
    let (mut too_few, mut enough) = (1.0, NEVER);
    if !decides(enough) {
        return None;
    }
    while (enough - too_few) * jobs > 1e-3 {
        let middle = f64::midpoint(too_few, enough);
        *(if decides(middle) { &mut enough } else { &mut too_few }) = middle;
    }
    Some((jobs * (enough - 1.0)).ceil().max(1.0) as u64)
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
        self.is_relative.then(|| PicoUsd::from_pico((value * 10_f64.powi(12)).round() as i128))
    }

    /// What A or B comes to as a share of the whole, or of the cost, where it is none.
    pub fn share(&self, version: usize) -> Option<Ratio> {
        let value = self.values.get(version).copied().flatten().filter(|_| !self.is_relative)?;
        Ratio::new((value * 1e6).round() as i128, 1_000_000, 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pivot::Pivot;
    use crate::versions::moments::JobResult;

    /// A small generator of even numbers in [0, 1) (Steele, Lea, Flood: SplitMix64, 2014).
    #[derive(Clone)]
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
    fn jobs(random: &mut Random, jobs: u64, price: f64, rate: f64) -> Vec<JobResult> {
        let job = |_| {
            let successful = random.unit() < rate;
            let cost = price * (0.7 * random.normal()).exp() * if successful { 1.0 } else { 1.5 };
            let value = if successful { 2.0 + random.unit() } else { 0.0 };
            let pico = |usd: f64| (usd * 1e12).round() as i128;
            JobResult { cost: Some(pico(cost)), successful: Some(successful), value: Some(pico(value)) }
        };
        (0..jobs).map(job).collect()
    }

    fn sample(random: &mut Random, count: u64, price: f64, rate: f64) -> Moments {
        let mut moments = Moments::default();
        jobs(random, count, price, rate).iter().for_each(|job| moments.add(job));
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
    fn so_many_more_jobs_as_are_said_to_be_missing_decide_it_and_fewer_do_not() {
        let (mut random, mut told) = (Random(3), [0_u32; 4]);
        for round in 0..200 {
            let (price, rate) = (0.4 + 0.01 * f64::from(round), 0.3 + 0.003 * f64::from(round));
            let (a, b) = (random.clone(), Random(random.0 ^ 99));
            random.unit();
            let copies = |copies: u64| {
                let mut moments = [Moments::default(); 2];
                for _ in 0..copies {
                    jobs(&mut a.clone(), 15, 1.0, 0.6).iter().for_each(|job| moments[0].add(job));
                    jobs(&mut b.clone(), 25, price, rate).iter().for_each(|job| moments[1].add(job));
                }
                findings(&versions(), &moments)
            };
            for (at, finding) in copies(1).into_iter().enumerate() {
                let Some(more) = finding.more_jobs.filter(|more| *more < 2_000) else { continue };
                // 40 jobs a copy, of which at least so many and, less one copy, not as many as are missing.
                let enough = 1 + more.div_ceil(40);
                told[at] += 1;
                assert!(copies(enough)[at].decided, "{finding:?}");
                assert!(enough == 2 || !copies(enough - 1)[at].decided, "{finding:?}");
            }
        }
        assert!(told.iter().all(|told| *told > 20), "{told:?}");
    }

    #[test]
    fn what_never_decides_is_said_to_be_alike() {
        let alike = |_: f64| Some(Interval { low: -1.0, estimate: 0.0, high: 1.0 });
        assert_eq!(more_jobs(&alike, [60, 40]), None);
    }

    #[test]
    fn failures_without_a_value_lower_the_roi_and_nobody_knows_it_where_nobody_states_one() {
        let mut random = Random(5);
        let mut sample = |rate: f64, stated: bool| {
            let mut moments = Moments::default();
            for mut job in jobs(&mut random, 400, 0.05, rate) {
                job.value = (stated && job.successful == Some(true)).then_some(2_000_000_000_000);
                moments.add(&job);
            }
            moments
        };
        let found = findings(&versions(), &[sample(0.9, true), sample(0.2, true)]);
        assert!(found[3].decided && found[3].verdict.ends_with("points lower in ROI"), "{found:?}");
        let unknown = findings(&versions(), &[sample(0.9, false), sample(0.2, false)]);
        assert!(unknown[3].values == [None, None] && unknown[3].interval.is_none(), "{unknown:?}");
    }
}
