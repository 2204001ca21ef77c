use proptest::prelude::*;
use quipu::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use quipu::having::{Comparison, Constant, Having};
use quipu::{
    Bucket, Cohort, Compare, CostBasis, CostOf, Dimension, Measure, Meter, Number, Order, OutcomeType, PathChoice,
    PicoUsd, Pivot, Precision, PriceChoice, Query, Statistic, Text, Timestamp, TokenMeter, Zone,
};

use super::{Plan, PlanText, Report};

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

fn any_text() -> impl Strategy<Value = Text> {
    "[ -~é\\t\"'\\\\]{0,8}".prop_map(Text::from)
}

fn key() -> impl Strategy<Value = Text> {
    "[a-z. ,()\"\\\\'é]{1,6}".prop_map(Text::from)
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (1_420_070_400_000_000_i64..1_900_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn filter() -> impl Strategy<Value = Filter> {
    let texts = || prop::collection::vec(any_text(), 0..3);
    let numbers = || prop::collection::vec(any::<u64>(), 0..3);
    let text_field = prop_oneof![
        prop::sample::select(Dimension::ALL).prop_map(TextField::Dimension),
        key().prop_map(TextField::Tag),
    ];
    let text_test = prop_oneof![
        texts().prop_map(TextTest::In),
        texts().prop_map(TextTest::NotIn),
        any_text().prop_map(TextTest::Prefix),
        Just(TextTest::Null),
        Just(TextTest::NotNull),
    ];
    let number_field = prop_oneof![
        prop::sample::select(Number::ALL).prop_map(NumberField::Number),
        prop::sample::select(TokenMeter::ALL).prop_map(|token| NumberField::Meter(token.into())),
        "[b-d]{1,4}".prop_map(|name| NumberField::Meter(Meter::Named(name.as_str().into()))),
    ];
    let number_test = prop_oneof![
        numbers().prop_map(NumberTest::In),
        numbers().prop_map(NumberTest::NotIn),
        any::<(u64, u64)>().prop_map(|(low, high)| NumberTest::Between(low, high)),
        Just(NumberTest::Null),
        Just(NumberTest::NotNull),
    ];
    let leaf = prop_oneof![
        (text_field, text_test).prop_map(|(field, test)| Filter::Text(field, test)),
        (number_field, number_test).prop_map(|(field, test)| Filter::Number(field, test)),
        (prop::option::of(instant()), prop::option::of(instant())).prop_map(|(a, b)| Filter::Time(a, b)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn measure() -> impl Strategy<Value = Measure> {
    let parts = CostOf::NAMED.into_iter().chain([CostOf::Meter(Meter::Named("tool:x".into()))]);
    let named = Measure::NAMED.iter().cloned();
    let all: Vec<Measure> = named
        .chain(parts.map(Measure::CostOf))
        .chain(Statistic::ALL.map(Measure::Duration))
        .chain(Dimension::ALL.iter().copied().flat_map(|one| [Measure::Distinct(one), Measure::Count(one)]))
        .chain(Number::ALL.iter().copied().map(Measure::CountNumber))
        .chain([Measure::Meter(TokenMeter::Input.into()), Measure::ApproxDistinct(Dimension::TraceId)])
        .collect();
    prop::sample::select(all)
}

/// A measure, or a share or comparison of one, where there is such a thing.
fn column() -> impl Strategy<Value = Measure> {
    let wraps: [fn(Box<Measure>) -> Measure; 4] = [Measure::Share, Measure::Before, Measure::Change, Measure::Growth];
    (measure(), prop::option::of(prop::sample::select(wraps.to_vec()))).prop_map(|(measure, wrap)| {
        let wrapped = wrap.map(|wrap| wrap(Box::new(measure.clone())));
        wrapped.and_then(|wrapped| Measure::parse(&wrapped.to_string()).ok()).unwrap_or(measure)
    })
}

fn having() -> impl Strategy<Value = Having> {
    let constant = -1_000_000_000_000_000_000_i128..1_000_000_000_000_000_000;
    let test = (column(), prop::sample::select(&Comparison::ALL[..]), constant, instant(), 0..5_u8);
    let test = test.prop_map(|(measure, comparison, decimal, at, kind)| {
        let constant = match measure.unit() {
            quipu::Unit::Time => Constant::Time(at),
            _ => Constant::Decimal(PicoUsd::from_pico(decimal)),
        };
        match kind {
            0 => Having::Null(measure),
            1 => Having::NotNull(measure),
            _ => Having::Compare(measure, comparison, constant),
        }
    });
    test.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Having::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Having::Or),
            inner.prop_map(|inner| Having::Not(Box::new(inner))),
        ]
    })
}

fn compare() -> impl Strategy<Value = Compare> {
    let range = (instant(), 1..10_000_000_000_000_i64)
        .prop_map(|(since, length)| (since, Timestamp::from_micros(since.micros() + length)));
    prop_oneof![
        Just(Compare::Previous),
        range.prop_map(|(since, until)| Compare::Range { since, until }),
        filter().prop_map(Compare::Filter),
    ]
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let by = prop_oneof![
        prop::sample::select(Dimension::ALL).prop_map(Pivot::Dimension),
        prop::sample::select(Number::ALL).prop_map(Pivot::Number),
        key().prop_map(Pivot::Tag),
        prop::sample::select(&Bucket::ALL[..]).prop_map(Pivot::Time),
    ];
    let columns = (prop::collection::vec(column(), 0..4), prop::collection::vec(by, 0..4));
    let report = prop::sample::select(vec![
        Report::Query,
        Report::Jobs,
        Report::Funnel,
        Report::Roi,
        Report::Rates,
        Report::JobTypes,
        Report::Dimensions,
        Report::Values,
        Report::Reconcile,
        Report::Gaps,
        Report::LongestTraces,
    ]);
    let range = (prop::option::of(instant()), prop::option::of(instant()));
    let prices = prop_oneof![
        Just(PriceChoice::Current),
        any::<u32>().prop_map(PriceChoice::Version),
        (0_i64..2_000_000_000).prop_map(|at| PriceChoice::KnownAt(Timestamp::from_seconds(at))),
    ];
    let assumed = prop::collection::btree_map(
        prop::sample::select(OutcomeType::ALL.to_vec()),
        (-1_000_000_000_000_000_i128..1_000_000_000_000_000).prop_map(PicoUsd::from_pico),
        0..3,
    );
    let groups = (
        prop::option::of(having()),
        prop::option::of(compare()),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::sample::select(Cohort::ALL)),
        prop::option::of("[0-9a-f]{2,9}"),
        prop::collection::vec(key().prop_map(|key| format!("tag.{key}")), 0..2),
    );
    let choices = (
        prop::sample::select(CostBasis::ALL),
        prop::sample::select(PathChoice::ALL),
        prop::sample::select(Precision::ALL),
        prop::option::of(any::<u64>()),
        prop::sample::select(&["UTC", "Europe/Berlin"][..]),
    );
    let order = prop::option::of((any::<prop::sample::Index>(), any::<bool>()));
    let rest = (order, prop::option::of(any::<u64>()), any::<bool>(), prop::option::of("[a-z]{1,3}"));
    let parts = (columns, prop::option::of(filter()), report, range, prices, assumed, groups, choices, rest);
    parts
        .prop_map(|((measures, by), filter, report, (a, b), prices, assumed_values, groups, choices, rest)| {
            let (since, until) = if a < b || b.is_none() { (a, b) } else { (None, b) };
            let (having, compare, fill, cohort, after, columns) = groups;
            let (cost_basis, path, precision, memory, zone) = choices;
            let (order, limit, explain, after_prefix) = rest;
            // What `now` fills in, flags cannot leave open.
            let compare = compare.filter(|compare| *compare != Compare::Previous || since.is_none() || until.is_some());
            let mut query = Query {
                zone: Zone::parse(zone).expect("exists"),
                cost_basis,
                prices,
                path,
                precision,
                memory,
                measures,
                by,
                filter,
                since,
                until,
                cohort,
                having,
                compare,
                fill,
                limit,
                after,
                assumed_values,
                ..Query::default()
            };
            query.measures.dedup();
            query.by.dedup();
            if let (Some((index, descending)), false) = (order, query.measures.is_empty()) {
                query.order = vec![Order { by: index.get(&query.measures).clone().into(), descending }];
            }
            Plan { report, query, prefix: after_prefix, columns, explain }
        })
        .prop_filter("names every column once", |plan| {
            let pivots = plan.query.by.iter().map(ToString::to_string);
            let names: Vec<String> = pivots.chain(plan.query.columns().iter().map(ToString::to_string)).collect();
            names.iter().enumerate().all(|(at, name)| !names[..at].contains(name))
        })
}

