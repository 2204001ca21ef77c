//! What looks wrong in the names and numbers of events.

use hashbrown::HashSet;
use quipu_engine::{Dimension, Number, Result};

use super::naming::{is_company, numbered, outliers, plain, twins};
use crate::filter::{Filter, NumberField, NumberTest};
use crate::measure::Measure;
use crate::query::{Order, Query};
use crate::value::Value;
use crate::view::View;

/// Something that looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What kind of thing it is, for programs.
    pub code: &'static str,
    /// The field it is about.
    pub field: &'static str,
    /// A sentence.
    pub message: String,
}

/// The dimensions whose values are names that somebody chose.
const NAMED: [Dimension; 9] = [
    Dimension::TaskType,
    Dimension::OperationSubtype,
    Dimension::JobType,
    Dimension::TraceType,
    Dimension::Workflow,
    Dimension::Feature,
    Dimension::Team,
    Dimension::Agent,
    Dimension::Environment,
];
/// A class with more values than this is hardly one.
const MANY_VALUES: u64 = 100;
/// Values looked at, the most used first.
const LOOKED_AT: u64 = 10_000;
/// Fewer calls than this prove no habit.
const FEW_CALLS: u128 = 100;
/// Examples given.
const EXAMPLES: usize = 3;

pub(super) fn warnings(view: &View<'_>, query: &Query) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    warnings.extend(retry_depth(view, query)?);
    for dimension in NAMED {
        let (values, count) = values(view, query, dimension)?;
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        about_names(dimension.name(), &names, count, &mut warnings);
    }
    warnings.extend(subscribers(view, query)?);
    Ok(warnings)
}

/// The values of a dimension, the most used first, and how many there are.
fn values(view: &View<'_>, query: &Query, dimension: Dimension) -> Result<(Vec<String>, u64)> {
    let query = Query {
        by: vec![dimension.into()],
        measures: vec![Measure::Requests],
        order: vec![Order::descending(Measure::Requests)],
        limit: Some(LOOKED_AT),
        ..query.clone()
    };
    let answer = view.whole(&query.filter(Filter::has(dimension)))?;
    Ok((answer.rows.iter().map(|row| row[0].to_string()).collect(), answer.groups))
}

fn retry_depth(view: &View<'_>, query: &Query) -> Result<Option<Warning>> {
    let stated = Filter::Number(NumberField::Number(Number::RetryDepth), NumberTest::NotNull);
    let measures = vec![Measure::Requests, Measure::Retries, Measure::Errors];
    let answer = view.whole(&Query { measures, ..query.clone() }.filter(stated))?;
    let [Value::Count(calls @ FEW_CALLS..), Value::Count(0), errors] = answer.totals.as_slice() else {
        return Ok(None);
    };
    Ok(Some(Warning {
        code: "retry_depth_always_zero",
        field: Number::RetryDepth.name(),
        message: format!(
            "all {calls} calls that state a retry depth state 0, {errors} failed ones among them: \
                          the depth may never be set"
        ),
    }))
}

fn about_names(field: &'static str, names: &[&str], count: u64, warnings: &mut Vec<Warning>) {
    if count > MANY_VALUES {
        let family = numbered(names);
        let hint = if family.len() * 4 > names.len() {
            format!(
                "; {} of them differ only in numbers, such as {}: an id may have got into the name",
                family.len(),
                examples(&family)
            )
        } else {
            String::new()
        };
        let message = format!("{field} has {count} values, too many for a class{hint}");
        warnings.push(Warning { code: "too_many_values", field, message });
    }
    if let Some((convention, others)) = outliers(names) {
        let message = format!(
            "most names of {field} are written {}; {} {} not: {}",
            convention.example(),
            others.len(),
            if others.len() == 1 { "is" } else { "are" },
            examples(&others)
        );
        warnings.push(Warning { code: "naming_convention_broken", field, message });
    }
    for twins in twins(names).into_iter().take(EXAMPLES) {
        let message = format!("names of {field} that differ only in case or punctuation: {}", examples(&twins));
        warnings.push(Warning { code: "names_almost_equal", field, message });
    }
}

/// Companies among the individuals.
fn subscribers(view: &View<'_>, query: &Query) -> Result<Option<Warning>> {
    let (tenants, _) = values(view, query, Dimension::Tenant)?;
    let tenants: HashSet<String> = tenants.iter().map(|tenant| plain(tenant)).collect();
    let (subscribers, _) = values(view, query, Dimension::SubscriberId)?;
    let companies: Vec<&str> = subscribers
        .iter()
        .filter(|subscriber| is_company(subscriber) || tenants.contains(&plain(subscriber)))
        .map(String::as_str)
        .collect();
    let field = Dimension::SubscriberId.name();
    Ok((!companies.is_empty()).then(|| Warning {
        code: "company_as_subscriber",
        field,
        message: format!(
            "{field} is an individual, but {} of its values look like companies: {}",
            companies.len(),
            examples(&companies)
        ),
    }))
}

fn examples(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(EXAMPLES).map(|name| format!("{name:?}")).collect();
    let more = if names.len() > EXAMPLES { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
