//! What it would save to run the calls of a task at the cheapest model tier that does such tasks.

use std::collections::BTreeMap;

use quipu_engine::money::div_half_even;
use quipu_engine::{Dimension, PicoUsd, Result};

use super::spend;
use crate::answer::{Answer, Column};
use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::query::Query;
use crate::report::columns;
use crate::value::Value;
use crate::view::View;

/// A tier is taken to be able to do a task when it does at least this part of its calls, in per cent.
const PROVEN_PERCENT: u128 = 5;

/// What one tier does of a task.
struct Tier {
    name: Value,
    calls: u128,
    tokens: u128,
    pico: i128,
}

/// Per task type with several model tiers: what it costs, and what it would if all its tokens cost
/// what they do on average at the cheapest tier that is proven for it; largest saving first.
pub(super) fn routing(view: &View<'_>, query: &Query) -> Result<Answer> {
    let by = [Dimension::TaskType, Dimension::ModelTier].map(Into::into).into();
    let measures = vec![Measure::Requests, Measure::TotalTokens, spend(query)];
    let named = Filter::has(Dimension::TaskType).and(Filter::has(Dimension::ModelTier));
    let answer = view.whole(&Query { by, measures, ..query.clone() }.filter(named))?;
    let mut tasks: BTreeMap<String, (Value, Vec<Tier>)> = BTreeMap::new();
    for row in &answer.rows {
        if let [task, tier, Value::Count(calls), Value::Count(tokens @ 1..), Value::Money(cost)] = row.as_slice() {
            let (_, tiers) = tasks.entry(task.to_string()).or_insert_with(|| (task.clone(), Vec::new()));
            tiers.push(Tier { name: tier.clone(), calls: *calls, tokens: *tokens, pico: cost.pico() });
        }
    }
    let mut savings: Vec<(i128, Vec<Value>)> =
        tasks.into_values().filter_map(|(task, tiers)| saving(task, &tiers)).collect();
    savings.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x[0].to_string().cmp(&y[0].to_string())));
    let total: i128 = savings.iter().map(|(saving, _)| saving).sum();
    let mut columns: Vec<Column> = vec![Column { name: "task_type".into(), unit: Unit::None, is_key: true }];
    columns.extend(self::columns([
        ("cheapest_tier", Unit::None),
        ("requests_elsewhere", Unit::Events),
        ("spend_elsewhere", Unit::Usd),
        ("at_cheapest", Unit::Usd),
        ("saving", Unit::Usd),
    ]));
    let mut totals = vec![Value::Null; columns.len()];
    totals[columns.len() - 1] = Value::Money(PicoUsd::from_pico(total));
    let groups = savings.len() as u64;
    Ok(Answer {
        columns,
        rows: savings.into_iter().map(|(_, row)| row).collect(),
        totals,
        groups,
        passed: groups,
        other: None,
        ..answer
    })
}

fn saving(task: Value, tiers: &[Tier]) -> Option<(i128, Vec<Value>)> {
    let calls: u128 = tiers.iter().map(|tier| tier.calls).sum();
    let proven = tiers.iter().enumerate().filter(|(_, tier)| tier.calls * 100 >= calls * PROVEN_PERCENT);
    // Cost per token, compared without dividing.
    let (at, cheapest) = proven.min_by(|(_, a), (_, b)| {
        let cross = |a: &Tier, b: &Tier| a.pico.saturating_mul(i128::try_from(b.tokens).unwrap_or(i128::MAX));
        cross(a, b).cmp(&cross(b, a))
    })?;
    let elsewhere = || tiers.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, tier)| tier);
    let (calls, tokens, pico) = elsewhere()
        .fold((0, 0, 0), |(calls, tokens, pico), tier| (calls + tier.calls, tokens + tier.tokens, pico + tier.pico));
    let tokens = i128::try_from(tokens).ok()?;
    let there = div_half_even(cheapest.pico.checked_mul(tokens)?, i128::try_from(cheapest.tokens).ok()?);
    let saving = pico - there;
    let money = |pico| Value::Money(PicoUsd::from_pico(pico));
    let row = vec![task, cheapest.name.clone(), Value::Count(calls), money(pico), money(there), money(saving)];
    (saving > 0).then_some((saving, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, calls: u128, tokens: u128, pico: i128) -> Tier {
        Tier { name: Value::Text(name.into()), calls, tokens, pico }
    }

    #[test]
    fn tokens_elsewhere_cost_what_they_do_at_the_cheapest_proven_tier() {
        let task = || Value::Text("summary".into());
        let tiers = [tier("large", 50, 1_000, 10_000), tier("small", 50, 500, 1_000), tier("odd", 1, 10, 1)];
        let (saving, row) = super::saving(task(), &tiers).expect("a saving");
        // 1,010 tokens elsewhere at 2 each are 2,020; they cost 10,001. `odd` is too rare to prove anything.
        assert_eq!((saving, row[1].to_string()), (7_981, "small".into()));
        assert!(super::saving(task(), &tiers[..1]).is_none());
    }
}
