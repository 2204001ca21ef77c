//! The days of a period add up to the period, in every time zone there is, whatever its clocks do.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use quipu_engine::price_book::{ModelPattern, PriceBook, PriceOf, PriceRule};
use quipu_engine::{Dimension, Event, Timestamp, TokenMeter};
use quipu_query::{Bucket, Measure, Query, Scope, Value, View, Zone};

use crate::memory::{Form, Memory};

/// 2024-01-01T00:00:00Z, a year in which most zones with summer time change their clocks twice.
const START: i64 = 1_704_067_200;
const DAYS: i64 = 731;

/// An event every 5 hours and 7 minutes for two years, so that each hour of the day is met in every season.
fn events() -> Vec<Event> {
    let starts = (0..DAYS * 86_400).step_by(5 * 3_600 + 7 * 60);
    let event = |(n, offset): (usize, i64)| {
        Event::new(format!("e{n}"), Timestamp::from_seconds(START + offset))
            .with(Dimension::Workspace, "default")
            .with(Dimension::Model, "m")
            .used(TokenMeter::Input, n as u64)
    };
    starts.enumerate().map(|(n, offset)| event((n, offset))).collect()
}

#[test]
fn days_weeks_and_months_add_up_to_the_period_in_every_zone() {
    let events = events();
    let mut memory = Memory::default().with(&events, Form::Batch);
    let input = PriceOf::Meter(TokenMeter::Input.into());
    let rule = PriceRule::new(ModelPattern::Exact("m".into()), input, 3);
    memory.book = PriceBook::new("book", vec![rule]).expect("valid").into();
    let view = View::new(&memory, Scope::default());
    let total = |rows: &[Vec<Value>]| rows.iter().map(|row| usd(&row[1])).sum::<i128>();
    let mut zones = 0;
    for name in jiff::tz::db().available() {
        let zone = TimeZone::get(name.as_str()).expect("a zone of the database");
        let ask = |bucket: Bucket| {
            let zone = Zone::parse(name.as_str()).expect("the same zone");
            let query = Query::new().measure(Measure::Cost).by(bucket).zone(zone);
            view.query(&query).expect("a valid query")
        };
        let mut by_day: BTreeMap<i64, i128> = BTreeMap::new();
        for event in &events {
            let at = jiff::Timestamp::from_microsecond(event.at.expect("set").micros()).expect("in range");
            let day = at.to_zoned(zone.clone()).start_of_day().expect("a day has a start");
            *by_day.entry(day.timestamp().as_microsecond()).or_default() += i128::from(3 * event.input_tokens());
        }
        let days = ask(Bucket::Day);
        let found = days.rows.iter().filter(|row| usd(&row[1]) != 0).map(|row| (time(&row[0]), usd(&row[1])));
        let expected: Vec<_> = by_day.into_iter().filter(|(_, cost)| *cost != 0).collect();
        assert_eq!(found.collect::<Vec<_>>(), expected, "{}", name.as_str());
        for answer in [days, ask(Bucket::Week), ask(Bucket::Month)] {
            assert_eq!(total(&answer.rows), usd(&answer.totals[1]), "{}", name.as_str());
        }
        zones += 1;
    }
    assert!(zones > 400, "{zones} zones");
}

fn usd(value: &Value) -> i128 {
    match value {
        Value::Money(amount) => amount.pico(),
        other => panic!("{other} is no money"),
    }
}

fn time(value: &Value) -> i64 {
    match value {
        Value::Time(at) => at.micros(),
        other => panic!("{other} is no time"),
    }
}
