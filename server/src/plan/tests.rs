use proptest::prelude::*;
use quipu::filter::{Filter, NumberField, NumberTest, TextField, TextTest};
use quipu::{
    Bucket, CostBasis, Dimension, Measure, Meter, Number, Order, OutcomeType, PathChoice, PicoUsd, Pivot, PriceChoice,
    Query, Text, Timestamp, TokenMeter, Zone,
};

use super::{Plan, PlanText, Report};

const NOW: Timestamp = Timestamp::from_seconds(1_780_000_000);

fn any_text() -> impl Strategy<Value = Text> {
    "[ -~é\\t\"'\\\\]{0,8}".prop_map(Text::from)
}

fn key() -> impl Strategy<Value = Text> {
    "[a-z. ]{1,6}".prop_map(Text::from)
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

fn plan() -> impl Strategy<Value = Plan> {
    let measures = prop::sample::subsequence(Measure::NAMED, 0..4);
    let by = prop::sample::subsequence(
        vec![
            Pivot::Dimension(Dimension::Team),
            Pivot::Number(Number::StatusCode),
            Pivot::Tag("a.b".into()),
            Pivot::Time(Bucket::Week),
        ],
        0..4,
    );
    let report =
        prop::sample::select(vec![Report::Query, Report::Jobs, Report::Roi, Report::Reconcile, Report::LongestTraces]);
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
    let order = prop::option::of(any::<bool>());
    let rest = (prop::option::of(any::<u64>()), any::<bool>(), any::<bool>(), any::<bool>());
    (measures, by, prop::option::of(filter()), report, range, prices, assumed, order, rest).prop_map(
        |(measures, by, filter, report, (a, b), prices, assumed_values, order, (limit, berlin, reported, explain))| {
            let (since, until) = if a < b || b.is_none() { (a, b) } else { (None, b) };
            let query = Query {
                order: order.map(|down| Order { by: Measure::Cost.into(), descending: down }).into_iter().collect(),
                zone: Zone::parse(if berlin { "Europe/Berlin" } else { "UTC" }).expect("exists"),
                cost_basis: if reported { CostBasis::Reported } else { CostBasis::Computed },
                prices,
                path: if reported { PathChoice::Scan } else { PathChoice::Auto },
                measures,
                by,
                filter,
                since,
                until,
                limit,
                assumed_values,
                ..Query::default()
            };
            Plan { report, query, explain }
        },
    )
}

proptest! {
    #[test]
    fn a_plan_survives_json(plan in plan()) {
        let json = serde_json::to_vec(&PlanText::try_from(&plan).expect("no book of its own")).expect("JSON");
        let back = PlanText::from_json(&json).and_then(|text| text.resolve(NOW)).expect("its own JSON");
        prop_assert_eq!(format!("{:?}", plan), format!("{:?}", back));
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
            "assume_value": {"CONVERTED": 25, "CUSTOM": "0.50"}, "explain": true}"#,
    );
    assert_eq!(format!("{:?}", flags.expect("flags")), format!("{:?}", json.expect("JSON")));
}

#[test]
fn a_wrong_plan_says_what_is_wrong_and_where() {
    for (json, found) in [
        (r#"{"measurs": ["cost"]}"#, "unknown field `measurs`"),
        (r#"{"measures": ["cots"]}"#, "did you mean `cost`?"),
        (r#"{"measures": "cost"}"#, "query plan: invalid type: string"),
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
        (r#"{"limit": -1}"#, "query plan: invalid value"),
        (r#"{"tz": "Mars"}"#, "not the name of a time zone"),
        ("[1", "query plan: "),
    ] {
        let message = of_json(json).expect_err(json).to_string();
        assert!(message.contains(found), "{json}: {message}");
    }
    assert!(of_flags(&[("colour", "red")]).expect_err("unknown").to_string().contains("no parameter \"colour\""));
    assert!(of_flags(&[("assume_value", "25")]).expect_err("no type").to_string().contains("CONVERTED=25"));
}
