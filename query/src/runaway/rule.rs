//! What counts as running away.

use std::collections::BTreeMap;

use quipu_engine::time::MICROS_PER_DAY;
use quipu_engine::{Dimension, Error, PicoUsd, Result};

use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::value::Value;

/// A rule that compares what each group uses in a window with the window of the same length before.
#[derive(Clone, Debug, PartialEq)]
pub struct RunawayRule {
    /// What is used: tokens, requests, cost…
    pub measure: Measure,
    /// Whose use it is: each combination of these is a group.
    pub by: Vec<Pivot>,
    /// How long a window is, in microseconds.
    pub window_micros: i64,
    /// Which events count.
    pub filter: Option<Filter>,
    /// What groups may use.
    pub limits: Limits,
    /// What particular groups may use instead.
    pub exceptions: BTreeMap<String, Limits>,
}

/// How much a group may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Times of what it used in the window before, in thousandths.
    pub ratio_milli: u64,
    /// Less than this in the window is never too much: units of the measure, pico-USD for money.
    pub minimum: i128,
}

impl Default for Limits {
    /// Three times as much, from 100,000 units on: a week of a team that matters.
    fn default() -> Self {
        Self { ratio_milli: 3_000, minimum: 100_000 }
    }
}

impl Limits {
    pub(super) fn is_exceeded(&self, before: i128, now: i128) -> bool {
        let allowed = before.checked_mul(self.ratio_milli.into());
        allowed.is_some_and(|allowed| now.saturating_mul(1_000) >= allowed)
    }
}

impl Default for RunawayRule {
    /// Output tokens per team, week against week.
    fn default() -> Self {
        Self {
            measure: Measure::OutputTokens,
            by: vec![Dimension::Team.into()],
            window_micros: 7 * MICROS_PER_DAY,
            filter: None,
            limits: Limits::default(),
            exceptions: BTreeMap::new(),
        }
    }
}

impl RunawayRule {
    pub(super) fn check(&self) -> Result<()> {
        if self.window_micros <= 0 {
            return Err(Error::invalid("the window of a rule is empty"));
        }
        if self.by.is_empty() {
            return Err(Error::invalid("a rule has no group: name a dimension or a tag whose use is watched"));
        }
        if !self.measure.adds_up() {
            let measure = &self.measure;
            return Err(Error::invalid(format!("a rule needs a measure that adds up; {measure} does not")));
        }
        let all = self.exceptions.values().chain([&self.limits]);
        for limits in all {
            if limits.ratio_milli <= 1_000 {
                return Err(Error::invalid(
                    "the ratio of a rule is not above 1: it would raise an alarm for steady use",
                ));
            }
            if limits.minimum < 0 {
                return Err(Error::invalid("the minimum of a rule is below 0, which nothing that is used can be"));
            }
        }
        Ok(())
    }

    pub(super) fn limits_of(&self, group: &str) -> &Limits {
        self.exceptions.get(group).unwrap_or(&self.limits)
    }
}

/// An amount as a value of a measure.
pub(super) fn amount_of(measure: &Measure, amount: i128) -> Value {
    match measure.unit() {
        Unit::Usd => Value::Money(PicoUsd::from_pico(amount)),
        _ => Value::Count(amount.unsigned_abs()),
    }
}
