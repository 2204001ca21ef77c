//! A price book as a list in JSON, which reads back as the same book.

use quipu::price_book::{Alias, CURRENCY, ModelPattern, PriceOf, PriceRule, Rate};
use quipu::{Meter, PriceBook, Timestamp};
use serde_json::{Map, Value, json};

use super::super::list::listed_usd;

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
    let mut list = Map::from_iter([("currency".to_owned(), json!(CURRENCY)), ("price".to_owned(), json!(prices))]);
    if !book.aliases().is_empty() {
        list.insert("alias".into(), book.aliases().iter().map(alias).collect());
    }
    list.into()
}

fn alias(alias: &Alias) -> Value {
    let texts = [
        ("name", Some(&alias.name)),
        ("provider", alias.provider.as_ref()),
        ("model", Some(&alias.model)),
        ("of_provider", alias.of_provider.as_ref()),
    ];
    let given = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?.as_str()))));
    Map::from_iter(given).into()
}

fn put_amount(price: &mut Map<String, Value>, rule: &PriceRule) {
    let amount = Value::from(match rule.rate {
        Rate::Pico(pico) => listed_usd(&rule.of, pico).to_string(),
        Rate::OfList(share) => share.to_string(),
    });
    match &rule.of {
        PriceOf::Request => _ = price.insert("per_request".into(), amount),
        PriceOf::Everything => _ = price.insert("everything".into(), amount),
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
    put("workspace", rule.workspace.as_ref().map(ToString::to_string));
    put("tenant", rule.tenant.as_ref().map(ToString::to_string));
    put("provider", rule.provider.as_ref().map(ToString::to_string));
    match &rule.model {
        ModelPattern::Exact(name) => put("model", Some(name.to_string())),
        ModelPattern::Prefix(prefix) if prefix.is_empty() => {}
        ModelPattern::Prefix(prefix) => put("model_prefix", Some(prefix.to_string())),
        ModelPattern::Contains(part) => put("model_contains", Some(part.to_string())),
    }
    put("region", rule.region.as_ref().map(ToString::to_string));
    put("tier", rule.service_tier.as_ref().map(ToString::to_string));
    put("hours", rule.hours.map(|hours| hours.to_string()));
    put("from", (rule.from != Timestamp::MIN).then(|| rule.from.to_string()));
    put("until", rule.until.map(|until| until.to_string()));
    if rule.above > 0 {
        scope.insert("above".into(), rule.above.into());
    }
    scope
}
