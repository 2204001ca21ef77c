//! The hours of the week during which a rate holds.

use std::fmt;

use crate::error::{Error, Result};
use crate::time::{MICROS_PER_DAY, MICROS_PER_SECOND, Timestamp};

const SECONDS_PER_DAY: u32 = 86_400;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0x7f;
/// 1970 began on a Thursday; weeks are counted from Monday.
const EPOCH_DAY: i64 = 3;

/// A part of some days of the week, in UTC. It may reach over midnight (`16:30-00:30`), and then
/// belongs to the day it starts in; `00:00-00:00` is a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hours {
    /// Bit 0 is Monday.
    days: u8,
    /// The first second of the day, from 0 to 86,399.
    from: u32,
    /// The first second after.
    until: u32,
}

impl Hours {
    /// From one second of the day until before another, on the days of a mask with Monday in bit 0.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when one is no second of a day, when there
    /// is no day, or when the hours are all of the week.
    pub fn new(days: u8, from: u32, until: u32) -> Result<Self> {
        let hours = Self { days, from, until };
        let is_of_a_day = from < SECONDS_PER_DAY && until < SECONDS_PER_DAY;
        if !is_of_a_day || days == 0 || days > EVERY_DAY || (days == EVERY_DAY && from == until) {
            return Err(Error::invalid(format!(
                "hours are {from} s to {until} s of days {days:#x}, which is no part of a week"
            )));
        }
        Ok(hours)
    }

    /// Reads `16:30-00:30`, or with the days in front: `mon,tue 10:00-00:00`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), saying what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = || {
            let (days, hours) = match text.trim().rsplit_once(' ') {
                Some((days, hours)) => (parse_days(days)?, hours),
                None => (EVERY_DAY, text.trim()),
            };
            let (from, until) = hours.split_once('-')?;
            Self::new(days, parse_time(from)?, parse_time(until)?).ok()
        };
        parsed().ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is no part of a week; expected UTC such as 16:30-00:30 or mon,tue 10:00-00:00"
            ))
        })
    }

    /// The mask of days, the first second of the day and the first second after.
    pub const fn parts(self) -> (u8, u32, u32) {
        (self.days, self.from, self.until)
    }

    /// Whether that second of the week lies within.
    pub const fn contains(self, second: u32) -> bool {
        let (day, second) = (second / SECONDS_PER_DAY, second % SECONDS_PER_DAY);
        let is_on = self.days >> day & 1 == 1;
        if self.from < self.until {
            return is_on && self.from <= second && second < self.until;
        }
        let was_on = self.days >> ((day + 6) % 7) & 1 == 1;
        (is_on && self.from <= second) || (was_on && second < self.until)
    }

    /// How many seconds of a week they cover.
    pub const fn length(self) -> u32 {
        self.days.count_ones() * self.length_of_one()
    }

    const fn length_of_one(self) -> u32 {
        if self.from < self.until { self.until - self.from } else { SECONDS_PER_DAY + self.until - self.from }
    }

    /// The seconds of the week at which they start or end.
    pub fn edges(self) -> impl Iterator<Item = u32> {
        let starts =
            (0..7).filter(move |day| self.days >> day & 1 == 1).map(move |day| day * SECONDS_PER_DAY + self.from);
        starts.flat_map(move |start| [start, (start + self.length_of_one()) % (7 * SECONDS_PER_DAY)])
    }
}

/// The second of its UTC week that an instant lies in, from Monday on.
pub fn second_of_week(at: Timestamp) -> u32 {
    let into = i128::from(at.micros()) + i128::from(EPOCH_DAY * MICROS_PER_DAY);
    u32::try_from(into.rem_euclid(i128::from(7 * MICROS_PER_DAY)) / i128::from(MICROS_PER_SECOND)).unwrap_or_default()
}

fn parse_days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name.trim()).map(|day| 1_u8 << day);
    text.split(',').try_fold(0, |mask, name| Some(mask | day(name)?))
}

fn parse_time(text: &str) -> Option<u32> {
    let parts: Vec<u32> = text.trim().split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours @ 0..24, minutes @ 0..60] => Some(hours * 3600 + minutes * 60),
        [hours @ 0..24, minutes @ 0..60, seconds @ 0..60] => Some(hours * 3600 + minutes * 60 + seconds),
        _ => None,
    }
}

impl fmt::Display for Hours {
    /// As [`Hours::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            let days: Vec<&str> = (0..7).filter(|day| self.days >> day & 1 == 1).map(|day| DAYS[day]).collect();
            write!(f, "{} ", days.join(","))?;
        }
        write!(f, "{}-{}", ClockTime(self.from), ClockTime(self.until))
    }
}

/// A second of the day as `16:30`, with seconds where it has some.
struct ClockTime(u32);

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hours:02}:{minutes:02}")?;
        if seconds > 0 { write!(f, ":{seconds:02}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_reach_over_midnight_and_over_the_end_of_the_week() {
        let night = Hours::parse("16:30-00:30").expect("valid");
        let sunday = 6 * SECONDS_PER_DAY;
        let seconds = [59_399, 59_400, 86_399, 0, 1_799, 1_800, sunday + 59_400];
        assert_eq!(seconds.map(|second| night.contains(second)), [false, true, true, true, true, false, true]);
        assert_eq!((night.length(), night.edges().count()), (7 * 8 * 3600, 14));
        let weekend = Hours::parse("sat,sun 22:00-02:00").expect("valid");
        let seconds = [0, 7_199, 7_200, sunday, sunday + 79_200, 5 * SECONDS_PER_DAY];
        assert_eq!(seconds.map(|second| weekend.contains(second)), [true, true, false, true, true, false]);
        assert_eq!(weekend.edges().collect::<Vec<_>>(), [511_200, 525_600, 597_600, 7_200]);
    }

    #[test]
    fn hours_are_read_back_as_they_are_shown() {
        for text in ["16:30-00:30", "mon,fri 10:00-00:00", "sat,sun 00:00-00:00", "09:05:07-09:05:08"] {
            assert_eq!(Hours::parse(text).expect("valid").to_string(), text);
        }
        for text in ["", "00:00-00:00", "24:00-01:00", "1-2", "moon 10:00-11:00", "10:00", "10:60-11:00"] {
            assert!(Hours::parse(text).is_err_and(|error| error.to_string().contains("no part of a week")), "{text}");
        }
    }

    #[test]
    fn the_week_starts_on_monday() {
        let monday = Timestamp::parse_rfc3339("2026-01-05T00:00:00Z").expect("valid");
        assert_eq!(second_of_week(monday), 0);
        assert_eq!(second_of_week(Timestamp::from_micros(monday.micros() - 1)), 7 * SECONDS_PER_DAY - 1);
        assert_eq!(second_of_week(Timestamp::from_seconds(0)), 3 * SECONDS_PER_DAY);
    }
}
