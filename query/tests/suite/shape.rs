//! From the groups of the plain loops to the rows of an answer: comparison, shares, `having`, order,
//! pages, the rest.

use std::cmp::Ordering;

use quipu_engine::{Event, Timestamp};
use quipu_query::{Compare, Measure, OrderKey, Pivot, Query, Unpriced, Value};

use crate::oracle::{Oracle, bucket_end, bucket_start};

/// What an answer must say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) totals: Vec<Value>,
    pub(crate) other: Option<Vec<Value>>,
    pub(crate) groups: u64,
    pub(crate) passed: u64,
    pub(crate) unpriced: Vec<Unpriced>,
}

/// The events of a row in each slice.
struct Row<'e> {
    key: Vec<Value>,
    main: Vec<&'e Event>,
    other: Vec<&'e Event>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn answer(&self, query: &Query) -> Expected {
        let compared = compared(query);
        let other_query = compared.as_ref().unwrap_or(query);
        let all_main = self.chosen(query);
        let all_other = compared.as_ref().map_or(Vec::new(), |other| self.chosen(other));
        let mut rows: Vec<Row<'a>> =
            self.groups(query).into_iter().map(|(key, main)| Row { key, main, other: Vec::new() }).collect();
        for (key, other) in compared.as_ref().map_or(Vec::new(), |other| self.groups(other)) {
            let key = moved(query, other_query, key);
            match rows.iter_mut().find(|row| row.key == key) {
                Some(row) => row.other.extend(other),
                None => rows.push(Row { key, main: Vec::new(), other }),
            }
        }
        if query.by.is_empty() {
            rows = vec![Row { key: Vec::new(), main: all_main.clone(), other: all_other.clone() }];
        } else if fills(query) {
            for key in empty_keys(query, other_query, &rows) {
                if !rows.iter().any(|row| row.key == key) {
                    rows.push(Row { key, main: Vec::new(), other: Vec::new() });
                }
            }
        }
        let value = |measure: &Measure, main: &[&Event], other: &[&Event]| {
            let (base, total) = (measure.base(), || self.measure(query, measure.base(), &all_main));
            let (main, other) = (self.measure(query, base, main), || self.measure(other_query, base, other));
            match measure {
                Measure::Share(_) => main.per(&total()),
                Measure::Before(_) => other(),
                Measure::Change(_) => main.minus(&other()),
                Measure::Growth(_) => main.minus(&other()).per(&other()),
                _ => main,
            }
        };
        let cells = |main: &[&Event], other: &[&Event]| -> Vec<Value> {
            query.columns().iter().map(|measure| value(measure, main, other)).collect()
        };
        let nulls = || query.by.iter().map(|_| Value::Null);
        let groups = rows.len() as u64;
        let mut kept: Vec<(Vec<Value>, usize)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let passes = |having: &quipu_query::Having| having.holds(&|one| value(one, &row.main, &row.other));
            if query.having.as_ref().is_none_or(passes) {
                kept.push((row.key.iter().cloned().chain(cells(&row.main, &row.other)).collect(), at));
            }
        }
        let passed = kept.len() as u64;
        kept.sort_by(|(a, _), (b, _)| order(query, a, b));
        kept.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
        let left: Vec<&Row<'_>> = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| !kept.iter().any(|(_, row)| row == at))
            .map(|(_, row)| row)
            .collect();
        let rest =
            |slice: &dyn Fn(&Row<'a>) -> Vec<&'a Event>| left.iter().flat_map(|row| slice(row)).collect::<Vec<_>>();
        let (main, other) = (rest(&|row| row.main.clone()), rest(&|row| row.other.clone()));
        Expected {
            rows: kept.into_iter().map(|(row, _)| row).collect(),
            totals: nulls().chain(cells(&all_main, &all_other)).collect(),
            other: (!left.is_empty()).then(|| nulls().chain(cells(&main, &other)).collect()),
            groups,
            passed,
            unpriced: if Self::is_priced(query) { self.unpriced(query, &all_main) } else { Vec::new() },
        }
    }
}

fn compared(query: &Query) -> Option<Query> {
    let mut other = Query { compare: None, ..query.clone() };
    match query.compare.as_ref()? {
        Compare::Previous => {
            let (since, until) = query.zone.previous_period(query.since?, query.until?);
            (other.since, other.until) = (Some(since), Some(until));
        }
        Compare::Range { since, until } => (other.since, other.until) = (Some(*since), Some(*until)),
        Compare::Filter(filter) => other.filter = Some(filter.clone()),
    }
    Some(other)
}

