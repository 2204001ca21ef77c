//! Random events, outcomes and queries, made of few values so that they meet.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
use quipu_engine::rollup::{Every, Rollup};
use quipu_engine::{
    Dimension, Event, Meter, Number, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Text, Timestamp, TokenMeter,
};
use quipu_query::filter::{NumberField, NumberTest, TextField, TextTest};
use quipu_query::having::{Comparison, Constant, Having};
use quipu_query::{
    Bucket, Cohort, Compare, CostBasis, CostOf, Filter, Measure, Order, OrderKey, Pivot, Query, Statistic, Zone,
};

/// 2025-10-24T00:00:00Z, two days before clocks change in Berlin.
const START: i64 = 1_761_264_000;
/// A price of `m1` changes then.
pub(crate) const CHANGE: Timestamp = Timestamp::from_seconds(START + 2 * 86_400 + 3_600);

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        // Few quarters of few days, the first and the last of a day in several zones among them.
        6 => (0..4_i64, select(&[0, 1, 4, 88, 92, 95][..]))
            .prop_map(|(day, quarter)| Timestamp::from_seconds(START + day * 86_400 + quarter * 900)),
        1 => Just(CHANGE),
        1 => Just(Timestamp::from_micros(CHANGE.micros() - 1)),
    ]
}

const TEXTS: [(Dimension, [&str; 3], f64); 11] = [
    (Dimension::Tenant, ["acme", "bolt", "core"], 0.8),
    (Dimension::Team, ["red", "blue", "green"], 0.7),
    (Dimension::JobType, ["support", "code", "search"], 0.7),
    (Dimension::JobId, ["j1", "j2", "j3"], 0.8),
    (Dimension::JobVersion, ["1", "2", "3"], 0.5),
    (Dimension::Provider, ["openai", "anthropic", "acme-ai"], 0.9),
    (Dimension::Model, ["m1", "m2", "m3"], 0.9),
    (Dimension::ServiceTier, ["batch", "flex", "priority"], 0.3),
    (Dimension::Status, ["ok", "error", "cancelled"], 0.8),
    (Dimension::Feature, ["chat", "search", "mail"], 0.5),
    (Dimension::TraceId, ["t1", "t2", "t3"], 0.7),
];

const NUMBERS: [(Number, [u64; 3], f64); 6] = [
    (Number::DurationMs, [5, 70, 900], 0.7),
    (Number::TtftMs, [0, 3, 50], 0.4),
    (Number::RetryDepth, [0, 1, 2], 0.5),
    (Number::StatusCode, [200, 429, 500], 0.5),
    (Number::ReportedCost, [0, 1_000_000_007, 999_999_999_999_999_999], 0.5),
    (Number::UsageMissing, [0, 1, 1], 0.2),
];

fn meters() -> [(Meter, [u64; 3], f64); 5] {
    [
        (TokenMeter::Input.into(), [0, 100, 300_000], 0.8),
        (TokenMeter::CacheRead.into(), [7, 100, 30_000], 0.4),
        (TokenMeter::Output.into(), [0, 1, 999], 0.8),
        (TokenMeter::Reasoning.into(), [0, 11, 12], 0.2),
        (Meter::Named("pages".into()), [1, 2, 3], 0.2),
    ]
}

/// An event of one of two workspaces; [`events`] gives it its id.
fn event() -> impl Strategy<Value = Event> {
    let texts: Vec<_> = TEXTS.iter().map(|(_, values, p)| weighted(*p, select(&values[..]))).collect();
    let numbers: Vec<_> = NUMBERS.iter().map(|(_, values, p)| weighted(*p, select(&values[..]))).collect();
    let usage: Vec<_> = meters().map(|(_, values, p)| weighted(p, select(values.to_vec()))).into();
    let tags = vec![weighted(0.5, select(&["prod", "test"][..])), weighted(0.2, select(&["x", ""][..]))];
    // So many that a segment may keep a column of them.
    let request = weighted(0.4, 0..40_u8);
    (instant(), weighted(0.2, Just("other")), texts, numbers, usage, (tags, request)).prop_map(
        |(at, workspace, texts, numbers, usage, (tags, request))| {
            let mut event = Event::new("?", at).with(Dimension::Workspace, workspace.unwrap_or("default"));
            for ((dimension, ..), value) in TEXTS.iter().zip(texts) {
                value.map(|value| event.dimensions.insert(*dimension, value.into()));
            }
            for ((number, ..), value) in NUMBERS.iter().zip(numbers) {
                value.map(|value| event.numbers.insert(*number, value));
            }
            for ((meter, ..), quantity) in meters().into_iter().zip(usage) {
                quantity.map(|quantity| event.usage.insert(meter, quantity));
            }
            for (key, value) in ["env", "run"].into_iter().zip(tags) {
                value.map(|value| event.tags.insert(key.into(), value.into()));
            }
            request.map(|request| event.tags.insert("request".into(), format!("r{request}").into()));
            event
        },
    )
}

