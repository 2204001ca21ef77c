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
        (Value::Count(_) | Value::Signed(_) | Value::Ratio(_), Unit::Milliseconds) => span(value),
        (Value::Count(_) | Value::Signed(_) | Value::Ratio(_), _) if !column.is_key => grouped(&value.to_string()),
        (Value::Time(at), _) => civil(*at, column, zone),
        _ => printable(&value.to_string()).into_owned(),
    }
}

/// Whether a column is of amounts that somebody may know, rather than of quotients, differences and prices.
fn is_amount(column: &Column) -> bool {
    column.name != PRICE && !["cost_per", "change(", "before("].iter().any(|prefix| column.name.starts_with(prefix))
}

/// Milliseconds as people say them: to the millisecond while they are few, then in two units.
fn span(millis: &Value) -> String {
    const SECOND: i128 = 1_000;
    const MINUTE: i128 = 60 * SECOND;
    const HOUR: i128 = 60 * MINUTE;
    const DAY: i128 = 24 * HOUR;
    let whole = millis.as_ratio().and_then(|ratio| ratio.with_digits(0).to_string().parse::<i128>().ok()).unwrap_or(0);
    let (sign, many) = (if whole < 0 { "-" } else { "" }, whole.abs());
    match many {
        DAY.. => format!("{sign}{} d {} h", grouped(&(many / DAY).to_string()), many % DAY / HOUR),
        HOUR.. => format!("{sign}{} h {} min", many / HOUR, many % HOUR / MINUTE),
        MINUTE.. => format!("{sign}{} min {} s", many / MINUTE, many % MINUTE / SECOND),
        many if many >= 10 * SECOND => format!("{sign}{}.{} s", many / SECOND, many % SECOND / 100),
        _ => format!("{} ms", grouped(&millis.to_string())),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_spans_are_told_in_units_that_people_read() {
        let shown = |millis: i128| span(&Value::Signed(millis));
        assert_eq!([shown(9_999), shown(10_050), shown(-61_000)], ["9,999 ms", "10.0 s", "-1 min 1 s"]);
        assert_eq!([shown(3_600_000), shown(864_600_000)], ["1 h 0 min", "10 d 0 h"]);
        assert_eq!(span(&Value::ratio(864_600_000_000, 1_000, 3)), "10 d 0 h");
    }
}
