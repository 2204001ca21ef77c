//! What a reader must know of the jobs of an answer, so that no number looks like more than it is.

use quipu_engine::{OutcomeType, PicoUsd};

use super::plan::Plan;
use super::tally::{Tally, value_of};
use crate::measure::Measure;
use crate::query::Cohort;

/// Remarks on the measures that are asked for, from the jobs of all groups together and how many of them are in several.
pub(super) fn on_jobs(plan: &Plan<'_>, all: &Tally, in_several: u64) -> Vec<String> {
    use Measure as M;
    let asks = |measures: &[Measure]| plan.base.iter().any(|measure| measures.contains(measure));
    let Tally { jobs, priced, values_unknown, .. } = all;
    let mut remarks = Vec::new();
    if in_several > 0 {
        remarks.push(format!(
            "jobs with events in several rows: {in_several} of {jobs}; each such row counts the job, with the cost it has \
             there and its whole value, and totals count it once"
        ));
    }
    let unknown = jobs - priced.jobs;
    if plan.job_costs && unknown > 0 {
        remarks.push(format!(
            "jobs whose cost is unknown, or known in part: {unknown} of {jobs}; ROI leaves them out, costs per \
             job divide what is known by all jobs"
        ));
    }
    if asks(&[M::Roi]) && all.value.known > 0 && *values_unknown > 0 {
        remarks.push(format!("outcomes without a value: {values_unknown}; in roi they are worth 0"));
    }
    if asks(&[M::MeanRoi]) && all.roi_jobs < *jobs {
        remarks.push(format!(
            "mean_roi is of the jobs whose value and cost are known, and the cost above 0: {} of {jobs}",
            all.roi_jobs
        ));
    }
    let unsuccessful = all.with_type(OutcomeType::Converted) - all.successful_converted;
    if asks(&[M::Converted, M::ConversionRate, M::CostPerConversion]) && unsuccessful > 0 {
        remarks.push(format!("jobs converted without the status SUCCESS: {unsuccessful}; they count as converted"));
    }
    if let Some((outcomes, worth)) = eventless(plan, all) {
        remarks.push(format!("outcomes of jobs without any event: {outcomes}, worth ${worth}; they are in no row"));
    }
    remarks
}

/// How many outcomes there are whose jobs have no event, and what they are worth, given the jobs that have one; `None` where
/// there is none, or where the question looks at some jobs only, among which no job without an event can be.
fn eventless(plan: &Plan<'_>, all: &Tally) -> Option<(u64, PicoUsd)> {
    let query = plan.query;
    let is_ranged = query.since.is_some() || query.until.is_some();
    let is_of_some = query.filter.is_some() || !plan.scope.is_whole_workspace();
    if is_of_some || (is_ranged && query.cohort != Some(Cohort::Outcome)) {
        return None;
    }
    let settled = all.jobs - all.pending;
    // Mostly every outcome has its job, and then none has to be looked at.
    if !is_ranged && plan.outcomes.count() as u64 == settled {
        return None;
    }
    let within = |job: u32| !is_ranged || plan.cohort.as_ref().is_none_or(|cohort| cohort.instant(job).is_some());
    let mut worth: Vec<Option<i128>> = vec![None; plan.job_numbers.as_ref()?.len() as usize];
    plan.outcomes.each(|job, outcome| {
        if within(job) {
            worth[job as usize] = Some(value_of(query, &outcome).map_or(0, PicoUsd::pico));
        }
    });
    let outcomes = (worth.iter().flatten().count() as u64).saturating_sub(settled);
    let worth = worth.iter().flatten().sum::<i128>() - all.value.pico;
    (outcomes > 0).then(|| (outcomes, PicoUsd::from_pico(worth)))
}
