//! The choice of the rule that prices a class, for every meter and all of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use quipu_engine::price_book::{
    Hours, ModelPattern, PriceBook, PriceOf, PriceRule, Rate, STANDARD_TIER, canonical_tier,
};
use quipu_engine::schema::CONTEXT_BAND_EDGES;
use quipu_engine::{Meter, Text, Timestamp, TokenMeter};

use super::class::{PriceClass, PromptSize};
use super::name::{Name, names};
use super::schedule::{Rates, Schedule};
use super::what_if::WhatIf;
use crate::names::did_you_mean;

/// Looks up rates in one price book.
#[derive(Clone, Debug)]
pub struct Pricer<'b> {
    book: &'b PriceBook,
    edges: Vec<u64>,
    knows_tenants: bool,
    what_if: WhatIf,
}

/// A rule that applies to a class whenever it is in force.
struct Candidate<'b> {
    rule: &'b PriceRule,
    /// How well the model matches: the kind of pattern, which name, how long a pattern. Least is best.
    model: (u8, usize, Reverse<usize>),
    /// Whether the rule is for a provider while the event names none.
    of_some_provider: bool,
}

impl Candidate<'_> {
    /// Less is more specific, within the same model match.
    fn precedence(&self) -> impl Ord + use<> {
        let rule = self.rule;
        let hours = (rule.hours.map_or(u32::MAX, |hours| hours.length()), rule.hours);
        (rule.provider.is_none(), rule.region.is_none(), rule.service_tier.is_none(), Reverse(rule.above), hours)
    }

    /// Less is more specific, among what was agreed.
    fn precedence_agreed(&self) -> impl Ord + use<> {
        let rule = self.rule;
        let is_wide = rule.of == PriceOf::Everything;
        (rule.tenant.is_none(), rule.workspace.is_none(), self.model, self.precedence(), is_wide)
    }

    fn prices(&self, of: &PriceOf) -> bool {
        self.rule.of == *of || self.rule.of == PriceOf::Everything
    }
}

impl<'b> Pricer<'b> {
    /// Prices from `book`.
    pub fn new(book: &'b PriceBook) -> Self {
        let edges = book.edges().iter().copied().chain(CONTEXT_BAND_EDGES).collect::<BTreeSet<u64>>();
        Self {
            book,
            edges: edges.into_iter().collect(),
            knows_tenants: book.knows_tenants(),
            what_if: WhatIf::default(),
        }
    }

    /// The same under an assumption.
    #[must_use]
    pub fn assuming(self, what_if: &WhatIf) -> Self {
        Self { what_if: what_if.clone(), ..self }
    }

    /// What an event of `class` is priced as.
    pub(crate) fn assumed<'a>(&'a self, class: &PriceClass<'a>) -> PriceClass<'a> {
        self.what_if.class(class)
    }

    /// What keeps the model that is assumed from having a price, in a sentence.
    pub fn doubt(&self) -> Option<String> {
        let model = self.what_if.model.as_deref()?;
        self.unlisted(model).or_else(|| self.ambiguous(model))
    }

    /// That providers ask different prices for a model, none of which can be taken for that of nobody in particular.
    fn ambiguous(&self, model: &str) -> Option<String> {
        let class = PriceClass { model: Some(model), ..PriceClass::default() };
        let (list, _) = self.candidates(&class);
        let input =
            list.iter().filter(|it| it.of_some_provider && it.rule.of == PriceOf::Meter(TokenMeter::Input.into()));
        let providers: BTreeSet<&Text> = input.filter_map(|candidate| candidate.rule.provider.as_ref()).collect();
        let is_priced = self.schedule(&class).periods.last()?.rate(&TokenMeter::Input.into()).is_some();
        let (first, is_torn) = (providers.first()?, providers.len() > 1 && !is_priced);
        is_torn.then(|| {
            let count = providers.len();
            format!("{count} providers ask different prices for {model}; say whose, such as model={first}/{model}")
        })
    }

    fn unlisted(&self, model: &str) -> Option<String> {
        let lists = |name: &Name| {
            let mut patterns = self.book.patterns().map(|(pattern, _)| pattern).filter(|it| !it.text().is_empty());
            !self.book.rules_of(&name.model).is_empty() || patterns.any(|pattern| pattern.covers(&name.model))
        };
        if names(self.book, None, model).iter().any(lists) {
            return None;
        }
        let exact = self.book.rules().iter().filter_map(|rule| match &rule.model {
            ModelPattern::Exact(name) => Some(name.as_str()),
            ModelPattern::Prefix(_) | ModelPattern::Contains(_) => None,
        });
        let aliases = self.book.aliases().iter().map(|alias| alias.name.as_str());
        Some(format!("the prices list no model {model:?}{}", did_you_mean(model, exact.chain(aliases))))
    }

