//! A price book as a list in JSON, which reads back as the same book.

use quipu::price_book::{CURRENCY, ModelPattern, PriceOf, PriceRule};
use quipu::{Meter, PriceBook, Timestamp};
use serde_json::{Map, Value, json};

use super::super::list::listed;

/// The rates of a book as a list in Quipu's own form: amounts in USD per million units, as exact
/// decimal texts. Rates that apply to the same stand in one entry.
pub fn to_json(book: &PriceBook) -> Value {
    let mut prices: Vec<Map<String, Value>> = Vec::new();
    let mut last: Option<Map<String, Value>> = None;
    for rule in book.rules() {
        let scope = scope(rule);
        if last.as_ref() != Some(&scope) {
            prices.push(scope.clone());
            last = Some(scope);
        }
        if let Some(price) = prices.last_mut() {
            put_amount(price, rule);
        }
    }
    json!({ "currency": CURRENCY, "price": prices })
}

fn put_amount(price: &mut Map<String, Value>, rule: &PriceRule) {
    let amount = Value::from(listed(rule).to_string());
    match &rule.of {
        PriceOf::Request => _ = price.insert("per_request".into(), amount),
        PriceOf::Meter(Meter::Token(meter)) => _ = price.insert(meter.name().into(), amount),
        PriceOf::Meter(Meter::Named(name)) => {
            let meters = price.entry("meters").or_insert_with(|| Map::new().into());
            if let Some(meters) = meters.as_object_mut() {
                meters.insert(name.to_string(), amount);
            }
        }
    }
}

fn scope(rule: &PriceRule) -> Map<String, Value> {
    let mut scope = Map::new();
    let mut put = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            scope.insert(name.into(), text.into());
        }
    };
    put("provider", rule.provider.as_ref().map(ToString::to_string));
    match &rule.model {
        ModelPattern::Exact(name) => put("model", Some(name.to_string())),
        ModelPattern::Prefix(prefix) if prefix.is_empty() => {}
        ModelPattern::Prefix(prefix) => put("model_prefix", Some(prefix.to_string())),
    }
    put("region", rule.region.as_ref().map(ToString::to_string));
    put("tier", rule.service_tier.as_ref().map(ToString::to_string));
    put("from", (rule.from != Timestamp::MIN).then(|| rule.from.to_string()));
    put("until", rule.until.map(|until| until.to_string()));
    if rule.above > 0 {
        scope.insert("above".into(), rule.above.into());
    }
    scope
}
