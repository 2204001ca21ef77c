//! Whatever a price book says, counters cost what row-by-row pricing costs.

use std::sync::Arc;

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use quipu_engine::price_book::{Alias, Hours, ModelPattern, PriceBook, PriceOf, PriceRule, Rate, Share};
use quipu_engine::{Event, Meter, Number, Text, Timestamp, TokenMeter};
use quipu_query::price::WhatIf;
use quipu_query::{Compare, Filter, Measure, PathChoice, PriceChoice, Query, Scope, View};

use crate::agree::said;
use crate::generate::{CHANGE, events, outcomes, query};
use crate::memory::{Form, Memory};
use crate::oracle::Oracle;

/// An instant within the days of the events, at any second.
fn instant() -> impl Strategy<Value = Timestamp> {
    (-3 * 86_400..3 * 86_400_i64).prop_map(|seconds| Timestamp::from_micros(CHANGE.micros() + seconds * 1_000_000))
}

fn rule() -> impl Strategy<Value = PriceRule> {
    let things = vec![
        PriceOf::Meter(TokenMeter::Input.into()),
        PriceOf::Meter(TokenMeter::CacheRead.into()),
        PriceOf::Meter(TokenMeter::Output.into()),
        PriceOf::Meter(Meter::Named("pages".into())),
        PriceOf::Request,
    ];
    let model = prop_oneof![
        4 => select(&["m1", "m2", "m3"][..]).prop_map(|m| ModelPattern::Exact(m.into())),
        1 => select(&["", "m"][..]).prop_map(|m| ModelPattern::Prefix(m.into())),
        1 => select(&["1", "2"][..]).prop_map(|m| ModelPattern::Contains(m.into())),
    ];
    let class =
        (model, weighted(0.3, select(&["openai", "anthropic"][..])), weighted(0.2, select(&["batch", "flex"][..])));
    let hours = weighted(0.2, (1_u8..0x7f, 0..24_u32, 0..24_u32));
    // One of the sizes lies within a context band, so that counters cannot tell it.
    let size = select(&[0, 0, 0, 100, 200_000][..]);
    let agreed = (weighted(0.15, select(&["default", "other"][..])), weighted(0.2, select(&["acme", "bolt"][..])));
    let rate = prop_oneof![
        4 => (0_u64..9_000_000).prop_map(Rate::Pico),
        1 => (0_u32..2_000_000).prop_map(|ppm| Share::from_ppm(ppm).into()),
    ];
    let price = (select(things), rate, any::<bool>(), weighted(0.4, instant()), weighted(0.2, instant()));
    (class, size, hours, agreed, price).prop_map(
        |((model, provider, tier), above, hours, (workspace, tenant), (of, rate, wide, from, until))| PriceRule {
            workspace: workspace.map(Text::from),
            tenant: tenant.map(Text::from),
            provider: provider.map(Text::from),
            service_tier: tier.map(Text::from),
            above,
            hours: hours.map(|(days, from, until)| Hours::new(days, from * 3_600 + 1, until * 3_600).expect("hours")),
            from: from.unwrap_or(Timestamp::MIN),
            until: until.filter(|until| from.is_none_or(|from| from < *until)),
            ..PriceRule::new(
                model,
                if wide && matches!(rate, Rate::OfList(_)) { PriceOf::Everything } else { of },
                rate,
            )
        },
    )
}

/// Books of several rules, of which those stay that contradict no other.
fn any_book() -> impl Strategy<Value = PriceBook> {
    (prop::collection::vec(rule(), 0..14), any::<bool>()).prop_map(|(rules, renamed)| {
        let mut kept: Vec<PriceRule> = Vec::new();
        for rule in rules {
            if PriceBook::new("", [kept.clone(), vec![rule.clone()]].concat()).is_ok() {
                kept.push(rule);
            }
        }
        let alias = Alias { name: "m3".into(), provider: None, model: "m1".into(), of_provider: Some("openai".into()) };
        let book = PriceBook::new("any", kept).expect("no contradiction");
        book.with_aliases(if renamed { vec![alias] } else { Vec::new() }).expect("one alias")
    })
}

