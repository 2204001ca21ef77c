//! Time buckets and time zones.

use std::fmt;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use quipu_engine::time::MICROS_PER_SECOND;
use quipu_engine::{Error, Result, Timestamp};

use crate::names::did_you_mean;

/// The width of a time bucket on the calendar of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// A quarter of an hour.
    QuarterHour,
    /// Half an hour.
    HalfHour,
    /// An hour.
    Hour,
    /// A calendar day, 23 or 25 hours long when the clocks change.
    Day,
    /// An ISO week: seven days from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

impl Bucket {
    /// Every width, the narrowest first.
    pub const ALL: [Self; 8] =
        [Self::QuarterHour, Self::HalfHour, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name used in answers, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuarterHour => "15m",
            Self::HalfHour => "30m",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The width of that name; `1h`, `1d`, `1w`, `1mo`, `3mo` and `1y` are understood too.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name).or(match name {
            "quarter_hour" => Some(Self::QuarterHour),
            "1h" => Some(Self::Hour),
            "1d" => Some(Self::Day),
            "1w" => Some(Self::Week),
            "1mo" => Some(Self::Month),
            "3mo" | "1q" => Some(Self::Quarter),
            "1y" => Some(Self::Year),
            _ => None,
        })
    }

    /// The shortest such a bucket can be, in microseconds, when no clock changes inside it.
    pub(crate) const fn usual_micros(self) -> i64 {
        let minutes = match self {
            Self::QuarterHour => 15,
            Self::HalfHour => 30,
            Self::Hour => 60,
            Self::Day => 23 * 60,
            Self::Week => 7 * 23 * 60,
            Self::Month => 28 * 23 * 60,
            Self::Quarter => 3 * 28 * 23 * 60,
            Self::Year => 12 * 28 * 23 * 60,
        };
        minutes * 60 * MICROS_PER_SECOND
    }
}

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl Zone {
    /// The zone of that name (`Europe/Berlin`, `UTC`).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        if name.eq_ignore_ascii_case("utc") || name == "Z" {
            return Ok(Self::default());
        }
        TimeZone::get(name).map(Self).map_err(|_| {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            Error::invalid(format!("{name:?} is not the name of a time zone such as Europe/Berlin or UTC{hint}"))
        })
    }

    /// Reads an instant: RFC 3339 with its own offset, or a date or a date with a time on this zone's clock.
    ///
    /// A time that the clock shows twice means the first; one that it skips means the instant of the change.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), saying what is understood.
    pub fn parse_time(&self, text: &str) -> Result<Timestamp> {
        if let Ok(at) = Timestamp::parse_rfc3339(text) {
            return Ok(at);
        }
        let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from));
        civil
            .and_then(|civil| self.0.to_ambiguous_timestamp(civil).compatible())
            .map(|at| Timestamp::from_micros(at.as_microsecond()))
            .map_err(|_| {
                Error::invalid(format!(
                    "{text:?} is not a time; write 2026-01-31, 2026-01-31T08:00 or 2026-01-31T08:00:00Z"
                ))
            })
    }

    /// The bucket that holds `at`: its first instant and the first instant after it.
    pub(crate) fn bucket(&self, bucket: Bucket, at: Timestamp) -> (Timestamp, Timestamp) {
        self.try_bucket(bucket, at)
            // Reached only outside the years −9999 to 9999, which no event can lie in.
            .unwrap_or((Timestamp::MIN, Timestamp::MAX))
    }

    fn try_bucket(&self, bucket: Bucket, at: Timestamp) -> Result<(Timestamp, Timestamp), jiff::Error> {
        let instant = jiff::Timestamp::from_microsecond(at.micros())?;
        if matches!(bucket, Bucket::QuarterHour | Bucket::HalfHour | Bucket::Hour) {
            return Ok(self.clock_bucket(bucket.usual_micros(), instant));
        }
        let date = self.0.to_datetime(instant).date();
        let (first, length): (Date, Span) = match bucket {
            Bucket::Week => {
                let monday = date.checked_sub(i64::from(date.weekday().since(Weekday::Monday)).days())?;
                (monday, 1.week())
            }
            Bucket::Month => (date.first_of_month(), 1.month()),
            Bucket::Quarter => (Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1)?, 3.months()),
            Bucket::Year => (date.first_of_year(), 1.year()),
            _ => (date, 1.day()),
        };
        Ok((self.start_of_day(first)?, self.start_of_day(first.checked_add(length)?)?))
    }

    /// The period before `since..until`: as many calendar months earlier when both ends are the
    /// first instant of a month on this zone's clock, else as many calendar days when both are the
    /// first instant of a day, else as long a time.
    pub fn previous_period(&self, since: Timestamp, until: Timestamp) -> (Timestamp, Timestamp) {
        let before = self.try_previous(since, until).ok().flatten();
        let length = until.micros().saturating_sub(since.micros());
        (before.unwrap_or_else(|| Timestamp::from_micros(since.micros().saturating_sub(length))), since)
    }

    fn try_previous(&self, since: Timestamp, until: Timestamp) -> Result<Option<Timestamp>, jiff::Error> {
        let date = |at: Timestamp| -> Result<Option<Date>, jiff::Error> {
            let date = self.0.to_datetime(jiff::Timestamp::from_microsecond(at.micros())?).date();
            Ok((self.start_of_day(date)? == at).then_some(date))
        };
        let (Some(from), Some(to)) = (date(since)?, date(until)?) else { return Ok(None) };
        let length = if from.day() == 1 && to.day() == 1 {
            let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
            (months(to) - months(from)).months()
        } else {
            from.until(to)?
        };
        self.start_of_day(from.checked_sub(length)?).map(Some)
    }

    fn start_of_day(&self, date: Date) -> Result<Timestamp, jiff::Error> {
        let start = date.to_zoned(self.0.clone())?.start_of_day()?;
        Ok(Timestamp::from_micros(start.timestamp().as_microsecond()))
    }

    /// A bucket of fixed width on the zone's clock, cut where the clock changes.
    fn clock_bucket(&self, width: i64, at: jiff::Timestamp) -> (Timestamp, Timestamp) {
        let micros = at.as_microsecond();
        let offset = i64::from(self.0.to_offset(at).seconds()) * MICROS_PER_SECOND;
        let start = (micros + offset).div_euclid(width) * width - offset;
        let micros_of = |change: jiff::tz::TimeZoneTransition<'_>| change.timestamp().as_microsecond();
        let just_after = jiff::Timestamp::from_microsecond(micros + 1).unwrap_or(at);
        let changed = self.0.preceding(just_after).next().map_or(i64::MIN, micros_of);
        let changes = self.0.following(at).next().map_or(i64::MAX, micros_of);
        (Timestamp::from_micros(start.max(changed)), Timestamp::from_micros((start + width).min(changes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(zone: &str, bucket: Bucket, at: &str) -> (String, String) {
        let zone = Zone::parse(zone).expect("exists");
        let (from, until) = zone.bucket(bucket, Timestamp::parse_rfc3339(at).expect("valid"));
        (from.to_string(), until.to_string())
    }

    fn pair(from: &str, until: &str) -> (String, String) {
        (from.into(), until.into())
    }

    #[test]
    fn days_follow_the_clock_of_the_zone_through_its_changes() {
        // Berlin leaves summer time on 2025-10-26: that day has 25 hours.
        assert_eq!(
            bucket("Europe/Berlin", Bucket::Day, "2025-10-26T12:00:00Z"),
            pair("2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")
        );
        // Beirut skips the hour after midnight on 2025-03-30: the day starts at 01:00 by its clock.
        assert_eq!(
            bucket("Asia/Beirut", Bucket::Day, "2025-03-30T12:00:00Z"),
            pair("2025-03-29T22:00:00Z", "2025-03-30T21:00:00Z")
        );
    }

    #[test]
    fn weeks_start_on_monday_and_months_on_the_first() {
        assert_eq!(
            bucket("UTC", Bucket::Week, "2026-01-01T00:00:00Z"),
            pair("2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z")
        );
        assert_eq!(
            bucket("America/New_York", Bucket::Month, "2026-03-20T00:00:00Z"),
            pair("2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z")
        );
    }

    #[test]
    fn quarters_and_years_are_those_of_the_calendar() {
        assert_eq!(
            bucket("Europe/Berlin", Bucket::Quarter, "2026-04-01T00:00:00Z"),
            pair("2026-03-31T22:00:00Z", "2026-06-30T22:00:00Z")
        );
        assert_eq!(
            bucket("UTC", Bucket::Year, "2026-12-31T23:59:59Z"),
            pair("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
        );
        assert_eq!(
            bucket("Asia/Kathmandu", Bucket::HalfHour, "2026-01-01T00:00:00Z"),
            pair("2025-12-31T23:45:00Z", "2026-01-01T00:15:00Z")
        );
    }

    #[test]
    fn the_previous_period_is_as_many_months_or_days_on_the_calendar() {
        let previous = |zone: &str, since: &str, until: &str| {
            let zone = Zone::parse(zone).expect("exists");
            let [since, until] = [since, until].map(|text| zone.parse_time(text).expect("valid"));
            let (from, to) = zone.previous_period(since, until);
            assert_eq!(to, since);
            from.to_string()
        };
        assert_eq!(previous("UTC", "2026-03-01", "2026-04-01"), "2026-02-01T00:00:00Z");
        assert_eq!(previous("UTC", "2026-01-01", "2026-04-01"), "2025-10-01T00:00:00Z");
        // The week in which Berlin leaves summer time is an hour longer than the one before.
        assert_eq!(previous("Europe/Berlin", "2025-10-20", "2025-10-27"), "2025-10-12T22:00:00Z");
        assert_eq!(previous("UTC", "2026-03-01T06:00:00", "2026-03-01T09:00:00"), "2026-03-01T03:00:00Z");
    }

    #[test]
    fn hours_that_the_clock_shows_twice_are_two_buckets() {
        assert_eq!(
            bucket("Europe/Berlin", Bucket::Hour, "2025-10-26T00:30:00Z"),
            pair("2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z")
        );
        assert_eq!(
            bucket("Europe/Berlin", Bucket::Hour, "2025-10-26T01:00:00Z"),
            pair("2025-10-26T01:00:00Z", "2025-10-26T02:00:00Z")
        );
        assert_eq!(
            bucket("Asia/Kathmandu", Bucket::Hour, "2026-01-01T00:00:00Z"),
            pair("2025-12-31T23:15:00Z", "2026-01-01T00:15:00Z")
        );
        // Lord Howe moves its clock by half an hour, which cuts an hour short.
        assert_eq!(
            bucket("Australia/Lord_Howe", Bucket::Hour, "2025-04-05T15:10:00Z"),
            pair("2025-04-05T15:00:00Z", "2025-04-05T15:30:00Z")
        );
    }

    #[test]
    fn times_are_read_on_the_clock_of_the_zone() {
        let berlin = Zone::parse("Europe/Berlin").expect("exists");
        let read = |text: &str| berlin.parse_time(text).map(|at| at.to_string()).map_err(|error| error.to_string());
        assert_eq!(read("2026-01-31").as_deref(), Ok("2026-01-30T23:00:00Z"));
        assert_eq!(read("2026-01-31T08:00:00Z").as_deref(), Ok("2026-01-31T08:00:00Z"));
        assert!(read("yesterday").is_err_and(|sentence| sentence.contains("\"yesterday\" is not a time")));
        assert!(Zone::parse("Europe/Berln").is_err_and(|error| error.to_string().contains("`Europe/Berlin`")));
    }
}
