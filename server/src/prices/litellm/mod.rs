//! LiteLLM's price map: one JSON object, from model keys to what is known of each model.
//!
//! The map says what prices are, not since when; the caller says that. Multipliers
//! and free allowances cannot be told from one event, and units other than tokens are no
//! meters of an event, so both are reported instead of used.

mod entry;
mod field;
mod key;

use std::collections::HashMap;

use quipu::price_book::{ModelPattern, PriceRule};
use quipu::{Error, Result, Timestamp};

use super::Report;
use crate::wire::json::{Kind, Members};
use entry::Entry;
use field::{Meaning, meaning};
use key::Identity;

/// A key of the map that explains its fields.
const SAMPLE: &str = "sample_spec";

/// Whether an object has at least one entry that describes a model the way the map does.
pub(super) fn has_model(text: &str) -> bool {
    let describes_model = |raw: &str| {
        let fields = Members::parse(raw).map(|fields| fields.0).unwrap_or_default();
        fields.iter().any(|(name, _)| name == "litellm_provider" || matches!(meaning(name), Meaning::Price(_)))
    };
    let entries = Members::parse(text).map(|entries| entries.0).unwrap_or_default();
    entries.iter().any(|(_, raw)| Kind::of(raw) == Kind::Object && describes_model(raw))
}

/// The rules of a map, all in force from `from` on.
pub(super) fn read(text: &str, from: Timestamp, report: &mut Report) -> Result<Vec<PriceRule>> {
    let models = Members::parse(text).map_err(|error| Error::invalid(error.to_string()))?.0;
    let mut rules = Vec::new();
    let mut seen: HashMap<Identity, Vec<PriceRule>> = HashMap::with_capacity(models.len());
    for (key, raw) in &models {
        if key == SAMPLE {
            continue;
        }
        if Kind::of(raw) != Kind::Object {
            report.skip(key, "model", "its entry is not an object");
            continue;
        }
        let fields = Members::parse(raw).map_err(|error| Error::invalid(format!("model {key:?}: {error}")))?.0;
        let entry = Entry::read(key, &fields, report);
        let identity = Identity::of(key, entry.provider.as_deref());
        let priced = rules_of(&identity, &entry, from);
        if priced.is_empty() {
            report.skip(key, "model", "it has no price per token or request");
        } else if let Some(first) = seen.get(&identity) {
            if *first != priced {
                report.skip(
                    key,
                    "model",
                    "another key prices the same provider and model differently; the first stands",
                );
            }
        } else {
            rules.extend_from_slice(&priced);
            seen.insert(identity, priced);
        }
    }
    Ok(rules)
}

fn rules_of(identity: &Identity, entry: &Entry, from: Timestamp) -> Vec<PriceRule> {
    let rule = |(of, above, tier, rate)| PriceRule {
        provider: identity.provider.clone(),
        region: identity.region.clone(),
        service_tier: tier,
        above,
        from,
        ..PriceRule::new(ModelPattern::Exact(identity.model.clone()), of, rate)
    };
    let off_peak = entry.off_peak().flat_map(|(hours, prices)| {
        prices.into_iter().map(move |price| PriceRule { hours: Some(hours), ..rule(price) })
    });
    entry.prices().into_iter().map(rule).chain(off_peak).collect()
}
