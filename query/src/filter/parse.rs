//! The text form of filters.
//!
//! ```text
//! any     = all { "or" all }
//! all     = one { "and" one }
//! one     = "not" one | "(" any ")" | field test
//! test    = ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "^=" ) value
//!         | [ "not" ] "in" "(" value { "," value } ")" | "is" [ "not" ] "null"
//! field   = a dimension | tag.KEY | a number | a meter | meter.NAME | "at"
//! ```

use quipu_engine::{Dimension, Error, Meter, Number, PicoUsd, Result, Text, Timestamp, TokenMeter};

use super::lex::{Token, TokenKind, tokens};
use super::{Filter, NumberField, NumberTest, TextField, TextTest};
use crate::calendar::Zone;
use crate::names::did_you_mean;

/// How deep parentheses and `not` may nest.
const DEPTH: usize = 64;

impl Filter {
    /// Reads `team = support and model in (a, b)`; see the module for the grammar.
    ///
    /// Values with spaces or punctuation are quoted, with `'` or `"`; times are RFC 3339 or UTC
    /// dates; a reported cost is in USD.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), saying where and what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
        let filter = parser.any()?;
        match parser.peek() {
            None => Ok(filter),
            Some(_) => Err(parser.expected("`and`, `or` or the end")),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

enum Field {
    Text(TextField),
    Number(NumberField),
    At,
}

impl Parser {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn take(&mut self, wanted: &TokenKind) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> Error {
        let found = match self.tokens.get(self.next) {
            None => "the end of the text".into(),
            Some(Token { kind: TokenKind::Word(text) | TokenKind::Quoted(text), at }) => {
                format!("{text:?} at character {at}")
            }
            Some(Token { kind: TokenKind::Operator(operator), at }) => format!("`{operator}` at character {at}"),
            Some(Token { kind: TokenKind::Open, at }) => format!("`(` at character {at}"),
            Some(Token { kind: TokenKind::Close, at }) => format!("`)` at character {at}"),
            Some(Token { kind: TokenKind::Comma, at }) => format!("`,` at character {at}"),
        };
        Error::invalid(format!("filter: expected {what}, found {found}"))
    }

    fn any(&mut self) -> Result<Filter> {
        let mut some = vec![self.all()?];
        while self.keyword("or") {
            some.push(self.all()?);
        }
        Ok(if some.len() == 1 { some.remove(0) } else { Filter::Or(some) })
    }

    fn all(&mut self) -> Result<Filter> {
        let mut every = vec![self.one()?];
        while self.keyword("and") {
            every.push(self.one()?);
        }
        Ok(if every.len() == 1 { every.remove(0) } else { Filter::And(every) })
    }

    fn one(&mut self) -> Result<Filter> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Error::invalid(format!("filter: nested more than {DEPTH} deep")));
        }
        let filter = if self.keyword("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.take(&TokenKind::Open) {
            let inner = self.any()?;
            if !self.take(&TokenKind::Close) {
                return Err(self.expected("`)`, `and` or `or`"));
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn test(&mut self) -> Result<Filter> {
        let field = self.field()?;
        if self.keyword("is") {
            let not = self.keyword("not");
            if !self.keyword("null") {
                return Err(self.expected("`null`"));
            }
            return null_test(field, not);
        }
        let not = self.keyword("not");
        if self.keyword("in") {
            let values = self.list()?;
            return in_test(field, not, &values);
        }
        if not {
            return Err(self.expected("`in`"));
        }
        let Some(TokenKind::Operator(operator)) = self.peek() else {
            return Err(self.expected("an operator: = != < <= > >= ^= in, not in, is null"));
        };
        let operator = *operator;
        self.next += 1;
        let value = self.value()?;
        operator_test(field, operator, &value)
    }

    fn field(&mut self) -> Result<Field> {
        let name = match self.peek() {
            Some(TokenKind::Word(name) | TokenKind::Quoted(name)) => name.clone(),
            _ => return Err(self.expected("a field")),
        };
        self.next += 1;
        field(&name)
    }

    fn value(&mut self) -> Result<String> {
        match self.peek() {
            Some(TokenKind::Word(value) | TokenKind::Quoted(value)) => {
                let value = value.clone();
                self.next += 1;
                Ok(value)
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn list(&mut self) -> Result<Vec<String>> {
        if !self.take(&TokenKind::Open) {
            return Err(self.expected("`(` and a list of values"));
        }
        let mut values = vec![self.value()?];
        while self.take(&TokenKind::Comma) {
            values.push(self.value()?);
        }
        if self.take(&TokenKind::Close) { Ok(values) } else { Err(self.expected("`,` or `)`")) }
    }
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
        assert!(refused("at is null").contains("never null"));
        assert!(refused(&format!("{}team = a", "not ".repeat(100))).contains("nested more than 64 deep"));
    }
}
