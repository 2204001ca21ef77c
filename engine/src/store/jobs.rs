//! The jobs of a moment of the store under one numbering, with their newest outcomes.
//!
//! Both are found when somebody first asks about jobs, and kept as long as what they were found in: those of the sealed
//! parts with the version, those of the heads with the state that goes on from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::snapshot::Snapshot;
use super::version::Version;
use crate::error::Result;
use crate::jobs::{JobNumbers, JobOutcomes, NewestOutcomes};
use crate::outcome::Outcome;
use crate::rows::Part;
use crate::schema::Text;
use crate::time::Timestamp;

/// Found once, by whoever asks first; others wait for it.
#[derive(Debug, Default)]
pub(super) struct KnownJobs(Mutex<Option<Arc<Jobs>>>);

#[derive(Debug)]
struct Jobs {
    numbers: Arc<JobNumbers>,
    /// By workspace.
    outcomes: BTreeMap<Text, JobOutcomes>,
}

impl KnownJobs {
    fn get(&self, find: impl FnOnce() -> Result<Jobs>) -> Result<Arc<Jobs>> {
        let mut known = self.0.lock();
        if let Some(jobs) = &*known {
            return Ok(Arc::clone(jobs));
        }
        let jobs = Arc::new(find()?);
        *known = Some(Arc::clone(&jobs));
        Ok(jobs)
    }
}

impl Version {
    /// The jobs of everything sealed.
    fn jobs(&self) -> Result<Arc<Jobs>> {
        self.jobs.get(|| {
            let parts: Vec<Part> = self.parts.iter().map(|part| part.part([])).collect();
            let (mut numbers, mut newest) = (JobNumbers::of(&parts, [])?, NewestOutcomes::default());
            for run in &self.outcomes {
                run.each(|outcome| newest.add(numbers.number(&outcome.job_id), &outcome))?;
            }
            let outcomes = newest.by_workspace().into_iter().collect();
            Ok(Jobs { numbers: Arc::new(numbers), outcomes })
        })
    }
}

impl Snapshot {
    fn known_jobs(&self) -> Result<Arc<Jobs>> {
        self.state.jobs.get(|| {
            let sealed = self.state.version.jobs()?;
            let heads = &self.parts()[self.state.version.parts.len()..];
            let revisions: Vec<&Outcome> = self.state.head_outcomes().collect();
            let mut outcomes = sealed.outcomes.clone();
            if heads.is_empty() && revisions.is_empty() {
                return Ok(Jobs { numbers: Arc::clone(&sealed.numbers), outcomes });
            }
            let names = revisions.iter().map(|outcome| outcome.job_id.as_str());
            let numbers = JobNumbers::continued(Arc::clone(&sealed.numbers), heads, names)?;
            for (workspace, newer) in JobOutcomes::by_workspace(&numbers, revisions.iter().copied()) {
                let known = outcomes.remove(&workspace).unwrap_or_default();
                outcomes.insert(workspace, known.and(&newer));
            }
            Ok(Jobs { numbers: Arc::new(numbers), outcomes })
        })
    }

    /// The jobs of all [`Snapshot::parts`], and those that only have an outcome, under one numbering.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn jobs(&self) -> Result<Arc<JobNumbers>> {
        Ok(Arc::clone(&self.known_jobs()?.numbers))
    }

    /// The outcomes of the jobs of a workspace by [`Snapshot::jobs`], as they were known at an instant, or now.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), saying where.
    pub fn job_outcomes(&self, workspace: &str, as_of: Option<Timestamp>) -> Result<JobOutcomes> {
        let jobs = self.known_jobs()?;
        if as_of.is_none() {
            return Ok(jobs.outcomes.get(workspace).cloned().unwrap_or_default());
        }
        let then = JobOutcomes::by_workspace(&jobs.numbers, &self.outcomes(workspace, as_of)?);
        Ok(then.into_iter().next().map(|(_, outcomes)| outcomes).unwrap_or_default())
    }
}
