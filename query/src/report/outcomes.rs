//! The funnel and the return on investment.

use quipu_engine::Result;

use crate::answer::Answer;
use crate::measure::Measure;
use crate::query::Query;
use crate::view::View;

/// Which jobs these reports count.
const COHORT: &str = "jobs with an event in the time range";

/// Jobs → successful → converted, with the rate of each step.
pub(crate) fn funnel(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let stages = [M::Jobs, M::Pending, M::Successful, M::SuccessRate, M::Converted];
    with_measures(view, query, stages.into_iter().chain([M::ConversionRate, M::SuccessConversionRate]))
}

/// Jobs, value, cost and what follows from them.
pub(crate) fn roi(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Measure as M;
    let counts = [M::Jobs, M::Pending, M::Value, M::ValueUnknown, M::JobCost];
    with_measures(view, query, counts.into_iter().chain([M::Roi, M::MeanRoi, M::CostPerSuccess, M::CostPerConversion]))
}

fn with_measures(view: &View<'_>, query: &Query, measures: impl Iterator<Item = Measure>) -> Result<Answer> {
    let query = Query { measures: measures.collect(), ..query.clone() };
    Ok(Answer { cohort: Some(COHORT), ..view.query(&query)? })
}
