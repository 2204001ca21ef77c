//! `quipu prices list` and `show`: the versions, and the rates of one book.

use quipu::{PriceBook, Result, Timestamp, Unit, Value, Zone};

use super::super::args::StoreArgs;
use super::super::target::{price_choice, snapshot};
use crate::ask;
use crate::prices;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The book: current, default, the number of a version, known:TIME, or the file of a price list.
    #[arg(value_name = "BOOK", default_value = "current")]
    book: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Only models whose name starts so.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    model: String,
}

pub(super) fn list(args: &ListArgs) -> Result<Sheet> {
    let snapshot = snapshot(&args.store.store)?;
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
    Ok(sheet)
}

pub(super) fn run(args: &Args) -> Result<Sheet> {
    let choice = price_choice(&args.book, &Zone::default())?;
    let book = ask::price_book(&snapshot(&args.store.store)?, &choice)?;
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
        ("usd", Unit::Usd, false),
        ("share", Unit::None, false),
        ("per", Unit::None, false),
        ("from", Unit::Time, false),
        ("until", Unit::Time, false),
    ]);
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    let time = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Time);
    let row = |rate: prices::Row<'_>| {
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
    };
    sheet.rows = prices::rows(&book).filter(|rate| rate.model.starts_with(&args.model)).map(row).collect();
    sheet.facts.price_book_version = Some(book.version);
    sheet.facts.notes = book.aliases().iter().map(prices::alias_note).collect();
    Ok(sheet.priced_by(&prices::name(&book)))
}
