//! Price lists: from the bytes of a file to a price book, and back.
//!
//! Nothing of a list is dropped in silence: what a reader cannot use, its [`Report`] names.

mod amount;
mod default;
mod genai;
mod list;
mod litellm;
mod own;
mod report;

use quipu::price_book::{Alias, PriceRule};
use quipu::{Error, PriceBook, Result, Timestamp};

use crate::import::{self, Input, Map};

pub use default::{default_book, name};
pub use list::{Row, alias_note, rows};
pub use own::to_json;
pub use report::{Note, Report};

/// The formats of price lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Quipu's own, as TOML or JSON.
    Quipu,
    /// LiteLLM's `model_prices_and_context_window.json`.
    Litellm,
    /// The `data.json` of genai-prices.
    Genai,
}

impl Format {
    /// The format of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), listing the names there are.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "quipu" => Ok(Self::Quipu),
            "litellm" => Ok(Self::Litellm),
            "genai-prices" => Ok(Self::Genai),
            _ => Err(Error::invalid(format!(
                "price format {name:?} is unknown; there are quipu, litellm and genai-prices"
            ))),
        }
    }

    /// The name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quipu => "quipu",
            Self::Litellm => "litellm",
            Self::Genai => "genai-prices",
        }
    }

    /// The format of a list by its content: an array of objects is of genai-prices, an object with a model that
    /// LiteLLM would describe so LiteLLM's, all else Quipu's own.
    fn of(text: &str) -> Self {
        let is_array = text.trim_start().strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('{'));
        if is_array {
            return Self::Genai;
        }
        let is_litellm = text.trim_start().starts_with('{') && litellm::has_model(text);
        if is_litellm { Self::Litellm } else { Self::Quipu }
    }
}

/// How to read a price list.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Its format; found out from its content when absent.
    pub format: Option<Format>,
    /// What to call it: the name of the file, as a rule.
    pub source: String,
    /// From when prices hold that name no start themselves; since ever when absent.
    pub from: Option<Timestamp>,
}

/// Reads a price list; the book is not yet numbered by a store.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) with the line of the fault. Prices of Quipu's own form
/// are taken all or none; of the lists of others, entries that cannot be used are left out and reported.
/// A list of which nothing can be used is no list.
pub fn read(bytes: &[u8], options: &ReadOptions) -> Result<(PriceBook, Report)> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        Error::invalid(format!("{}: line {line} is not UTF-8", options.source))
    })?;
    let format = options.format.unwrap_or_else(|| Format::of(text));
    let from = options.from.unwrap_or(Timestamp::MIN);
    let mut report = Report::new(format, from);
    let content = match format {
        Format::Quipu => own::read(text, from),
        Format::Litellm => litellm::read(text, from, &mut report).map(Content::of_rules),
        Format::Genai => genai::read(text, from, &mut report).map(Content::of_rules),
    };
    finish(content, report, &options.source)
}

/// Reads a price list that lies in a table, as `map` says; all of it or none.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) with the line of the fault, or what reading the file says.
pub fn read_table(input: &Input, map: &Map, options: &ReadOptions) -> Result<(PriceBook, Report)> {
    let from = options.from.unwrap_or(Timestamp::MIN);
    let rows = import::price_rows(input, map)?;
    finish(own::read_rows(&rows, from).map(Content::of_rules), Report::new(Format::Quipu, from), &options.source)
}

/// What a list says.
struct Content {
    rules: Vec<PriceRule>,
    aliases: Vec<Alias>,
}

impl Content {
    fn of_rules(rules: Vec<PriceRule>) -> Self {
        Self { rules, aliases: Vec::new() }
    }
}

fn finish(content: Result<Content>, mut report: Report, source: &str) -> Result<(PriceBook, Report)> {
    let book = content
        .and_then(|content| PriceBook::new(source, content.rules)?.with_aliases(content.aliases))
        .map_err(|error| error.context(source))?;
    report.count(&book);
    if book.rules().is_empty() && book.aliases().is_empty() {
        return Err(Error::invalid(format!("{source}: {}", report.nothing())));
    }
    Ok((book, report))
}

#[cfg(test)]
mod tests;
