//! From the groups of one or two slices to the rows of an answer.

use std::cmp::Ordering;

use hashbrown::HashMap;
use quipu_engine::Result;

use super::buckets::{self, Shift};
use super::estimates::ESTIMATE_ERROR;
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
    totals: Slices,
}

/// The base measures of a group, or of several, in each slice.
struct Slices {
    main: Vec<Value>,
    other: Vec<Value>,
}

/// A group with its keys and columns.
struct Row {
    values: Vec<Value>,
    main: Option<usize>,
    other: Option<usize>,
}

/// The rows of a page.
struct Page {
    rows: Vec<Row>,
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
        let totals = Slices {
            main: main.values_over(|_| true)?,
            other: other.as_ref().map_or(Ok(Vec::new()), |other| other.values_over(|_| true))?,
        };
        Ok(Self { query, columns: query.columns(), main, other, totals })
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
            Some(last) if page.goes_on => Some(self.position(&last.values)),
            _ => None,
        };
        let answer = Answer {
            columns: self.heads(),
            rows: page.rows.into_iter().map(|row| row.values).collect(),
            totals,
            other,
            groups: page.groups as u64,
            passed: page.passed as u64,
            compared: self.compared(),
            approximate: self.approximations(),
            unpriced: self.main.groups.unpriced(),
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
        let at = self.main.plan.base.iter().position(|base| base == measure.base());
        let of = |slice: &[Value]| at.and_then(|at| slice.get(at)).cloned().unwrap_or(Value::Null);
        match measure {
            Measure::Share(_) => of(&values.main).per(&of(&self.totals.main)),
            Measure::Before(_) => of(&values.other),
            Measure::Change(_) => of(&values.main).minus(&of(&values.other)),
            Measure::Growth(_) => of(&values.main).minus(&of(&values.other)).per(&of(&values.other)),
            _ => of(&values.main),
        }
    }

    fn page(&self, after: Option<&Position>) -> Result<Page> {
        let mut rows = self.rows()?;
        let groups = rows.len();
        if let Some(having) = &self.query.having {
            let nothing = self.nothing()?;
            let slices = |row: &Row| self.slices(row, &nothing);
            rows.retain(|row| {
                let values = slices(row);
                having.holds(&|measure| self.value(measure, &values))
            });
        }
        let passed = rows.len();
        let order = self.order();
        if let Some(after) = after {
            rows.retain(|row| compare_sorted(&self.sort_values(&row.values), &after.0, &order).is_gt());
        }
        let compare = |a: &Row, b: &Row| compare_rows(&a.values, &b.values, &order);
        let limit = self.query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let goes_on = rows.len() > limit;
        if goes_on && limit > 0 {
            // Only the rows that are returned need be in order.
            rows.select_nth_unstable_by(limit - 1, compare);
        }
        rows.truncate(limit);
        rows.sort_unstable_by(compare);
        Ok(Page { rows, groups, passed, goes_on })
    }

    /// One row per group of either slice.
    fn rows(&self) -> Result<Vec<Row>> {
        if self.query.by.is_empty() {
            return Ok(vec![Row { values: self.cells(&self.totals), main: None, other: None }]);
        }
        let nothing = self.nothing()?;
        let groups = &self.main.groups;
        let mut keys: Vec<(Vec<KeyValue>, Option<usize>, Option<usize>)> =
            (0..groups.len()).map(|at| (groups.key_values(at).cloned().collect(), Some(at), None)).collect();
        if let Some(other) = &self.other {
            let shift = Shift::new(self.query, other.plan.query)?;
            let known: HashMap<Vec<KeyValue>, usize> =
                keys.iter().enumerate().map(|(row, (key, ..))| (key.clone(), row)).collect();
            for group in 0..other.groups.len() {
                let key = shift.key(other.groups.key_values(group).cloned());
                match known.get(&key) {
                    Some(row) => keys[*row].2 = Some(group),
                    None => keys.push((key, None, Some(group))),
                }
            }
        }
        let row = |(key, main, other): (Vec<KeyValue>, Option<usize>, Option<usize>)| {
            let mut row = Row { values: key.iter().map(Value::from).collect(), main, other };
            let cells = self.cells(&self.slices(&row, &nothing));
            row.values.extend(cells);
            row
        };
        Ok(keys.into_iter().map(row).collect())
    }

    fn slices(&self, row: &Row, nothing: &Slices) -> Slices {
        if self.query.by.is_empty() {
            return Slices { main: self.totals.main.clone(), other: self.totals.other.clone() };
        }
        let main = row.main.map_or_else(|| nothing.main.clone(), |group| self.main.values(group));
        let other = match (&self.other, row.other) {
            (Some(run), Some(group)) => run.values(group),
            _ => nothing.other.clone(),
        };
        Slices { main, other }
    }

    /// The base measures of a group that has no event in a slice.
    fn nothing(&self) -> Result<Slices> {
        Ok(Slices {
            main: self.main.values_of_nothing()?,
            other: self.other.as_ref().map_or(Ok(Vec::new()), Run::values_of_nothing)?,
        })
    }

    /// The base measures over the groups that are not on a page.
    fn not_on(&self, page: &Page) -> Result<Slices> {
        let missing = |groups: usize, of_row: &dyn Fn(&Row) -> Option<usize>| {
            let mut missing = vec![true; groups];
            page.rows.iter().filter_map(of_row).for_each(|group| missing[group] = false);
            missing
        };
        // The one row of a question without keys left no group of its own out unless it is missing.
        let main = missing(self.main.groups.len(), &|row| row.main);
        let other = match &self.other {
            None => Vec::new(),
            Some(run) => {
                let other = missing(run.groups.len(), &|row| row.other);
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

    fn position(&self, row: &[Value]) -> Position {
        Position(self.sort_values(row))
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
            explain.parts.append(&mut other.explain.parts);
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
