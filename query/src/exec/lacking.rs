//! What events lack of the fields by which spend is accounted for.

use std::collections::BTreeMap;

use quipu_engine::rows::Quantity;
use quipu_engine::{Dimension, Number, Result, Text};

use super::groups::GroupSums;
use super::keys::KeyValue;
use super::measures::Group;
use super::plan;
use super::rows::Rows;
use super::run::Run;
use super::tally::Tally;
use crate::answer::Answer;
use crate::pivot::Pivot;
use crate::query::Query;
use crate::scope::Scope;
use crate::source::Source;
use crate::value::Value;

/// Who a call was for, what for, and whether calls can be told apart.
pub(crate) const FIELDS: [Field; 8] = [
    Field::Dimension(Dimension::Tenant),
    Field::Dimension(Dimension::Team),
    Field::Dimension(Dimension::Workflow),
    Field::Dimension(Dimension::JobId),
    Field::Dimension(Dimension::TaskType),
    Field::Dimension(Dimension::ModelTier),
    Field::Dimension(Dimension::RequestId),
    Field::Number(Number::RetryDepth),
];

/// How many sets of fields there are.
pub(super) const SETS: usize = 1 << FIELDS.len();

/// A field that an event may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Dimension(Dimension),
    Number(Number),
}

impl Field {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dimension(dimension) => dimension.name(),
            Self::Number(number) => number.name(),
        }
    }
}

/// A set of fields: bit `n` stands for the `n`-th of [`FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lacks(u8);

impl Lacks {
    pub(super) fn of_code(code: u32) -> Self {
        Self(code.to_le_bytes()[0])
    }

    fn holds(self, field: usize) -> bool {
        self.0 & 1 << field != 0
    }

    /// The names of the fields; `nothing` when there are none.
    pub(super) fn names(self) -> Text {
        let fields = FIELDS.iter().enumerate().filter(|(at, _)| self.holds(*at)).map(|(_, field)| field.name());
        let names: Vec<&str> = fields.collect();
        if names.is_empty() { "nothing".into() } else { names.join(", ").into() }
    }
}

/// Replaces `out` by the set of fields that each row of a block lacks.
pub(super) fn read(rows: Rows<'_>, block: usize, out: &mut Vec<u32>) -> Result<()> {
    out.clear();
    out.resize(rows.block_len(block), 0);
    let Rows::Events(events) = rows else { return Ok(()) };
    let (mut codes, mut numbers) = (Vec::new(), Vec::new());
    for (at, field) in FIELDS.iter().enumerate() {
        let lacks = |absent: bool| u32::from(absent) << at;
        match field {
            Field::Dimension(dimension) => {
                events.codes(*dimension, block, &mut codes)?;
                out.iter_mut().zip(&codes).for_each(|(set, code)| *set |= lacks(*code == 0));
            }
            Field::Number(number) => {
                events.quantities(&Quantity::Number(*number), block, &mut numbers)?;
                out.iter_mut().zip(&numbers).for_each(|(set, stored)| *set |= lacks(*stored == 0));
            }
        }
    }
    Ok(())
}

/// What the events of a group come to, all of them and those that lack each of [`FIELDS`].
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) key: Vec<Value>,
    pub(crate) all: Vec<Value>,
    pub(crate) lacking: Vec<Vec<Value>>,
}

/// The coverage of each group of [`Query::by`] in sums, requests or money, found in one pass over the
/// events, the group with most of the first measure first; and the facts of the answer.
pub(crate) fn coverage(source: &dyn Source, scope: &Scope, query: &Query) -> Result<(Vec<Coverage>, Answer)> {
    plan::check(query)?;
    let split = query.clone().by(Pivot::Lacking);
    let mut run = Run::new(source, scope, &split, None)?;
    let mut sums: BTreeMap<Vec<KeyValue>, Vec<GroupSums>> = BTreeMap::new();
    for (group, own) in run.groups.sums.iter().enumerate() {
        let mut key: Vec<KeyValue> = run.groups.key_values(group).cloned().collect();
        let Some(KeyValue::Lacks(lacks)) = key.pop() else { continue };
        let of_key = sums.entry(key).or_insert_with(|| vec![GroupSums::new(&run.plan); FIELDS.len() + 1]);
        of_key[FIELDS.len()].add(own)?;
        for (_, lacking) in of_key.iter_mut().enumerate().filter(|(at, _)| *at < FIELDS.len() && lacks.holds(*at)) {
            lacking.add(own)?;
        }
    }
    if sums.is_empty() && query.by.is_empty() {
        sums.insert(Vec::new(), vec![GroupSums::new(&run.plan); FIELDS.len() + 1]);
    }
    let mut groups: Vec<Coverage> = Vec::with_capacity(sums.len());
    for (key, of_key) in &sums {
        let mut lacking: Vec<Vec<Value>> = of_key.iter().map(|sums| run.values_of(sums)).collect();
        let all = lacking.pop().unwrap_or_default();
        groups.push(Coverage { key: key.iter().map(Value::from).collect(), all, lacking });
    }
    groups.sort_by(|a, b| b.all[0].compare(&a.all[0]));
    let answer = Answer {
        lsn: source.lsn(),
        unpriced: run.groups.unpriced(),
        price_book_version: run.book.take().map(|book| book.version),
        explain: std::mem::take(&mut run.explain),
        ..Answer::about(query)
    };
    Ok((groups, answer))
}

impl Run<'_> {
    /// The base measures of sums, where they are about neither jobs nor distinct values nor times.
    fn values_of(&self, sums: &GroupSums) -> Vec<Value> {
        let (plan, tally) = (&self.plan, &Tally::default());
        let group = Group { plan, sums, tally, distinct: &[], estimates: &[], timings: &[] };
        plan.base.iter().map(|measure| group.value(measure)).collect()
    }
}
