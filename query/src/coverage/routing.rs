//! What it would save to route calls to another model tier that does such tasks.
//!
//! Each call keeps its own tokens and is priced as if it had been served by the model that the other tier serves that task
//! with most often: the assumption of [`WhatIf::model`], and no average over tokens of different kinds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::{Dimension, PicoUsd, Result, Text};

use crate::answer::{Answer, Column};
use crate::filter::Filter;
use crate::measure::{Measure, Unit};
use crate::price::WhatIf;
use crate::query::{CostBasis, Query};
use crate::report::columns;
use crate::value::Value;
use crate::view::View;

/// A tier is taken to be able to do a task when it does at least this part of its calls, in per cent.
const PROVEN_PERCENT: u128 = 5;
/// Fewer calls prove nothing about a tier, and are not worth a route of their own.
const FEWEST_CALLS: u128 = 20;

/// Calls by task type, model tier and model.
type Cells = BTreeMap<(Text, Text, Text), Cell>;

/// Calls that have a task type, a tier and a model in common.
struct Cell {
    calls: u128,
    /// What they cost, in pico-USD; `None` where some of it has no price.
    pico: Option<i128>,
}

/// What one tier does of a task.
struct Tier {
    name: Text,
    calls: u128,
    /// The model that serves most of these calls, and how many.
    model: Text,
    most: u128,
}

/// What could be saved on a task.
struct Saving {
    /// Where to.
    tier: Text,
    model: Text,
    /// The calls at dearer tiers.
    calls: u128,
    /// What they cost, and what they would.
    now: i128,
    then: i128,
    /// Calls that are not compared, since they have no full price at either place.
    unpriced: u128,
}

/// Per task type with several model tiers: what its calls at dearer tiers cost, and what they would at the tier that saves
/// most; largest saving first.
pub(super) fn routing(view: &View<'_>, query: &Query) -> Result<Answer> {
    use Dimension as D;
    let named = Filter::has(D::TaskType).and(Filter::has(D::ModelTier)).and(Filter::has(D::Model));
    let by = [D::TaskType, D::ModelTier, D::Model].map(Into::into).into();
    let query = &Query { by, cost_basis: CostBasis::Computed, ..query.clone() }.filter(named);
    let (mut answer, cells) = priced(view, query.clone())?;
    let mut tasks = tiers(&cells);
    tasks.retain(|_, tiers| tiers.len() > 1);
    let mut served: BTreeMap<&Text, BTreeSet<&Text>> = BTreeMap::new();
    for (task, tiers) in &tasks {
        for tier in proven(tiers) {
            served.entry(&tier.model).or_default().insert(task);
        }
    }
    let mut anew = BTreeMap::new();
    for (model, tasks) in served {
        let what_if = WhatIf { model: Some(model.clone()), ..query.what_if.clone() };
        let tasks = Filter::one_of(D::TaskType, tasks.into_iter().cloned());
        anew.insert(model.clone(), priced(view, Query { what_if, ..query.clone() }.filter(tasks))?.1);
    }
    let saving = |(task, tiers): (&Text, &Vec<Tier>)| Some((task.clone(), saving(task, tiers, &cells, &anew)?));
    let mut savings: Vec<(Text, Saving)> = tasks.iter().filter_map(saving).collect();
    savings.sort_by_key(|(task, saving)| (Reverse(saving.now - saving.then), task.clone()));
    answer.columns = vec![Column { name: "task_type".into(), unit: Unit::None, is_key: true }];
    answer.columns.extend(columns([
        ("tier", Unit::None),
        ("model", Unit::None),
        ("requests_elsewhere", Unit::Events),
        ("spend_elsewhere", Unit::Usd),
        ("spend_there", Unit::Usd),
        ("saving", Unit::Usd),
    ]));
    let sum = |of: fn(&Saving) -> i128| savings.iter().map(|(_, saving)| of(saving)).sum::<i128>();
    let calls = savings.iter().map(|(_, saving)| saving.calls).sum();
    answer.totals = vec![Value::Null, Value::Null, Value::Null];
    answer.totals.extend(amounts(calls, sum(|saving| saving.now), sum(|saving| saving.then)));
    answer.notes = notes(savings.iter().map(|(_, saving)| saving.unpriced).sum());
    let row = |(task, saving): (Text, Saving)| {
        let Saving { tier, model, calls, now, then, .. } = saving;
        [task, tier, model].map(Value::Text).into_iter().chain(amounts(calls, now, then)).collect()
    };
    answer.rows = savings.into_iter().map(row).collect();
    (answer.groups, answer.passed, answer.other) = (answer.rows.len() as u64, answer.rows.len() as u64, None);
    Ok(answer)
}

