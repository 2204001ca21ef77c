//! One value as text, for people and for machines.

use jiff::tz::TimeZone;
use quipu::{Bucket, Column, Timestamp, Unit, Value};

use crate::wire::printable;

use super::amount::{dollars, grouped, money, percent};

/// Shown for a key that events do not carry.
const UNATTRIBUTED: &str = "unattributed";
/// Shown for an amount that nobody knows, which is not an amount of zero.
const UNKNOWN: &str = "unknown";
/// Shown for what is not defined for a group.
const UNDEFINED: &str = "–";

/// The name of a column of prices, each of which is shown to its last digit.
pub const PRICE: &str = "usd";

/// The text of a value in a table.
pub(super) fn shown(value: &Value, column: &Column, zone: &TimeZone, money_digits: u8) -> String {
    match (value, column.unit) {
        (Value::Null, _) if column.is_key => UNATTRIBUTED.into(),
        (Value::Null, Unit::Usd) if is_amount(column) => UNKNOWN.into(),
        (Value::Null, _) => UNDEFINED.into(),
        (Value::Money(price), _) if column.name == PRICE => dollars(*price),
        (Value::Money(_), _) | (Value::Ratio(_), Unit::Usd) => money(value, money_digits).unwrap_or_default(),
        (Value::Ratio(ratio), Unit::Ratio) => percent(*ratio),
        (Value::Count(_) | Value::Signed(_) | Value::Ratio(_), Unit::Milliseconds) => {
            format!("{} ms", grouped(&value.to_string()))
        }
        (Value::Count(_) | Value::Signed(_) | Value::Ratio(_), _) if !column.is_key => grouped(&value.to_string()),
        (Value::Time(at), _) => civil(*at, column, zone),
        _ => printable(&value.to_string()).into_owned(),
    }
}

/// Whether a column is of amounts that somebody may know, rather than of quotients, differences and prices.
fn is_amount(column: &Column) -> bool {
    column.name != PRICE && !["cost_per", "change(", "before("].iter().any(|prefix| column.name.starts_with(prefix))
}

/// The text of a value where a program reads it: exact, and times with the zone's offset.
pub(super) fn exact(value: &Value, zone: &TimeZone) -> String {
    match value {
        Value::Null => String::new(),
        Value::Time(at) => rfc3339(*at, zone),
        value => value.to_string(),
    }
}

/// RFC 3339 with the offset of the zone.
pub(super) fn rfc3339(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(at.micros()) {
        Ok(instant) if *zone != TimeZone::UTC => instant.display_with_offset(zone.to_offset(instant)).to_string(),
        _ => at.to_string(),
    }
}

/// A time on the clock of the zone, as fine as its column.
fn civil(at: Timestamp, column: &Column, zone: &TimeZone) -> String {
    let format = match Bucket::parse(&column.name) {
        Some(Bucket::Day | Bucket::Week) => "%Y-%m-%d",
        Some(Bucket::Month) => "%Y-%m",
        Some(Bucket::Quarter) => return quarter(at, zone),
        Some(Bucket::Year) => "%Y",
        Some(Bucket::Hour | Bucket::HalfHour | Bucket::QuarterHour) => "%Y-%m-%d %H:%M",
        None => "%Y-%m-%d %H:%M:%S",
    };
    jiff::Timestamp::from_microsecond(at.micros())
        .map_or_else(|_| at.to_string(), |instant| instant.to_zoned(zone.clone()).strftime(format).to_string())
}

fn quarter(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).map_or_else(
        |_| at.to_string(),
        |instant| {
            let date = instant.to_zoned(zone.clone()).date();
            format!("{}-Q{}", date.year(), (date.month() + 2) / 3)
        },
    )
}

/// The zone of that name; UTC where there is none.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    match name {
        None | Some("UTC") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    }
}
