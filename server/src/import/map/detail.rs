//! One entry of a map file: a column's name, a template, or a table of details.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use quipu::{Text, Timestamp};
use toml::Value;

use super::compile::Columns;
use super::value::{Clock, Form, Money, Operand, Piece, Sum, Term, TextValue, Unit};

/// An entry taken apart; what is left in `rest` at the end is unknown.
pub(super) struct Detail<'a> {
    form: Form,
    rest: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Detail<'a> {
    /// Reads where the text comes from.
    pub(super) fn parse(value: &'a Value, columns: &mut Columns) -> Result<Self, String> {
        let table = match value {
            Value::String(text) => return Ok(Self { form: shorthand(text, columns)?, rest: BTreeMap::new() }),
            Value::Table(table) => table,
            other => return Err(format!("is {}; expected a column's name or a table", other.type_str())),
        };
        let mut rest: BTreeMap<&str, &Value> = table.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let form = match (rest.remove("column"), rest.remove("template"), rest.remove("value")) {
            (Some(column), None, None) => Form::Column(columns.number(string("column", column)?)?),
            (None, Some(text), None) => template(string("template", text)?, columns)?,
            (None, None, Some(value)) => Form::Constant(constant(value)?),
            _ => return Err("needs exactly one of column, template and value".into()),
        };
        Ok(Self { form, rest })
    }

    fn done(self, allowed: &str) -> Result<Form, String> {
        match self.rest.keys().next() {
            Some(key) => Err(format!("has the unknown key {key:?}; allowed are column, template, value{allowed}")),
            None => Ok(self.form),
        }
    }

    pub(super) fn plain(self) -> Result<Form, String> {
        self.done("")
    }

    pub(super) fn text(mut self) -> Result<TextValue, String> {
        let replace = match self.rest.remove("map") {
            None => Vec::new(),
            Some(Value::Table(table)) if !table.is_empty() => {
                let pair = |(from, to): (&String, &Value)| Ok((from.into(), constant(to)?));
                table.iter().map(pair).collect::<Result<_, String>>()?
            }
            Some(_) => return Err("has a map that is not a table such as { true = \"yes\", false = \"no\" }".into()),
        };
        Ok(TextValue { form: self.done(", map")?, replace })
    }

    pub(super) fn money(mut self) -> Result<(Form, Money), String> {
        let digits = self.part_of_usd("round")?.unwrap_or(quipu::money::PICO_DIGITS);
        let unit = self.part_of_usd("unit")?.unwrap_or(0);
        if unit > digits {
            return Err("is rounded to a coarser part than its unit".into());
        }
        Ok((self.done(", unit, round")?, Money { unit, digits }))
    }

    /// How many decimals of a USD the named part has.
    fn part_of_usd(&mut self, key: &'static str) -> Result<Option<u32>, String> {
        let Some(part) = self.rest.remove(key) else { return Ok(None) };
        Ok(Some(match part.as_str() {
            Some("pico") => 12,
            Some("nano") => 9,
            Some("micro") => 6,
            Some("cent") => 2,
            _ => return Err(format!("has {key} = {part}; allowed are \"pico\", \"nano\", \"micro\" and \"cent\"")),
        }))
    }

    pub(super) fn duration(mut self) -> Result<(Form, Unit), String> {
        let unit = self.unit()?.unwrap_or(Unit::Millis);
        Ok((self.done(", unit")?, unit))
    }

    pub(super) fn time(mut self) -> Result<(Form, Clock), String> {
        let unit = self.unit()?;
        let mut text = |key| self.rest.remove(key).map(|value| string(key, value)).transpose();
        let (base, format, zone) = (text("base")?, text("format")?, text("zone")?);
        let clock = match (unit, base, format, zone) {
            (Some(unit), base, None, None) => {
                let base = base.map_or(Ok(Timestamp::default()), Timestamp::parse_rfc3339);
                Clock::Since(unit, base.map_err(|problem| format!("has a base that is no RFC 3339 time: {problem}"))?)
            }
            (None, None, None, None) => Clock::Native,
            (None, None, format, zone) => {
                let zone = zone.unwrap_or("UTC");
                let zone = TimeZone::get(zone)
                    .map_err(|_| format!("has the unknown zone {zone:?}; allowed are names such as Europe/Berlin"))?;
                Clock::Local(format.map(str::to_owned), zone)
            }
            (None, Some(_), ..) => return Err("has a base but no unit".into()),
            (Some(_), ..) => return Err("has a unit, which goes with base, not with format and zone".into()),
        };
        Ok((self.done(", unit, base, format, zone")?, clock))
    }

    fn unit(&mut self) -> Result<Option<Unit>, String> {
        let Some(unit) = self.rest.remove("unit") else { return Ok(None) };
        Ok(Some(match unit.as_str() {
            Some("s") => Unit::Seconds,
            Some("ms") => Unit::Millis,
            Some("us") => Unit::Micros,
            Some("ns") => Unit::Nanos,
            _ => return Err(format!("has unit = {unit}; allowed are \"s\", \"ms\", \"us\" and \"ns\"")),
        }))
    }
}

/// A string by itself: a template when it has braces, else a column's name.
fn shorthand(text: &str, columns: &mut Columns) -> Result<Form, String> {
    if text.contains(['{', '}']) { template(text, columns) } else { Ok(Form::Column(columns.number(text)?)) }
}

/// `{column}`, `{#row}` and `{#file}` between literal text.
fn template(text: &str, columns: &mut Columns) -> Result<Form, String> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("has a brace that is not closed in the template {text:?}"))?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        pieces.push(match name {
            "#row" => Piece::Row,
            "#file" => Piece::File,
            _ => Piece::Column(columns.number(name)?),
        });
        rest = after;
    }
    if rest.contains('}') {
        return Err(format!("has a brace that was not opened in the template {text:?}"));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.into()));
    }
    Ok(Form::Template(pieces))
}

/// Columns and whole numbers with ` + ` and ` - ` between them.
pub(super) fn sum(value: &Value, columns: &mut Columns) -> Result<Sum, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        other => return Err(format!("is {}; expected columns such as \"output - reasoning\"", other.type_str())),
    };
    let (mut terms, mut subtract, mut expect_operator) = (Vec::new(), false, false);
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if expect_operator {
            subtract = match word {
                "+" => false,
                "-" => true,
                _ => return Err(format!("is {text:?}; between columns stands + or - with spaces around it")),
            };
            if words.peek().is_none() {
                return Err(format!("is {text:?}; a column is missing at the end"));
            }
        } else {
            let operand = match word.parse() {
                Ok(number) => Operand::Number(number),
                Err(_) => Operand::Column(columns.number(word)?, word.into()),
            };
            terms.push(Term { subtract, operand });
        }
        expect_operator = !expect_operator;
    }
    if terms.is_empty() { Err("is empty; expected a column".into()) } else { Ok(Sum(terms)) }
}

pub(super) fn string<'a>(key: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("has {key} = {value}; expected a text"))
}

/// A constant's text.
pub(super) fn constant(value: &Value) -> Result<Text, String> {
    match value {
        Value::String(text) => Ok(text.into()),
        Value::Boolean(value) => Ok(value.to_string().into()),
        Value::Integer(number) => Ok(number.to_string().into()),
        Value::Datetime(at) => Ok(at.to_string().into()),
        other => Err(format!("is {}; expected a text, a whole number or a boolean", other.type_str())),
    }
}