/// Events most of which share all their texts with others, so that counters sum up several.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let kinds = prop::collection::vec(event(), 1..4);
    let own = prop::collection::vec((event(), weighted(0.8, any::<prop::sample::Index>())), 0..60);
    (kinds, own).prop_map(|(kinds, own)| {
        let events = own.into_iter().enumerate().map(|(at, (mut event, kind))| {
            if let Some(kind) = kind {
                event.dimensions = kind.get(&kinds).dimensions.clone();
            }
            event.id = Some(format!("e{at}").into());
            event
        });
        events.collect()
    })
}

pub(crate) fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let values = [0, 5_000_000_000_000, -3, 1_234_567_890];
    let one = (
        weighted(0.7, select(&OutcomeStatus::ALL[..])),
        weighted(0.7, select(&OutcomeType::ALL[..])),
        weighted(0.5, select(values.to_vec())),
        instant(),
    );
    prop::collection::vec(one, 3).prop_map(|all| {
        let jobs = ["j1", "j2", "j3"].into_iter().zip(all);
        jobs.filter_map(|(job, (status, kind, value, at))| {
            let value = value.map(PicoUsd::from_pico);
            Some(Outcome { kind, value, at: Some(at), ..Outcome::new(job, status?) })
        })
        .collect()
    })
}

/// `m1` changes its price and is dearer above 200,000 tokens; `m2` has no price for answers; `m3`
/// costs a fee per request; batch is cheaper at one provider; events without a model have no price.
pub(crate) fn book() -> PriceBook {
    let rule = |model: &str, of: Option<TokenMeter>, rate: u64| {
        let of = of.map_or(PriceOf::Request, |token| PriceOf::Meter(token.into()));
        PriceRule::new(ModelPattern::Exact(model.into()), of, rate)
    };
    let (input, output, read) = (Some(TokenMeter::Input), Some(TokenMeter::Output), Some(TokenMeter::CacheRead));
    let rules = vec![
        PriceRule { until: Some(CHANGE), ..rule("m1", input, 3_000_000) },
        PriceRule { from: CHANGE, ..rule("m1", input, 2_000_000) },
        PriceRule { above: 200_000, ..rule("m1", input, 6_000_001) },
        rule("m1", output, 15_000_000),
        rule("m1", read, 300_000),
        PriceRule { service_tier: Some("batch".into()), provider: Some("openai".into()), ..rule("m1", output, 7) },
        rule("m2", input, 1),
        PriceRule { from: CHANGE, ..rule("m3", None, 500) },
    ];
    let mut book = PriceBook::new("test", rules).expect("consistent");
    book.version = 3;
    book
}

/// Rollups by some of what queries name, or by all of it.
pub(crate) fn rollup() -> impl Strategy<Value = Rollup> {
    let dimensions =
        || TEXTS.iter().map(|(dimension, ..)| *dimension).filter(|dimension| *dimension != Dimension::Status);
    let by = subsequence(dimensions().collect::<Vec<_>>(), 0..=dimensions().count().min(7));
    (by, select(&Every::ALL[..])).prop_map(|(by, every)| Rollup::new(by, every).expect("few dimensions"))
}

