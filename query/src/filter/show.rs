//! Filters as text, such as [`Filter::parse`] reads.

use std::fmt;

use quipu_engine::{Meter, Number, PicoUsd, Text};

use super::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::expression::{show_joined, written};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(field, test) => text(f, field, test),
            Self::Number(field, test) => number(f, field, test),
            Self::Time(None, None) => f.write_str("true"),
            Self::Time(Some(since), None) => write!(f, "at >= {since}"),
            Self::Time(None, Some(until)) => write!(f, "at < {until}"),
            Self::Time(Some(since), Some(until)) => write!(f, "at >= {since} and at < {until}"),
            Self::And(all) => show_joined(f, all, "and", "true", Self::is_simple),
            Self::Or(some) => show_joined(f, some, "or", "false", Self::is_simple),
            Self::Not(one) if one.is_simple() => write!(f, "not {one}"),
            Self::Not(one) => write!(f, "not ({one})"),
        }
    }
}

impl Filter {
    /// Whether its text needs no parentheses beside others.
    fn is_simple(&self) -> bool {
        match self {
            Self::And(several) | Self::Or(several) => match several.as_slice() {
                [] => true,
                [one] => one.is_simple(),
                _ => false,
            },
            Self::Time(since, until) => since.is_none() || until.is_none(),
            _ => true,
        }
    }
}

impl fmt::Display for TextField {
    /// The name of the field, without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension(dimension) => f.write_str(dimension.name()),
            Self::Tag(key) => write!(f, "tag.{key}"),
        }
    }
}

impl fmt::Display for NumberField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(number.name()),
            Self::Meter(Meter::Token(token)) => f.write_str(token.name()),
            Self::Meter(Meter::Named(name)) => write!(f, "meter.{name}"),
        }
    }
}

fn text(f: &mut fmt::Formatter<'_>, field: &TextField, test: &TextTest) -> fmt::Result {
    let field = field.to_string();
    let field = written(&field);
    let list = |values: &[Text]| values.iter().map(|value| written(value)).collect::<Vec<_>>().join(", ");
    match test {
        TextTest::In(values) => match values.as_slice() {
            [value] => write!(f, "{field} = {}", written(value)),
            values => write!(f, "{field} in ({})", list(values)),
        },
        TextTest::NotIn(values) => match values.as_slice() {
            [value] => write!(f, "{field} != {}", written(value)),
            values => write!(f, "{field} not in ({})", list(values)),
        },
        TextTest::Prefix(prefix) => write!(f, "{field} ^= {}", written(prefix)),
        TextTest::Null => write!(f, "{field} is null"),
        TextTest::NotNull => write!(f, "{field} is not null"),
    }
}

fn number(f: &mut fmt::Formatter<'_>, field: &NumberField, test: &NumberTest) -> fmt::Result {
    let value = |value: &u64| match field {
        NumberField::Number(Number::ReportedCost) => PicoUsd::from_pico((*value).into()).to_string(),
        _ => value.to_string(),
    };
    let list = |values: &[u64]| values.iter().map(value).collect::<Vec<_>>().join(", ");
    match test {
        NumberTest::In(values) => match values.as_slice() {
            [one] => write!(f, "{field} = {}", value(one)),
            values => write!(f, "{field} in ({})", list(values)),
        },
        NumberTest::NotIn(values) => match values.as_slice() {
            [one] => write!(f, "{field} != {}", value(one)),
            values => write!(f, "{field} not in ({})", list(values)),
        },
        NumberTest::Between(0, high) => write!(f, "{field} <= {}", value(high)),
        NumberTest::Between(low, u64::MAX) => write!(f, "{field} >= {}", value(low)),
        NumberTest::Between(low, high) => write!(f, "{field} between {} and {}", value(low), value(high)),
        NumberTest::Null => write!(f, "{field} is null"),
        NumberTest::NotNull => write!(f, "{field} is not null"),
    }
}
