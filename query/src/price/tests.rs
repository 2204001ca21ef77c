//! The pricer against a look-up that walks every rule for a single instant, and the rules of precedence by example.

use proptest::prelude::*;
use quipu_engine::price_book::{
    Alias, Hours, ModelPattern, PriceBook, PriceOf, PriceRule, Rate, Share, second_of_week,
};
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

/// Whether a rule holds for a class at an instant, but for model and provider.
fn holds(rule: &PriceRule, class: &PriceClass<'_>, tokens: u64, at: Timestamp) -> bool {
    let standard =
        |tier: Option<&str>| tier.filter(|tier| !["default", "standard", "auto"].contains(tier)).map(Text::from);
    let given = |wanted: &Option<Text>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
    rule.from <= at
        && rule.until.is_none_or(|until| at < until)
        && rule.hours.is_none_or(|hours| hours.contains(second_of_week(at)))
        && given(&rule.region, class.region)
        && (rule.service_tier.is_none()
            || rule.service_tier == standard(class.service_tier).or(Some("standard".into())))
        && given(&rule.workspace, class.workspace)
        && given(&rule.tenant, class.tenant)
        && (rule.above == 0 || tokens > rule.above)
}

/// Every way in which a rule may match a model, best first: which kind of pattern, which name, how long it is.
fn steps(names: usize, longest: usize) -> Vec<(u8, usize, usize)> {
    let lengths = || (0..=longest).rev();
    let exact = (0..names).map(|name| (0, name, 0));
    let prefixes = (0..names).flat_map(|name| lengths().map(move |length| (1, name, length)));
    let parts = (0..names).flat_map(|name| lengths().map(move |length| (2, name, length)));
    let any = (0..names).map(|name| (3, name, 0));
    exact.chain(prefixes).chain(parts).chain(any).collect()
}

fn matches(pattern: &ModelPattern, step: (u8, usize, usize), model: &str) -> bool {
    match pattern {
        ModelPattern::Exact(exact) => step.0 == 0 && exact == model,
        ModelPattern::Prefix(start) if start.is_empty() => step.0 == 3,
        ModelPattern::Prefix(start) => step.0 == 1 && start.len() == step.2 && model.starts_with(start.as_str()),
        ModelPattern::Contains(part) => step.0 == 2 && part.len() == step.2 && model.contains(part.as_str()),
    }
}

/// The price of one thing at one instant: every rule is tried against every name, most specific first.
fn rate_the_slow_way(
    rules: &[PriceRule],
    class: &PriceClass<'_>,
    tokens: u64,
    of: &PriceOf,
    at: Timestamp,
) -> Option<u64> {
    let list = list_the_slow_way(rules, class, tokens, of, at);
    let providers: Vec<&str> = rules.iter().filter_map(|rule| rule.provider.as_deref()).collect();
    let names = names_the_slow_way(class, &providers);
    let longest = rules.iter().map(|rule| rule.model.text().len()).max().unwrap_or(0);
    for (tenant, workspace) in [(true, true), (true, false), (false, true), (false, false)] {
        for step in steps(names.len(), longest) {
            let (provider, model) = &names[step.1];
            let agreed = rules.iter().filter(|rule| {
                !rule.is_list()
                    && (rule.of == *of || rule.of == PriceOf::Everything)
                    && holds(rule, class, tokens, at)
                    && (rule.tenant.is_some(), rule.workspace.is_some()) == (tenant, workspace)
                    && (rule.provider.is_none() || rule.provider.as_deref() == provider.as_deref())
                    && matches(&rule.model, step, model)
            });
            if let Some(rule) = most_special(agreed) {
                return match rule.rate {
                    Rate::Pico(rate) => Some(rate),
                    Rate::OfList(share) => list.and_then(|list| share.of(list)),
                };
            }
        }
    }
    list
}

fn list_the_slow_way(
    rules: &[PriceRule],
    class: &PriceClass<'_>,
    tokens: u64,
    of: &PriceOf,
    at: Timestamp,
) -> Option<u64> {
    let providers: Vec<&str> = rules.iter().filter_map(|rule| rule.provider.as_deref()).collect();
    let names = names_the_slow_way(class, &providers);
    let longest = rules.iter().map(|rule| rule.model.text().len()).max().unwrap_or(0);
    let mut unsure = None;
    for step in steps(names.len(), longest) {
        let (provider, model) = &names[step.1];
        let of_owner = |owner: Option<&str>| {
            let rules = rules.iter().filter(move |rule| {
                rule.is_list()
                    && rule.of == *of
                    && holds(rule, class, tokens, at)
                    && rule.provider.as_deref() == owner
                    && matches(&rule.model, step, model)
            });
            most_special(rules).map(|rule| rule.rate)
        };
        for owner in provider.iter().map(|p| Some(p.as_str())).chain([None]) {
            if let Some(Rate::Pico(rate)) = of_owner(owner) {
                return Some(rate);
            }
        }
        if provider.is_none() && unsure.is_none() {
            let mut rates: Vec<Rate> = providers.iter().filter_map(|owner| of_owner(Some(owner))).collect();
            rates.dedup();
            unsure = (!rates.is_empty()).then_some(rates);
        }
    }
    match unsure.as_deref() {
        Some([Rate::Pico(rate)]) => Some(*rate),
        _ => None,
    }
}

