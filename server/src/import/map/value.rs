//! How one field's value is made from the columns of a row.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quipu::money::div_half_even;
use quipu::{PicoUsd, Text, Timestamp};

use super::plan::{Cells, Column};
use crate::wire::decimal;

/// Where a value's text comes from.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Column(Column),
    Constant(Text),
    Template(Vec<Piece>),
}

/// A part of a template.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Literal(Text),
    Column(Column),
    /// The number of the row, counted from 1.
    Row,
    /// The file's name without folders and endings.
    File,
}

impl Form {
    /// The text; absent when a column it needs is.
    pub(super) fn read<'a>(&'a self, cells: &'a impl Cells) -> Option<Cow<'a, str>> {
        match self {
            Self::Column(column) => cells.cell(*column).map(Cow::Borrowed),
            Self::Constant(text) => Some(Cow::Borrowed(text)),
            Self::Template(pieces) => {
                let mut text = String::with_capacity(48);
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Column(column) => text.push_str(cells.cell(*column)?),
                        Piece::Row => push_number(&mut text, cells.row()),
                        Piece::File => text.push_str(cells.file()),
                    }
                }
                Some(Cow::Owned(text))
            }
        }
    }
}

/// Appends a number without going through the formatting machinery, which shows in the import's profile.
fn push_number(text: &mut String, mut number: u64) {
    let start = text.len();
    loop {
        text.insert(start, char::from(b'0' + (number % 10) as u8));
        number /= 10;
        if number == 0 {
            return;
        }
    }
}

/// A text, perhaps replaced by another.
#[derive(Clone, Debug)]
pub(super) struct TextValue {
    pub(super) form: Form,
    /// What each text is replaced by; empty when they are taken as they are.
    pub(super) replace: Vec<(Text, Text)>,
}

impl TextValue {
    pub(super) fn read(&self, cells: &impl Cells) -> Result<Option<Text>, String> {
        let Some(text) = self.form.read(cells) else { return Ok(None) };
        if self.replace.is_empty() {
            return Ok(Some(text.into()));
        }
        match self.replace.iter().find(|(from, _)| *from == text.as_ref()) {
            Some((_, to)) => Ok(Some(to.clone())),
            None => {
                let known: Vec<_> = self.replace.iter().map(|(from, _)| from.as_str()).collect();
                Err(format!("is {}; the map knows {}", crate::wire::excerpt(&text), known.join(", ")))
            }
        }
    }
}

/// A unit of time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    fn micros(self, text: &str) -> Result<i64, String> {
        match self {
            Self::Seconds => decimal::scaled(text, 6),
            Self::Millis => decimal::scaled(text, 3),
            Self::Micros => decimal::scaled(text, 0),
            Self::Nanos => decimal::scaled(text, 0).map(|nanos| nanos.div_euclid(1_000)),
        }
    }
}

/// How a text says an instant.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// RFC 3339, or whole microseconds since 1970.
    Native,
    /// A number of units since an instant, unless the column says itself what it holds: RFC 3339.
    Since(Unit, Timestamp),
    /// A date and time in the zone assumed, in a format or as ISO 8601 writes it.
    Local(Option<String>, TimeZone),
}

impl Clock {
    pub(super) fn read(&self, text: &str) -> Result<Timestamp, String> {
        let wrong = |problem: &dyn std::fmt::Display| format!("is {}: {problem}", crate::wire::excerpt(text));
        match self {
            Self::Native => match text.parse() {
                Ok(micros) => Ok(Timestamp::from_micros(micros)),
                Err(_) => Timestamp::parse_rfc3339(text).map_err(|problem| wrong(&problem)),
            },
            Self::Since(unit, base) => {
                if let Ok(instant) = Timestamp::parse_rfc3339(text) {
                    return Ok(instant);
                }
                let micros = base.micros().checked_add(unit.micros(text)?);
                micros.map(Timestamp::from_micros).ok_or_else(|| wrong(&"lies beyond the calendar"))
            }
            Self::Local(format, zone) => {
                let local = match format {
                    Some(format) => DateTime::strptime(format, text),
                    None => text.parse(),
                };
                let instant = local.and_then(|local| zone.to_timestamp(local)).map_err(|problem| wrong(&problem))?;
                Ok(Timestamp::from_micros(instant.as_nanosecond().div_euclid(1_000) as i64))
            }
        }
    }
}

/// A whole number of milliseconds from a duration in `unit`, rounded half-even.
pub(super) fn millis(text: &str, unit: Unit) -> Result<u64, String> {
    let millis = match unit {
        Unit::Seconds => decimal::scaled(text, 3)?,
        Unit::Millis => decimal::scaled(text, 0)?,
        Unit::Micros => div_half_even(decimal::scaled(text, 0)?.into(), 1_000) as i64,
        Unit::Nanos => div_half_even(decimal::scaled(text, 0)?.into(), 1_000_000) as i64,
    };
    u64::try_from(millis).map_err(|_| format!("is {}, which is negative", crate::wire::excerpt(text)))
}

/// A boolean in any of the usual spellings.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" | "1" | "yes" => Ok(true),
        "false" | "False" | "FALSE" | "0" | "no" => Ok(false),
        _ => Err(format!("is {}; expected true or false", crate::wire::excerpt(text))),
    }
}

/// How an amount of money is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Money {
    /// What the amounts count: parts of 10⁻ᵘⁿⁱᵗ USD.
    pub(super) unit: u32,
    /// The decimals of a USD that are kept, at least `unit`; rounded half-even.
    pub(super) digits: u32,
}

impl Money {
    /// Amounts in USD, as exact as money can be.
    pub(super) const USD: Self = Self { unit: 0, digits: quipu::money::PICO_DIGITS };

    pub(super) fn read(self, text: &str) -> Result<PicoUsd, String> {
        let amount = decimal::usd(text, self.digits - self.unit)?;
        // Rounded to `digits - unit` decimals it is a whole number of 10^(12 - digits + unit) pico, so nothing is lost.
        Ok(PicoUsd::from_pico(amount.pico() / 10_i128.pow(self.unit)))
    }
}

/// A sum of columns and whole numbers, some of them subtracted.
#[derive(Clone, Debug)]
pub(super) struct Sum(pub(super) Vec<Term>);

#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) subtract: bool,
    pub(super) operand: Operand,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Column(Column, Text),
    Number(u64),
}

impl Sum {
    /// The sum; `None` when its first term is absent, `Err` when a column is no count. Absent later
    /// terms add nothing. The flag says that the parts exceeded the whole and 0 stands for the rest.
    pub(super) fn read(&self, cells: &impl Cells) -> Result<Option<(u64, bool)>, String> {
        let mut sum: i128 = 0;
        for (at, term) in self.0.iter().enumerate() {
            let quantity = match &term.operand {
                Operand::Number(number) => *number,
                Operand::Column(column, name) => match cells.cell(*column) {
                    Some(text) => decimal::count(text).map_err(|problem| format!("{name} {problem}"))?,
                    None if at == 0 => return Ok(None),
                    None => continue,
                },
            };
            sum += if term.subtract { -i128::from(quantity) } else { i128::from(quantity) };
        }
        if sum < 0 {
            return Ok(Some((0, true)));
        }
        u64::try_from(sum).map(|sum| Some((sum, false))).map_err(|_| format!("is {sum}, which is too large"))
    }
}