fn amounts(calls: u128, now: i128, then: i128) -> [Value; 4] {
    let money = |pico| Value::Money(PicoUsd::from_pico(pico));
    [Value::Count(calls), money(now), money(then), money(now - then)]
}

fn notes(unpriced: u128) -> Vec<String> {
    let mut notes = vec![format!(
        "if the calls of dearer tiers, with the tokens they had, were served by the model that does most of the task at \
         that tier; a tier counts that does {PROVEN_PERCENT} % of a task and {FEWEST_CALLS} calls"
    )];
    if unpriced > 0 {
        notes.push(format!(
            "calls elsewhere without a full price, as they were or as they would be: {unpriced}; left out"
        ));
    }
    notes
}

/// What calls cost as the query assumes.
fn priced(view: &View<'_>, query: Query) -> Result<(Answer, Cells)> {
    let mut query = Query { measures: vec![Measure::Requests, Measure::Cost], ..query };
    let mut answer = view.whole(&query)?;
    // Only events can tell whose quantities have no price; where all have one, counters do.
    if !answer.unpriced.is_empty() {
        query.measures.push(Measure::Unpriced);
        answer = view.whole(&query)?;
    }
    let cell = |row: &Vec<Value>| match row.as_slice() {
        [Value::Text(task), Value::Text(tier), Value::Text(model), Value::Count(calls), cost, unpriced @ ..] => {
            let pico = match (cost, unpriced) {
                (Value::Money(cost), [] | [Value::Count(0)]) => Some(cost.pico()),
                _ => None,
            };
            Some(((task.clone(), tier.clone(), model.clone()), Cell { calls: *calls, pico }))
        }
        _ => None,
    };
    let cells = answer.rows.iter().filter_map(cell).collect();
    Ok((answer, cells))
}

/// The tiers of each task.
fn tiers(cells: &Cells) -> BTreeMap<Text, Vec<Tier>> {
    let mut tasks: BTreeMap<Text, Vec<Tier>> = BTreeMap::new();
    for ((task, name, model), Cell { calls, .. }) in cells {
        let tiers = tasks.entry(task.clone()).or_default();
        match tiers.last_mut().filter(|last| last.name == *name) {
            Some(tier) => {
                tier.calls += calls;
                if *calls > tier.most {
                    (tier.model, tier.most) = (model.clone(), *calls);
                }
            }
            None => tiers.push(Tier { name: name.clone(), calls: *calls, model: model.clone(), most: *calls }),
        }
    }
    tasks
}

fn proven(tiers: &[Tier]) -> impl Iterator<Item = &Tier> {
    let calls: u128 = tiers.iter().map(|tier| tier.calls).sum();
    tiers.iter().filter(move |tier| tier.calls >= FEWEST_CALLS && tier.calls * 100 >= calls * PROVEN_PERCENT)
}

/// The largest saving on a task, if there is one.
fn saving(task: &Text, tiers: &[Tier], cells: &Cells, anew: &BTreeMap<Text, Cells>) -> Option<Saving> {
    let at = |tier: &Tier| {
        let there = anew.get(&tier.model)?;
        let (name, model) = (tier.name.clone(), tier.model.clone());
        let mut saving = Saving { tier: name, model, calls: 0, now: 0, then: 0, unpriced: 0 };
        for other in tiers.iter().filter(|other| other.name != tier.name) {
            let first = (task.clone(), other.name.clone(), Text::default());
            let of_tier = cells.range(first..).take_while(|((of, at, _), _)| of == task && *at == other.name);
            let (mut calls, mut unpriced, mut now, mut then) = (0, 0, 0, 0);
            for (key, cell) in of_tier {
                match (cell.pico, there.get(key).and_then(|cell| cell.pico)) {
                    (Some(cost), Some(priced_anew)) => {
                        (calls, now, then) = (calls + cell.calls, now + cost, then + priced_anew);
                    }
                    _ => unpriced += cell.calls,
                }
            }
            saving.unpriced += unpriced;
            if now > then {
                (saving.calls, saving.now, saving.then) = (saving.calls + calls, saving.now + now, saving.then + then);
            }
        }
        (saving.calls >= FEWEST_CALLS).then_some(saving)
    };
    proven(tiers).filter_map(at).min_by_key(|saving| Reverse(saving.now - saving.then))
}
