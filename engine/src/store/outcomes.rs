//! Outcomes in: the first report of a job's outcome wins, and amendments add revisions to it.

use std::sync::Arc;

use hashbrown::HashMap;

use super::receipt::{OutcomeItem, OutcomeReceipt};
use super::state::{Shared, State, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::format::event_row::encode_outcomes;
use crate::log::FrameKind;
use crate::outcome::Outcome;
use crate::outcome_run::OutcomeRun;
use crate::schema::Text;

impl Shared {
    pub(super) fn record_outcomes(&self, outcomes: Vec<Outcome>) -> Result<OutcomeReceipt> {
        let mut writer = self.writer.lock();
        self.check_usable()?;
        self.make_room(&mut writer)?;
        let result = self.commit_outcomes(&mut writer, outcomes);
        result.inspect_err(|error| self.poison_by(error))
    }

    fn hashes(&self, outcomes: &[Outcome]) -> Vec<u64> {
        outcomes.iter().map(|outcome| self.secret.job(outcome.workspace(), &outcome.job_id)).collect()
    }

    fn commit_outcomes(&self, writer: &mut Writer, outcomes: Vec<Outcome>) -> Result<OutcomeReceipt> {
        let (now, state) = (self.disk.now(), self.state());
        let mut fresh: HashMap<(Text, Text), Vec<Arc<Outcome>>> = HashMap::new();
        let (mut accepted, mut items) = (Vec::new(), Vec::new());
        let hashes = self.hashes(&outcomes);
        let known = find_each(&state, &outcomes, &hashes)?;
        for ((mut outcome, hash), mut revisions) in outcomes.into_iter().zip(hashes).zip(known) {
            if let Err(error) = outcome.check(now) {
                items.push(OutcomeItem::Rejected(error));
                continue;
            }
            let key = (Text::from(outcome.workspace()), outcome.job_id.clone());
            revisions.extend(fresh.get(&key).into_iter().flatten().map(|outcome| Outcome::clone(outcome)));
            if let Some(answer) = answered(&revisions, &outcome) {
                items.push(answer);
                continue;
            }
            let heads = [Some(&writer.active), state.frozen.as_ref().map(|frozen| &*frozen.index)];
            if revisions.is_empty() && !outcome.create_job && !self.knows_job(&state, heads, hash)? {
                items.push(OutcomeItem::UnknownJob);
                continue;
            }
            let newest = revisions.last();
            outcome.revision = newest.map_or(1, |newest| newest.revision + 1);
            outcome.known_at = newest.and_then(|newest| newest.known_at).max(Some(now));
            outcome.create_job = false;
            outcome.workspace = Some(key.0.clone());
            // An amendment corrects what came of the job; when that was stays, unless it says so too.
            outcome.at = outcome.at.or_else(|| newest.and_then(|newest| newest.at)).or(Some(now));
            let outcome = Arc::new(outcome);
            fresh.entry(key).or_default().push(Arc::clone(&outcome));
            accepted.push((hash, outcome));
            items.push(OutcomeItem::Stored);
        }
        if accepted.is_empty() {
            return Ok(OutcomeReceipt { lsn: state.lsn, items });
        }
        let records: Vec<_> = accepted.iter().map(|(_, outcome)| Arc::clone(outcome)).collect();
        let count = u32::try_from(records.len()).expect("a batch has fewer than 2³² outcomes");
        writer.log.append(FrameKind::Outcomes, count, &encode_outcomes(&records))?;
        writer.log.sync()?;
        let lsn = writer.log.next_lsn() - 1;
        accepted.sort_by_key(|(hash, _)| *hash);
        self.change_state(|state| {
            state.lsn = lsn;
            state.head.push_outcomes(accepted);
        });
        Ok(OutcomeReceipt { lsn, items })
    }
}

/// What is stored of each job, looked up in the order of hashes, which is that of the files.
fn find_each(state: &State, outcomes: &[Outcome], hashes: &[u64]) -> Result<Vec<Vec<Outcome>>> {
    let mut known = vec![Vec::new(); outcomes.len()];
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_unstable_by_key(|at| hashes[*at]);
    for at in order {
        known[at] = revisions(state, hashes[at], outcomes[at].workspace(), &outcomes[at].job_id)?;
    }
    Ok(known)
}

/// What a report is answered that is not stored, given the revisions there are; `None` when it is to be.
fn answered(revisions: &[Outcome], reported: &Outcome) -> Option<OutcomeItem> {
    if revisions.iter().any(|stored| is_replay(stored, reported)) {
        return Some(OutcomeItem::Replayed);
    }
    match (revisions.last(), &reported.reason) {
        (Some(stored), None) => Some(OutcomeItem::AlreadyReported(Box::new(stored.clone()))),
        (None, Some(_)) => {
            let what = format!("job {:?} has no outcome to amend", reported.job_id);
            Some(OutcomeItem::Rejected(Error::new(ErrorKind::NotFound, what)))
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// A further report is a replay only when it says the same under the same idempotency key.
fn is_replay(stored: &Outcome, reported: &Outcome) -> bool {
    let said = |outcome: &Outcome| {
        let words = (outcome.metadata.clone(), outcome.idempotency_key.clone(), outcome.reason.clone());
        (outcome.status, outcome.kind, outcome.value, words)
    };
    let same_time = reported.at.is_none() || reported.at == stored.at;
    reported.idempotency_key.is_some() && said(stored) == said(reported) && same_time
}

/// The revisions of the outcome of a job in the order they were made, wherever they lie.
pub(super) fn revisions(state: &State, hash: u64, workspace: &str, job_id: &str) -> Result<Vec<Outcome>> {
    let mut found = find_in_runs(&state.version.outcomes, hash, workspace, job_id)?;
    for head in [state.frozen.as_ref().map(|frozen| &frozen.head), Some(&state.head)].into_iter().flatten() {
        found.extend(head.outcomes_of(hash, workspace, job_id).cloned());
    }
    found.sort_unstable_by_key(|outcome| outcome.revision);
    Ok(found)
}

/// The revisions of the outcome of a job among those in files.
pub(super) fn find_in_runs(runs: &[Arc<OutcomeRun>], hash: u64, workspace: &str, job_id: &str) -> Result<Vec<Outcome>> {
    let mut found = Vec::new();
    for run in runs {
        found.extend(run.find(hash, workspace, job_id)?);
    }
    Ok(found)
}