/// The plan with its conditions as texts, which say the same however they are put together.
pub(super) fn shown(plan: &Plan) -> String {
    let conditions = |query: &Query| {
        let compare = match &query.compare {
            Some(Compare::Filter(filter)) => format!("{filter}"),
            compare => format!("{compare:?}"),
        };
        let filter = query.filter.as_ref().map(ToString::to_string);
        (filter.filter(|filter| filter != "true"), query.having.as_ref().map(ToString::to_string), compare)
    };
    let rest = Query { filter: None, having: None, compare: None, ..plan.query.clone() };
    format!("{:?} {:?}", conditions(&plan.query), Plan { query: rest, ..plan.clone() })
}

proptest! {
    #[test]
    fn a_plan_survives_json(plan in plan()) {
        let json = serde_json::to_vec(&PlanText::try_from(&plan).expect("no book of its own")).expect("JSON");
        let back = PlanText::from_json(&json).and_then(|text| text.resolve(NOW)).expect("its own JSON");
        prop_assert_eq!(shown(&plan), shown(&back));
        prop_assert_eq!(&plan.query.filter, &back.query.filter);
    }

    #[test]
    fn a_plan_survives_flags_and_query_parameters(plan in plan()) {
        let text = PlanText::try_from(&plan).expect("no book of its own");
        let pairs = text.pairs().expect("its own filters");
        let mut again = PlanText { report: plan.report, ..PlanText::default() };
        for (name, value) in &pairs {
            again.set(name, value).expect("its own parameters");
        }
        prop_assert_eq!(shown(&plan), shown(&again.resolve(NOW).expect("its own plan")));
        // Values are listed by another command.
        let flags = pairs.iter().filter(|(name, _)| *name != "prefix").map(|(name, value)| match *name {
            "explain" => "--explain".to_owned(),
            "column" => format!("--columns={value}"),
            name => format!("--{}={value}", name.replace('_', "-")),
        });
        let of_command = crate::cli::query_text(flags.collect()).expect("its own flags");
        let of_command = PlanText { report: plan.report, prefix: plan.prefix.clone(), ..of_command }.resolve(NOW).expect("its own plan");
        prop_assert_eq!(shown(&plan), shown(&of_command));
    }
}

