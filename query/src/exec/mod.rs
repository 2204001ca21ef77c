//! Runs queries: from parts to sums, from sums to groups, from groups to rows.

mod buckets;
mod budget;
mod carried;
mod chunked;
mod cohort;
mod condition;
mod cost;
mod cuts;
mod distinct;
mod estimates;
mod groups;
mod jobs;
mod keys;
pub(crate) mod lacking;
mod mask;
mod measures;
mod narrow;
mod pairs;
mod part;
mod plan;
mod predicate;
mod prices;
mod ranks;
mod read;
mod remarks;
mod row_costs;
mod rows;
mod run;
pub(crate) mod select;
mod selected;
mod sketch;
mod slots;
mod summed;
mod sums;
mod table;
mod tally;
mod times;
mod timings;

use std::sync::Arc;
use std::time::Instant;

use quipu_engine::price_book::PriceBook;
use quipu_engine::{Result, Timestamp};

pub(crate) use self::estimates::ESTIMATE_ERROR;
use self::run::Run;
use self::table::Table;
use crate::answer::Answer;
use crate::cursor::Cursor;
use crate::query::{PriceChoice, Query};
use crate::scope::Scope;
use crate::source::Source;

/// Answers a query from the rows of one workspace.
pub(crate) fn run(source: &dyn Source, scope: &Scope, query: &Query) -> Result<Answer> {
    plan::check(query)?;
    let key = source.secret();
    let cursor = query.after.as_deref().map(|text| Cursor::open(text, &key, scope, query)).transpose()?;
    let pinned = pinned(query, cursor.as_ref());
    let compared = pinned.compared()?;
    let main = Run::new(source, scope, &pinned, None)?;
    let other = compared.as_ref().map(|other| Run::new(source, scope, other, main.book.clone())).transpose()?;
    let started = Instant::now();
    let table = Table::new(&pinned, main, other)?;
    let (mut answer, next) = table.answer(cursor.as_ref().map(|cursor| &cursor.position))?;
    answer.explain.end_stage("rows", started);
    answer.lsn = source.lsn();
    answer.notes.extend(expired(source, scope, query));
    let first = cursor.map_or((answer.lsn, answer.price_book_version), |cursor| (cursor.lsn, cursor.book));
    if first.0 != answer.lsn {
        answer.notes.push(format!(
            "since the first page, events were added (log position {} then, {} now): rows may be missing or come twice",
            first.0, answer.lsn
        ));
    }
    let seal = |position| Cursor { lsn: first.0, book: first.1, position }.seal(&key, scope, query);
    answer.next = next.map(seal);
    Ok(answer)
}

/// What to know of a question that reaches back to what the workspace has let go.
fn expired(source: &dyn Source, scope: &Scope, query: &Query) -> Option<String> {
    let retention = source.retention(scope.workspace()).filter(|it| it.from > Timestamp::MIN)?;
    let asks = |since: Option<Timestamp>| since.is_none_or(|since| since < retention.from);
    let kept = retention.days.map_or_else(String::new, |days| format!(" and are kept for {days} days"));
    asks(query.since).then(|| format!("events that started before {} have expired{kept}", retention.from))
}

/// The query with the price book of its first page, though a newer one may have come since.
fn pinned(query: &Query, cursor: Option<&Cursor>) -> Query {
    let mut pinned = query.clone();
    if let (PriceChoice::Current, Some(version @ 1..)) = (&query.prices, cursor.and_then(|cursor| cursor.book)) {
        pinned.prices = PriceChoice::Version(version);
    }
    pinned
}

/// The price book that was chosen.
pub(crate) fn price_book(source: &dyn Source, choice: &PriceChoice) -> Result<Arc<PriceBook>> {
    match choice {
        PriceChoice::Current => source.price_book(None),
        PriceChoice::Version(version) => source.price_book(Some(*version)),
        PriceChoice::KnownAt(at) => source.price_book_known_at(*at),
        PriceChoice::Book(book) => Ok(Arc::clone(book)),
    }
}
