//! A price book as rows to show.

use quipu::price_book::{Alias, Hours, PriceOf, PriceRule, Rate, Share};
use quipu::{PicoUsd, PriceBook, Text, Timestamp};

/// Units that a listed price of a meter is for.
pub(super) const LISTED_UNITS: i128 = 1_000_000;

/// One rate of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The workspace it was agreed for; `None` is any.
    pub workspace: Option<&'a str>,
    /// The tenant it was agreed for; `None` is any.
    pub tenant: Option<&'a str>,
    /// Who bills; `None` is anyone.
    pub provider: Option<&'a str>,
    /// The model; a prefix ends in `*`, a part has one on both sides.
    pub model: String,
    /// Where it is served; `None` is anywhere.
    pub region: Option<&'a str>,
    /// The service tier; `None` is the standard one.
    pub tier: Option<&'a str>,
    /// The request has more input tokens than this; `None` is any.
    pub above: Option<u64>,
    /// The hours of the week; `None` is all of it.
    pub hours: Option<Hours>,
    /// The meter, `request` or `everything`.
    pub of: &'a str,
    /// USD per million units of the meter, or per request; `None` where it is a share.
    pub usd: Option<PicoUsd>,
    /// The share of the list price, where the rate is one.
    pub share: Option<Share>,
    /// `1M`, `request` or `list`.
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
    let (of, unit) = match &rule.of {
        PriceOf::Meter(meter) => (meter.name(), "1M"),
        PriceOf::Request => ("request", "request"),
        PriceOf::Everything => ("everything", "list"),
    };
    let (usd, share) = match rule.rate {
        Rate::Pico(pico) => (Some(listed_usd(&rule.of, pico)), None),
        Rate::OfList(share) => (None, Some(share)),
    };
    Row {
        workspace: rule.workspace.as_deref(),
        tenant: rule.tenant.as_deref(),
        provider: rule.provider.as_deref(),
        model: rule.model.to_string(),
        region: rule.region.as_deref(),
        tier: rule.service_tier.as_ref().map(Text::as_str),
        above: (rule.above > 0).then_some(rule.above),
        hours: rule.hours,
        of,
        usd,
        share,
        per: if share.is_some() { "list" } else { unit },
        from: (rule.from != Timestamp::MIN).then_some(rule.from),
        until: rule.until,
    }
}

/// An alias in a sentence.
pub fn alias_note(alias: &Alias) -> String {
    let of = |provider: &Option<Text>| provider.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
    format!("{}{} costs what {}{} costs", alias.name, of(&alias.provider), alias.model, of(&alias.of_provider))
}

/// A rate as people write it: per million units of a meter, or per request.
pub(super) fn listed_usd(of: &PriceOf, pico: u64) -> PicoUsd {
    let units = if *of == PriceOf::Request { 1 } else { LISTED_UNITS };
    PicoUsd::from_pico(i128::from(pico) * units)
}
