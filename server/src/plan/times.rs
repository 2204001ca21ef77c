//! Times as people write them.

use quipu::time::MICROS_PER_SECOND;
use quipu::{Error, Result, Timestamp, Zone};

/// The wall clock, as far as the meaning of `7d` needs it.
pub fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// Reads what [`Zone::parse_time`] reads, `now`, and spans such as `90s`, `15m`, `24h`, `7d` or `2w` before now.
pub(super) fn parse(text: &str, zone: &Zone, now: Timestamp) -> Result<Timestamp> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(span) = span_micros(text) {
        let at = now.micros().saturating_sub(span);
        if at < 0 {
            return Err(Error::invalid(format!("{text:?} ago is before 1970; leave it out to have all")));
        }
        return Ok(Timestamp::from_micros(at));
    }
    zone.parse_time(text).map_err(|error| Error::invalid(format!("{error}, or 7d, 24h, 15m for that long ago")))
}

/// The microseconds of a span such as `90s`, `15m`, `24h`, `7d` or `2w`.
pub(crate) fn span_micros(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 24 * 3_600,
        'w' => 7 * 24 * 3_600,
        _ => return None,
    };
    count.checked_mul(seconds * MICROS_PER_SECOND)
}
