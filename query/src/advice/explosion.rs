//! Groupings that take more than a query may use: the totals are answered, and what to change is said.

use quipu_engine::{Dimension, ErrorKind, Result};

use super::Probe;
use crate::answer::{Answer, Clipped, Column};
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::query::{DEFAULT_MEMORY, Query};
use crate::value::Value;

/// The least that a group takes: its key and its sums.
const GROUP_BYTES: u64 = 160;

/// Dimensions that have about as many values as there are events, jobs or people.
const NAMES_OF_ONE: [Dimension; 8] = [
    Dimension::JobId,
    Dimension::TraceId,
    Dimension::SessionId,
    Dimension::SubscriberId,
    Dimension::TicketId,
    Dimension::RequestId,
    Dimension::SpanId,
    Dimension::ParentId,
];

/// Whether one key alone has more values than there is memory for: then nothing needs to be read to know.
pub(super) fn is_certain(probe: &Probe<'_>) -> Result<bool> {
    let memory = memory(probe.query);
    let events: u64 = probe.source.parts().iter().map(|part| part.events.rows() as u64).sum();
    let may_explode = events.saturating_mul(GROUP_BYTES) > memory;
    let names_one = |pivot: &Pivot| matches!(pivot, Pivot::Dimension(dimension) if NAMES_OF_ONE.contains(dimension));
    if !may_explode || !probe.query.by.iter().any(names_one) {
        return Ok(false);
    }
    // An estimate may be some per cent too high.
    Ok(widest(probe)?.is_some_and(|(_, values)| values.saturating_mul(GROUP_BYTES) > memory + memory / 20))
}

/// The totals of a query without its groups.
pub(super) fn totals(probe: &Probe<'_>) -> Result<Answer> {
    let query = probe.query;
    let plain = Query {
        by: Vec::new(),
        order: Vec::new(),
        having: None,
        fill: None,
        limit: None,
        after: None,
        ..query.clone()
    };
    let mut answer = probe.ask(&plain)?;
    let widest = widest(probe)?;
    let unit = |pivot: &Pivot| if matches!(pivot, Pivot::Time(_)) { Unit::Time } else { Unit::None };
    let key = |pivot: &Pivot| Column { name: pivot.to_string(), unit: unit(pivot), is_key: true };
    answer.columns.splice(0..0, query.by.iter().map(key));
    answer.totals.splice(0..0, query.by.iter().map(|_| Value::Null));
    answer.other = Some(answer.totals.clone());
    answer.rows = Vec::new();
    answer.groups = widest.as_ref().map_or(1, |(_, values)| *values);
    answer.passed = answer.groups;
    answer.clipped = Some(Clipped { rows: 0, memory: memory(query) });
    answer.notes.push(advice(query, widest.as_ref()));
    Ok(answer)
}

fn advice(query: &Query, widest: Option<&(Dimension, u64)>) -> String {
    let by = query.by.iter().map(Pivot::to_string).collect::<Vec<_>>().join(", ");
    let fix = match widest {
        Some((dimension, values)) => format!(
            "{dimension} alone has about {values} values here: leave it out, or name some of them in the filter"
        ),
        None => "group by fewer keys or wider buckets of time, or narrow the filter".to_owned(),
    };
    format!(
        "clipped: the groups by {by} take more than the {} bytes that the query may use, so that only their totals, which \
         are exact, are answered; {fix}, or raise its memory",
        memory(query)
    )
}

/// The dimension among the keys with the most values under the filter, and about how many these are.
fn widest(probe: &Probe<'_>) -> Result<Option<(Dimension, u64)>> {
    let dimensions = probe.query.by.iter().filter_map(|pivot| match pivot {
        Pivot::Dimension(dimension) => Some(*dimension),
        _ => None,
    });
    let dimensions: Vec<Dimension> = dimensions.collect();
    if dimensions.is_empty() {
        return Ok(None);
    }
    let Query { filter, since, until, cohort, .. } = probe.query.clone();
    let measures = dimensions.iter().map(|dimension| Measure::ApproxDistinct(*dimension)).collect();
    let counts = probe.ask(&Query { measures, filter, since, until, cohort, ..probe.question([]) });
    let counts = match counts {
        Ok(counts) => counts.totals,
        Err(error) if error.kind() == ErrorKind::TooLarge => return Ok(None),
        Err(error) => return Err(error),
    };
    let counts = counts.iter().map(|value| match value {
        Value::Count(count) => u64::try_from(*count).unwrap_or(u64::MAX),
        _ => 0,
    });
    Ok(dimensions.into_iter().zip(counts).max_by_key(|(_, count)| *count))
}

fn memory(query: &Query) -> u64 {
    query.memory.unwrap_or(DEFAULT_MEMORY)
}
