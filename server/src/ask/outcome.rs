//! What came of one job, with everything that was amended since.

use quipu::store::Snapshot;
use quipu::{Dimension, Error, ErrorKind, Filter, Measure, Outcome, Query, Result, Scope, Unit, Value, View};

use crate::render::Sheet;

/// Every revision of the outcome of a job, in the order they were made.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) where the job has no outcome, or is none that the scope sees.
pub fn revisions(snapshot: &Snapshot, scope: &Scope, job_id: &str) -> Result<Sheet> {
    let mut sheet = Sheet::new(&[
        ("revision", Unit::None, true),
        ("known_at", Unit::Time, false),
        ("status", Unit::None, false),
        ("type", Unit::None, false),
        ("value", Unit::Usd, false),
        ("at", Unit::Time, false),
        ("metadata", Unit::None, false),
        ("reason", Unit::None, false),
        ("idempotency_key", Unit::None, false),
    ]);
    let seen = scope.is_whole_workspace() || is_seen(snapshot, scope, job_id)?;
    let revisions = if seen { snapshot.revisions(scope.workspace(), job_id)? } else { Vec::new() };
    if revisions.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("job {job_id:?} has no outcome here")));
    }
    sheet.rows = revisions.iter().map(row).collect();
    sheet.facts.lsn = Some(snapshot.lsn());
    Ok(sheet)
}

/// Whether a job has an event within the walls of a scope.
fn is_seen(snapshot: &Snapshot, scope: &Scope, job_id: &str) -> Result<bool> {
    let own = Query::new().measure(Measure::Requests).filter(Filter::is(Dimension::JobId, job_id));
    let answer = View::new(snapshot, scope.clone()).whole(&own)?;
    Ok(!matches!(answer.totals.as_slice(), [Value::Count(0)]))
}

fn row(outcome: &Outcome) -> Vec<Value> {
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    vec![
        Value::Count(outcome.revision.into()),
        outcome.known_at.map_or(Value::Null, Value::Time),
        text(Some(outcome.status.name())),
        text(outcome.kind.map(|kind| kind.name())),
        outcome.value.map_or(Value::Null, Value::Money),
        outcome.at.map_or(Value::Null, Value::Time),
        text(outcome.metadata.as_deref()),
        text(outcome.reason.as_deref()),
        text(outcome.idempotency_key.as_deref()),
    ]
}
