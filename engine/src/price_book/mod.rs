//! The price book: dated rates per provider, model and meter, in whole pico-USD.
//!
//! A book is immutable. Importing prices makes a new book, numbered by the store, and leaves the
//! older ones as they were, so that a cost can be computed today as it was known then. What a
//! rule means for one event, and which of several rules wins, is decided by the query crate.

mod alias;
mod codec;
mod hours;
mod merge;
mod names;
mod rate;
mod rule;

use std::cmp::Ordering;
use std::collections::BTreeSet;

pub use alias::Alias;
pub use hours::{Hours, second_of_week};
pub use names::{STANDARD_TIER, canonical_model, canonical_provider, canonical_tier};
pub use rate::{Rate, Share};
pub use rule::{ModelPattern, PriceOf, PriceRule, RuleKey};

use crate::error::{Error, Result};
use crate::event::check_text;
use crate::limits;
use crate::schema::Text;
use crate::time::Timestamp;

/// The only currency of a price book.
pub const CURRENCY: &str = "USD";

/// An immutable set of dated rates, in USD.
///
/// ```
/// use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
/// use quipu_engine::TokenMeter;
/// let rule = PriceRule::new(ModelPattern::Exact("gpt-4o".into()), PriceOf::Meter(TokenMeter::Input.into()), 2_500_000);
/// let book = PriceBook::new("my prices", vec![rule]).unwrap();
/// assert_eq!(book.rules().len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceBook {
    /// The number of the book; the store assigns it. 0 is the empty book of a store without prices.
    pub version: u32,
    /// When the book became known; the store assigns it.
    pub known_at: Timestamp,
    /// Where the rates come from: a file name, a list and its date.
    pub source: String,
    /// Who added the book; empty where nobody said.
    pub added_by: String,
    /// Why; empty where nobody said.
    pub note: String,
    /// Sorted by [`PriceRule::key`] and start; no two rules of one key are in force at once.
    rules: Vec<PriceRule>,
    /// The providers that rules name, sorted.
    providers: Vec<Text>,
    /// The sizes of requests that rules tell apart.
    edges: BTreeSet<u64>,
    /// Whether any rule was agreed for a tenant.
    knows_tenants: bool,
    /// Sorted by name and provider.
    aliases: Vec<Alias>,
}

impl Default for PriceBook {
    fn default() -> Self {
        Self {
            version: 0,
            known_at: Timestamp::MIN,
            source: String::new(),
            added_by: String::new(),
            note: String::new(),
            rules: Vec::new(),
            providers: Vec::new(),
            edges: BTreeSet::new(),
            knows_tenants: false,
            aliases: Vec::new(),
        }
    }
}

impl PriceBook {
    /// A book of these rules, in any order, not yet numbered by a store.
    ///
    /// Providers, models and tiers are brought to their canonical names. Rules of one key that overlap
    /// and agree become one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a rule is malformed, when two rules
    /// of one key name different rates for the same time (both are named), or when there are more
    /// than [`limits::PRICE_RULES`].
    pub fn new(source: impl Into<String>, mut rules: Vec<PriceRule>) -> Result<Self> {
        let source = source.into();
        check_text("source of the price book", &source, limits::PRICE_SOURCE_BYTES)?;
        if rules.len() > limits::PRICE_RULES {
            return Err(Error::invalid(format!("{} prices; the most allowed is {}", rules.len(), limits::PRICE_RULES)));
        }
        for rule in &mut rules {
            rule.normalise()?;
        }
        rules.sort_unstable_by(|a, b| a.order(b));
        let rules = without_overlaps(rules)?;
        let mut providers: Vec<Text> = rules.iter().filter_map(|rule| rule.provider.clone()).collect();
        providers.sort_unstable();
        providers.dedup();
        let edges = rules.iter().map(|rule| rule.above).filter(|above| *above > 0).collect();
        let knows_tenants = rules.iter().any(|rule| rule.tenant.is_some());
        Ok(Self { rules, providers, edges, knows_tenants, source, ..Self::default() })
    }

    /// This book with other names of models.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when an alias is malformed, when two of the
    /// same name and provider name different models, or when a chain of them has no end or more than
    /// [`limits::PRICE_ALIAS_HOPS`] links.
    pub fn with_aliases(self, aliases: Vec<Alias>) -> Result<Self> {
        let book = Self { aliases: alias::sorted(aliases)?, ..self };
        match book
            .aliases
            .iter()
            .find(|alias| book.aliases_of(&alias.name, alias.provider.as_deref()).count() > limits::PRICE_ALIAS_HOPS)
        {
            None => Ok(book),
            Some(endless) => Err(Error::invalid(format!(
                "the alias {:?} leads over more than {} others and names no model; have it name one",
                endless.name,
                limits::PRICE_ALIAS_HOPS
            ))),
        }
    }

