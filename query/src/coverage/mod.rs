//! What the events lack: how much of the spend and of the calls nobody can be asked about.

mod lint;
mod naming;
mod routing;

use quipu_engine::{Dimension, Number, Result};

use crate::answer::{Answer, Column};
use crate::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::measure::{Measure, Unit};
use crate::query::{CostBasis, Query};
use crate::report::{ByKey, columns, share};
use crate::value::Value;
use crate::view::View;

pub use lint::Warning;

/// What is checked for: who, what for, and whether the calls can be told apart.
const FIELDS: [Field; 8] = [
    Field::Dimension(Dimension::Tenant),
    Field::Dimension(Dimension::Team),
    Field::Dimension(Dimension::Workflow),
    Field::Dimension(Dimension::JobId),
    Field::Dimension(Dimension::TaskType),
    Field::Dimension(Dimension::ModelTier),
    Field::Dimension(Dimension::RequestId),
    Field::Number(Number::RetryDepth),
];

#[derive(Clone, Copy)]
enum Field {
    Dimension(Dimension),
    Number(Number),
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Dimension(dimension) => dimension.name(),
            Self::Number(number) => number.name(),
        }
    }

    fn is_missing(self) -> Filter {
        match self {
            Self::Dimension(dimension) => Filter::Text(TextField::Dimension(dimension), TextTest::Null),
            Self::Number(number) => Filter::Number(NumberField::Number(number), NumberTest::Null),
        }
    }
}

/// What events lack, what looks wrong in them, and what could be saved.
#[derive(Clone, Debug)]
pub struct CoverageReport {
    /// Per field, and per group of [`Query::by`]: calls and spend, and the part of them without the field.
    pub fields: Answer,
    /// One row: the part of calls and of spend that were retries.
    pub retries: Answer,
    /// Per task type whose calls run at several model tiers: what the cheapest of them would save.
    pub routing: Answer,
    /// What looks wrong.
    pub warnings: Vec<Warning>,
}

pub(crate) fn coverage(view: &View<'_>, query: &Query) -> Result<CoverageReport> {
    let query = &Query { order: Vec::new(), limit: None, measures: Vec::new(), ..query.clone() };
    let whole = Query { by: Vec::new(), ..query.clone() };
    Ok(CoverageReport {
        fields: fields(view, query)?,
        retries: retries(view, &whole)?,
        routing: routing::routing(view, &whole)?,
        warnings: lint::warnings(view, &whole)?,
    })
}

/// What spend is measured by.
fn spend(query: &Query) -> Measure {
    if query.cost_basis == CostBasis::Computed { Measure::Cost } else { Measure::ReportedCost }
}

fn fields(view: &View<'_>, query: &Query) -> Result<Answer> {
    let keys = query.by.len();
    let query = Query { measures: vec![Measure::Requests, spend(query)], ..query.clone() };
    let all = view.query(&query)?;
    let mut rows = Vec::new();
    for field in FIELDS {
        let lacking = ByKey::new(&view.query(&query.clone().filter(field.is_missing()))?, keys);
        let name = || Value::Text(field.name().into());
        for row in &all.rows {
            let [calls, cost] = [&row[keys], &row[keys + 1]];
            let none = [Value::Count(0), zero_of(cost)];
            let missing = lacking.get(row).unwrap_or(&none);
            let shares = [share(&missing[0], calls), share(&missing[1], cost)];
            let measures = [calls, &missing[0], &shares[0], cost, &missing[1], &shares[1]].map(Value::clone);
            rows.push([name()].into_iter().chain(row[..keys].iter().cloned()).chain(measures).collect());
        }
    }
    let names = [
        ("requests", Unit::Events),
        ("missing", Unit::Events),
        ("missing_share", Unit::Ratio),
        ("spend", Unit::Usd),
        ("missing_spend", Unit::Usd),
        ("missing_spend_share", Unit::Ratio),
    ];
    let field = Column { name: "field".into(), unit: Unit::None, is_key: true };
    let columns: Vec<Column> =
        [field].into_iter().chain(all.columns[..keys].iter().cloned()).chain(columns(names)).collect();
    let totals = vec![Value::Null; columns.len()];
    let groups = rows.len() as u64;
    Ok(Answer { columns, rows, totals, groups, passed: groups, ..all })
}

/// No money, where money is known at all.
fn zero_of(cost: &Value) -> Value {
    if cost.is_null() { Value::Null } else { Value::Money(quipu_engine::PicoUsd::ZERO) }
}

/// The part of calls and of spend that tried something again.
fn retries(view: &View<'_>, query: &Query) -> Result<Answer> {
    let query = Query { measures: vec![Measure::Requests, spend(query)], ..query.clone() };
    let again = Filter::Number(NumberField::Number(Number::RetryDepth), NumberTest::Between(1, u64::MAX));
    let (all, again) = (view.query(&query)?, view.query(&query.clone().filter(again))?);
    let [calls, cost] = [&all.totals[0], &all.totals[1]];
    let [retried, retried_cost] = [&again.totals[0], &again.totals[1]];
    let shares = [share(retried, calls), share(retried_cost, cost)];
    let row: Vec<Value> = [calls, retried, &shares[0], cost, retried_cost, &shares[1]].map(Value::clone).into();
    let names = [
        ("requests", Unit::Events),
        ("retries", Unit::Events),
        ("retry_share", Unit::Ratio),
        ("spend", Unit::Usd),
        ("retry_spend", Unit::Usd),
        ("retry_spend_share", Unit::Ratio),
    ];
    Ok(Answer { columns: columns(names).into(), rows: vec![row.clone()], totals: row, other: None, ..all })
}
