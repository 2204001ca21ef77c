//! What there is to choose from: dimensions, and the values of one.

use std::collections::BTreeSet;

use quipu_engine::{Dimension, Error, Result, Text};

use crate::answer::{Answer, Approximation, Column};
use crate::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::measure::{Measure, Unit};
use crate::pivot::Pivot;
use crate::query::Query;
use crate::source::Source;
use crate::value::Value;
use crate::view::View;

/// More tag keys than this are not listed.
const TAG_KEYS: usize = 1_000;

/// The values of a key that begin with `prefix`, with the events that carry each; most events first.
pub(crate) fn values(view: &View<'_>, query: &Query, pivot: &Pivot, prefix: &str) -> Result<Answer> {
    let text = |field| match prefix {
        "" => Filter::Text(field, TextTest::NotNull),
        prefix => Filter::Text(field, TextTest::Prefix(prefix.into())),
    };
    let filter = match pivot {
        Pivot::Dimension(dimension) => text(TextField::Dimension(*dimension)),
        Pivot::Tag(key) => text(TextField::Tag(key.clone())),
        Pivot::Number(number) if prefix.is_empty() => Filter::Number(NumberField::Number(*number), NumberTest::NotNull),
        Pivot::Number(_) | Pivot::Time(_) | Pivot::Lacking => {
            return Err(Error::invalid(format!("{pivot} has no values that begin with a text")));
        }
    };
    let share = Measure::Share(Box::new(Measure::Requests));
    let measures = vec![Measure::Requests, share];
    view.query(&Query { measures, by: vec![pivot.clone()], compare: None, ..query.clone() }.filter(filter))
}

/// Every dimension and every tag that some event carries: how many values it has, and how many events.
pub(crate) fn dimensions(view: &View<'_>, query: &Query) -> Result<Answer> {
    let plain = Query { by: Vec::new(), order: Vec::new(), limit: None, compare: None, having: None, ..query.clone() };
    let ask = |measures: Vec<Measure>, filter: Option<Filter>| {
        let query = Query { measures, ..plain.clone() };
        view.query(&filter.into_iter().fold(query, Query::filter))
    };
    let mut answer = ask(vec![Measure::Requests], None)?;
    let all = answer.totals[0].clone();
    let mut rows = Vec::new();
    for dimension in Dimension::ALL {
        let parts = view.source().parts().iter();
        let mut sizes = parts.map(|part| part.events.dictionary(*dimension).map(|values| values.len()));
        if !sizes.by_ref().any(|size| size.as_ref().map_or(true, |size| *size > 0)) {
            continue;
        }
        let measures = vec![Measure::Requests, Measure::ApproxDistinct(*dimension)];
        let of_dimension = ask(measures, Some(Filter::has(*dimension)))?;
        rows.push((dimension.name().into(), of_dimension.totals[1].clone(), of_dimension.totals[0].clone()));
    }
    let keys = tag_keys(view.source())?;
    if keys.len() > TAG_KEYS {
        answer.notes.push(format!("only the first {TAG_KEYS} keys of tags are listed, in the order of their names"));
    }
    for key in keys.into_iter().take(TAG_KEYS) {
        let of_key = values(view, &Query { limit: Some(0), ..plain.clone() }, &Pivot::Tag(key.clone()), "")?;
        rows.push((format!("tag.{key}").into(), Value::Count(of_key.groups.into()), of_key.totals[1].clone()));
    }
    let column = |name: &str, unit, is_key| Column { name: name.into(), unit, is_key };
    answer.columns = vec![
        column("dimension", Unit::None, true),
        column("values", Unit::Values, false),
        column("requests", Unit::Events, false),
        column("share(requests)", Unit::Ratio, false),
    ];
    let is_carried = |(_, _, events): &(Text, Value, Value)| *events != Value::Count(0);
    answer.rows = rows
        .into_iter()
        .filter(is_carried)
        .map(|(name, values, events)| {
            let share = events.per(&all);
            vec![Value::Text(name), values, events, share]
        })
        .collect();
    (answer.groups, answer.passed) = (answer.rows.len() as u64, answer.rows.len() as u64);
    answer.totals = vec![Value::Null, Value::Null, all.clone(), all.per(&all)];
    answer.approximate =
        vec![Approximation { column: "values".into(), method: crate::exec::ESTIMATE_ERROR, groups: answer.groups }];
    Ok(answer)
}

/// Every key that a tag of some event in the store has. Whether one of a scope's events has it, and with which values, is
/// for a [`View`] to say.
///
/// # Errors
/// [`ErrorKind::Corrupt`](quipu_engine::ErrorKind::Corrupt), saying where.
pub fn tag_keys(source: &dyn Source) -> Result<BTreeSet<Text>> {
    let mut keys = BTreeSet::new();
    for part in source.parts() {
        keys.extend(part.events.tag_columns());
        let sets = part.events.tag_sets()?;
        for code in 0..u32::try_from(sets.len()).unwrap_or(u32::MAX) {
            keys.extend(sets.get(code).iter().map(|(key, _)| key.clone()));
        }
    }
    Ok(keys)
}
