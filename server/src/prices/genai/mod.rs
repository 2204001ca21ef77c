//! The price data of genai-prices: an array of providers with their models, in USD per million tokens.
//!
//! A model is found by clauses over its name; the first model of a provider that matches is the
//! one. Names that equal, start with or contain a text become patterns of rules; other clauses are
//! reported. Azure and Google fall back on the models of others, which are listed under them too.

mod model;
mod prices;

use std::collections::HashSet;

use quipu::price_book::{ModelPattern, PriceRule, canonical_provider};
use quipu::{Error, Result, Text, Timestamp};
use serde::Deserialize;

use super::Report;
use model::{Model, Patterns};

/// A provider as the data has it; what is not about prices is not read.
#[derive(Deserialize)]
struct Provider<'a> {
    id: String,
    fallback_model_providers: Option<Vec<String>>,
    #[serde(borrow)]
    models: Vec<Model<'a>>,
}

/// Names that events give to a provider which the data has only one of.
const SPLIT: [(&str, &[&str]); 1] = [("google", &["google", "google-vertex"])];

/// The rules of the data; prices without a date hold from `from` on.
pub(super) fn read(text: &str, from: Timestamp, report: &mut Report) -> Result<Vec<PriceRule>> {
    let providers: Vec<Provider<'_>> =
        serde_json::from_str(text).map_err(|error| Error::invalid(format!("not the data of genai-prices: {error}")))?;
    let mut rules = Vec::new();
    for provider in &providers {
        let names = names_of(&provider.id);
        let mut taken = HashSet::new();
        let own = Patterns::of(&provider.models, Some(report));
        for (model, pattern) in own.all() {
            if taken.insert(pattern.clone()) {
                rules.extend(priced(&names, pattern, &model.rules(from, report)?));
            }
        }
        let fallbacks = provider.fallback_model_providers.iter().flatten();
        for other in fallbacks.filter_map(|id| providers.iter().find(|other| other.id == *id)) {
            // What the provider has a price of its own for never reaches the fallback.
            for (model, pattern) in Patterns::of(&other.models, None).all() {
                if !own.cover(pattern.text()) && taken.insert(pattern.clone()) {
                    rules.extend(priced(&names, pattern, &model.rules(from, &mut Report::unheard())?));
                }
            }
        }
    }
    Ok(rules)
}

fn names_of(id: &str) -> Vec<Text> {
    if let Some((_, names)) = SPLIT.iter().find(|(known, _)| *known == id) {
        return names.iter().map(|name| Text::from(*name)).collect();
    }
    vec![canonical_provider(id)]
}

/// The rules of a model under each name of its provider.
fn priced(names: &[Text], pattern: &ModelPattern, rules: &[PriceRule]) -> Vec<PriceRule> {
    let under = |name: &Text, rule: &PriceRule| PriceRule {
        provider: Some(name.clone()),
        model: pattern.clone(),
        ..rule.clone()
    };
    names.iter().flat_map(|name| rules.iter().map(move |rule| under(name, rule))).collect()
}

#[cfg(test)]
mod tests;