fn filter() -> impl Strategy<Value = Filter> {
    let text_field = prop_oneof![
        8 => select(&TEXTS[..]).prop_map(|(dimension, values, _)| (TextField::Dimension(dimension), values)),
        1 => Just((TextField::Dimension(Dimension::Workspace), ["default", "other", "none"])),
        1 => Just((TextField::Tag("env".into()), ["prod", "test", "none"])),
        1 => Just((TextField::Tag("request".into()), ["r3", "r17", "r40"])),
    ];
    let text = (text_field, 0..5_u8, subsequence(vec![0, 1, 2], 1..3)).prop_map(|((field, values), test, chosen)| {
        let chosen: Vec<Text> = chosen.into_iter().map(|at: usize| values[at].into()).collect();
        let prefix = chosen[0].chars().take(1).collect::<String>();
        let tests = [
            TextTest::In(chosen.clone()),
            TextTest::NotIn(chosen),
            TextTest::Prefix(prefix.into()),
            TextTest::Null,
            TextTest::NotNull,
        ];
        Filter::Text(field, tests[usize::from(test)].clone())
    });
    let numbers: Vec<(NumberField, [u64; 3])> = NUMBERS
        .iter()
        .map(|(number, values, _)| (NumberField::Number(*number), *values))
        .chain(meters().map(|(meter, values, _)| (NumberField::Meter(meter), values)))
        .collect();
    let number = (select(numbers), 0..5_u8, 0..3_usize).prop_map(|((field, values), test, at)| {
        let tests = [
            NumberTest::In(vec![values[at]]),
            NumberTest::NotIn(vec![values[at]]),
            NumberTest::Between(values[at], u64::MAX),
            NumberTest::Null,
            NumberTest::NotNull,
        ];
        Filter::Number(field, tests[usize::from(test)].clone())
    });
    let time = (weighted(0.6, instant()), weighted(0.6, instant())).prop_map(|(from, until)| Filter::Time(from, until));
    prop_oneof![5 => text, 2 => number, 1 => time].prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn measures() -> Vec<Measure> {
    let timings = Statistic::ALL.into_iter().flat_map(|s| [Measure::Duration(s), Measure::Ttft(s)]);
    let meters = meters().map(|(meter, ..)| Measure::Meter(meter));
    let distinct = [Dimension::Model, Dimension::JobId, Dimension::TraceId].map(Measure::Distinct);
    let estimated = [Dimension::Model, Dimension::TraceId].map(Measure::ApproxDistinct);
    let parts = CostOf::NAMED.into_iter().chain([CostOf::Meter(TokenMeter::Input.into())]).map(Measure::CostOf);
    let counts = [Dimension::Team, Dimension::JobId, Dimension::Feature].map(Measure::Count);
    let counts = counts.into_iter().chain([Number::ReportedCost, Number::StatusCode].map(Measure::CountNumber));
    let functions = distinct.into_iter().chain(estimated).chain(parts).chain(counts);
    Measure::NAMED.iter().cloned().chain(timings).chain(meters).chain(functions).collect()
}

/// Conditions on the measures of a query.
fn having(measures: Vec<Measure>) -> impl Strategy<Value = Having> {
    let constants = [0, 1, 3, 1_000].map(|whole| Constant::Decimal(PicoUsd::from_usd(whole)));
    let more = [-1, 500_000_000_000, 7_000_000_000].map(|pico| Constant::Decimal(PicoUsd::from_pico(pico)));
    let constants: Vec<Constant> = constants.into_iter().chain(more).collect();
    let constant = move |measure: &Measure, constant: Constant| match measure.unit() {
        quipu_query::Unit::Time => Constant::Time(CHANGE),
        _ => constant,
    };
    let test = (select(measures), select(constants), select(&Comparison::ALL[..]), 0..6_u8);
    let test = test.prop_map(move |(measure, one, comparison, kind)| match kind {
        0 => Having::Null(measure),
        1 => Having::NotNull(measure),
        _ => Having::Compare(measure.clone(), comparison, constant(&measure, one)),
    });
    test.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Having::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Having::Or),
            inner.prop_map(|having| Having::Not(Box::new(having))),
        ]
    })
}

fn compare() -> impl Strategy<Value = Compare> {
    let range = (instant(), instant())
        .prop_filter_map("a range", |(since, until)| (since < until).then_some(Compare::Range { since, until }));
    prop_oneof![2 => Just(Compare::Previous), 1 => range, 1 => filter().prop_map(Compare::Filter)]
}

