//! The pricer against a look-up that walks every rule for a single instant, and the rules of precedence by example.

use proptest::prelude::*;
use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
use quipu_engine::schema::CONTEXT_BAND_EDGES;
use quipu_engine::{Meter, Text, Timestamp, TokenMeter};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn meter(token: TokenMeter) -> Meter {
    Meter::Token(token)
}

/// The names of a model and the provider whose rules they fit, spelled out.
fn names_the_slow_way(class: &PriceClass<'_>, providers: &[&str]) -> Vec<(Option<String>, String)> {
    let provider = class.provider.map(str::to_owned);
    let model = class.model.unwrap_or("").to_owned();
    let mut pairs = vec![(provider.clone(), model.clone())];
    if let Some(slash) = model.find('/') {
        let (head, tail) = (&model[..slash], &model[slash + 1..]);
        if !tail.is_empty() {
            let owner = if providers.contains(&head) { Some(head.to_owned()) } else { provider };
            pairs.push((owner, tail.to_owned()));
        }
    }
    let mut names = Vec::new();
    for (provider, model) in pairs {
        let undated = model.strip_suffix("-2024-08-06").or(model.strip_suffix("@20240806")).map(str::to_owned);
        names.push((provider.clone(), model));
        names.extend(undated.filter(|undated| !undated.is_empty()).map(|undated| (provider, undated)));
    }
    names
}

/// The price of one thing at one instant: every rule is tried against every name, most specific first.
fn rate_the_slow_way(rules: &[PriceRule], class: &PriceClass<'_>, of: &PriceOf, at: Timestamp) -> Option<u64> {
    let providers: Vec<&str> = rules.iter().filter_map(|rule| rule.provider.as_deref()).collect();
    let names = names_the_slow_way(class, &providers);
    let standard =
        |tier: Option<&str>| tier.filter(|tier| !["default", "standard", "auto"].contains(tier)).map(Text::from);
    let tokens = if class.context_band == 0 { 0 } else { CONTEXT_BAND_EDGES[usize::from(class.context_band) - 1] + 1 };
    let holds = |rule: &PriceRule| {
        rule.of == *of
            && rule.from <= at
            && rule.until.is_none_or(|until| at < until)
            && (rule.region.is_none() || rule.region.as_deref() == class.region)
            && (rule.service_tier.is_none() || rule.service_tier == standard(class.service_tier))
            && (rule.above == 0 || tokens > rule.above)
    };
    let longest = rules.iter().map(|rule| rule.model.text().len()).max().unwrap_or(0);
    let steps = (0..names.len()).map(|name| (name, None));
    let prefixes = (0..names.len()).flat_map(|name| (0..=longest).rev().map(move |length| (name, Some(length))));
    let mut unsure = None;
    for (name, prefix) in steps.chain(prefixes) {
        let (provider, model) = &names[name];
        let matching = |rule: &&PriceRule| {
            holds(rule)
                && match (&rule.model, prefix) {
                    (ModelPattern::Exact(exact), None) => exact == model.as_str(),
                    (ModelPattern::Prefix(start), Some(length)) => {
                        start.len() == length && model.starts_with(start.as_str())
                    }
                    _ => false,
                }
        };
        for owner in provider.iter().map(|p| Some(p.as_str())).chain([None]) {
            if let Some(rate) =
                most_special(rules.iter().filter(matching).filter(|rule| rule.provider.as_deref() == owner))
            {
                return Some(rate);
            }
        }
        if provider.is_none() && unsure.is_none() {
            let mut rates: Vec<u64> = providers
                .iter()
                .filter_map(|owner| {
                    most_special(rules.iter().filter(matching).filter(|rule| rule.provider.as_deref() == Some(*owner)))
                })
                .collect();
            rates.dedup();
            unsure = (!rates.is_empty()).then_some(rates);
        }
    }
    unsure.filter(|rates| rates.len() == 1).map(|rates| rates[0])
}

fn most_special<'a>(rules: impl Iterator<Item = &'a PriceRule>) -> Option<u64> {
    let mut rules: Vec<&PriceRule> = rules.collect();
    rules.sort_by_key(|rule| (rule.region.is_some(), rule.service_tier.is_some(), rule.above));
    rules.last().map(|rule| rule.rate)
}

