//! A price book as rows to show.

use quipu::price_book::{PriceOf, PriceRule};
use quipu::{PicoUsd, PriceBook, Text, Timestamp};

/// Units that a listed price of a meter is for.
pub(super) const LISTED_UNITS: i128 = 1_000_000;

/// One rate of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Who bills; `None` is anyone.
    pub provider: Option<&'a str>,
    /// The model; a prefix ends in `*`.
    pub model: String,
    /// Where it is served; `None` is anywhere.
    pub region: Option<&'a str>,
    /// The service tier; `None` is the standard one.
    pub tier: Option<&'a str>,
    /// The request has more input tokens than this; `None` is any.
    pub above: Option<u64>,
    /// The meter, or `request`.
    pub of: &'a str,
    /// USD per million units of the meter, or per request.
    pub usd: PicoUsd,
    /// `1M` or `request`.
    pub per: &'static str,
    /// The first instant; `None` is since ever.
    pub from: Option<Timestamp>,
    /// The first instant after; `None` is open.
    pub until: Option<Timestamp>,
}

/// The rates of a book, in the book's order.
pub fn rows(book: &PriceBook) -> impl ExactSizeIterator<Item = Row<'_>> {
    book.rules().iter().map(row)
}

fn row(rule: &PriceRule) -> Row<'_> {
    let (of, per) = match &rule.of {
        PriceOf::Meter(meter) => (meter.name(), "1M"),
        PriceOf::Request => ("request", "request"),
    };
    Row {
        provider: rule.provider.as_deref(),
        model: rule.model.to_string(),
        region: rule.region.as_deref(),
        tier: rule.service_tier.as_ref().map(Text::as_str),
        above: (rule.above > 0).then_some(rule.above),
        of,
        usd: listed(rule),
        per,
        from: (rule.from != Timestamp::MIN).then_some(rule.from),
        until: rule.until,
    }
}

/// The rate as people write it: per million units of a meter, or per request.
pub(super) fn listed(rule: &PriceRule) -> PicoUsd {
    let units = if rule.of == PriceOf::Request { 1 } else { LISTED_UNITS };
    PicoUsd::from_pico(i128::from(rule.rate) * units)
}