fn of_flags(flags: &[(&str, &str)]) -> quipu::Result<Plan> {
    let mut text = PlanText::default();
    for (name, value) in flags {
        text.set(name, value)?;
    }
    text.resolve(NOW)
}

fn of_json(json: &str) -> quipu::Result<Plan> {
    PlanText::from_json(json.as_bytes())?.resolve(NOW)
}

#[test]
fn flags_and_json_make_the_same_plan() {
    let flags = of_flags(&[
        ("measure", "cost, distinct(job_id)"),
        ("by", "team"),
        ("every", "1d"),
        ("where", "environment = prod"),
        ("where", "input > 5 or model ^= gpt-"),
        ("having", "cost > 1"),
        ("having", "growth(cost) >= 0.5"),
        ("compare_where", "environment = test"),
        ("fill", "true"),
        ("column", "team,cost"),
        ("memory", "64MB"),
        ("since", "7d"),
        ("until", "2026-05-28"),
        ("tz", "Europe/Berlin"),
        ("order", "-cost"),
        ("limit", "3"),
        ("prices", "2"),
        ("cost", "reported"),
        ("assume_value", "CONVERTED=25,custom=0.5"),
        ("explain", "true"),
    ]);
    let json = of_json(
        r#"{"measures": ["cost", "distinct(job_id)"], "by": ["day", "team"],
            "where": [{"field": "environment", "in": ["prod"]},
                      {"or": [{"field": "input", "between": [6, 18446744073709551615]}, "model ^= gpt-"]}],
            "since": "2026-05-21T20:26:40Z", "until": "2026-05-27T22:00:00Z", "tz": "Europe/Berlin",
            "order": ["-cost"], "limit": 3, "prices": 2, "cost": "reported",
            "having": "(cost > 1) and (growth(cost) >= 0.5)", "compare": {"where": "environment = test"},
            "fill": true, "columns": ["team", "cost"], "memory": "67108864",
            "assume_value": {"CONVERTED": 25, "CUSTOM": "0.50"}, "explain": true}"#,
    );
    assert_eq!(format!("{:?}", flags.expect("flags")), format!("{:?}", json.expect("JSON")));
}