fn most_special<'a>(rules: impl Iterator<Item = &'a PriceRule>) -> Option<&'a PriceRule> {
    let mut rules: Vec<&PriceRule> = rules.collect();
    rules.sort_by_key(|rule| {
        let hours = rule.hours.map(|hours| (std::cmp::Reverse(hours.length()), std::cmp::Reverse(hours)));
        let is_single = rule.of != PriceOf::Everything;
        (rule.provider.is_some(), rule.region.is_some(), rule.service_tier.is_some(), rule.above, hours, is_single)
    });
    rules.last().copied()
}

/// Few distinct values, so that rules meet each other and the classes.
fn any_rule() -> impl Strategy<Value = PriceRule> {
    let model = prop_oneof![
        prop::sample::select(vec!["m", "m-2024-08-06", "p/m"]).prop_map(|m| ModelPattern::Exact(m.into())),
        prop::sample::select(vec!["", "m", "m-"]).prop_map(|m| ModelPattern::Prefix(m.into())),
        prop::sample::select(vec!["m", "/m"]).prop_map(|m| ModelPattern::Contains(m.into())),
    ];
    let someone = || prop::option::weighted(0.2, prop::sample::select(vec!["acme", "other"]));
    let hours = prop::option::weighted(
        0.3,
        prop::sample::select(vec![
            (0x7f, 2, 4),
            (8, 3, 8),
            (0x7f, 86_000, 3),
            (0x7f, 5, 2),
            (12, 86_000, 5),
            (8, 0, 0),
        ]),
    );
    let share = prop::option::weighted(0.2, 500_000_u32..1_500_000);
    let agreed = (someone(), someone(), hours, share, prop::bool::weighted(0.3));
    let provider = prop::option::of(prop::sample::select(vec!["p", "q"]));
    let (region, tier) =
        (prop::option::of(Just("eu")), prop::option::of(prop::sample::select(vec!["batch", "standard"])));
    let edge = prop::sample::select(vec![0, 32_000, 64_000, 200_000]);
    let class = (model, provider, region, tier, edge, prop::sample::select(things()));
    let time = (prop::option::weighted(0.3, 0_i64..6), prop::option::weighted(0.3, 6_i64..9));
    (class, 1_u64..6, time, agreed).prop_map(
        |((model, provider, region, tier, above, of), rate, (from, until), (workspace, tenant, hours, share, wide))| {
            let rate = share.map_or(Rate::Pico(rate), |ppm| Share::from_ppm(ppm).into());
            PriceRule {
                workspace: workspace.map(Text::from),
                tenant: tenant.map(Text::from),
                provider: provider.map(Text::from),
                region: region.map(Text::from),
                service_tier: tier.map(Text::from),
                above,
                hours: hours.map(|(days, from, until)| Hours::new(days, from, until).expect("hours")),
                from: from.map_or(Timestamp::MIN, at),
                until: until.map(at),
                ..PriceRule::new(model, if wide && share.is_some() { PriceOf::Everything } else { of }, rate)
            }
        },
    )
}

fn things() -> Vec<PriceOf> {
    vec![PriceOf::Meter(meter(TokenMeter::Input)), PriceOf::Request]
}

