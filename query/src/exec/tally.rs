//! What became of the jobs of a group.

use hashbrown::HashMap;
use quipu_engine::money::{PICO_PER_USD, div_half_even};
use quipu_engine::{Error, Outcome, OutcomeStatus, OutcomeType, Result};

use super::cost::Cost;
use crate::query::Query;

/// Outcomes by job.
pub(super) type Outcomes = HashMap<String, Outcome>;

/// Counts of jobs by what became of them, with their cost and value.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) pending: u64,
    statuses: [u64; OutcomeStatus::ALL.len()],
    types: [u64; OutcomeType::ALL.len()],
    /// Successful and converted, both.
    pub(super) successful_converted: u64,
    pub(super) cost: Cost,
    /// Over the jobs whose value is known.
    pub(super) value: i128,
    pub(super) values_known: u64,
    pub(super) values_unknown: u64,
    /// Over the jobs that have one, in units of 10⁻¹².
    pub(super) roi_sum: i128,
    pub(super) roi_jobs: u64,
}

impl Tally {
    pub(super) fn add(&mut self, query: &Query, outcome: Option<&Outcome>, cost: Cost) -> Result<()> {
        self.jobs += 1;
        self.cost.add(cost)?;
        let Some(outcome) = outcome else {
            self.pending += 1;
            return Ok(());
        };
        self.statuses[status_at(outcome.status)] += 1;
        if let Some(kind) = outcome.kind {
            self.types[type_at(kind)] += 1;
        }
        let converted = outcome.kind == Some(OutcomeType::Converted);
        self.successful_converted += u64::from(converted && outcome.status == OutcomeStatus::Success);
        let assumed = || outcome.kind.and_then(|kind| query.assumed_values.get(&kind).copied());
        let Some(value) = outcome.value.or_else(assumed) else {
            self.values_unknown += 1;
            return Ok(());
        };
        self.values_known += 1;
        self.value += value.pico();
        // A cost of which a part is unknown would make the quotient look better than it is.
        if !cost.unknown && cost.pico > 0 {
            let roi = value
                .pico()
                .checked_mul(PICO_PER_USD)
                .and_then(|scaled| self.roi_sum.checked_add(div_half_even(scaled, cost.pico) - PICO_PER_USD));
            self.roi_sum = roi.ok_or_else(|| Error::invalid("the ROI of single jobs is too large to be averaged"))?;
            self.roi_jobs += 1;
        }
        Ok(())
    }

    pub(super) fn with_status(&self, status: OutcomeStatus) -> u64 {
        self.statuses[status_at(status)]
    }

    pub(super) fn with_type(&self, kind: OutcomeType) -> u64 {
        self.types[type_at(kind)]
    }
}

fn status_at(status: OutcomeStatus) -> usize {
    OutcomeStatus::ALL.iter().position(|one| *one == status).unwrap_or_default()
}

fn type_at(kind: OutcomeType) -> usize {
    OutcomeType::ALL.iter().position(|one| *one == kind).unwrap_or_default()
}
