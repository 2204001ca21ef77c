//! Look-ups: a filter that names jobs or workflow runs leaves few rows, and where those lie is known.

use std::borrow::Cow;

use quipu_engine::few_rows::FewRows;
use quipu_engine::rows::Part;
use quipu_engine::{Dimension, Result, Text};
use roaring::RoaringBitmap;

use crate::answer::{Explain, Path};
use crate::filter::{Filter, TextField, TextTest};
use crate::query::{PathChoice, Query};

/// More rows of a part are read block by block.
const FEW: u64 = 4_096;
/// More names are not looked up one by one.
const NAMES: usize = 1_000;

/// The parts, of which those have only the rows that can pass where these are few and known; whole parts keep their
/// places among them.
pub(super) fn parts<'a>(parts: &'a [Part], query: &Query) -> Result<Cow<'a, [Part]>> {
    let by_index = matches!(query.path, PathChoice::Auto | PathChoice::Index);
    let Some((dimension, names)) = query.filter.as_ref().filter(|_| by_index).and_then(named) else {
        return Ok(Cow::Borrowed(parts));
    };
    parts.iter().map(|part| Ok(few(part, dimension, names)?.unwrap_or_else(|| part.clone()))).collect()
}

/// The names that every event has one of.
fn named(filter: &Filter) -> Option<(Dimension, &[Text])> {
    match filter {
        Filter::Text(
            TextField::Dimension(dimension @ (Dimension::JobId | Dimension::TraceId)),
            TextTest::In(names),
        ) if names.len() <= NAMES => Some((*dimension, names)),
        Filter::And(filters) => filters.iter().find_map(named),
        _ => None,
    }
}

/// The rows of a part that carry one of the names; `None` where they are many, or not known.
fn few(part: &Part, dimension: Dimension, names: &[Text]) -> Result<Option<Part>> {
    let mut rows = RoaringBitmap::new();
    for name in names {
        let Some(code) = part.events.find(dimension, name)? else { continue };
        let Some(of_name) = part.events.rows_with(dimension, code)? else { return Ok(None) };
        rows |= &*of_name;
        if rows.len() > FEW {
            return Ok(None);
        }
    }
    Ok(Some(FewRows::of(part, &rows)))
}

/// Says of the parts that were narrowed how they were read.
pub(super) fn explain(explain: &mut Explain, narrowed: &[Part], parts: &[Part]) {
    for told in &mut explain.parts {
        let (few, part) = (&narrowed[told.part], &parts[told.part]);
        if few.events.rows() < part.events.rows() {
            let path = if told.rows_read > 0 { Path::LookUp } else { Path::Pruned };
            (told.path, told.why) = (path, "where the rows of what the filter names lie is known");
            told.rows = part.events.rows() as u64;
        }
    }
}
