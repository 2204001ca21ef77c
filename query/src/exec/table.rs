//! From the groups of one or two slices to the rows of an answer.

use std::cmp::Ordering;

use hashbrown::HashMap;
use quipu_engine::Result;

use super::buckets::{self, Shift};
use super::estimates::ESTIMATE_ERROR;
use super::groups::Groups;
use super::keys::KeyValue;
use super::run::Run;
use super::timings::SKETCH_ERROR;
use crate::answer::{Answer, Approximation, Column, Compared};
use crate::cursor::Position;
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::query::{Compare, OrderKey, Query};
use crate::value::Value;

/// The slices of an answer with what its rows are made of.
pub(super) struct Table<'q> {
    query: &'q Query,
    columns: Vec<Measure>,
    main: Run<'q>,
    other: Option<Run<'q>>,
    /// From the buckets of the other slice to those of the main one.
    shift: Option<Shift>,
    totals: Slices,
    /// What must be known of the totals and the groups behind them.
    remarks: Vec<String>,
    /// Of a group that has no event in a slice.
    nothing: Slices,
}

/// The base measures of a group, or of several, in each slice.
struct Slices {
    main: Vec<Value>,
    other: Vec<Value>,
}

/// A group of either slice, or of both.
#[derive(Clone, Copy)]
struct Place {
    main: Option<u32>,
    other: Option<u32>,
}

/// The rows of a page.
struct Page {
    /// Keys and columns.
    rows: Vec<Vec<Value>>,
    places: Vec<Place>,
    groups: usize,
    passed: usize,
    /// There are rows behind the last one.
    goes_on: bool,
}

impl<'q> Table<'q> {
    pub(super) fn new(query: &'q Query, mut main: Run<'q>, mut other: Option<Run<'q>>) -> Result<Self> {
        if buckets::fills(query)? {
            for run in [Some(&mut main), other.as_mut()].into_iter().flatten() {
                buckets::fill(&run.plan, &mut run.groups)?;
            }
        }
        main.finish()?;
        other.iter_mut().try_for_each(Run::finish)?;
        let (of_main, remarks) = main.totals()?;
        let totals = Slices {
            main: of_main,
            other: other.as_ref().map_or(Ok(Vec::new()), |other| other.values_over(|_| true))?,
        };
        let nothing = Slices {
            main: main.values_of_nothing()?,
            other: other.as_ref().map_or(Ok(Vec::new()), Run::values_of_nothing)?,
        };
        let shift = other.as_ref().map(|other| Shift::new(query, other.plan.query)).transpose()?;
        Ok(Self { query, columns: query.columns(), main, other, shift, totals, remarks, nothing })
    }

    /// The answer, but for what the source knows of it, and where its page ends if rows follow.
    pub(super) fn answer(mut self, after: Option<&Position>) -> Result<(Answer, Option<Position>)> {
        let keys = self.query.by.len();
        let page = self.page(after)?;
        let shown = |values: &Slices| -> Vec<Value> {
            std::iter::repeat_n(Value::Null, keys).chain(self.cells(values)).collect()
        };
        let totals = shown(&self.totals);
        let other = if page.rows.len() < page.groups { Some(shown(&self.not_on(&page)?)) } else { None };
        let next = match page.rows.last() {
            Some(last) if page.goes_on => Some(Position(self.sort_values(last))),
            _ => None,
        };
        let answer = Answer {
            columns: self.heads(),
            rows: page.rows,
            totals,
            other,
            groups: page.groups as u64,
            passed: page.passed as u64,
            compared: self.compared(),
            approximate: self.approximations(),
            unpriced: self.main.groups.unpriced(),
            notes: std::mem::take(&mut self.remarks),
            price_book_version: self.main.book.take().map(|book| book.version),
            explain: self.explain(),
            ..Answer::about(self.query)
        };
        Ok((answer, next))
    }

    fn heads(&self) -> Vec<Column> {
        let unit = |pivot: &Pivot| if matches!(pivot, Pivot::Time(_)) { Unit::Time } else { Unit::None };
        let keys = self.query.by.iter();
        let keys = keys.map(|pivot| Column { name: pivot.to_string(), unit: unit(pivot), is_key: true });
        let measures = self.columns.iter();
        let measures =
            measures.map(|measure| Column { name: measure.to_string(), unit: measure.unit(), is_key: false });
        keys.chain(measures).collect()
    }

    /// The columns of a group, or of several.
    fn cells(&self, values: &Slices) -> Vec<Value> {
        self.columns.iter().map(|measure| self.value(measure, values)).collect()
    }

