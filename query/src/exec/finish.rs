//! From groups to the answer: measures, totals, order and limit.

use std::cmp::Ordering;

use quipu_engine::Result;

use super::cost::Cost;
use super::groups::{GroupSums, Groups};
use super::keys::KeyValue;
use super::measures::Group;
use super::plan::Plan;
use super::tally::{Outcomes, Tally};
use super::timings::Timings;
use crate::answer::{Answer, Column, Explain};
use crate::measure::Unit;
use crate::pivot::Pivot;
use crate::query::{OrderKey, Query};
use crate::value::Value;

/// The answer, but for what the source and the reading know of it.
pub(super) fn answer(plan: &Plan<'_>, mut groups: Groups, outcomes: &Outcomes) -> Result<Answer> {
    groups.timings.iter_mut().for_each(Timings::sort);
    let query = plan.query;
    let total = total(plan, &groups, outcomes)?;
    let totals: Vec<Value> = query.by.iter().map(|_| Value::Null).chain(total).collect();
    let (mut rows, count) = if query.by.is_empty() {
        (vec![totals.clone()], 1)
    } else {
        (rows(plan, &groups, outcomes)?, groups.len() as u64)
    };
    sort(query, &mut rows);
    if let Some(limit) = query.limit {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(Answer {
        columns: columns(query),
        rows,
        totals,
        groups: count,
        lsn: 0,
        price_book_version: None,
        cost_basis: query.cost_basis,
        assumed_values: query.assumed_values.clone(),
        zone: query.zone.to_string(),
        cohort: None,
        unpriced: groups.unpriced(),
        explain: Explain::default(),
    })
}

fn columns(query: &Query) -> Vec<Column> {
    let unit = |pivot: &Pivot| if matches!(pivot, Pivot::Time(_)) { Unit::Time } else { Unit::None };
    let keys = query.by.iter().map(|pivot| Column { name: pivot.to_string(), unit: unit(pivot), is_key: true });
    let measures =
        query.measures.iter().map(|measure| Column { name: measure.to_string(), unit: measure.unit(), is_key: false });
    keys.chain(measures).collect()
}

fn rows(plan: &Plan<'_>, groups: &Groups, outcomes: &Outcomes) -> Result<Vec<Vec<Value>>> {
    let tallies = tallies(plan, groups, outcomes)?;
    let distinct = distinct(groups);
    let rows = (0..groups.len()).map(|at| {
        let group = Group {
            plan,
            sums: &groups.sums[at],
            tally: &tallies[at],
            distinct: &distinct[at],
            timings: &groups.timings,
            number: u32::try_from(at).unwrap_or(u32::MAX),
        };
        groups.key(at).chain(plan.query.measures.iter().map(|measure| group.value(measure))).collect()
    });
    Ok(rows.collect())
}

fn outcome<'a>(groups: &Groups, outcomes: &'a Outcomes, job: u32) -> Option<&'a quipu_engine::Outcome> {
    match &groups.job_names.values[job as usize] {
        KeyValue::Text(name) => outcomes.get(name.as_str()),
        _ => None,
    }
}

fn tallies(plan: &Plan<'_>, groups: &Groups, outcomes: &Outcomes) -> Result<Vec<Tally>> {
    let mut tallies = vec![Tally::default(); groups.len()];
    for ((group, job), cost) in &groups.jobs {
        tallies[*group as usize].add(plan.query, outcome(groups, outcomes, *job), *cost)?;
    }
    Ok(tallies)
}

fn distinct(groups: &Groups) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; groups.distinct.len()]; groups.len()];
    for (at, (_, pairs)) in groups.distinct.iter().enumerate() {
        for (group, _) in pairs {
            counts[*group as usize][at] += 1;
        }
    }
    counts
}

/// The measures over all groups together: a job that touches two of them counts once.
fn total(plan: &Plan<'_>, groups: &Groups, outcomes: &Outcomes) -> Result<Vec<Value>> {
    let mut sums = GroupSums::new(plan);
    for group in &groups.sums {
        sums.add(group)?;
    }
    let mut costs = vec![None::<Cost>; groups.job_names.values.len()];
    for ((_, job), cost) in &groups.jobs {
        costs[*job as usize].get_or_insert_default().add(*cost)?;
    }
    let mut tally = Tally::default();
    for (job, cost) in (0..).zip(costs) {
        if let Some(cost) = cost {
            tally.add(plan.query, outcome(groups, outcomes, job), cost)?;
        }
    }
    let distinct: Vec<u64> = groups.distinct.iter().map(|(names, _)| names.values.len() as u64).collect();
    let mut timings = Vec::new();
    for of_groups in &groups.timings {
        let mut all = Timings::default();
        of_groups.regroup(|_| 0, &mut all);
        all.sort();
        timings.push(all);
    }
    let group = Group { plan, sums: &sums, tally: &tally, distinct: &distinct, timings: &timings, number: 0 };
    Ok(plan.query.measures.iter().map(|measure| group.value(measure)).collect())
}

/// Sorts by what was asked for, else by the default; ties by key.
fn sort(query: &Query, rows: &mut [Vec<Value>]) {
    let keys = query.by.len();
    let column = |key: &OrderKey| match key {
        OrderKey::Pivot(pivot) => query.by.iter().position(|one| one == pivot),
        OrderKey::Measure(measure) => query.measures.iter().position(|one| one == measure).map(|at| keys + at),
    };
    let mut order: Vec<(usize, bool)> =
        query.order.iter().filter_map(|order| Some((column(&order.by)?, order.descending))).collect();
    if order.is_empty() && !matches!(query.by.first(), Some(Pivot::Time(_))) {
        order.push((keys, true));
    }
    order.extend((0..keys).map(|key| (key, false)));
    rows.sort_by(|a, b| {
        let compared = order.iter().map(|(at, descending)| compare(&a[*at], &b[*at], *descending));
        compared.fold(Ordering::Equal, Ordering::then)
    });
}

/// Null comes last in both directions.
fn compare(a: &Value, b: &Value, descending: bool) -> Ordering {
    if descending && !a.is_null() && !b.is_null() { b.compare(a) } else { a.compare(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_last_in_both_directions() {
        let (one, two) = (Value::Count(1), Value::Count(2));
        assert_eq!(compare(&one, &two, true), Ordering::Greater);
        assert_eq!(compare(&Value::Null, &two, true), Ordering::Greater);
        assert_eq!(compare(&Value::Null, &two, false), Ordering::Greater);
    }
}