#[test]
fn a_wrong_plan_says_what_is_wrong_and_where() {
    for (json, found) in [
        (r#"{"measurs": ["cost"]}"#, "unknown field `measurs`"),
        (r#"{"measures": ["cots"]}"#, "did you mean `cost`?"),
        (r#"{"measures": "cost"}"#, "query plan: line 1 column 19: the text \"cost\" where an array is expected"),
        (r#"{"measures": ["cost", "cost"]}"#, "the column cost is asked for twice"),
        (r#"{"by": ["tema"]}"#, "did you mean `team`?"),
        (r#"{"where": "team == a"}"#, "expected a value"),
        (r#"{"where": {"field": "tema", "in": []}}"#, "did you mean `team`?"),
        (r#"{"where": {"field": "team", "between": [1, 2]}}"#, "is not a filter"),
        (r#"{"where": {"field": "input", "in": [-1]}}"#, "is not a filter"),
        (r#"{"where": {"field": "at", "in": []}}"#, "at takes since and until"),
        (r#"{"where": 7}"#, "7 is not a filter"),
        (r#"{"since": "yesterday"}"#, "since: \"yesterday\" is not a time"),
        (r#"{"since": "1d", "until": "2d"}"#, "is not before until"),
        (r#"{"prices": "old"}"#, "expected current, default, the number of a version or known:TIME"),
        (r#"{"assume_value": {"WON": 1}}"#, "assume_value: type is \"WON\""),
        (r#"{"assume_value": {"CUSTOM": "1e-40"}}"#, "assume_value of CUSTOM"),
        (r#"{"limit": -1}"#, "query plan: line 1 column 12: the number -1 where a whole number from 0 is expected"),
        (r#"{"tz": "Mars"}"#, "not the name of a time zone"),
        (r#"{"having": "cots > 1"}"#, "did you mean `cost`?"),
        (r#"{"compare": "last year"}"#, "expected \"previous\""),
        (r#"{"compare": {"since": "2026-01-01"}}"#, "expected \"previous\""),
        (r#"{"compare": "2026-02-01..2026-01-01"}"#, "is not before until"),
        (r#"{"cohort": "week"}"#, "allowed are event, job_start, outcome"),
        (r#"{"precision": "high"}"#, "allowed are auto, exact"),
        (r#"{"memory": "much"}"#, "expected a number of bytes"),
        ("", "query plan: there is nothing; expected a JSON object"),
        ("{\"limit\":", "query plan: line 1 column 9: it ends before it is complete"),
        ("[1", "query plan: "),
    ] {
        let message = of_json(json).expect_err(json).to_string();
        assert!(message.contains(found), "{json}: {message}");
    }
    assert!(of_flags(&[("colour", "red")]).expect_err("unknown").to_string().contains("no parameter \"colour\""));
    assert!(of_flags(&[("assume_value", "25")]).expect_err("no type").to_string().contains("CONVERTED=25"));
}
