//! Sheets as JSON, both directions.
//!
//! ```json
//! { "columns": [{"name": "model", "unit": "none", "key": true}, {"name": "cost", "unit": "usd", "key": false}],
//!   "rows": [{"model": "gpt-4o", "cost": "1.25"}], "totals": {"cost": "1.25"}, "lsn": 12 }
//! ```
//!
//! Counts are numbers. Money and quotients are decimal texts, because a reader that takes
//! numbers for floats would change them. Absent is null.

use std::io::{self, Write};
use std::ops::Range;

use jiff::tz::TimeZone;
use quipu::money::{PICO_DIGITS, PICO_PER_USD};
use quipu::{Column, Error, PicoUsd, Ratio, Result, Timestamp, Unit, Value};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, de};
use serde_json::Value as Json;

use super::cell;
use super::facts::Facts;
use super::sheet::Sheet;

struct Row<'a>(&'a Sheet, &'a [Value], &'a TimeZone);
struct Totals<'a>(&'a Sheet, &'a [Value], &'a TimeZone);
struct Cell<'a>(&'a Value, &'a TimeZone);

#[derive(serde::Serialize, Deserialize)]
struct Head {
    name: String,
    unit: String,
    key: bool,
}

impl Serialize for Sheet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zone = cell::zone(self.facts.zone.as_deref());
        let head =
            |column: &Column| Head { name: column.name.clone(), unit: column.unit.name().into(), key: column.is_key };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("columns", &self.columns.iter().map(head).collect::<Vec<_>>())?;
        map.serialize_entry("rows", &self.rows.iter().map(|row| Row(self, row, &zone)).collect::<Vec<_>>())?;
        if let Some(totals) = &self.totals {
            map.serialize_entry("totals", &Totals(self, totals, &zone))?;
        }
        if let Some(other) = &self.other {
            map.serialize_entry("other", &Totals(self, other, &zone))?;
        }
        if let Json::Object(facts) = serde_json::to_value(&self.facts).map_err(serde::ser::Error::custom)? {
            for (name, fact) in &facts {
                map.serialize_entry(name, fact)?;
            }
        }
        map.end()
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.columns.iter().zip(self.1);
        serializer.collect_map(pairs.map(|(column, value)| (&column.name, Cell(value, self.2))))
    }
}

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.columns.iter().zip(self.1).filter(|(column, _)| !column.is_key);
        serializer.collect_map(pairs.map(|(column, value)| (&column.name, Cell(value, self.2))))
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Count(count) => serializer.serialize_u128(*count),
            Value::Signed(count) => serializer.serialize_i128(*count),
            value => serializer.serialize_str(&cell::exact(value, self.1)),
        }
    }
}

/// Writes one object per row, for some of the rows.
pub(super) fn write_lines(sheet: &Sheet, rows: Range<usize>, out: &mut dyn Write) -> io::Result<()> {
    let zone = cell::zone(sheet.facts.zone.as_deref());
    for row in &sheet.rows[rows] {
        serde_json::to_writer(&mut *out, &Row(sheet, row, &zone))?;
        writeln!(out)?;
    }
    Ok(())
}

/// What a server answered.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when it is something else.
pub fn understood<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(not_quipu)
}

fn not_quipu(error: serde_json::Error) -> Error {
    Error::invalid(format!("not an answer of Quipu: {error}"))
}

impl Sheet {
    /// Reads back the JSON of a sheet, as a server sends it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when it is something else.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let json: Json = understood(text)?;
        let part = |name: &str| json.get(name).cloned().unwrap_or(Json::Null);
        let heads: Vec<Head> = serde_json::from_value(part("columns")).map_err(not_quipu)?;
        let columns = heads.into_iter().map(column).collect::<Result<Vec<_>, _>>().map_err(not_quipu)?;
        let rows: Vec<Json> = serde_json::from_value(part("rows")).map_err(not_quipu)?;
        let rows = rows.iter().map(|object| row(&columns, object)).collect();
        let rest = |name: &str| json.get(name).map(|object| row(&columns, object));
        let (totals, other) = (rest("totals"), rest("other"));
        let facts = serde_json::from_value::<Facts>(json.clone()).map_err(not_quipu)?;
        Ok(Self { columns, rows, totals, other, facts })
    }
}

fn column(head: Head) -> Result<Column, serde_json::Error> {
    let unit = Unit::ALL.into_iter().find(|unit| unit.name() == head.unit);
    let unit = unit.ok_or_else(|| de::Error::custom(format!("{:?} is not a unit", head.unit)))?;
    Ok(Column { name: head.name, unit, is_key: head.key })
}

fn row(columns: &[Column], object: &Json) -> Vec<Value> {
    columns.iter().map(|column| object.get(&column.name).map_or(Value::Null, |json| value(column, json))).collect()
}

fn value(column: &Column, json: &Json) -> Value {
    match json {
        Json::Number(number) => {
            let text = number.to_string();
            let signed = || text.parse().map_or(Value::Null, Value::Signed);
            text.parse().map_or_else(|_| signed(), Value::Count)
        }
        Json::String(text) => match column.unit {
            Unit::Time => {
                Timestamp::parse_rfc3339(text).map_or_else(|_| Value::Text(text.as_str().into()), Value::Time)
            }
            Unit::None => Value::Text(text.as_str().into()),
            _ => decimal(text),
        },
        _ => Value::Null,
    }
}

/// A decimal text as the quotient that is shown with the same digits.
fn decimal(text: &str) -> Value {
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = u8::try_from(digits).unwrap_or(u8::MAX).min(PICO_DIGITS as u8);
    match PicoUsd::parse(text) {
        Ok(amount) => Ratio::new(amount.pico(), PICO_PER_USD, digits).map_or(Value::Null, Value::Ratio),
        Err(_) => Value::Text(text.into()),
    }
}
