//! The text form of filters.
//!
//! Between `and`, `or`, `not` and parentheses (see [`crate::expression`]) stand tests:
//!
//! ```text
//! test    = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "^=" ) value
//!         | field [ "not" ] "in" "(" [ value { "," value } ] ")"
//!         | field "between" value "and" value | field "is" [ "not" ] "null"
//! field   = a dimension | tag.KEY | a number | a meter | meter.NAME | "at"
//! ```

use quipu_engine::{Dimension, Error, Meter, Number, PicoUsd, Result, Text, Timestamp, TokenMeter};

use super::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::calendar::Zone;
use crate::expression::{self, Condition, Parser, TokenKind};
use crate::names::did_you_mean;

impl Filter {
    /// Reads `team = support and model in (a, b)`; see the module for the grammar.
    ///
    /// Values with spaces or punctuation are quoted, with `'` or `"`; times are RFC 3339 or UTC
    /// dates; a reported cost is in USD.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), saying where and what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        expression::parse(text)
    }
}

enum Field {
    Text(TextField),
    Number(NumberField),
    At,
}

impl Condition for Filter {
    const SUBJECT: &'static str = "filter";

    fn all(conditions: Vec<Self>) -> Self {
        Self::And(conditions)
    }

    fn any(conditions: Vec<Self>) -> Self {
        Self::Or(conditions)
    }

    fn not(condition: Self) -> Self {
        Self::Not(Box::new(condition))
    }

    fn test(parser: &mut Parser) -> Result<Self> {
        let field = field(&parser.text("a field")?)?;
        if parser.keyword("is") {
            let not = parser.keyword("not");
            if !parser.keyword("null") {
                return Err(parser.expected("`null`"));
            }
            return null_test(field, not);
        }
        if parser.keyword("between") {
            let low = parser.text("a value")?;
            if !parser.keyword("and") {
                return Err(parser.expected("`and` and the upper bound"));
            }
            return between_test(field, &low, &parser.text("a value")?);
        }
        let not = parser.keyword("not");
        if parser.keyword("in") {
            return in_test(field, not, &list(parser)?);
        }
        if not {
            return Err(parser.expected("`in`"));
        }
        let Some(operator) = parser.operator() else {
            return Err(parser.expected("an operator: = != < <= > >= ^= in, not in, between, is null"));
        };
        operator_test(field, operator, &parser.text("a value")?)
    }
}

fn list(parser: &mut Parser) -> Result<Vec<String>> {
    if !parser.take(&TokenKind::Open) {
        return Err(parser.expected("`(` and a list of values"));
    }
    if parser.take(&TokenKind::Close) {
        return Ok(Vec::new());
    }
    let mut values = vec![parser.text("a value")?];
    while parser.take(&TokenKind::Comma) {
        values.push(parser.text("a value")?);
    }
    if parser.take(&TokenKind::Close) { Ok(values) } else { Err(parser.expected("`,` or `)`")) }
}

fn field(name: &str) -> Result<Field> {
    if name == "at" {
        return Ok(Field::At);
    }
    if let Some(key) = name.strip_prefix("tag.") {
        return Ok(Field::Text(TextField::Tag(key.into())));
    }
    if let Some(meter) = name.strip_prefix("meter.") {
        return Meter::parse(meter).map(|meter| Field::Number(NumberField::Meter(meter))).map_err(Error::invalid);
    }
    if let Some(dimension) = Dimension::parse(name) {
        return Ok(Field::Text(TextField::Dimension(dimension)));
    }
    let number = Number::from_name(name).map(NumberField::Number);
    let known = number.or_else(|| TokenMeter::from_name(name).map(|token| NumberField::Meter(token.into())));
    known.map(Field::Number).ok_or_else(|| {
        let names = Dimension::ALL.iter().map(|dimension| dimension.name());
        let names = names.chain(Number::ALL.iter().map(|number| number.name()));
        let names = names.chain(TokenMeter::ALL.iter().map(|token| token.name())).chain(["at"]);
        let hint = did_you_mean(name, names);
        Error::invalid(format!(
            "filter: there is no field {name:?}; a tag is written tag.KEY, a meter of your own meter.NAME{hint}"
        ))
    })
}