    fn value(&self, measure: &Measure, values: &Slices) -> Value {
        let of = |slice: &[Value], at: usize| slice.get(at).cloned().unwrap_or(Value::Null);
        self.value_of(measure, &|at| of(&values.main, at), &|at| of(&values.other, at))
    }

    /// The value of a measure, from the base measure of a number in each slice.
    fn value_of(&self, measure: &Measure, main: &dyn Fn(usize) -> Value, other: &dyn Fn(usize) -> Value) -> Value {
        let Some(at) = self.main.plan.base.iter().position(|base| base == measure.base()) else { return Value::Null };
        match measure {
            Measure::Share(_) => main(at).per(&self.totals.main[at]),
            Measure::Before(_) => other(at),
            Measure::Change(_) => main(at).minus(&other(at)),
            Measure::Growth(_) => main(at).minus(&other(at)).per(&other(at)),
            _ => main(at),
        }
    }

    fn page(&self, after: Option<&Position>) -> Result<Page> {
        let mut places = self.places();
        let groups = places.len();
        if let Some(having) = &self.query.having {
            places.retain(|place| {
                let values = self.slices(*place);
                having.holds(&|measure| self.value(measure, &values))
            });
        }
        let passed = places.len();
        let order = self.order();
        if let Some(after) = after {
            places.retain(|place| compare_sorted(&self.sort_values(&self.row(*place)), &after.0, &order).is_gt());
        }
        let limit = self.query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let goes_on = places.len() > limit;
        if goes_on {
            places = self.first(places, limit, &order);
        }
        let mut rows: Vec<(Vec<Value>, Place)> = places.into_iter().map(|place| (self.row(place), place)).collect();
        rows.sort_unstable_by(|(a, _), (b, _)| compare_rows(a, b, &order));
        let (rows, places) = rows.into_iter().unzip();
        Ok(Page { rows, places, groups, passed, goes_on })
    }

    /// The first of more than `limit` groups, in any order: rows are made of those that are returned alone.
    fn first(&self, places: Vec<Place>, limit: usize, order: &[(usize, bool)]) -> Vec<Place> {
        let (Some(((column, descending), rest)), Some(last)) = (order.split_first(), limit.checked_sub(1)) else {
            return Vec::new();
        };
        let mut leading: Vec<(Value, Place)> =
            places.into_iter().map(|place| (self.cell(place, *column), place)).collect();
        leading.select_nth_unstable_by(last, |(a, in_a), (b, in_b)| {
            let rest = rest
                .iter()
                .map(|(at, descending)| compare(&self.cell(*in_a, *at), &self.cell(*in_b, *at), *descending));
            compare(a, b, *descending).then_with(|| rest.into_iter().find(|one| one.is_ne()).unwrap_or(Ordering::Equal))
        });
        leading.truncate(limit);
        leading.into_iter().map(|(_, place)| place).collect()
    }

    /// The groups of either slice.
    fn places(&self) -> Vec<Place> {
        if self.query.by.is_empty() {
            return vec![Place { main: None, other: None }];
        }
        let numbered = |groups: &Groups| 0..u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let mut places: Vec<Place> =
            numbered(&self.main.groups).map(|group| Place { main: Some(group), other: None }).collect();
        if let Some(other) = &self.other {
            let known: HashMap<Vec<KeyValue>, usize> =
                places.iter().enumerate().map(|(at, place)| (self.key(*place), at)).collect();
            for group in numbered(&other.groups) {
                let place = Place { main: None, other: Some(group) };
                match known.get(&self.key(place)) {
                    Some(at) => places[*at].other = Some(group),
                    None => places.push(place),
                }
            }
        }
        places
    }

    /// The key of a group, in the buckets of the main slice.
    fn key(&self, place: Place) -> Vec<KeyValue> {
        match (place.main, place.other, &self.other, &self.shift) {
            (Some(group), ..) => self.main.groups.key_values(group as usize).cloned().collect(),
            (None, Some(group), Some(other), Some(shift)) => {
                shift.key(other.groups.key_values(group as usize).cloned())
            }
            _ => Vec::new(),
        }
    }

    /// The keys and columns of a group.
    fn row(&self, place: Place) -> Vec<Value> {
        self.key(place).iter().map(Value::from).chain(self.cells(&self.slices(place))).collect()
    }

