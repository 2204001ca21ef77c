//! What became of jobs: reports whose measures are chosen.

use quipu_engine::{Dimension, Result};

use crate::answer::Answer;
use crate::measure::Measure;
use crate::query::{Cohort, Query};
use crate::view::View;

/// Jobs → successful → converted, with the rate of each step.
pub(crate) fn funnel(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let stages = [M::Jobs, M::Pending, M::PendingRate, M::Successful, M::SuccessRate, M::Converted, M::ConversionRate];
    with_measures(view, query, stages.into_iter().chain([M::SuccessConversionRate]))
}

/// Jobs, value with what it is made of, cost, and what follows from them.
pub(crate) fn roi(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let counts = [M::Jobs, M::Pending, M::Value, M::Revenue, M::Savings, M::OtherValue, M::ValueUnknown, M::JobCost];
    with_measures(view, query, counts.into_iter().chain([M::Roi, M::MeanRoi, M::CostPerSuccess, M::CostPerConversion]))
}

/// What share of jobs ended how.
pub(crate) fn rates(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let ends = [M::Jobs, M::PendingRate, M::SuccessRate, M::ConversionRate, M::DeflectionRate];
    with_measures(view, query, ends.into_iter().chain([M::EscalationRate, M::AutonomyRate]))
}

/// One row per job type: how many, how they end, what they cost and bring.
pub(crate) fn job_types(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let measures = [
        M::Jobs,
        M::Pending,
        M::SuccessRate,
        M::ConversionRate,
        M::JobCost,
        M::CostPerJob,
        M::CostPerSuccess,
        M::Value,
        M::Roi,
    ];
    let mut query = query.clone();
    query.by.insert(0, Dimension::JobType.into());
    with_measures(view, &query, measures.into_iter())
}

/// Reports count jobs by their start unless the query says otherwise.
fn with_measures(view: &View<'_>, query: &Query, measures: impl Iterator<Item = Measure>) -> Result<Answer> {
    let cohort = Some(query.cohort.unwrap_or(Cohort::JobStart));
    view.query(&Query { measures: measures.collect(), cohort, ..query.clone() })
}
