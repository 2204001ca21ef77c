//! Price books: their versions, their rates, and what another one changes in money.

use quipu::store::Snapshot;
use quipu::{PriceBook, PriceChoice, Result, Scope, Timestamp, Unit, Value, View};

use super::price_book;
use crate::plan::Plan;
use crate::prices;
use crate::render::{PRICE, Sheet};

/// The versions of the price book.
pub fn price_versions(snapshot: &Snapshot) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("version", Unit::None, true),
        ("known_since", Unit::Time, false),
        ("rates", Unit::Values, false),
        ("source", Unit::None, false),
        ("added_by", Unit::None, false),
        ("note", Unit::None, false),
    ]);
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::Text(text.into()) };
    let row = |book: &PriceBook| {
        let (version, rates) = (Value::Count(book.version.into()), Value::Count(book.rules().len() as u128));
        vec![version, Value::Time(book.known_at), rates, text(&book.source), text(&book.added_by), text(&book.note)]
    };
    sheet.rows = snapshot.price_books().iter().map(|book| row(book)).collect();
    if sheet.rows.is_empty() {
        sheet.facts.notes =
            vec![format!("no prices of its own; asked with the {}", prices::name(&prices::default_book()))];
    }
    sheet
}

/// The rates of a book for models whose name starts with `model`; what was agreed for other workspaces
/// and tenants than those of `scope`, where one is given, is left out.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such version.
pub fn rates_of_book(snapshot: &Snapshot, scope: Option<&Scope>, choice: &PriceChoice, model: &str) -> Result<Sheet> {
    let book = price_book(snapshot, choice)?;
    let mut sheet = Sheet::new(&[
        ("model", Unit::None, true),
        ("provider", Unit::None, false),
        ("region", Unit::None, false),
        ("service_tier", Unit::None, false),
        ("workspace", Unit::None, false),
        ("tenant", Unit::None, false),
        ("above_input_tokens", Unit::Tokens, false),
        ("hours_utc", Unit::None, false),
        ("of", Unit::None, false),
        (PRICE, Unit::Usd, false),
        ("share", Unit::None, false),
        ("per", Unit::None, false),
        ("from", Unit::Time, false),
        ("until", Unit::Time, false),
    ]);
    let theirs = |rate: &prices::Row<'_>| {
        scope.is_none_or(|scope| {
            rate.workspace.is_none_or(|workspace| workspace == scope.workspace())
                && rate.tenant.is_none_or(|tenant| scope.tenant().is_none_or(|own| own == tenant))
        })
    };
    let rows = prices::rows(&book).filter(|rate| rate.model.starts_with(model) && theirs(rate));
    sheet.rows = rows.map(row).collect();
    sheet.facts.price_book_version = Some(book.version);
    sheet.facts.notes = book.aliases().iter().map(prices::alias_note).collect();
    Ok(sheet.priced_by(&prices::name(&book)))
}

fn row(rate: prices::Row<'_>) -> Vec<Value> {
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    let time = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Time);
    vec![
        text(Some(&rate.model)),
        text(rate.provider),
        text(rate.region),
        text(rate.tier),
        text(rate.workspace),
        text(rate.tenant),
        rate.above.map_or(Value::Null, |above| Value::Count(above.into())),
        text(rate.hours.map(|hours| hours.to_string()).as_deref()),
        text(Some(rate.of)),
        rate.usd.map_or(Value::Null, Value::Money),
        text(rate.share.map(|share| share.to_string()).as_deref()),
        text(Some(rate.per)),
        time(rate.from),
        time(rate.until),
    ]
}

/// What each group costs under one book and under another, the groups of tenants where the plan names none.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when there is no such version, else as [`View::query`].
pub fn price_diff(snapshot: &Snapshot, scope: Scope, plan: &Plan, [old, new]: [&PriceChoice; 2]) -> Result<Sheet> {
    let (old, new) = (price_book(snapshot, old)?, price_book(snapshot, new)?);
    let names = [&old, &new].map(|book| prices::name(book));
    let view = View::new(snapshot, scope);
    let (answer, lacking) = view.price_diff(&plan.query, PriceChoice::Book(old), PriceChoice::Book(new))?;
    let mut sheet = Sheet::of_answer(answer, plan.explain).priced_by(&names[1]);
    sheet.facts.notes.push(format!("old: {}; new: {}", names[0], names[1]));
    let lacking = Sheet::of_answer(lacking, false);
    sheet.facts.notes.extend(lacking.unpriced_note().map(|note| format!("under the old book {note}")));
    Ok(sheet)
}