    /// The sizes of requests that the rates may tell apart: those of the context bands and the book's own, ascending.
    pub fn edges(&self) -> &[u64] {
        &self.edges
    }

    /// Whether rates may depend on the tenant.
    pub fn knows_tenants(&self) -> bool {
        self.knows_tenants
    }

    /// The size of a request, as exactly as the rates tell sizes apart.
    pub fn size(&self, tokens: u64) -> PromptSize {
        PromptSize::of_band(&self.edges, self.edges.partition_point(|edge| *edge < tokens))
    }

    /// The rates of a class over all of time.
    ///
    /// A model goes by these names, in any case of letters, best first: as sent; without a trailing date (`-2024-08-06`,
    /// `-20240806`, `@20240806`); when it has the form `provider/model`, what follows the slash, with
    /// that provider, again with and without the date. A name that is an alias is followed by the
    /// model it stands for. A price for any provider serves every event of the model, whoever bills it.
    ///
    /// An event without a provider is priced by rules for any provider; where there are none, by
    /// those of the providers that list the model by its best name, if they all agree on the rate.
    /// When they do not, the meter has no price: a guess would be a wrong number that looks right.
    pub fn schedule(&self, class: &PriceClass<'_>) -> Schedule {
        let (candidates, splits_size) = self.candidates(&self.assumed(class));
        let (list, agreed): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|candidate| candidate.rule.is_list());
        let all = || list.iter().chain(&agreed).map(|candidate| candidate.rule);
        let starts: BTreeSet<Timestamp> =
            all().flat_map(|rule| [Some(rule.from), rule.until]).flatten().chain([Timestamp::MIN]).collect();
        let edges = all().filter_map(|rule| rule.hours).flat_map(Hours::edges);
        let cuts: Vec<u32> = edges.chain([0]).collect::<BTreeSet<u32>>().into_iter().collect();
        let mut schedule = Schedule { starts: Vec::new(), cuts, periods: Vec::new(), splits_size };
        for start in starts {
            let mut week: Vec<Rates> = schedule.cuts.iter().map(|cut| rates_at(&list, &agreed, start, *cut)).collect();
            if self.what_if.no_cache_discount {
                week.iter_mut().for_each(Rates::drop_cache_discount);
            }
            if schedule.periods.chunks(schedule.cuts.len()).next_back() != Some(&week) {
                schedule.starts.push(start);
                schedule.periods.extend(week);
            }
        }
        schedule
    }

    /// When the rates of any class may change: a schedule without the rates.
    pub fn changes(&self) -> Schedule {
        let rules = self.book.rules();
        let starts = rules.iter().flat_map(|rule| [Some(rule.from), rule.until]).flatten().chain([Timestamp::MIN]);
        let cuts = rules.iter().filter_map(|rule| rule.hours).flat_map(Hours::edges).chain([0]);
        Schedule {
            starts: starts.collect::<BTreeSet<_>>().into_iter().collect(),
            cuts: cuts.collect::<BTreeSet<_>>().into_iter().collect(),
            periods: Vec::new(),
            splits_size: false,
        }
    }

    /// The rules that can apply to a class, at whatever time; and whether only some of its requests
    /// are large enough for one of them.
    fn candidates(&self, class: &PriceClass<'_>) -> (Vec<Candidate<'b>>, bool) {
        // The empty name matches the empty prefix and nothing else: an event without a model.
        let names = names(self.book, class.provider, class.model.unwrap_or_default());
        let tier = class.service_tier.and_then(canonical_tier);
        let (mut candidates, mut splits_size) = (Vec::new(), false);
        let mut consider = |rule: &'b PriceRule, name: &Name, model| {
            if !covers(rule, name.provider.as_ref(), class, tier.as_ref()) {
                return;
            }
            let of_some_provider = name.provider.is_none() && rule.provider.is_some();
            match if rule.above == 0 { Some(true) } else { class.size.exceeds(rule.above) } {
                Some(true) => candidates.push(Candidate { rule, model, of_some_provider }),
                Some(false) => {}
                None => splits_size = true,
            }
        };
        for (at, name) in names.iter().enumerate() {
            for rule in self.book.rules_of(&name.model) {
                consider(rule, name, (0, at, Reverse(0)));
            }
            for (pattern, rules) in self.book.patterns().filter(|(pattern, _)| pattern.covers(&name.model)) {
                let kind = match pattern {
                    // Every name starts so, and a part of a name says more than that.
                    ModelPattern::Prefix(all) if all.is_empty() => 3,
                    ModelPattern::Prefix(_) => 1,
                    ModelPattern::Exact(_) | ModelPattern::Contains(_) => 2,
                };
                rules.iter().for_each(|rule| consider(rule, name, (kind, at, Reverse(pattern.text().len()))));
            }
        }
        (candidates, splits_size)
    }
}

