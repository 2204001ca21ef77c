//! The choice of the rule that prices a class, for every meter and all of time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule, canonical_tier};
use quipu_engine::schema::CONTEXT_BAND_EDGES;
use quipu_engine::{Meter, Text, Timestamp};

use super::name::{Name, names};
use super::schedule::{Rates, Schedule};

/// All that a rate can depend on besides time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PriceClass<'a> {
    /// Who bills the call.
    pub provider: Option<&'a str>,
    /// The model that answered.
    pub model: Option<&'a str>,
    /// Where the call was served.
    pub region: Option<&'a str>,
    /// The service tier.
    pub service_tier: Option<&'a str>,
    /// The band of the request's input tokens: how many of [`CONTEXT_BAND_EDGES`] they exceed.
    pub context_band: u8,
}

/// Looks up rates in one price book.
#[derive(Clone, Copy, Debug)]
pub struct Pricer<'b> {
    book: &'b PriceBook,
}

/// A rule that applies to a class whenever it is in force.
struct Candidate<'b> {
    rule: &'b PriceRule,
    /// How well the model matches: exact or prefix, which name, how long a prefix. Least is best.
    model: (bool, usize, Reverse<usize>),
    /// Whether the rule is for a provider while the event names none.
    of_some_provider: bool,
}

impl Candidate<'_> {
    /// Less is more specific, within the same model match.
    fn precedence(&self) -> impl Ord + use<> {
        let rule = self.rule;
        (rule.provider.is_none(), rule.region.is_none(), rule.service_tier.is_none(), Reverse(rule.above))
    }
}

impl<'b> Pricer<'b> {
    /// Prices from `book`.
    pub fn new(book: &'b PriceBook) -> Self {
        Self { book }
    }

    /// The rates of a class over all of time.
    ///
    /// A model goes by these names, best first: as sent; without a trailing date (`-2024-08-06`,
    /// `-20240806`, `@20240806`); when it has the form `provider/model`, what follows the slash, with
    /// that provider, again with and without the date. A price for any provider serves every event
    /// of the model, whoever bills it.
    ///
    /// An event without a provider is priced by rules for any provider; where there are none, by
    /// those of the providers that list the model by its best name, if they all agree on the rate.
    /// When they do not, the meter has no price: a guess would be a wrong number that looks right.
    pub fn schedule(&self, class: &PriceClass<'_>) -> Schedule {
        let candidates = self.candidates(class);
        let mut starts = vec![Timestamp::MIN];
        starts.extend(candidates.iter().flat_map(|c| [Some(c.rule.from), c.rule.until]).flatten());
        starts.sort_unstable();
        starts.dedup();
        let mut schedule = Schedule { starts: Vec::new(), periods: Vec::new() };
        for start in starts {
            let rates = rates_at(&candidates, start);
            if schedule.periods.last() != Some(&rates) {
                schedule.starts.push(start);
                schedule.periods.push(rates);
            }
        }
        schedule
    }

    /// The rules that can apply to a class, at whatever time.
    fn candidates(&self, class: &PriceClass<'_>) -> Vec<Candidate<'b>> {
        // The empty name matches the empty prefix and nothing else: an event without a model.
        let names = names(self.book, class.provider, class.model.unwrap_or_default());
        let tier = class.service_tier.and_then(canonical_tier);
        let mut candidates = Vec::new();
        let mut consider = |rule: &'b PriceRule, name: &Name<'_>, model| {
            if covers(rule, name.provider.as_ref(), class, tier.as_ref()) {
                let of_some_provider = name.provider.is_none() && rule.provider.is_some();
                candidates.push(Candidate { rule, model, of_some_provider });
            }
        };
        for (at, name) in names.iter().enumerate() {
            for rule in self.book.rules_of(name.model) {
                consider(rule, name, (false, at, Reverse(0)));
            }
            for rule in self.book.prefix_rules() {
                if let ModelPattern::Prefix(prefix) = &rule.model
                    && name.model.starts_with(prefix.as_str())
                {
                    consider(rule, name, (true, at, Reverse(prefix.len())));
                }
            }
        }
        candidates
    }
}

/// Whether a rule applies to a class by all but model and time.
fn covers(rule: &PriceRule, provider: Option<&Text>, class: &PriceClass<'_>, tier: Option<&Text>) -> bool {
    let exceeds = |edge: u64| CONTEXT_BAND_EDGES.iter().take(class.context_band.into()).any(|own| *own == edge);
    (rule.provider.is_none() || provider.is_none() || rule.provider.as_ref() == provider)
        && (rule.region.is_none() || rule.region.as_deref() == class.region)
        && (rule.service_tier.is_none() || rule.service_tier.as_ref() == tier)
        && (rule.above == 0 || exceeds(rule.above))
}

fn rates_at(candidates: &[Candidate<'_>], at: Timestamp) -> Rates {
    let mut priced: BTreeMap<&PriceOf, Vec<&Candidate<'_>>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.rule.in_force(at)) {
        priced.entry(&candidate.rule.of).or_default().push(candidate);
    }
    let mut meters: Vec<(Meter, u64)> = Vec::with_capacity(priced.len());
    let mut per_request = None;
    for (of, rules) in priced {
        let Some(rate) = best(&rules) else { continue };
        match of {
            PriceOf::Meter(meter) => meters.push((meter.clone(), rate)),
            PriceOf::Request => per_request = Some(rate),
        }
    }
    Rates::new(meters, per_request)
}

/// The rate of the most specific of some rules for the same thing, all in force.
fn best(rules: &[&Candidate<'_>]) -> Option<u64> {
    let certain = rules.iter().filter(|candidate| !candidate.of_some_provider);
    if let Some(best) = certain.min_by_key(|candidate| (candidate.model, candidate.precedence())) {
        return Some(best.rule.rate);
    }
    let model = rules.iter().map(|candidate| candidate.model).min()?;
    let mut of_provider: BTreeMap<&Option<Text>, &Candidate<'_>> = BTreeMap::new();
    for candidate in rules.iter().filter(|candidate| candidate.model == model) {
        let best = of_provider.entry(&candidate.rule.provider).or_insert(candidate);
        if candidate.precedence() < best.precedence() {
            *best = candidate;
        }
    }
    let mut rates = of_provider.values().map(|candidate| candidate.rule.rate);
    let first = rates.next()?;
    rates.all(|rate| rate == first).then_some(first)
}