fn null_test(field: Field, not: bool) -> Result<Filter> {
    Ok(match field {
        Field::Text(field) => Filter::Text(field, if not { TextTest::NotNull } else { TextTest::Null }),
        Field::Number(field) => Filter::Number(field, if not { NumberTest::NotNull } else { NumberTest::Null }),
        Field::At => return Err(Error::invalid("filter: `at` is never null")),
    })
}

fn in_test(field: Field, not: bool, values: &[String]) -> Result<Filter> {
    match field {
        Field::Text(field) => {
            let values = values.iter().map(Text::from).collect();
            Ok(Filter::Text(field, if not { TextTest::NotIn(values) } else { TextTest::In(values) }))
        }
        Field::Number(field) => {
            let values = values.iter().map(|value| number(&field, value)).collect::<Result<_>>()?;
            Ok(Filter::Number(field, if not { NumberTest::NotIn(values) } else { NumberTest::In(values) }))
        }
        Field::At => Err(Error::invalid("filter: `at` is compared with < <= > >= = !=, not with a list")),
    }
}

fn between_test(field: Field, low: &str, high: &str) -> Result<Filter> {
    match field {
        Field::Number(field) => {
            let (low, high) = (number(&field, low)?, number(&field, high)?);
            Ok(Filter::Number(field, NumberTest::Between(low, high)))
        }
        _ => Err(Error::invalid("filter: `between` is for numbers; texts take =, in and ^=, `at` takes >= and <")),
    }
}

fn operator_test(field: Field, operator: &str, value: &str) -> Result<Filter> {
    match (field, operator) {
        (field @ (Field::Text(_) | Field::Number(_)), "=" | "!=") => in_test(field, operator == "!=", &[value.into()]),
        (Field::Text(field), "^=") => Ok(Filter::Text(field, TextTest::Prefix(value.into()))),
        (Field::Number(field), "<" | "<=" | ">" | ">=") => {
            let bound = number(&field, value)?;
            let test = match operator {
                "<" => bound.checked_sub(1).map(|high| NumberTest::Between(0, high)),
                "<=" => Some(NumberTest::Between(0, bound)),
                ">" => bound.checked_add(1).map(|low| NumberTest::Between(low, u64::MAX)),
                _ => Some(NumberTest::Between(bound, u64::MAX)),
            };
            Ok(Filter::Number(field, test.unwrap_or(NumberTest::In(Vec::new()))))
        }
        (Field::At, operator) if operator != "^=" => {
            let at = Zone::default().parse_time(value).map_err(|error| error.context("filter"))?;
            let after = Timestamp::from_micros(at.micros().saturating_add(1));
            Ok(match operator {
                "<" => Filter::Time(None, Some(at)),
                "<=" => Filter::Time(None, Some(after)),
                ">" => Filter::Time(Some(after), None),
                ">=" => Filter::Time(Some(at), None),
                "=" => Filter::Time(Some(at), Some(after)),
                _ => Filter::Not(Box::new(Filter::Time(Some(at), Some(after)))),
            })
        }
        (Field::Text(_), operator) => Err(Error::invalid(format!(
            "filter: `{operator} {value}` is a range, but the field is a text; texts take = != ^= in, not in, is null"
        ))),
        (_, operator) => {
            Err(Error::invalid(format!("filter: `{operator} {value}` is a prefix, which only texts have")))
        }
    }
}

