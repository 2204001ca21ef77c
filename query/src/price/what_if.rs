//! Assumptions about what events would have cost under other circumstances.

use std::fmt;

use quipu_engine::{Error, Result, Text};

use super::class::PriceClass;

/// What is assumed of every event of a query. Quantities stay as they are; only what they are
/// priced as changes, so counters answer as they do without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// Another model served them, whoever bills it, anywhere: `gpt-4o-mini`, `anthropic/claude-haiku-4-5`.
    pub model: Option<Text>,
    /// They ran at another service tier. Where a model has no price for the tier, the standard one holds.
    pub tier: Option<Text>,
    /// Tokens read from or written to a cache cost what uncached ones do.
    pub no_cache_discount: bool,
    /// Retries had not been: events with a retry depth above 0 are left out.
    pub no_retries: bool,
}

impl WhatIf {
    /// Adds what a text says: `model=NAME`, `tier=NAME`, `batch`, `no-cache` or `no-retries`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), listing what is understood.
    pub fn and(mut self, text: &str) -> Result<Self> {
        match text.split_once('=').map_or((text, ""), |(name, value)| (name, value.trim())) {
            ("model", model) if !model.is_empty() => self.model = Some(model.into()),
            ("tier", tier) if !tier.is_empty() => self.tier = Some(tier.into()),
            ("batch", "") => self.tier = Some("batch".into()),
            ("no-cache", "") => self.no_cache_discount = true,
            ("no-retries", "") => self.no_retries = true,
            _ => {
                return Err(Error::invalid(format!(
                    "what if {text:?}? Understood are model=NAME, tier=NAME, batch, no-cache and no-retries"
                )));
            }
        }
        Ok(self)
    }

    /// The texts that say the same.
    pub fn texts(&self) -> Vec<String> {
        let named = [("model", &self.model), ("tier", &self.tier)];
        let named = named.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        let flags = [(self.no_cache_discount, "no-cache"), (self.no_retries, "no-retries")];
        named.chain(flags.into_iter().filter(|(set, _)| *set).map(|(_, text)| text.to_owned())).collect()
    }

    /// Whether nothing is assumed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What an event of `class` is priced as.
    pub(super) fn class<'a>(&'a self, class: &PriceClass<'a>) -> PriceClass<'a> {
        let mut class = *class;
        if let Some(model) = &self.model {
            (class.model, class.provider, class.region) = (Some(model.as_str()), None, None);
        }
        if let Some(tier) = &self.tier {
            class.service_tier = Some(tier.as_str());
        }
        class
    }
}

impl fmt::Display for WhatIf {
    /// The assumptions in a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.model.as_ref().map(|model| format!("{model} had served every call with the same tokens")));
        parts.extend(self.tier.as_ref().map(|tier| {
            format!("every call had run at tier {tier} (at the standard price where the model has none for it)")
        }));
        if self.no_cache_discount {
            parts.push("cached tokens had cost what uncached ones do".into());
        }
        if self.no_retries {
            parts.push("no call had been a retry (retries are left out)".into());
        }
        f.write_str(&parts.join("; "))
    }
}
