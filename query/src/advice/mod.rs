//! What to do about a question that finds nothing, or more than it may hold.
//!
//! All of it is found by asking again within the scope, so that no advice tells of what lies outside.

mod contradiction;
mod explosion;
mod nothing;

use quipu_engine::{ErrorKind, Result};

use crate::answer::Answer;
use crate::exec;
use crate::measure::Measure;
use crate::query::{Cohort, Query};
use crate::scope::Scope;
use crate::source::Source;
use crate::value::Value;

/// Answers a query; where its groups take more than it may use, the totals alone are the answer, and where
/// nothing was found, notes say which condition leaves nothing.
///
/// # Errors
/// As [`View::query`](crate::View::query).
pub(crate) fn answer(source: &dyn Source, scope: &Scope, query: &Query) -> Result<Answer> {
    let probe = Probe { source, scope, query };
    match exec::run(source, scope, query) {
        Ok(mut answer) => {
            if is_empty(&answer) {
                answer.notes.extend(affordable(nothing::why(&probe))?.unwrap_or_default());
            }
            Ok(answer)
        }
        // Where the totals alone take too much, the groups are not why.
        Err(error) if error.kind() == ErrorKind::TooLarge && !query.by.is_empty() => {
            explosion::totals(&probe).map_err(|more| if more.kind() == ErrorKind::TooLarge { error } else { more })
        }
        Err(error) => Err(error),
    }
}

/// What came of a further question, if that was within the bounds of the first; the answer stands without it.
fn affordable<T>(more: Result<T>) -> Result<Option<T>> {
    match more {
        Ok(more) => Ok(Some(more)),
        Err(error) if matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Cancelled) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it may be that no event added anything to an answer.
fn is_empty(answer: &Answer) -> bool {
    let nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Count(count) => *count == 0,
        Value::Signed(count) => *count == 0,
        Value::Money(amount) => amount.pico() == 0,
        _ => false,
    };
    answer.totals.iter().all(nothing)
}

/// Asks more about the events that a question is about.
struct Probe<'a> {
    source: &'a dyn Source,
    scope: &'a Scope,
    query: &'a Query,
}

impl Probe<'_> {
    /// A question that the query's own bounds of memory and patience hold for.
    fn question<const N: usize>(&self, measures: [Measure; N]) -> Query {
        let Query { memory, cancel, threads, .. } = self.query;
        Query { memory: *memory, cancel: cancel.clone(), threads: *threads, ..Query::new().measures(measures) }
    }

    /// How many events there are in the range of time, as far as events themselves lie in it.
    fn requests(&self) -> Query {
        let (since, until) = if self.is_by_event_time() { (self.query.since, self.query.until) } else { (None, None) };
        Query { since, until, ..self.question([Measure::Requests]) }
    }

    fn ask(&self, question: &Query) -> Result<Answer> {
        exec::run(self.source, self.scope, question)
    }

    /// Whether any event answers to a question.
    fn finds(&self, question: &Query) -> Result<bool> {
        Ok(self.ask(question)?.totals.iter().any(|value| *value != Value::Count(0)))
    }

    /// Whether the range of time is one of events, and not of jobs.
    fn is_by_event_time(&self) -> bool {
        self.query.cohort.is_none_or(|cohort| cohort == Cohort::Event)
    }
}