fn any_class() -> impl Strategy<Value = (PriceClass<'static>, u64)> {
    let models = vec!["m", "m-2024-08-06", "p/m", "z/m-2024-08-06", "q/m", "m@20240806", "mm", "other", "p/", "m/p/m"];
    let tiers = vec!["batch", "batch", "standard", "default", "auto", "other"];
    let provider = prop::option::of(prop::sample::select(vec!["p", "q", "z"]));
    let model = prop::option::weighted(0.9, prop::sample::select(models));
    let region = prop::option::weighted(0.8, prop::sample::select(vec!["eu", "eu", "us"]));
    let tier = prop::option::weighted(0.9, prop::sample::select(tiers));
    let someone = || prop::option::of(prop::sample::select(vec!["acme", "other", "third"]));
    let size = prop::sample::select(vec![0, 1, 32_000, 32_001, 64_000, 64_001, 200_000, 200_001, 2_000_000]);
    (provider, model, region, tier, (someone(), someone(), size)).prop_map(
        |(provider, model, region, service_tier, (workspace, tenant, tokens))| {
            let size = PromptSize::of_tokens(tokens);
            (PriceClass { workspace, tenant, provider, model, region, service_tier, size }, tokens)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

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
        for (class, tokens) in classes {
            let pricer = Pricer::new(&book);
            let schedule = pricer.schedule(&class);
            prop_assert!(!schedule.splits_size);
            prop_assert_eq!(pricer.schedule(&PriceClass { size: pricer.size(tokens), ..class }), schedule.clone());
            prop_assert_eq!(schedule.starts[0], Timestamp::MIN);
            prop_assert!(schedule.starts.is_sorted_by(|a, b| a < b));
            let days: Vec<_> = schedule.periods.chunks(schedule.cuts.len()).collect();
            prop_assert!(days.len() == schedule.starts.len() && days.windows(2).all(|pair| pair[0] != pair[1]));
            for instant in [Timestamp::MIN, at(-1), Timestamp::MAX, at(86_400), at(86_405)].into_iter().chain((0..10).map(at)) {
                let rates = &schedule.periods[schedule.period_at(instant)];
                for of in things() {
                    let rate = match &of {
                        PriceOf::Meter(meter) => rates.rate(meter),
                        PriceOf::Request | PriceOf::Everything => rates.per_request(),
                    };
                    let slow = rate_the_slow_way(&kept, &class, tokens, &of, instant);
                    prop_assert_eq!(rate, slow, "{:?} at {}", class, instant);
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
        let size = Pricer::new(&book).size(tokens);
        assert_eq!(rate_of(&book, PriceClass { size, ..class(None, "m") }), Some(rate), "{tokens} tokens");
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

#[test]
fn rates_change_by_the_hours_of_the_day() {
    // 1970 began on a Thursday.
    let night = Hours::parse("16:30-00:30").expect("hours");
    let book = book(vec![rule(None, "m", 4), PriceRule { hours: Some(night), ..rule(None, "m", 2) }]);
    let schedule = Pricer::new(&book).schedule(&class(None, "m"));
    assert_eq!(schedule.cuts[..4], [0, 1800, 59_400, 88_200]);
    let rate = |second| schedule.periods[schedule.period_at(at(second))].rate(&meter(TokenMeter::Input));
    assert_eq!([0, 1799, 1800, 59_399, 59_400, 86_400].map(rate), [2, 2, 4, 4, 2, 2].map(Some));
    let within = |after, upto| schedule.boundary_within(at(after), at(upto));
    assert!(within(1799, 1800) && within(59_399, 59_400) && within(2_000, 90_000) && within(-90_000, 0));
    assert!(within(1_800, 1_800 + 7 * 86_400) && within(1_900, 1_800 + 7 * 86_400));
    assert!(!within(1800, 59_399) && !within(5, 5) && !within(86_000, 87_000));
}

#[test]
fn what_was_agreed_takes_the_place_of_the_list() {
    let share = |ppm, of| PriceRule { of, rate: Share::from_ppm(ppm).into(), ..rule(None, "", 0) };
    let all = || ModelPattern::Prefix("".into());
    let discount = PriceRule { workspace: Some("w".into()), model: all(), ..share(850_000, PriceOf::Everything) };
    let resale = PriceRule { tenant: Some("acme".into()), model: all(), ..share(1_200_000, PriceOf::Everything) };
    let agreed = PriceRule { tenant: Some("big".into()), ..rule(None, "m", 3) };
    let book = book(vec![rule(None, "m", 1_000), discount, resale, agreed]);
    let rate = |workspace, tenant| rate_of(&book, PriceClass { workspace, tenant, ..class(None, "m") });
    assert_eq!(rate(None, None), Some(1_000));
    assert_eq!(rate(Some("w"), None), Some(850));
    assert_eq!(rate(Some("w"), Some("acme")), Some(1_200));
    assert_eq!(rate(Some("w"), Some("big")), Some(3));
    assert_eq!(rate_of(&book, PriceClass { workspace: Some("w"), ..class(None, "unlisted") }), None);
}

#[test]
fn an_alias_costs_what_its_model_costs_unless_it_has_a_price_of_its_own() {
    let alias = |name: &str| Alias {
        name: name.into(),
        provider: None,
        model: "gpt-4o".into(),
        of_provider: Some("openai".into()),
    };
    let rules = vec![rule(Some("openai"), "gpt-4o", 5), rule(None, "house-large", 7)];
    let book = book(rules).with_aliases(vec![alias("house-fast"), alias("house-large")]).expect("valid");
    assert_eq!(rate_of(&book, class(Some("a-gateway"), "house-fast")), Some(5));
    assert_eq!(rate_of(&book, class(None, "a-gateway/house-fast-2025-01-01")), Some(5));
    assert_eq!(rate_of(&book, class(None, "house-large")), Some(7));
}

#[test]
fn an_alias_may_stand_for_another_alias() {
    let alias = |name: &str, model: &str, of_provider: Option<&str>| Alias {
        name: name.into(),
        provider: None,
        model: model.into(),
        of_provider: of_provider.map(Text::from),
    };
    let chain = vec![alias("a", "b", None), alias("b", "c", Some("openai")), alias("c", "gpt-4o", None)];
    let book = book(vec![rule(Some("openai"), "gpt-4o", 5)]).with_aliases(chain).expect("valid");
    assert_eq!(["a", "b"].map(|name| rate_of(&book, class(Some("gateway"), name))), [Some(5); 2]);
    assert_eq!(rate_of(&book, class(Some("gateway"), "c")), None);
}

#[test]
fn any_part_of_a_name_says_more_than_no_name() {
    let all = PriceRule { model: ModelPattern::Prefix("".into()), ..rule(None, "", 9) };
    let part = PriceRule { model: ModelPattern::Contains("4".into()), ..rule(None, "", 1) };
    let prefix = PriceRule { model: ModelPattern::Prefix("claude-".into()), ..rule(None, "", 2) };
    let book = book(vec![all, part, prefix]);
    let rate = |model| rate_of(&book, class(None, model));
    let models = ["gpt-4o", "claude-5", "vendor/claude-5", "vendor/other"];
    assert_eq!(models.map(rate), [Some(1), Some(2), Some(2), Some(9)]);
    assert_eq!(rate_of(&book, PriceClass::default()), Some(9));
}

#[test]
fn the_standard_tier_may_be_priced_alone() {
    let tier = |tier: &str, rate| PriceRule { service_tier: Some(tier.into()), ..rule(None, "m", rate) };
    let at = |book: &PriceBook, service_tier| rate_of(book, PriceClass { service_tier, ..class(None, "m") });
    let tiers = [None, Some("default"), Some("Standard"), Some("batch"), Some("flex")];
    let alone = book(vec![tier("standard", 3), tier("batches", 1)]);
    assert_eq!(tiers.map(|tier| at(&alone, tier)), [Some(3), Some(3), Some(3), Some(1), None]);
    let beside = book(vec![tier("default", 3), rule(None, "m", 7)]);
    assert_eq!(tiers.map(|tier| at(&beside, tier)), [Some(3), Some(3), Some(3), Some(7), Some(7)]);
}

#[test]
fn where_a_call_is_served_decides_before_what_an_agreement_is_about() {
    let agreed = |region: Option<&str>, of, ppm| PriceRule {
        tenant: Some("acme".into()),
        region: region.map(Text::from),
        model: ModelPattern::Prefix("".into()),
        ..PriceRule::new(ModelPattern::Prefix("".into()), of, Share::from_ppm(ppm))
    };
    let input = || PriceOf::Meter(meter(TokenMeter::Input));
    let book = book(vec![
        rule(None, "m", 1_000),
        agreed(Some("eu"), PriceOf::Everything, 750_000),
        agreed(None, input(), 2_500_000),
        agreed(Some("us"), PriceOf::Everything, 500_000),
        agreed(Some("us"), input(), 600_000),
    ]);
    let rate = |region| rate_of(&book, PriceClass { tenant: Some("acme"), region, ..class(None, "m") });
    assert_eq!([Some("eu"), Some("us"), None].map(rate), [Some(750), Some(600), Some(2_500)]);
}

#[test]
fn cached_audio_without_its_discount_costs_what_audio_does() {
    let of = |token: TokenMeter, rate| PriceRule { of: PriceOf::Meter(token.into()), ..rule(None, "m", rate) };
    let rules = vec![of(TokenMeter::Input, 3), of(TokenMeter::AudioInput, 7), of(TokenMeter::AudioCacheRead, 1)];
    let book = book(rules);
    let no_cache = WhatIf::default().and("no-cache").expect("an assumption");
    let rates = |pricer: Pricer<'_>| {
        let schedule = pricer.schedule(&class(None, "m"));
        let rates = schedule.periods.last().expect("a period").clone();
        [TokenMeter::AudioCacheRead, TokenMeter::CacheRead].map(|token| rates.rate(&token.into()))
    };
    assert_eq!(rates(Pricer::new(&book)), [Some(1), None]);
    assert_eq!(rates(Pricer::new(&book).assuming(&no_cache)), [Some(7), Some(3)]);
}

#[test]
fn a_class_wider_than_a_rule_can_tell_says_so() {
    let book = book(vec![rule(None, "m", 1), PriceRule { above: 64_000, ..rule(None, "m", 2) }]);
    let splits = |band| {
        let size = PromptSize::of_band(&quipu_engine::schema::CONTEXT_BAND_EDGES, band);
        Pricer::new(&book).schedule(&PriceClass { size, ..class(None, "m") }).splits_size
    };
    assert_eq!([0, 1, 2].map(splits), [false, true, false]);
}
