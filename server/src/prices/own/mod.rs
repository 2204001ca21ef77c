//! Quipu's own price list, the same in TOML and in JSON.
//!
//! ```toml
//! currency = "USD"                # the only one; may be left out
//!
//! [[price]]
//! workspace = "eu"                # agreed for one workspace; left out: for all
//! tenant = "acme"                 # agreed for one tenant; left out: for all
//! provider = "openai"             # left out: any
//! model = "gpt-4o"                # or model_prefix = "gpt-4o-", model_contains = "gpt"; none: every model, and none
//! region = "eu"                   # left out: anywhere
//! tier = "batch"                  # left out: standard, and tiers without a price of their own
//! above = 200000                  # only requests with more input tokens; left out: all
//! hours = "16:30-00:30"           # of every day, UTC; days may stand in front: "sat,sun 00:00-00:00"
//! from = "2024-08-01"             # first day or instant; left out: since ever
//! until = "2025-01-01"            # first day or instant after; left out: open
//! per = "1M"                      # what the amounts are for: 1M (the default), 1K or unit
//! input = "2.50"                  # any built-in meter; a number or a text
//! cache_read = "1.25"
//! output = "10.00"
//! per_request = "0.001"           # on top, always for one request
//! meters = { web_search = "10" }  # any other meter, by its name
//! everything = "85%"              # a share of the list price of all of it; any amount may be one
//!
//! [[alias]]                       # another name of a model, where it has no price of its own
//! name = "house-fast"
//! provider = "gateway"            # left out: any
//! model = "gpt-4o"
//! of_provider = "openai"          # left out: the provider of the event
//! ```

mod entry;
mod json;
mod toml;
mod write;

use quipu::price_book::PriceRule;
use quipu::{Error, Result, Timestamp};

use super::Content;
use crate::import::PriceRow;

use entry::{Entry, Field, Value};
pub use write::to_json;

/// The fields of a list.
const LIST_FIELDS: [&str; 3] = ["currency", "price", "alias"];

/// Something wrong at a byte of the text.
struct Fault {
    at: usize,
    what: String,
}

/// A list taken apart.
#[derive(Default)]
struct List<'a> {
    prices: Vec<Entry<'a>>,
    aliases: Vec<Entry<'a>>,
}

/// The rules and aliases of a list in TOML or JSON.
pub(super) fn read(text: &str, from: Timestamp) -> Result<Content> {
    let list = if text.trim_start().starts_with('{') { json::list(text) } else { toml::list(text) };
    let read = list.and_then(|list| {
        let rules = list.prices.iter().map(|entry| entry.rules(from)).collect::<Result<Vec<_>, Fault>>()?;
        Ok(Content { rules: rules.concat(), aliases: list.aliases.iter().map(Entry::alias).collect::<Result<_, _>>()? })
    });
    read.map_err(|fault| Error::invalid(format!("line {}: {}", line_of(text, fault.at), fault.what)))
}

/// The rules of a list that lies in a table: one entry a row.
pub(super) fn read_rows(rows: &[PriceRow], from: Timestamp) -> Result<Vec<PriceRule>> {
    let mut rules = Vec::new();
    for row in rows {
        let field = |(name, text): &'_ (String, String)| {
            let value = if name == "above" { Value::Number } else { Value::Text };
            Field { name: name.clone().into(), at: 0, value: value(text.clone().into()) }
        };
        let entry = Entry { at: 0, fields: row.fields.iter().map(field).collect() };
        let entry = entry.rules(from).map_err(|fault| Error::invalid(format!("{}: {}", row.place, fault.what)))?;
        rules.extend(entry);
    }
    Ok(rules)
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Refuses a currency other than USD.
fn check_currency(currency: &str, at: usize) -> Result<(), Fault> {
    if currency == quipu::price_book::CURRENCY {
        return Ok(());
    }
    Err(Fault {
        at,
        what: format!("currency is {currency:?}; only \"USD\" can be priced, and currencies are never mixed"),
    })
}

fn unknown_list_field(name: &str, at: usize) -> Fault {
    let hint = quipu::did_you_mean(name, LIST_FIELDS);
    Fault {
        at,
        what: format!("field `{name}` is unknown; a price list has `currency`, `price` and `alias` entries{hint}"),
    }
}
