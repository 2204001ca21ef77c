//! Which price book a plan means.

use quipu::{Error, PriceChoice, Result, Timestamp, Zone};
use serde_json::Value as Json;

use super::times;
use crate::prices;

/// What a text or number means; a file is not among it, since a server must not open what it is told to.
pub(super) fn decode(json: &Json, zone: &Zone, now: Timestamp) -> Result<PriceChoice> {
    let text = match json {
        Json::Null => return Ok(PriceChoice::Current),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    price_choice(&text, zone, now).unwrap_or_else(|| {
        Err(Error::invalid(format!(
            "prices is {text:?}; expected current, default, the number of a version or known:TIME"
        )))
    })
}

/// Understands `current`, `default`, the number of a version and `known:TIME`; `None` for
/// anything else, which may be the name of a file.
pub fn price_choice(text: &str, zone: &Zone, now: Timestamp) -> Option<Result<PriceChoice>> {
    if let Some(time) = text.strip_prefix("known:") {
        let at = times::parse(time, zone, now).map_err(|error| error.context("prices known"));
        return Some(at.map(PriceChoice::KnownAt));
    }
    match (text, text.parse()) {
        ("current", _) => Some(Ok(PriceChoice::Current)),
        ("default", _) => Some(Ok(PriceChoice::Book(prices::default_book()))),
        (_, Ok(version)) => Some(Ok(PriceChoice::Version(version))),
        _ => None,
    }
}

/// What says the same; `None` for a book that is no part of a store.
pub(super) fn encode(choice: &PriceChoice) -> Option<Json> {
    match choice {
        PriceChoice::Current => Some(Json::Null),
        PriceChoice::Version(version) => Some((*version).into()),
        PriceChoice::KnownAt(at) => Some(format!("known:{at}").into()),
        PriceChoice::Book(_) => None,
    }
}