    /// This book with who added it, and why.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when one is longer than [`limits::PRICE_SOURCE_BYTES`].
    pub fn signed(self, added_by: impl Into<String>, note: impl Into<String>) -> Result<Self> {
        let (added_by, note) = (added_by.into(), note.into());
        check_text("who added the price book", &added_by, limits::PRICE_SOURCE_BYTES)?;
        check_text("note of the price book", &note, limits::PRICE_SOURCE_BYTES)?;
        Ok(Self { added_by, note, ..self })
    }

    /// The other names of models.
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// The alias of a name for a provider, both canonical: one for that provider before one for any.
    pub fn alias(&self, name: &str, provider: Option<&str>) -> Option<&Alias> {
        let start = self.aliases.partition_point(|alias| alias.name.as_str() < name);
        let named = self.aliases[start..].iter().take_while(|alias| alias.name == name);
        named.filter(|alias| alias.provider.is_none() || alias.provider.as_deref() == provider).last()
    }

    /// The alias of a name for a provider, then that of what it stands for, and so on: each with whose prices hold.
    pub fn aliases_of<'a>(
        &'a self,
        name: &str,
        provider: Option<&str>,
    ) -> impl Iterator<Item = (Option<Text>, &'a Text)> {
        let step = |name: &str, provider: Option<Text>| {
            let alias = self.alias(name, provider.as_deref())?;
            Some((alias.of_provider.clone().or(provider), &alias.model))
        };
        let first = step(name, provider.map(Text::from));
        // One more than any book may hold, so that a chain that is too long shows.
        std::iter::successors(first, move |(provider, name)| step(name, provider.clone()))
            .take(limits::PRICE_ALIAS_HOPS + 1)
    }

    /// The rules by model (exact names before prefixes), then provider, region, tier, edge, what is
    /// priced and start.
    pub fn rules(&self) -> &[PriceRule] {
        &self.rules
    }

    /// Whether nothing has a price.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules of exactly that model name, which is a canonical one.
    pub fn rules_of(&self, model: &str) -> &[PriceRule] {
        let compare = |rule: &PriceRule| match &rule.model {
            ModelPattern::Exact(name) => name.as_str().cmp(model),
            ModelPattern::Prefix(_) | ModelPattern::Contains(_) => Ordering::Greater,
        };
        let start = self.rules.partition_point(|rule| compare(rule) == Ordering::Less);
        let end = start + self.rules[start..].partition_point(|rule| compare(rule) == Ordering::Equal);
        &self.rules[start..end]
    }

    /// The rules of each pattern that is not an exact name.
    pub fn patterns(&self) -> impl Iterator<Item = (&ModelPattern, &[PriceRule])> {
        let start = self.rules.partition_point(|rule| matches!(rule.model, ModelPattern::Exact(_)));
        let same = |a: &PriceRule, b: &PriceRule| a.model == b.model;
        self.rules[start..].chunk_by(same).filter_map(|rules| Some((&rules.first()?.model, rules)))
    }

    /// The sizes of requests that rules tell apart, ascending.
    pub fn edges(&self) -> &BTreeSet<u64> {
        &self.edges
    }

    /// Whether any rule was agreed for a tenant.
    pub fn knows_tenants(&self) -> bool {
        self.knows_tenants
    }

    /// Whether any rule names that provider, given by its canonical name.
    pub fn knows_provider(&self, provider: &str) -> bool {
        self.providers.binary_search_by(|known| known.as_str().cmp(provider)).is_ok()
    }
}

/// Joins sorted rules that agree where they overlap and refuses those that do not.
fn without_overlaps(rules: Vec<PriceRule>) -> Result<Vec<PriceRule>> {
    let mut kept: Vec<PriceRule> = Vec::with_capacity(rules.len());
    for rule in rules {
        let Some(last) = kept.last_mut().filter(|last| last.key() == rule.key() && last.lasts_beyond(rule.from)) else {
            kept.push(rule);
            continue;
        };
        if last.rate != rule.rate {
            let remedy = if last.from < rule.from { "give the first an `until`" } else { "leave one out" };
            return Err(Error::invalid(format!("two prices contradict each other: {last} and {rule}; {remedy}")));
        }
        last.until = match (last.until, rule.until) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
