//! From the sums of a group to the values of measures.

use quipu_engine::rows::Counter;
use quipu_engine::{Meter, Number, OutcomeStatus, OutcomeType, PicoUsd, Timestamp};

use super::groups::GroupSums;
use super::plan::{Plan, tokens_of};
use super::tally::Tally;
use super::timings::{Ranked, TIME_DIGITS};
use crate::measure::{Measure, Statistic};
use crate::value::Value;

/// Decimals shown of rates and of ROI.
const RATE_DIGITS: u8 = 6;

/// Everything known of one group, or of all groups together.
pub(super) struct Group<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) sums: &'a GroupSums,
    pub(super) tally: &'a Tally,
    /// Per dimension asked for.
    pub(super) distinct: &'a [u64],
    /// Per dimension whose values are estimated.
    pub(super) estimates: &'a [u64],
    /// Per number asked for.
    pub(super) timings: &'a [&'a Ranked],
}

impl Group<'_> {
    pub(super) fn value(&self, measure: &Measure) -> Value {
        use Measure as M;
        if let Some(tokens) = tokens_of(measure) {
            let sums = self.plan.sums.iter().zip(&self.sums.sums);
            let wanted = sums.filter(|(sum, _)| matches!(sum, Counter::Meter(Meter::Token(token)) if tokens(*token)));
            return Value::Count(wanted.map(|(_, quantity)| quantity).sum());
        }
        match measure {
            M::Requests => Value::Count(self.sum(&Counter::Events)),
            M::Errors => Value::Count(self.sum(&Counter::Errors)),
            M::ErrorRate => self.quotient(self.sum(&Counter::Errors), self.sum(&Counter::Events), RATE_DIGITS),
            M::Cancelled => Value::Count(self.sum(&Counter::Cancelled)),
            M::Retries => Value::Count(self.sum(&Counter::Retries)),
            M::UsageMissing => Value::Count(self.sum(&Counter::Number(Number::UsageMissing))),
            M::Meter(meter) => Value::Count(self.sum(&Counter::Meter(meter.clone()))),
            M::Cost => self.sums.cost.all.value(),
            M::CostOf(part) => {
                let at = self.plan.cost_parts.iter().position(|one| one == part);
                at.map_or(Value::Null, |at| self.sums.cost.parts[at].value())
            }
            M::ReportedCost => self.reported().map_or(Value::Null, Value::Money),
            M::ReportedUnknown => Value::Count(self.reported_unknown()),
            M::CostDelta => self.cost_delta(),
            M::Unpriced => Value::Count(self.sums.unpriced_events),
            M::Count(dimension) => {
                let at = self.plan.carried.iter().position(|one| one == dimension);
                at.map_or(Value::Null, |at| Value::Count(self.sums.carried[at]))
            }
            M::CountNumber(number) => Value::Count(self.sum(&Counter::NumberEvents(*number))),
            M::Distinct(dimension) => {
                let at = self.plan.distinct.iter().position(|one| one == dimension);
                at.map_or(Value::Null, |at| Value::Count(self.distinct[at].into()))
            }
            M::ApproxDistinct(dimension) => {
                let at = self.plan.approx_distinct.iter().position(|one| one == dimension);
                at.map_or(Value::Null, |at| Value::Count(self.estimates[at].into()))
            }
            M::FirstAt if self.sums.first <= self.sums.last => Value::Time(Timestamp::from_micros(self.sums.first)),
            M::LastAt if self.sums.first <= self.sums.last => Value::Time(Timestamp::from_micros(self.sums.last)),
            M::FirstAt | M::LastAt => Value::Null,
            M::Elapsed if self.sums.first <= self.sums.end => {
                let micros = i128::from(self.sums.end) - i128::from(self.sums.first);
                Value::ratio(micros, 1_000, TIME_DIGITS)
            }
            M::Elapsed => Value::Null,
            M::Duration(_) | M::Ttft(_) => self.timing(measure),
            about_jobs => self.of_jobs(about_jobs),
        }
    }

    fn sum(&self, counter: &Counter) -> u128 {
        self.plan.sum(counter).map_or(0, |at| self.sums.sums[at])
    }

    fn quotient(&self, dividend: u128, divisor: u128, digits: u8) -> Value {
        match (i128::try_from(dividend), i128::try_from(divisor)) {
            (Ok(dividend), Ok(divisor)) => Value::ratio(dividend, divisor, digits),
            _ => Value::Null,
        }
    }

    /// What was reported; `None` where there are events and none reports a cost.
    fn reported(&self) -> Option<PicoUsd> {
        let known = self.sum(&Counter::NumberEvents(Number::ReportedCost)) > 0 || self.sum(&Counter::Events) == 0;
        let pico = i128::try_from(self.sum(&Counter::Number(Number::ReportedCost))).ok()?;
        known.then(|| PicoUsd::from_pico(pico))
    }

    fn reported_unknown(&self) -> u128 {
        self.sum(&Counter::Events) - self.sum(&Counter::NumberEvents(Number::ReportedCost))
    }

    fn cost_delta(&self) -> Value {
        match (self.reported(), self.sums.cost.all.amount()) {
            (Some(reported), Some(computed)) if self.reported_unknown() == 0 && !self.sums.cost.all.unknown => {
                Value::Money(reported - computed)
            }
            _ => Value::Null,
        }
    }

    fn timing(&self, measure: &Measure) -> Value {
        let Some((number, statistic)) = measure.timing() else { return Value::Null };
        let events = self.sum(&Counter::NumberEvents(number));
        match statistic {
            Statistic::Average => return self.quotient(self.sum(&Counter::Number(number)), events, TIME_DIGITS),
            Statistic::Total if events == 0 => return Value::Null,
            Statistic::Total => return Value::Count(self.sum(&Counter::Number(number))),
            _ => {}
        }
        let at = self.plan.timings.iter().position(|one| *one == number);
        at.map_or(Value::Null, |at| self.timings[at].statistic(statistic))
    }

    fn of_jobs(&self, measure: &Measure) -> Value {
        use Measure as M;
        let tally = self.tally;
        let (jobs, successful) = (tally.jobs, tally.with_status(OutcomeStatus::Success));
        let converted = tally.with_type(OutcomeType::Converted);
        let count = |count: u64| Value::Count(count.into());
        let rate = |part: u64, whole: u64| Value::ratio(part.into(), whole.into(), RATE_DIGITS);
        let priced = &tally.priced;
        let cost_per = |jobs: u64| tally.cost.amount().map_or(Value::Null, |cost| Value::money_per(cost, jobs));
        match measure {
            M::Jobs => count(jobs),
            M::Pending => count(tally.pending),
            M::Successful => count(successful),
            M::SuccessfulConverted => count(tally.successful_converted),
            M::Failed => count(tally.with_status(OutcomeStatus::Failed)),
            M::CancelledJobs => count(tally.with_status(OutcomeStatus::Cancelled)),
            M::Converted => count(converted),
            M::Escalated => count(tally.with_type(OutcomeType::Escalated)),
            M::Deflected => count(tally.with_type(OutcomeType::Deflected)),
            M::Unsuccessful => count(tally.with_type(OutcomeType::Unsuccessful)),
            M::PendingRate => rate(tally.pending, jobs),
            M::SuccessRate => rate(successful, jobs),
            M::ConversionRate => rate(converted, jobs),
            M::SuccessConversionRate => rate(tally.successful_converted, successful),
            M::DeflectionRate => rate(tally.with_type(OutcomeType::Deflected), jobs),
            M::EscalationRate => rate(tally.with_type(OutcomeType::Escalated), jobs),
            M::AutonomyRate => rate(successful - tally.successful_escalated, jobs),
            M::JobCost => tally.cost.value(),
            M::Value => tally.value.amount(),
            M::Revenue => tally.revenue.amount(),
            M::Savings => tally.savings.amount(),
            M::OtherValue => tally.other_value.amount(),
            M::ValueUnknown => count(tally.values_unknown),
            M::Roi if priced.value.known > 0 => Value::ratio(priced.value.pico - priced.pico, priced.pico, RATE_DIGITS),
            M::MeanRoi => mean(tally),
            M::CostPerJob => cost_per(jobs),
            M::CostPerSuccess => cost_per(successful),
            M::CostPerConversion => cost_per(converted),
            _ => Value::Null,
        }
    }
}

/// The mean of the ROI of single jobs, which are in units of 10⁻¹².
fn mean(tally: &Tally) -> Value {
    let jobs = i128::from(tally.roi_jobs);
    Value::ratio(tally.roi_sum, jobs * quipu_engine::money::PICO_PER_USD, RATE_DIGITS)
}
