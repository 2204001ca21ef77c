//! From a query to the texts that say the same.

use quipu::{Compare, CostBasis, Error, OrderKey, PathChoice, Precision, Query, Result, Zone};
use serde_json::{Value as Json, json};

use super::text::PlanText;
use super::{Plan, filter, prices};

impl TryFrom<&Plan> for PlanText {
    type Error = Error;

    /// Every plan has a text, but for one that brings a price book of its own.
    fn try_from(plan: &Plan) -> Result<Self> {
        let Query { measures, by, filter, order, .. } = &plan.query;
        let query = &plan.query;
        let order = order.iter().map(|order| {
            let name = match &order.by {
                OrderKey::Measure(measure) => measure.to_string(),
                OrderKey::Pivot(pivot) => pivot.to_string(),
            };
            format!("{}{name}", if order.descending { "-" } else { "" })
        });
        let assumed = query.assumed_values.iter();
        let prices = prices::encode(&query.prices).ok_or_else(|| {
            Error::invalid("a plan with prices of its own has no text; import them and name their version")
        })?;
        Ok(Self {
            report: plan.report,
            measures: measures.iter().map(ToString::to_string).collect(),
            by: by.iter().map(ToString::to_string).collect(),
            filter: filter.as_ref().map_or(Json::Null, filter::encode),
            since: query.since.map(|at| at.to_string()),
            until: query.until.map(|at| at.to_string()),
            tz: (query.zone != Zone::default()).then(|| query.zone.to_string()),
            prefix: plan.prefix.clone(),
            cohort: query.cohort.map(|cohort| cohort.name().into()),
            having: query.having.as_ref().map(ToString::to_string),
            compare: query.compare.as_ref().map_or(Json::Null, compare),
            fill: query.fill,
            order: order.collect(),
            limit: query.limit,
            after: query.after.clone(),
            columns: plan.columns.clone(),
            prices,
            as_of: query.outcomes_as_of.map(|at| at.to_string()),
            what_if: query.what_if.texts(),
            cost: (query.cost_basis != CostBasis::default()).then(|| query.cost_basis.name().into()),
            assume_value: assumed.map(|(kind, value)| (kind.name().into(), value.to_string().into())).collect(),
            precision: (query.precision != Precision::default()).then(|| query.precision.name().into()),
            memory: query.memory.map(|bytes| bytes.to_string()),
            path: (query.path != PathChoice::default()).then(|| query.path.name().into()),
            explain: plan.explain,
        })
    }
}

fn compare(compare: &Compare) -> Json {
    match compare {
        Compare::Previous => "previous".into(),
        Compare::Range { since, until } => json!({ "since": since.to_string(), "until": until.to_string() }),
        Compare::Filter(other) => json!({ "where": filter::encode(other) }),
    }
}