    /// One of the keys and columns of a group.
    fn cell(&self, place: Place, at: usize) -> Value {
        if let Some(measure) = at.checked_sub(self.query.by.len()).and_then(|at| self.columns.get(at)) {
            let of = |run: Option<&Run<'_>>, group: Option<u32>, nothing: &[Value], at: usize| match (run, group) {
                (Some(run), Some(group)) => run.value(group as usize, at),
                _ => nothing.get(at).cloned().unwrap_or(Value::Null),
            };
            let main = |at| of(Some(&self.main), place.main, &self.nothing.main, at);
            return self.value_of(measure, &main, &|at| of(self.other.as_ref(), place.other, &self.nothing.other, at));
        }
        self.key(place).get(at).map_or(Value::Null, Value::from)
    }

    fn slices(&self, place: Place) -> Slices {
        if self.query.by.is_empty() {
            return Slices { main: self.totals.main.clone(), other: self.totals.other.clone() };
        }
        let of = |run: Option<&Run<'_>>, group: Option<u32>, nothing: &[Value]| match (run, group) {
            (Some(run), Some(group)) => run.values(group as usize),
            _ => nothing.to_vec(),
        };
        Slices {
            main: of(Some(&self.main), place.main, &self.nothing.main),
            other: of(self.other.as_ref(), place.other, &self.nothing.other),
        }
    }

    /// The base measures over the groups that are not on a page.
    fn not_on(&self, page: &Page) -> Result<Slices> {
        let missing = |groups: usize, of: &dyn Fn(&Place) -> Option<u32>| {
            let mut missing = vec![true; groups];
            page.places.iter().filter_map(of).for_each(|group| missing[group as usize] = false);
            missing
        };
        // The one row of a question without keys left no group of its own out unless it is missing.
        let main = missing(self.main.groups.len(), &|place| place.main);
        let other = match &self.other {
            None => Vec::new(),
            Some(run) => {
                let other = missing(run.groups.len(), &|place| place.other);
                run.values_over(|group| other[group])?
            }
        };
        Ok(Slices { main: self.main.values_over(|group| main[group])?, other })
    }

    /// The columns that rows are ordered by, and which of them from the largest down; keys decide ties.
    fn order(&self) -> Vec<(usize, bool)> {
        let keys = self.query.by.len();
        let column = |key: &OrderKey| match key {
            OrderKey::Pivot(pivot) => self.query.by.iter().position(|one| one == pivot),
            OrderKey::Measure(measure) => self.columns.iter().position(|one| one == measure).map(|at| keys + at),
        };
        let mut order: Vec<(usize, bool)> =
            self.query.order.iter().filter_map(|order| Some((column(&order.by)?, order.descending))).collect();
        if order.is_empty() && !matches!(self.query.by.first(), Some(Pivot::Time(_))) {
            order.push((keys, true));
        }
        order.extend((0..keys).map(|key| (key, false)));
        order
    }

    /// The values of a row that decide its place.
    fn sort_values(&self, row: &[Value]) -> Vec<Value> {
        self.order().iter().map(|(at, _)| row[*at].clone()).collect()
    }

    fn compared(&self) -> Option<Compared> {
        let query = self.other.as_ref()?.plan.query;
        let filter = match &self.query.compare {
            Some(Compare::Filter(filter)) => Some(filter.clone()),
            _ => None,
        };
        Some(Compared { since: query.since, until: query.until, filter })
    }

    fn approximations(&self) -> Vec<Approximation> {
        let runs = || [Some(&self.main), self.other.as_ref()].into_iter().flatten();
        let of = |measure: &Measure| {
            let (method, groups) = match measure.base() {
                Measure::ApproxDistinct(_) => (ESTIMATE_ERROR, runs().map(|run| run.groups.len() as u64).max()),
                base => (SKETCH_ERROR, runs().filter_map(|run| run.sketched(base)).max()),
            };
            groups.map(|groups| Approximation { column: measure.to_string(), method, groups })
        };
        self.columns.iter().filter_map(of).collect()
    }

    fn explain(&mut self) -> crate::answer::Explain {
        let mut explain = std::mem::take(&mut self.main.explain);
        if let Some(other) = &mut self.other {
            explain.append(std::mem::take(&mut other.explain));
        }
        explain
    }
}

fn compare_rows(a: &[Value], b: &[Value], order: &[(usize, bool)]) -> Ordering {
    let compared = order.iter().map(|(at, descending)| compare(&a[*at], &b[*at], *descending));
    compared.fold(Ordering::Equal, Ordering::then)
}

fn compare_sorted(a: &[Value], b: &[Value], order: &[(usize, bool)]) -> Ordering {
    let compared = a.iter().zip(b).zip(order).map(|((a, b), (_, descending))| compare(a, b, *descending));
    compared.fold(Ordering::Equal, Ordering::then)
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
