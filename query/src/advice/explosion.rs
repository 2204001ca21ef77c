//! Groupings that take more than a query may use: the totals are answered, and what to change is said.

use quipu_engine::{Dimension, Result};

use super::{Probe, affordable};
use crate::answer::{Answer, Clipped, Column};
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::query::{DEFAULT_MEMORY, Query};
use crate::value::Value;

/// The totals of a query without its groups.
pub(super) fn totals(probe: &Probe<'_>) -> Result<Answer> {
    let query = probe.query;
    let mut answer = probe.ask(&ungrouped(query))?;
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

/// The query about everything together.
fn ungrouped(query: &Query) -> Query {
    Query { by: Vec::new(), order: Vec::new(), having: None, fill: None, limit: None, after: None, ..query.clone() }
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
    let measures = dimensions.iter().map(|dimension| Measure::ApproxDistinct(*dimension)).collect();
    let counts = probe.ask(&Query { measures, compare: None, ..ungrouped(probe.query) });
    let Some(counts) = affordable(counts)? else { return Ok(None) };
    let counts = counts.totals.iter().map(|value| match value {
        Value::Count(count) => u64::try_from(*count).unwrap_or(u64::MAX),
        _ => 0,
    });
    Ok(dimensions.into_iter().zip(counts).max_by_key(|(_, count)| *count))
}

fn memory(query: &Query) -> u64 {
    query.memory.unwrap_or(DEFAULT_MEMORY)
}