/// Few distinct values, so that rules meet each other and the classes.
fn any_rule() -> impl Strategy<Value = PriceRule> {
    let model = prop_oneof![
        prop::sample::select(vec!["m", "m-2024-08-06", "p/m"]).prop_map(|m| ModelPattern::Exact(m.into())),
        prop::sample::select(vec!["", "m", "m-"]).prop_map(|m| ModelPattern::Prefix(m.into())),
    ];
    let provider = prop::option::of(prop::sample::select(vec!["p", "q"]));
    let (region, tier) = (prop::option::of(Just("eu")), prop::option::of(Just("batch")));
    let edge = prop::sample::select(vec![0, 32_000, 200_000]);
    let class = (model, provider, region, tier, edge, prop::sample::select(things()));
    let time = (prop::option::weighted(0.3, 0_i64..6), prop::option::weighted(0.3, 6_i64..9));
    (class, 1_u64..6, time).prop_map(|((model, provider, region, tier, above, of), rate, (from, until))| PriceRule {
        provider: provider.map(Text::from),
        region: region.map(Text::from),
        service_tier: tier.map(Text::from),
        above,
        from: from.map_or(Timestamp::MIN, at),
        until: until.map(at),
        ..PriceRule::new(model, of, rate)
    })
}

fn things() -> Vec<PriceOf> {
    vec![PriceOf::Meter(meter(TokenMeter::Input)), PriceOf::Request]
}

