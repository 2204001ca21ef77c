//! The periods of budgets, in a time zone.

use jiff::ToSpan;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use quipu::{Error, Result, Timestamp};
use serde::Deserialize;

/// How long a budget is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    #[default]
    Month,
    /// A calendar year.
    Year,
}

/// One period: from its start to the start of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its start.
    pub from: Timestamp,
    /// The start of the next.
    pub until: Timestamp,
}

impl Period {
    /// The period that an instant lies in.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) where the calendar ends.
    pub fn around(self, at: Timestamp, zone: &TimeZone) -> Result<Span> {
        let span = || {
            let day = jiff::Timestamp::from_microsecond(at.micros())?.to_zoned(zone.clone()).date();
            let first = match self {
                Self::Day => day,
                Self::Week => day.checked_sub(i64::from(day.weekday().since(Weekday::Monday)).days())?,
                Self::Month => day.first_of_month(),
                Self::Year => day.first_of_year(),
            };
            let next = first.checked_add(match self {
                Self::Day => 1.day(),
                Self::Week => 1.week(),
                Self::Month => 1.month(),
                Self::Year => 1.year(),
            })?;
            let start = |day: jiff::civil::Date| {
                Ok::<_, jiff::Error>(Timestamp::from_micros(day.to_zoned(zone.clone())?.timestamp().as_microsecond()))
            };
            Ok::<_, jiff::Error>(Span { from: start(first)?, until: start(next)? })
        };
        span().map_err(|error| Error::invalid(error.to_string()))
    }
}
