//! Outcomes in: the first report of a job's outcome wins, for ever.

use std::sync::Arc;

use hashbrown::HashMap;

use super::receipt::{OutcomeItem, OutcomeReceipt};
use super::state::{Shared, State, Writer};
use crate::error::Result;
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
        let mut fresh: HashMap<(Text, Text), Arc<Outcome>> = HashMap::new();
        let (mut accepted, mut items) = (Vec::new(), Vec::new());
        let hashes = self.hashes(&outcomes);
        let known = find_each(&state, &outcomes, &hashes)?;
        for ((mut outcome, hash), known) in outcomes.into_iter().zip(hashes).zip(known) {
            if let Err(error) = outcome.check(now) {
                items.push(OutcomeItem::Rejected(error));
                continue;
            }
            let key = (Text::from(outcome.workspace()), outcome.job_id.clone());
            if let Some(stored) = known.or_else(|| fresh.get(&key).map(|stored| Outcome::clone(stored))) {
                items.push(compare(stored, &outcome));
                continue;
            }
            let heads = [Some(&writer.active), writer.frozen.as_deref()];
            if !self.knows_job(&state, heads, hash)? {
                items.push(OutcomeItem::UnknownJob);
                continue;
            }
            outcome.workspace = Some(key.0.clone());
            outcome.at.get_or_insert(now);
            let outcome = Arc::new(outcome);
            fresh.insert(key, Arc::clone(&outcome));
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
fn find_each(state: &State, outcomes: &[Outcome], hashes: &[u64]) -> Result<Vec<Option<Outcome>>> {
    let mut known = vec![None; outcomes.len()];
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_unstable_by_key(|at| hashes[*at]);
    for at in order {
        known[at] = find_outcome(state, hashes[at], outcomes[at].workspace(), &outcomes[at].job_id)?;
    }
    Ok(known)
}

/// A second report is a replay only when it says the same under the same idempotency key.
fn compare(stored: Outcome, reported: &Outcome) -> OutcomeItem {
    let said = |outcome: &Outcome| {
        (outcome.status, outcome.kind, outcome.value, outcome.metadata.clone(), outcome.idempotency_key.clone())
    };
    let same_time = reported.at.is_none() || reported.at == stored.at;
    if reported.idempotency_key.is_some() && said(&stored) == said(reported) && same_time {
        OutcomeItem::Replayed
    } else {
        OutcomeItem::AlreadyReported(Box::new(stored))
    }
}

/// The outcome of a job, wherever it lies.
pub(super) fn find_outcome(state: &State, hash: u64, workspace: &str, job_id: &str) -> Result<Option<Outcome>> {
    let heads = [Some(&state.head), state.frozen.as_ref().map(|frozen| &frozen.head)];
    for head in heads.into_iter().flatten() {
        if let Some(outcome) = head.outcome(hash, workspace, job_id) {
            return Ok(Some(Outcome::clone(&outcome)));
        }
    }
    find_in_runs(&state.version.outcomes, hash, workspace, job_id)
}

/// The outcome of a job among those in files.
pub(super) fn find_in_runs(
    runs: &[Arc<OutcomeRun>],
    hash: u64,
    workspace: &str,
    job_id: &str,
) -> Result<Option<Outcome>> {
    for run in runs {
        if let Some(outcome) = run.find(hash, workspace, job_id)? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}