/// Whether a rule applies to a class by all but model, size and time.
fn covers(rule: &PriceRule, provider: Option<&Text>, class: &PriceClass<'_>, tier: Option<&Text>) -> bool {
    let unless_given = |wanted: &Option<Text>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
    let provider_may = provider.is_none() && rule.is_list();
    (provider_may || unless_given(&rule.provider, provider.map(Text::as_str)))
        && unless_given(&rule.region, class.region)
        && unless_given(&rule.service_tier, Some(tier.map_or(STANDARD_TIER, Text::as_str)))
        && unless_given(&rule.workspace, class.workspace)
        && unless_given(&rule.tenant, class.tenant)
}

/// The rates from an instant on, at a second of the week.
fn rates_at(list: &[Candidate<'_>], agreed: &[Candidate<'_>], at: Timestamp, second: u32) -> Rates {
    let in_force = |candidate: &&Candidate<'_>| candidate.rule.in_force_on(at, second);
    let mut listed: BTreeMap<&PriceOf, Vec<&Candidate<'_>>> = BTreeMap::new();
    for candidate in list.iter().filter(in_force) {
        listed.entry(&candidate.rule.of).or_default().push(candidate);
    }
    let mut prices: BTreeMap<&PriceOf, u64> =
        listed.into_iter().filter_map(|(of, rules)| Some((of, best(&rules)?))).collect();
    let agreed: Vec<&Candidate<'_>> = agreed.iter().filter(in_force).collect();
    let things: BTreeSet<&PriceOf> =
        agreed.iter().map(|agreed| &agreed.rule.of).chain(prices.keys().copied()).collect();
    for of in things.into_iter().filter(|of| **of != PriceOf::Everything) {
        let about = agreed.iter().filter(|candidate| candidate.prices(of));
        let Some(best) = about.min_by_key(|candidate| candidate.precedence_agreed()) else { continue };
        let rate = match best.rule.rate {
            Rate::Pico(rate) => Some(rate),
            Rate::OfList(share) => prices.get(of).and_then(|list| share.of(*list)),
        };
        match rate {
            Some(rate) => _ = prices.insert(of, rate),
            None => _ = prices.remove(of),
        }
    }
    let per_request = prices.get(&PriceOf::Request).copied();
    let meter = |(of, rate): (&PriceOf, u64)| match of {
        PriceOf::Meter(meter) => Some((Meter::clone(meter), rate)),
        PriceOf::Request | PriceOf::Everything => None,
    };
    Rates::new(prices.into_iter().filter_map(meter).collect(), per_request)
}

/// The rate of the most specific of some rules of the list for the same thing, all in force.
fn best(rules: &[&Candidate<'_>]) -> Option<u64> {
    let certain = rules.iter().filter(|candidate| !candidate.of_some_provider);
    if let Some(best) = certain.min_by_key(|candidate| (candidate.model, candidate.precedence())) {
        return pico(best);
    }
    let model = rules.iter().map(|candidate| candidate.model).min()?;
    let mut of_provider: BTreeMap<&Option<Text>, &Candidate<'_>> = BTreeMap::new();
    for candidate in rules.iter().filter(|candidate| candidate.model == model) {
        let best = of_provider.entry(&candidate.rule.provider).or_insert(candidate);
        if candidate.precedence() < best.precedence() {
            *best = candidate;
        }
    }
    let mut rates = of_provider.values().map(|candidate| pico(candidate));
    let first = rates.next()?;
    if rates.all(|rate| rate == first) { first } else { None }
}

fn pico(candidate: &Candidate<'_>) -> Option<u64> {
    match candidate.rule.rate {
        Rate::Pico(rate) => Some(rate),
        Rate::OfList(_) => None,
    }
}
