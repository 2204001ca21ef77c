//! What became of the jobs of a group.

use quipu_engine::jobs::JobOutcome;
use quipu_engine::money::{PICO_PER_USD, div_half_even};
use quipu_engine::{Error, OutcomeStatus, OutcomeType, PicoUsd, Result};

use super::cost::Cost;
use crate::query::Query;
use crate::value::Value;

/// Counts of jobs by what became of them, with their cost and value.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) pending: u64,
    statuses: [u64; OutcomeStatus::ALL.len()],
    types: [u64; OutcomeType::ALL.len()],
    /// Successful and converted, both.
    pub(super) successful_converted: u64,
    /// Successful and escalated, both.
    pub(super) successful_escalated: u64,
    pub(super) cost: Cost,
    pub(super) priced: Priced,
    pub(super) value: KnownValue,
    /// Of CONVERTED outcomes.
    pub(super) revenue: KnownValue,
    /// Of DEFLECTED outcomes.
    pub(super) savings: KnownValue,
    /// Of all other outcomes.
    pub(super) other_value: KnownValue,
    pub(super) values_unknown: u64,
    /// Over the jobs that have one, in units of 10⁻¹².
    pub(super) roi_sum: i128,
    pub(super) roi_jobs: u64,
}

/// The jobs whose cost is known in full. ROI is of these alone: a value whose cost is unknown, or known in part, would make
/// it look better than it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Priced {
    pub(super) jobs: u64,
    /// What they cost; at most as much as all jobs together.
    pub(super) pico: i128,
    pub(super) value: KnownValue,
}

/// The values of outcomes, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KnownValue {
    pub(super) pico: i128,
    /// How many outcomes it is of.
    pub(super) known: u64,
}

impl KnownValue {
    fn add(&mut self, value: PicoUsd) {
        // Outcomes are worth at most 10²⁴ pico-USD each, and there are fewer than 2³².
        self.pico += value.pico();
        self.known += 1;
    }

    fn add_all(&mut self, other: Self) {
        self.pico += other.pico;
        self.known += other.known;
    }

    /// Null where no value is known.
    pub(super) fn amount(self) -> Value {
        if self.known > 0 { Value::Money(PicoUsd::from_pico(self.pico)) } else { Value::Null }
    }
}

impl Priced {
    fn add_all(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.pico += other.pico;
        self.value.add_all(other.value);
    }
}

impl Tally {
    pub(super) fn add(&mut self, query: &Query, outcome: Option<JobOutcome>, cost: Cost) -> Result<()> {
        self.jobs += 1;
        self.cost.add(cost)?;
        if !cost.unknown {
            self.priced.jobs += 1;
            self.priced.pico += cost.pico;
        }
        let Some(outcome) = outcome else {
            self.pending += 1;
            return Ok(());
        };
        self.statuses[status_at(outcome.status)] += 1;
        if let Some(kind) = outcome.kind {
            self.types[type_at(kind)] += 1;
        }
        let converted = outcome.kind == Some(OutcomeType::Converted);
        let successful = outcome.status == OutcomeStatus::Success;
        self.successful_converted += u64::from(converted && successful);
        self.successful_escalated += u64::from(successful && outcome.kind == Some(OutcomeType::Escalated));
        let Some(value) = value_of(query, &outcome) else {
            self.values_unknown += 1;
            return Ok(());
        };
        self.value.add(value);
        match outcome.kind {
            Some(OutcomeType::Converted) => self.revenue.add(value),
            Some(OutcomeType::Deflected) => self.savings.add(value),
            _ => self.other_value.add(value),
        }
        if cost.unknown {
            return Ok(());
        }
        self.priced.value.add(value);
        if cost.pico > 0 {
            let scaled = value.pico().checked_mul(PICO_PER_USD).ok_or_else(roi_too_large)?;
            self.add_roi(div_half_even(scaled, cost.pico) - PICO_PER_USD, 1)?;
        }
        Ok(())
    }

    fn add_roi(&mut self, sum: i128, jobs: u64) -> Result<()> {
        self.roi_sum = self.roi_sum.checked_add(sum).ok_or_else(roi_too_large)?;
        self.roi_jobs += jobs;
        Ok(())
    }

    /// Adds the jobs of another tally, none of which may be in this one.
    pub(super) fn add_all(&mut self, other: &Self) -> Result<()> {
        self.jobs += other.jobs;
        self.pending += other.pending;
        self.statuses.iter_mut().zip(other.statuses).for_each(|(count, more)| *count += more);
        self.types.iter_mut().zip(other.types).for_each(|(count, more)| *count += more);
        self.successful_converted += other.successful_converted;
        self.successful_escalated += other.successful_escalated;
        self.cost.add(other.cost)?;
        self.value.add_all(other.value);
        self.revenue.add_all(other.revenue);
        self.savings.add_all(other.savings);
        self.other_value.add_all(other.other_value);
        self.priced.add_all(&other.priced);
        self.values_unknown += other.values_unknown;
        self.add_roi(other.roi_sum, other.roi_jobs)
    }

    pub(super) fn with_status(&self, status: OutcomeStatus) -> u64 {
        self.statuses[status_at(status)]
    }

    pub(super) fn with_type(&self, kind: OutcomeType) -> u64 {
        self.types[type_at(kind)]
    }
}

/// What an outcome is worth, as it says or as is assumed of those that say nothing.
pub(super) fn value_of(query: &Query, outcome: &JobOutcome) -> Option<PicoUsd> {
    outcome.value.or_else(|| query.assumed_values.get(&outcome.kind?).copied())
}

fn roi_too_large() -> Error {
    Error::invalid("the ROI of single jobs is too large to be averaged")
}

fn status_at(status: OutcomeStatus) -> usize {
    OutcomeStatus::ALL.iter().position(|one| *one == status).unwrap_or_default()
}

fn type_at(kind: OutcomeType) -> usize {
    OutcomeType::ALL.iter().position(|one| *one == kind).unwrap_or_default()
}