/// Queries; those that are `countable` ask only for what counters keep.
pub(crate) fn query(countable: bool) -> impl Strategy<Value = Query> {
    let mut measures = measures();
    let mut pivots: Vec<Pivot> = TEXTS.iter().map(|(dimension, ..)| Pivot::Dimension(*dimension)).collect();
    pivots.extend(Bucket::ALL.map(Pivot::Time));
    if countable {
        let all = |measure: &Measure| match measure {
            Measure::Duration(statistic) | Measure::Ttft(statistic) => {
                matches!(statistic, Statistic::Total | Statistic::Average)
            }
            Measure::Unpriced | Measure::Elapsed | Measure::Count(Dimension::Feature) => false,
            Measure::CountNumber(number) => *number != Number::StatusCode,
            Measure::Distinct(dimension) | Measure::ApproxDistinct(dimension) => *dimension != Dimension::TraceId,
            _ => true,
        };
        measures.retain(all);
        let dropped = [Dimension::Status, Dimension::Feature, Dimension::TraceId].map(Pivot::Dimension);
        pivots.retain(|pivot| !dropped.contains(pivot));
    } else {
        pivots.extend([Pivot::Number(Number::StatusCode), Pivot::Number(Number::ReportedCost)]);
        pivots.extend(["env", "run", "request"].map(|key| Pivot::Tag(key.into())));
        pivots.push(Pivot::Lacking);
    }
    let filter = filter().prop_map(move |filter| Some(filter).filter(|filter| !countable || counted(filter)));
    let shape = (
        subsequence(measures, 1..12).prop_shuffle(),
        subsequence(pivots, 0..4).prop_shuffle(),
        weighted(0.6, filter),
        (weighted(0.3, instant()), weighted(0.3, instant())),
    );
    let rest = (
        weighted(0.3, (any::<prop::sample::Index>(), any::<bool>())),
        weighted(0.3, 0..6_u64),
        select(&["UTC", "Europe/Berlin", "Asia/Kathmandu"][..]),
        select(&[CostBasis::Computed, CostBasis::Reported][..]),
        weighted(0.4, 0..3_i64),
    );
    let slices = (
        weighted(0.3, compare()),
        weighted(0.3, select(Cohort::ALL)),
        weighted(0.3, any::<bool>()),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
    );
    let compare_is_counted = move |compare: &Compare| match compare {
        Compare::Filter(filter) => !countable || counted(filter),
        _ => true,
    };
    let parts = (shape, rest, slices);
    let query = parts.prop_map(move |((measures, by, filter, (since, until)), rest, slices)| {
        let (order, limit, zone, basis, assumed) = rest;
        let (compare, cohort, fill, shares, derived) = slices;
        let mut query = Query::new().measures(measures).zone(Zone::parse(zone).expect("exists")).cost_basis(basis);
        query.by = by;
        query.filter = filter.flatten();
        query.since = since;
        query.until = until.filter(|until| since.is_none_or(|since| since < *until));
        query.limit = limit;
        query.cohort = cohort;
        query.compare = compare.filter(compare_is_counted).filter(|compare| match compare {
            Compare::Previous => query.since.is_some() && query.until.is_some(),
            _ => true,
        });
        let times = query.by.iter().filter(|pivot| matches!(pivot, Pivot::Time(_))).count();
        query.fill = fill.filter(|fill| !*fill || times == 1);
        let first = Box::new(query.measures[0].clone());
        let named = |wrap: fn(Box<Measure>) -> Measure| Measure::parse(&wrap(first.clone()).to_string()).ok();
        if shares {
            query.measures.extend(named(Measure::Share));
        }
        if derived && query.compare.is_some() {
            query.measures.extend(named(Measure::Growth));
        }
        if let Some((index, descending)) = order {
            let measures = query.columns().into_iter().map(OrderKey::Measure);
            let columns: Vec<OrderKey> = measures.chain(query.by.iter().cloned().map(OrderKey::Pivot)).collect();
            query.order = vec![Order { by: index.get(&columns).clone(), descending }];
        }
        match assumed {
            Some(usd) => query.assume_value(OutcomeType::Converted, PicoUsd::from_usd(usd)),
            None => query,
        }
    });
    (query, 0..3_u8).prop_flat_map(|(query, kind)| {
        let columns = query.columns();
        let having = if kind == 0 { having(columns).prop_map(Some).boxed() } else { Just(None).boxed() };
        (Just(query), having).prop_map(|(query, having)| Query { having, ..query })
    })
}

fn counted(filter: &Filter) -> bool {
    match filter {
        Filter::Text(TextField::Dimension(dimension), _) => {
            ![Dimension::Status, Dimension::Feature, Dimension::TraceId].contains(dimension)
        }
        Filter::Number(NumberField::Number(Number::RetryDepth), test) => *test == NumberTest::Between(1, u64::MAX),
        Filter::Text(..) | Filter::Number(..) => false,
        Filter::Time(..) => true,
        Filter::And(filters) | Filter::Or(filters) => filters.iter().all(counted),
        Filter::Not(filter) => counted(filter),
    }
}