fn number(field: &NumberField, text: &str) -> Result<u64> {
    match field {
        NumberField::Number(Number::ReportedCost) => {
            PicoUsd::parse_exact(text).ok().and_then(|cost| u64::try_from(cost.pico()).ok()).ok_or_else(|| {
                Error::invalid(format!("filter: {text:?} is not an amount of USD of at least 0, exact to 12 decimals"))
            })
        }
        NumberField::Number(number) if number.limit() == 1 && (text == "true" || text == "false") => {
            Ok(u64::from(text == "true"))
        }
        _ => text.parse().map_err(|_| Error::invalid(format!("filter: {text:?} is not a whole number of at least 0"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Filter::parse(text).map_err(|error| error.to_string()).expect_err("must be refused")
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_bind_tightest() {
        let [a, b, c] = ["team = a", "model = b", "agent = c"].map(|text| Filter::parse(text).expect("valid"));
        let parse = |text| Filter::parse(text).expect("valid");
        assert_eq!(
            parse("team = a or model = b and agent = c"),
            Filter::Or(vec![a.clone(), Filter::And(vec![b.clone(), c.clone()])])
        );
        assert_eq!(
            parse("NOT (team=a or model='b') AND agent=\"c\""),
            Filter::And(vec![Filter::Not(Box::new(Filter::Or(vec![a, b]))), c])
        );
    }

    #[test]
    fn every_operator_is_read() {
        let text = |test| Filter::Text(TextField::Dimension(Dimension::Model), test);
        let retries = |test| Filter::Number(NumberField::Number(Number::RetryDepth), test);
        for (from, to) in [
            ("model = gpt-4o", text(TextTest::In(vec!["gpt-4o".into()]))),
            ("model ≠ a", text(TextTest::NotIn(vec!["a".into()]))),
            ("model in (a, 'b c')", text(TextTest::In(vec!["a".into(), "b c".into()]))),
            ("model not in (a)", text(TextTest::NotIn(vec!["a".into()]))),
            ("model ^= gpt-", text(TextTest::Prefix("gpt-".into()))),
            ("model is null", text(TextTest::Null)),
            ("model is not null", text(TextTest::NotNull)),
            ("retry_depth > 0", retries(NumberTest::Between(1, u64::MAX))),
            ("retry_depth < 0", retries(NumberTest::In(vec![]))),
            ("retry_depth between 1 and 3", retries(NumberTest::Between(1, 3))),
            ("model in ()", text(TextTest::In(vec![]))),
            ("true", Filter::And(vec![])),
            ("false", Filter::Or(vec![])),
            ("streaming = true", Filter::Number(NumberField::Number(Number::Streaming), NumberTest::In(vec![1]))),
            ("tag.env != prod", Filter::Text(TextField::Tag("env".into()), TextTest::NotIn(vec!["prod".into()]))),
            ("'tag.a b' = \"it's\"", Filter::Text(TextField::Tag("a b".into()), TextTest::In(vec!["it's".into()]))),
            (
                "reported_cost >= 0.5",
                Filter::Number(
                    NumberField::Number(Number::ReportedCost),
                    NumberTest::Between(500_000_000_000, u64::MAX),
                ),
            ),
            ("at >= 2026-01-01", Filter::Time(Some(Timestamp::from_seconds(1_767_225_600)), None)),
        ] {
            assert_eq!(Filter::parse(from).ok(), Some(to), "{from}");
        }
    }

    #[test]
    fn a_refusal_says_where_and_what_was_expected() {
        assert!(refused("tema = a").contains("no field \"tema\""));
        assert!(refused("tema = a").contains("did you mean `team`?"));
        assert!(refused("team a").contains("expected an operator"));
        assert!(refused("team = ").contains("expected a value, found the end of the text"));
        assert!(refused("team = a model = b").contains("found \"model\" at character 10"));
        assert!(refused("(team = a").contains("expected `)`"));
        assert!(refused("team = 'a").contains("starts at character 8 has no closing '"));
        assert!(refused("team ! a").contains("unexpected '!' at character 6"));
        assert!(refused("team > a").contains("the field is a text"));
        assert!(refused("retry_depth > -1").contains("\"-1\" is not a whole number"));
        assert!(refused("input ^= 1").contains("only texts have"));
        assert!(refused("team between a and b").contains("is for numbers"));
        assert!(refused("input between 1 or 2").contains("expected `and` and the upper bound"));
        assert!(refused("at is null").contains("never null"));
        assert!(refused(&format!("{}team = a", "not ".repeat(100))).contains("nested more than 64 deep"));
    }
}
