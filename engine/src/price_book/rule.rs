//! One dated rate, and what it applies to.

use std::cmp::Ordering;
use std::fmt;

use super::hours::{Hours, second_of_week};
use super::names::{STANDARD_TIER, canonical_model, canonical_provider, canonical_tier};
use super::rate::Rate;
use crate::error::{Error, Result};
use crate::event::check_text;
use crate::limits;
use crate::schema::{Meter, Text};
use crate::time::Timestamp;

/// Which models a rule prices. The case of letters does not matter; a book keeps them lower-cased.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelPattern {
    /// The model of that name.
    Exact(Text),
    /// Every model whose name starts so; the empty prefix also covers events without a model.
    Prefix(Text),
    /// Every model whose name has this somewhere; never empty.
    Contains(Text),
}

impl ModelPattern {
    /// The name, the prefix or the part.
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Contains(text) => text,
        }
    }

    /// Whether the pattern of a book covers a canonical model name.
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Contains(part) => name.contains(part.as_str()),
        }
    }
}

impl fmt::Display for ModelPattern {
    /// The name; a prefix ends in `*`, a part has one on both sides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.pad(name),
            Self::Prefix(prefix) => f.pad(&format!("{prefix}*")),
            Self::Contains(part) => f.pad(&format!("*{part}*")),
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
    /// Every meter and the request, each by a share of its list price.
    Everything,
}

impl fmt::Display for PriceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(meter) => f.pad(meter.name()),
            Self::Request => f.pad("request"),
            Self::Everything => f.pad("everything"),
        }
    }
}

/// A rate that holds for some price classes during some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRule {
    /// The workspace it was agreed for; `None` is any.
    pub workspace: Option<Text>,
    /// The tenant it was agreed for; `None` is any.
    pub tenant: Option<Text>,
    /// Who bills the call; `None` is anyone.
    pub provider: Option<Text>,
    /// Which models.
    pub model: ModelPattern,
    /// Where the call is served; `None` is anywhere.
    pub region: Option<Text>,
    /// The service tier; `None` is every tier without a rule of its own, [`STANDARD_TIER`] the standard one alone.
    pub service_tier: Option<Text>,
    /// The request has more input tokens of all kinds than this; 0 is every request. Sizes that
    /// are no edge of a [context band](crate::schema::CONTEXT_BAND_EDGES) are priced from rows, not from counters.
    pub above: u64,
    /// The hours of the week; `None` is all of it.
    pub hours: Option<Hours>,
    /// What is priced.
    pub of: PriceOf,
    /// What one unit of it costs.
    pub rate: Rate,
    /// The first instant at which the rate holds.
    pub from: Timestamp,
    /// The first instant at which it no longer does; `None` is open.
    pub until: Option<Timestamp>,
}

/// What two rules must share to contradict or to replace each other: all but rate and time.
pub type RuleKey<'a> = (&'a ModelPattern, [Option<&'a str>; 5], u64, Option<Hours>, &'a PriceOf);

impl PriceRule {
    /// A rate for anyone, any provider, region and tier, any size of request, any hour, since ever and for ever.
    pub fn new(model: ModelPattern, of: PriceOf, rate: impl Into<Rate>) -> Self {
        Self {
            workspace: None,
            tenant: None,
            provider: None,
            model,
            region: None,
            service_tier: None,
            above: 0,
            hours: None,
            of,
            rate: rate.into(),
            from: Timestamp::MIN,
            until: None,
        }
    }

    /// All but rate and time.
    pub fn key(&self) -> RuleKey<'_> {
        let texts = [&self.provider, &self.workspace, &self.tenant, &self.region, &self.service_tier];
        (&self.model, texts.map(Option::as_deref), self.above, self.hours, &self.of)
    }

    /// Whether the rule is part of the list, which holds for everybody, and not an agreement that
    /// takes its place for a workspace, for a tenant or by a share of the list.
    pub fn is_list(&self) -> bool {
        self.workspace.is_none() && self.tenant.is_none() && matches!(self.rate, Rate::Pico(_))
    }

    /// Whether the rate holds at that instant.
    pub fn in_force(&self, at: Timestamp) -> bool {
        self.in_force_on(at, second_of_week(at))
    }

    /// Whether the rate holds at that instant, were it that second of its week.
    pub fn in_force_on(&self, at: Timestamp, second: u32) -> bool {
        self.from <= at && self.lasts_beyond(at) && self.hours.is_none_or(|hours| hours.contains(second))
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
        match &mut self.model {
            ModelPattern::Exact(text) | ModelPattern::Prefix(text) | ModelPattern::Contains(text) => {
                *text = canonical_model(text);
            }
        }
        let tier = self.service_tier.take().filter(|tier| !tier.is_empty());
        self.service_tier = tier.map(|tier| canonical_tier(&tier).unwrap_or_else(|| STANDARD_TIER.into()));
        self.region = self.region.take().filter(|region| !region.is_empty());
        self.workspace = self.workspace.take().filter(|workspace| !workspace.is_empty());
        self.tenant = self.tenant.take().filter(|tenant| !tenant.is_empty());
        let texts = [
            ("workspace", self.workspace.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("provider", self.provider.as_ref()),
            ("region", self.region.as_ref()),
            ("tier", self.service_tier.as_ref()),
        ];
        for (field, text) in texts {
            check_text(field, text.map_or("", Text::as_str), limits::DIMENSION_BYTES)?;
        }
        check_text("model", self.model.text(), limits::DIMENSION_BYTES)?;
        if self.model.text().is_empty() && !matches!(self.model, ModelPattern::Prefix(_)) {
            return Err(Error::invalid(
                "a price names an empty model; leave the model out to price every model and none",
            ));
        }
        if self.of == PriceOf::Everything && !matches!(self.rate, Rate::OfList(_)) {
            return Err(Error::invalid(format!(
                "the price {self} is one amount for everything; only a share of the list can be"
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
        if let Some(hours) = &self.hours {
            write!(f, " at {hours} UTC")?;
        }
        for (scope, name) in [("workspace", &self.workspace), ("tenant", &self.tenant)] {
            if let Some(name) = name {
                write!(f, " for {scope} {name}")?;
            }
        }
        write!(f, ": {}", self.rate)?;
        if self.from != Timestamp::MIN {
            write!(f, " from {}", self.from)?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        Ok(())
    }
}
