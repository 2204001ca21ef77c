//! What was put under one value because there were too many different ones.

use quipu::coarse::OVERFLOW;
use quipu::filter::{TextField, TextTest};
use quipu::store::Snapshot;
use quipu::{Dimension, Filter, Measure, Pivot, Query, Result, Value, View, tag_keys};

/// The dimensions that are labels. The others are identities, have few values by their nature, or decide on
/// prices or on who may see an event.
pub const LABELS: [Dimension; 20] = [
    Dimension::Team,
    Dimension::Project,
    Dimension::Feature,
    Dimension::Product,
    Dimension::Workflow,
    Dimension::JobType,
    Dimension::JobVersion,
    Dimension::TraceType,
    Dimension::TaskType,
    Dimension::OperationSubtype,
    Dimension::Operation,
    Dimension::Agent,
    Dimension::AgentVersion,
    Dimension::ModelTier,
    Dimension::Environment,
    Dimension::Config,
    Dimension::Variant,
    Dimension::StopReason,
    Dimension::ToolName,
    Dimension::Source,
];

/// The labels and tags of which some values were put under one, and how many of the events that a query means.
///
/// # Errors
/// As [`View::query`].
pub(super) fn coarsened(snapshot: &Snapshot, view: &View<'_>, query: &Query) -> Result<Vec<(Pivot, u128)>> {
    let labels = LABELS.map(|label| (Pivot::Dimension(label), TextField::Dimension(label)));
    let tags = tag_keys(snapshot)?.into_iter().map(|key| (Pivot::Tag(key.clone()), TextField::Tag(key)));
    let mut found = Vec::new();
    for (pivot, field) in labels.into_iter().chain(tags) {
        let query = Query { measures: vec![Measure::Requests], by: Vec::new(), order: Vec::new(), ..query.clone() };
        let overflown = Filter::Text(field, TextTest::In(vec![OVERFLOW.into()]));
        if let [Value::Count(events @ 1..)] = view.query(&query.filter(overflown))?.totals.as_slice() {
            found.push((pivot, *events));
        }
    }
    Ok(found)
}