/// Nothing, or one or two things that were not so.
fn what_if() -> impl Strategy<Value = WhatIf> {
    let assumptions = vec!["model=m1", "model=m2", "model=openai/m3", "tier=flex", "batch", "no-cache", "no-retries"];
    prop::collection::vec(select(assumptions), 0..3).prop_map(|texts| {
        texts.iter().try_fold(WhatIf::default(), |what_if, text| what_if.and(text)).expect("understood")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_book_prices_counters_like_rows(
        events in events(), outcomes in outcomes(), query in query(true), book in any_book(), what_if in what_if(),
        parts in 1..3_usize,
    ) {
        let query = query.what_if(what_if);
        let expected = Oracle { events: &events, outcomes: &outcomes, book: &book }.answer(&query);
        let size = events.len().div_ceil(parts).max(1);
        let mut memory =
            events.chunks(size).fold(Memory::default(), |memory, chunk| memory.with(chunk, Form::SegmentWithCounters));
        memory.outcomes = outcomes;
        // The book is no part of the store: it is asked for, as a correction or a guess would be.
        let query = query.prices(PriceChoice::Book(Arc::new(book)));
        for path in [PathChoice::Counters, PathChoice::Scan] {
            let answer = View::new(&memory, Scope::default()).query(&query.clone().path(path)).expect("a valid query");
            prop_assert_eq!(&said(&answer), &expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_a_later_version_corrects_in_the_past_does_not_change_what_was_known_before(
        events in events(), outcomes in outcomes(), query in query(true), versions in prop::collection::vec(any_book(), 1..4),
        asked in 0..5_i64,
    ) {
        // Version n became known n days after the change that the events lie around, and may correct any instant.
        let day = |n: i64| Timestamp::from_micros(CHANGE.micros() + n * 86_400_000_000);
        let versions = versions.into_iter().zip(1_u32..);
        let mut books: Vec<Arc<PriceBook>> = versions
            .map(|(mut book, version)| {
                (book.version, book.known_at) = (version, day(version.into()));
                Arc::new(book)
            })
            .collect();
        let empty = Arc::default();
        let known = books.iter().rev().find(|book| book.known_at <= day(asked)).unwrap_or(&empty);
        let query = query.prices(PriceChoice::KnownAt(day(asked)));
        let expected = Oracle { events: &events, outcomes: &outcomes, book: known }.answer(&query);
        let mut memory = Memory::default().with(&events, Form::SegmentWithCounters);
        (memory.outcomes, memory.book) = (outcomes, books.pop().expect("at least one"));
        memory.books = books;
        for path in [PathChoice::Counters, PathChoice::Scan] {
            let answer = View::new(&memory, Scope::default()).query(&query.clone().path(path)).expect("a valid query");
            prop_assert_eq!(&said(&answer), &expected);
        }
    }
}

#[test]
fn both_slices_of_a_comparison_are_without_retries() {
    let at = |id: &str, depth| Event::new(id, CHANGE).with_number(Number::RetryDepth, depth);
    let memory = Memory::default().with(&[at("first", 0), at("again", 1)], Form::SegmentWithCounters);
    let query = Query::new()
        .measure(Measure::parse("requests").expect("known"))
        .compare(Compare::Filter(Filter::And(Vec::new())))
        .what_if(WhatIf::default().and("no-retries").expect("understood"));
    let answer = View::new(&memory, Scope::default()).query(&query).expect("a valid query");
    let shown: Vec<String> = answer.totals.iter().map(ToString::to_string).collect();
    assert!(shown.starts_with(&["1".to_owned(), "1".to_owned()]), "{shown:?}");
}

#[test]
fn assumptions_are_read_back_from_their_texts_and_nothing_else_is_understood() {
    let all = ["model=gpt-4o-mini", "tier=flex", "no-cache", "no-retries"];
    let what_if = all.iter().try_fold(WhatIf::default(), |what_if, text| what_if.and(text)).expect("understood");
    assert_eq!(what_if.texts(), all);
    let error = WhatIf::default().and("cheaper").expect_err("not understood").to_string();
    assert!(error.contains("Understood are model=NAME"), "{error}");
}