/// The starts of buckets from the one that holds `since`.
fn starts(query: &Query, pivot: &Pivot, since: Timestamp) -> impl Iterator<Item = Timestamp> {
    let Pivot::Time(bucket) = pivot else { panic!("a key of time") };
    let (bucket, zone) = (*bucket, query.zone.clone());
    let first = bucket_start(bucket, &zone, since);
    std::iter::successors(Some(first), move |start| Some(bucket_end(bucket, &zone, *start)))
}

/// The key of the other slice's group where its n-th bucket stands for the n-th one.
fn moved(query: &Query, other: &Query, key: Vec<Value>) -> Vec<Value> {
    let same = (query.since, query.until) == (other.since, other.until);
    let (Some(to), Some(from), Some(_), false) = (query.since, other.since, other.until, same) else { return key };
    let move_one = |(pivot, value): (&Pivot, Value)| match value {
        Value::Time(at) if matches!(pivot, Pivot::Time(_)) => {
            let place = starts(other, pivot, from).position(|start| start == at).expect("in the range");
            starts(query, pivot, to).nth(place).map_or(Value::Null, Value::Time)
        }
        value => value,
    };
    query.by.iter().zip(key).map(move_one).collect()
}

fn fills(query: &Query) -> bool {
    let times = query.by.iter().filter(|pivot| matches!(pivot, Pivot::Time(_))).count();
    query.fill.unwrap_or(query.by.len() == 1) && times == 1
}

/// The keys of all buckets of each slice, with every combination of the other keys that the slice has.
fn empty_keys(query: &Query, other: &Query, rows: &[Row<'_>]) -> Vec<Vec<Value>> {
    let at = query.by.iter().position(|pivot| matches!(pivot, Pivot::Time(_))).expect("one");
    let mut keys = Vec::new();
    for (slice, is_main) in [(query, true), (other, false)] {
        if !is_main && query.compare.is_none() {
            continue;
        }
        let own: Vec<&Row<'_>> =
            rows.iter().filter(|row| !(if is_main { &row.main } else { &row.other }).is_empty()).collect();
        // Without a range, the buckets span what there is.
        let found = own.iter().filter_map(|row| match &row.key[at] {
            Value::Time(at) => Some(*at),
            _ => None,
        });
        let found: Vec<Timestamp> = found.collect();
        let since = slice.since.or_else(|| found.iter().min().copied());
        let until = slice.until.or_else(|| found.iter().max().map(|at| Timestamp::from_micros(at.micros() + 1)));
        let (Some(since), Some(until)) = (since, until) else { continue };
        let rest = match query.by.len() {
            1 => vec![vec![Value::Null]],
            _ => own.iter().map(|row| row.key.clone()).collect(),
        };
        for start in starts(slice, &query.by[at], since).take_while(|start| *start < until) {
            for rest in &rest {
                let mut key = rest.clone();
                key[at] = Value::Time(start);
                keys.push(if is_main { key } else { moved(query, other, key) });
            }
        }
    }
    keys.dedup();
    let mut distinct: Vec<Vec<Value>> = Vec::new();
    for key in keys {
        if !distinct.contains(&key) {
            distinct.push(key);
        }
    }
    distinct
}

fn order(query: &Query, a: &[Value], b: &[Value]) -> Ordering {
    let compare = |at: usize, descending: bool| match (&a[at], &b[at]) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (a, b) if descending => b.compare(a),
        (a, b) => a.compare(b),
    };
    let (keys, columns) = (query.by.len(), query.columns());
    let mut result = Ordering::Equal;
    for order in &query.order {
        let at = match &order.by {
            OrderKey::Pivot(pivot) => query.by.iter().position(|one| one == pivot),
            OrderKey::Measure(measure) => columns.iter().position(|one| one == measure).map(|at| keys + at),
        };
        result = result.then(compare(at.expect("a column"), order.descending));
    }
    if query.order.is_empty() && !matches!(query.by.first(), Some(Pivot::Time(_))) {
        result = result.then(compare(keys, true));
    }
    (0..keys).fold(result, |result, key| result.then(compare(key, false)))
}
