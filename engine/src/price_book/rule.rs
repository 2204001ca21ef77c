//! One dated rate, and what it applies to.

use std::cmp::Ordering;
use std::fmt;

use super::names::{canonical_provider, canonical_tier};
use crate::error::{Error, Result};
use crate::event::check_text;
use crate::limits;
use crate::money::PicoUsd;
use crate::schema::{CONTEXT_BAND_EDGES, Meter, Text};
use crate::time::Timestamp;

/// Which models a rule prices. Names are compared exactly, case included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelPattern {
    /// The model of that name.
    Exact(Text),
    /// Every model whose name starts so; the empty prefix also covers events without a model.
    Prefix(Text),
}

impl ModelPattern {
    /// The name or the prefix.
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
        }
    }
}

impl fmt::Display for ModelPattern {
    /// The name; a prefix ends in `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.pad(name),
            Self::Prefix(prefix) => f.pad(&format!("{prefix}*")),
        }
    }
}

/// What a rate is a price of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceOf {
    /// One unit of a meter.
    Meter(Meter),
    /// One request, whatever it used.
    Request,
}

impl fmt::Display for PriceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(meter) => f.pad(meter.name()),
            Self::Request => f.pad("request"),
        }
    }
}

/// A rate that holds for some price classes during some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRule {
    /// Who bills the call; `None` is anyone.
    pub provider: Option<Text>,
    /// Which models.
    pub model: ModelPattern,
    /// Where the call is served; `None` is anywhere.
    pub region: Option<Text>,
    /// The service tier; `None` is the standard tier, and every tier without a rule of its own.
    pub service_tier: Option<Text>,
    /// The request has more input tokens of all kinds than this; 0 is every request. Must be 0 or
    /// one of [`CONTEXT_BAND_EDGES`].
    pub above: u64,
    /// What is priced.
    pub of: PriceOf,
    /// Pico-USD per unit, or per request.
    pub rate: u64,
    /// The first instant at which the rate holds.
    pub from: Timestamp,
    /// The first instant at which it no longer does; `None` is open.
    pub until: Option<Timestamp>,
}

/// What two rules must share to contradict or to replace each other: all but rate and time.
pub type RuleKey<'a> = (&'a ModelPattern, Option<&'a str>, Option<&'a str>, Option<&'a str>, u64, &'a PriceOf);

impl PriceRule {
    /// A rate of `rate` pico-USD for any provider, region and tier, any size of request, since ever and for ever.
    pub fn new(model: ModelPattern, of: PriceOf, rate: u64) -> Self {
        Self {
            provider: None,
            model,
            region: None,
            service_tier: None,
            above: 0,
            of,
            rate,
            from: Timestamp::MIN,
            until: None,
        }
    }

    /// All but rate and time.
    pub fn key(&self) -> RuleKey<'_> {
        (
            &self.model,
            self.provider.as_deref(),
            self.region.as_deref(),
            self.service_tier.as_deref(),
            self.above,
            &self.of,
        )
    }

    /// Whether the rate holds at that instant.
    pub fn in_force(&self, at: Timestamp) -> bool {
        self.from <= at && self.lasts_beyond(at)
    }

    pub(super) fn lasts_beyond(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| until > at)
    }

    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key()).then(self.from.cmp(&other.from))
    }

    /// Brings provider and tier to their canonical names and checks the rule.
    pub(super) fn normalise(&mut self) -> Result<()> {
        self.provider = self.provider.take().map(|provider| canonical_provider(&provider)).filter(|p| !p.is_empty());
        self.service_tier = self.service_tier.take().and_then(|tier| canonical_tier(&tier));
        self.region = self.region.take().filter(|region| !region.is_empty());
        let texts = [
            ("provider", self.provider.as_ref()),
            ("region", self.region.as_ref()),
            ("tier", self.service_tier.as_ref()),
        ];
        for (field, text) in texts {
            check_text(field, text.map_or("", Text::as_str), limits::DIMENSION_BYTES)?;
        }
        check_text("model", self.model.text(), limits::DIMENSION_BYTES)?;
        if matches!(&self.model, ModelPattern::Exact(name) if name.is_empty()) {
            return Err(Error::invalid(
                "a price names an empty model; leave the model out to price every model and none",
            ));
        }
        if self.above != 0 && !CONTEXT_BAND_EDGES.contains(&self.above) {
            let edges: Vec<String> = CONTEXT_BAND_EDGES.iter().map(u64::to_string).collect();
            return Err(Error::invalid(format!(
                "the price {self} applies above {} input tokens; the sizes that can be told apart are {}",
                self.above,
                edges.join(", ")
            )));
        }
        if self.until.is_some_and(|until| until <= self.from) {
            return Err(Error::invalid(format!("the price {self} ends before it starts")));
        }
        Ok(())
    }
}

impl fmt::Display for PriceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.provider {
            write!(f, "{provider}/")?;
        }
        write!(f, "{} {}", self.model, self.of)?;
        if let Some(region) = &self.region {
            write!(f, " in {region}")?;
        }
        if let Some(tier) = &self.service_tier {
            write!(f, " at tier {tier}")?;
        }
        if self.above > 0 {
            write!(f, " above {} tokens", self.above)?;
        }
        write!(f, ": {} USD", PicoUsd::from_pico(i128::from(self.rate)))?;
        if self.from != Timestamp::MIN {
            write!(f, " from {}", self.from)?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        Ok(())
    }
}