fn any_class() -> impl Strategy<Value = PriceClass<'static>> {
    let models = vec!["m", "m-2024-08-06", "p/m", "z/m-2024-08-06", "q/m", "m@20240806", "mm", "other", "p/", "m/p/m"];
    let tiers = vec!["batch", "batch", "standard", "default", "auto", "other"];
    let provider = prop::option::of(prop::sample::select(vec!["p", "q", "z"]));
    let model = prop::option::weighted(0.9, prop::sample::select(models));
    let region = prop::option::weighted(0.8, prop::sample::select(vec!["eu", "eu", "us"]));
    let tier = prop::option::weighted(0.9, prop::sample::select(tiers));
    (provider, model, region, tier, 0_u8..=8).prop_map(|(provider, model, region, service_tier, context_band)| {
        PriceClass { provider, model, region, service_tier, context_band }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_schedule_agrees_with_walking_every_rule(
        rules in prop::collection::vec(any_rule(), 0..60),
        classes in prop::collection::vec(any_class(), 16),
    ) {
        // Rules that contradict each other are refused by the book, so one of each key is kept.
        let mut kept: Vec<PriceRule> = Vec::new();
        for rule in rules {
            if kept.iter().all(|other| other.key() != rule.key()) {
                kept.push(rule);
            }
        }
        let book = PriceBook::new("", kept.clone()).expect("one rule per key");
        for class in classes {
            let schedule = Pricer::new(&book).schedule(&class);
            prop_assert_eq!(schedule.starts[0], Timestamp::MIN);
            prop_assert!(schedule.starts.is_sorted_by(|a, b| a < b));
            prop_assert!(schedule.periods.windows(2).all(|pair| pair[0] != pair[1]));
            for instant in [Timestamp::MIN, at(-1), Timestamp::MAX].into_iter().chain((0..10).map(at)) {
                let rates = &schedule.periods[schedule.period_at(instant)];
                for of in things() {
                    let rate = match &of {
                        PriceOf::Meter(meter) => rates.rate(meter),
                        PriceOf::Request => rates.per_request(),
                    };
                    prop_assert_eq!(rate, rate_the_slow_way(&kept, &class, &of, instant), "{:?} at {}", class, instant);
                }
            }
        }
    }
}

fn rule(provider: Option<&str>, model: &str, rate: u64) -> PriceRule {
    PriceRule {
        provider: provider.map(Text::from),
        ..PriceRule::new(ModelPattern::Exact(model.into()), PriceOf::Meter(meter(TokenMeter::Input)), rate)
    }
}

fn book(rules: Vec<PriceRule>) -> PriceBook {
    PriceBook::new("", rules).expect("valid rules")
}

fn rate_of(book: &PriceBook, class: PriceClass<'_>) -> Option<u64> {
    Pricer::new(book).schedule(&class).periods[0].rate(&meter(TokenMeter::Input))
}

fn class<'a>(provider: Option<&'a str>, model: &'a str) -> PriceClass<'a> {
    PriceClass { provider, model: Some(model), ..PriceClass::default() }
}

#[test]
fn a_provider_may_go_by_any_of_its_names() {
    let book = book(vec![rule(Some("azure"), "gpt-4o", 7), rule(None, "gpt-4o", 5)]);
    for name in ["azure", "Azure", "azure-openai", "az.ai.openai"] {
        assert_eq!(rate_of(&book, class(Some(name), "gpt-4o")), Some(7), "{name}");
    }
    assert_eq!(rate_of(&book, class(None, "azure/gpt-4o-2024-08-06")), Some(7));
    assert_eq!(rate_of(&book, class(Some("a-gateway"), "azure/gpt-4o")), Some(7));
    assert_eq!(rate_of(&book, class(Some("a-gateway"), "gpt-4o")), Some(5));
}

#[test]
fn without_a_provider_only_agreement_makes_a_price() {
    let rules = vec![rule(Some("a"), "one", 1), rule(Some("a"), "both", 2), rule(Some("b"), "both", 2)];
    let rules = [rules, vec![rule(Some("a"), "torn", 3), rule(Some("b"), "torn", 4)]].concat();
    let book = book(rules);
    assert_eq!(rate_of(&book, class(None, "one")), Some(1));
    assert_eq!(rate_of(&book, class(None, "both")), Some(2));
    assert_eq!(rate_of(&book, class(None, "torn")), None);
    assert_eq!(rate_of(&book, class(Some("b"), "torn")), Some(4));
    assert_eq!(rate_of(&book, class(Some("c"), "one")), None);
}

#[test]
fn an_unknown_model_has_no_price_and_a_free_one_costs_nothing() {
    let book = book(vec![rule(None, "free", 0)]);
    assert_eq!(rate_of(&book, class(None, "free")), Some(0));
    assert_eq!(rate_of(&book, class(None, "unknown")), None);
    assert_eq!(rate_of(&book, PriceClass::default()), None);
}

#[test]
fn the_highest_edge_below_the_request_wins() {
    let above = |above, rate| PriceRule { above, ..rule(None, "m", rate) };
    let book = book(vec![above(0, 1), above(128_000, 2), above(200_000, 3)]);
    for (tokens, rate) in [(0, 1), (128_000, 1), (128_001, 2), (200_000, 2), (200_001, 3), (2_000_000, 3)] {
        let context_band = quipu_engine::schema::context_band(tokens);
        assert_eq!(rate_of(&book, PriceClass { context_band, ..class(None, "m") }), Some(rate), "{tokens} tokens");
    }
}

#[test]
fn boundaries_are_open_at_the_left_and_closed_at_the_right() {
    let dated = |from: i64, until: Option<i64>, rate| PriceRule {
        from: at(from),
        until: until.map(at),
        ..rule(None, "m", rate)
    };
    let book = book(vec![dated(10, Some(20), 1), dated(20, None, 2)]);
    let schedule = Pricer::new(&book).schedule(&class(None, "m"));
    assert_eq!(schedule.starts, [Timestamp::MIN, at(10), at(20)]);
    let rates: Vec<_> = schedule.periods.iter().map(|rates| rates.rate(&meter(TokenMeter::Input))).collect();
    assert_eq!(rates, [None, Some(1), Some(2)]);
    assert_eq!([9, 10, 19, 20].map(|second| schedule.period_at(at(second))), [0, 1, 1, 2]);
    assert!(schedule.boundary_within(at(9), at(10)) && schedule.boundary_within(Timestamp::MIN, Timestamp::MAX));
    assert!(!schedule.boundary_within(at(10), at(19)) && !schedule.boundary_within(at(20), Timestamp::MAX));
}
