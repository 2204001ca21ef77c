//! `quipu prices diff`: what another book changes, in money.

use quipu::{Error, PriceChoice, Result, Scope, View, Zone};
use serde_json::Value as Json;

use super::super::query::GroupedArgs;
use super::super::target::{local_store, price_choice, snapshot};
use crate::ask;
use crate::plan::now;
use crate::prices;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The book to compare: current, default, the number of a version, known:TIME, or the file of a price list.
    old: String,
    /// The book to compare it with.
    new: String,
    #[command(flatten)]
    grouped: GroupedArgs,
}

pub(super) fn run(args: &Args, scope: &Scope) -> Result<Sheet> {
    let mut text = args.grouped.text()?;
    if text.prices != Json::Null {
        return Err(Error::invalid("`prices diff` compares the two books it names; leave --prices out"));
    }
    if text.by.is_empty() {
        text.by = vec!["tenant".into()];
    }
    let plan = text.resolve(now())?;
    let snapshot = snapshot(&local_store(&args.grouped.rest.target)?)?;
    let book = |name: &str| ask::price_book(&snapshot, &price_choice(name, &Zone::default())?);
    let (old, new) = (book(&args.old)?, book(&args.new)?);
    let names = [&old, &new].map(|book| prices::name(book));
    let view = View::new(&snapshot, scope.clone());
    let (answer, lacking) = view.price_diff(&plan.query, PriceChoice::Book(old), PriceChoice::Book(new))?;
    let mut sheet = Sheet::of_answer(answer, plan.explain).priced_by(&names[1]);
    sheet.facts.notes.push(format!("old: {}; new: {}", names[0], names[1]));
    let lacking = Sheet::of_answer(lacking, false);
    sheet.facts.notes.extend(lacking.unpriced_note().map(|note| format!("under the old book {note}")));
    Ok(sheet)
}
