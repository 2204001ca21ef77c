//! Runs queries: from parts to sums, from sums to groups, from groups to an answer.

mod cost;
mod finish;
mod groups;
mod keys;
mod measures;
mod part;
mod plan;
mod predicate;
mod prices;
mod read;
mod rows;
pub(crate) mod select;
mod slots;
mod tally;
mod timings;

use std::sync::Arc;

use quipu_engine::price_book::PriceBook;
use quipu_engine::{Outcome, Result};

use self::groups::Groups;
use self::plan::Plan;
use self::tally::Outcomes;
use crate::answer::Answer;
use crate::price::Pricer;
use crate::query::{PriceChoice, Query};
use crate::scope::Scope;
use crate::source::Source;

/// Answers a query from the rows of one workspace.
pub(crate) fn run(source: &dyn Source, scope: &Scope, query: &Query) -> Result<Answer> {
    let plan = Plan::new(query, scope)?;
    let book = if plan.prices { Some(price_book(source, &query.prices)?) } else { None };
    let pricer = book.as_deref().map(|book| Pricer::new(book).assuming(&query.what_if));
    let (parts, explain) = read::read(&plan, source.parts(), pricer.as_ref())?;
    let mut groups = Groups::new(&plan);
    for part in parts {
        groups.absorb(&plan, part)?;
    }
    let outcomes = if plan.jobs { outcomes(source, scope, query)? } else { Outcomes::new() };
    let mut answer = finish::answer(&plan, groups, &outcomes)?;
    answer.lsn = source.lsn();
    answer.price_book_version = book.map(|book| book.version);
    answer.explain = explain;
    Ok(answer)
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

fn outcomes(source: &dyn Source, scope: &Scope, query: &Query) -> Result<Outcomes> {
    let outcomes = source.outcomes(scope.workspace(), query.outcomes_as_of)?.into_iter();
    Ok(outcomes.map(|outcome: Outcome| (outcome.job_id.to_string(), outcome)).collect())
}
