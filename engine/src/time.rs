//! Instants: whole microseconds since 1970-01-01T00:00:00Z.

use std::fmt;

/// An instant in microseconds since the Unix epoch, UTC.
///
/// ```
/// use quipu_engine::Timestamp;
/// let at = Timestamp::from_micros(1_700_000_000_000_000);
/// assert_eq!(at.to_string(), "2023-11-14T22:13:20Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds in a UTC day.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Timestamp {
    /// The earliest instant that can be expressed.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be expressed.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `seconds` seconds after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * MICROS_PER_SECOND)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date-time (`2026-01-31T08:00:00Z`, any offset), dropping what is below a microsecond.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn parse_rfc3339(text: &str) -> Result<Self, String> {
        // The library takes offsets up to 25:59, the format ends at 23:59.
        if let Some((_, [b'+' | b'-', hours @ .., b':', _, _])) = text.as_bytes().split_last_chunk::<6>()
            && *hours > *b"23"
        {
            return Err(format!("{text:?} has an offset of more than 23 hours"));
        }
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_nanosecond().div_euclid(1_000).try_into().unwrap_or(i64::MAX)))
            .map_err(|_| fault(text).into())
    }
}

/// What a text lacks that is no RFC 3339 time.
fn fault(text: &str) -> &'static str {
    let has_its_form = |text: &str| {
        text.get(..19).is_some_and(|start| {
            let form = b"dddd-dd-ddtdd:dd:dd";
            start.bytes().zip(form).all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                b't' => matches!(byte, b'T' | b't' | b' '),
                form => byte == *form,
            })
        })
    };
    match (text.parse::<jiff::civil::DateTime>().is_ok(), has_its_form(text)) {
        (true, _) => "it names no offset from UTC, such as Z",
        (false, true) => "there is no such day or time",
        (false, false) => "it has another form",
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => f.pad(&at.to_string()),
            Err(_) => f.pad(&format!("{} µs since 1970", self.0)),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_end_where_the_format_ends() {
        let at = |text| Timestamp::parse_rfc3339(text);
        assert_eq!(at("2026-01-05T09:00:00+23:59"), at("2026-01-04T09:01:00Z"));
        assert!(at("2026-01-05T09:00:00+24:00").is_err() && at("2026-01-05T09:00:00-25:00").is_err());
    }

    #[test]
    fn what_is_no_time_is_told_in_own_words() {
        for (text, says) in [
            ("yesterday", "another form"),
            ("", "another form"),
            ("2026-01-05", "no offset from UTC"),
            ("2026-01-05T09:00:00", "no offset from UTC"),
            ("2026-02-30T09:00:00Z", "no such day or time"),
            ("2026-02-28T25:00:00+01:00", "no such day or time"),
        ] {
            let fault = Timestamp::parse_rfc3339(text).expect_err(text);
            assert!(fault.contains(says), "{text}: {fault}");
        }
    }
}
