//! The price book inside this program, for stores that have none of their own.

use std::sync::{Arc, LazyLock};

use quipu::PriceBook;

use super::{Format, ReadOptions, read};

/// The chat and embedding models of common providers, as in server/prices/README.md.
const LIST: &str = include_str!("../../prices/default.json");
/// What the list is, and of when.
const SOURCE: &str = "default book of 2026-10-21 (from LiteLLM's price map)";

static BOOK: LazyLock<Arc<PriceBook>> = LazyLock::new(|| {
    let options = ReadOptions { format: Some(Format::Litellm), source: SOURCE.into(), from: None };
    read(LIST.as_bytes(), &options).map(|(book, _)| Arc::new(book)).expect("the list in this program is valid")
});

/// Common models at the prices of one day. What is not in it stays without a price.
pub fn default_book() -> Arc<PriceBook> {
    Arc::clone(&BOOK)
}

/// How answers name a book.
pub fn name(book: &PriceBook) -> String {
    match book.version {
        0 if book.source.is_empty() => "none were known then".into(),
        0 => book.source.clone(),
        version => format!("version {version} ({}, known since {})", book.source, book.known_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_book_is_valid_and_says_its_date() {
        let book = default_book();
        assert!(book.rules().len() > 300 && name(&book).contains("2026-10-21"), "{} rates", book.rules().len());
    }
}
