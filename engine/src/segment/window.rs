//! Windows: aligned spans of event time that segments belong to.
//!
//! A sealed head is cut into windows so that a segment never mixes distant times. The span is as
//! coarse as its rows are few: a month by default, a week or a day where a month would be large,
//! so that old data trickling in does not leave a file per day.

use std::collections::BTreeMap;

use crate::batch::Batch;
use crate::time::{MICROS_PER_DAY, Timestamp};

/// A month with more rows than this is cut into weeks, a week with more into days.
const COARSE_ROWS: usize = 4 * crate::limits::BLOCK_ROWS;

/// An aligned, half-open span of time, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

impl Window {
    fn day(micros: i64) -> Self {
        let start = micros.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
        Self { start: Timestamp::from_micros(start), end: Timestamp::from_micros(start + MICROS_PER_DAY) }
    }

    /// A quarter of a month: days 1 to 7, 8 to 14, 15 to 21, and the rest. Unlike a calendar's weeks these never
    /// lie in two months, so each window lies in one of the next size.
    fn week(micros: i64) -> Self {
        let month = Self::month(micros);
        let week = (micros - month.start.micros()).div_euclid(7 * MICROS_PER_DAY).min(3);
        let start = month.start.micros() + week * 7 * MICROS_PER_DAY;
        let end = if week == 3 { month.end } else { Timestamp::from_micros(start + 7 * MICROS_PER_DAY) };
        Self { start: Timestamp::from_micros(start), end }
    }

    fn month(micros: i64) -> Self {
        let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        let first = at.date().first_of_month();
        let next = first.last_of_month().tomorrow().unwrap_or(first);
        let micros = |date: jiff::civil::Date| {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map(|midnight| midnight.timestamp().as_microsecond());
            Timestamp::from_micros(midnight.unwrap_or_default())
        };
        Self { start: micros(first), end: micros(next) }
    }

    /// The windows that this one lies in, from its own to its month.
    pub fn around(self) -> impl Iterator<Item = Self> {
        let at = self.start.micros();
        [Self::day(at), Self::week(at), Self::month(at)].into_iter().filter(move |window| window.contains(self))
    }

    /// Whether all of another window lies in this one.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Cuts rows into windows, in the order of time; each list keeps the order of its rows.
pub fn split(batch: &Batch) -> Vec<(Window, Vec<u32>)> {
    let rows = (0..u32::try_from(batch.len()).expect("a head has fewer than 2³² rows")).collect();
    let mut windows = Vec::new();
    for (month, rows) in cut(batch, rows, Window::month) {
        if rows.len() <= COARSE_ROWS {
            windows.push((month, rows));
            continue;
        }
        for (week, rows) in cut(batch, rows, Window::week) {
            if rows.len() <= COARSE_ROWS {
                windows.push((week, rows));
            } else {
                windows.extend(cut(batch, rows, Window::day));
            }
        }
    }
    windows
}

fn cut(batch: &Batch, rows: Vec<u32>, window: fn(i64) -> Window) -> BTreeMap<Window, Vec<u32>> {
    let mut windows: BTreeMap<Window, Vec<u32>> = BTreeMap::new();
    let mut last: Option<(Window, Vec<u32>)> = None;
    for row in rows {
        let at = batch.at[row as usize];
        // Neighbours in time of arrival mostly share their window.
        match &mut last {
            Some((span, members)) if span.start.micros() <= at && at < span.end.micros() => members.push(row),
            _ => {
                if let Some((span, members)) = last.take() {
                    windows.entry(span).or_default().extend(members);
                }
                last = Some((window(at), vec![row]));
            }
        }
    }
    if let Some((span, members)) = last {
        windows.entry(span).or_default().extend(members);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::event::Event;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a time")
    }

    #[test]
    fn windows_are_aligned() {
        let micros = at("2026-02-26T12:00:00Z").micros();
        let month = Window::month(micros);
        assert_eq!((month.start, month.end), (at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z")));
        let week = Window::week(micros);
        assert_eq!((week.start, week.end), (at("2026-02-22T00:00:00Z"), at("2026-03-01T00:00:00Z")));
        assert_eq!(Window::week(week.end.micros()).start, week.end);
        assert_eq!(Window::week(week.end.micros() - 1), week);
        assert_eq!(Window::week(at("2026-01-31T23:59:59Z").micros()).start, at("2026-01-22T00:00:00Z"));
        let around = |text| Window::day(at(text).micros()).around().collect::<Vec<_>>();
        assert_eq!(around("2026-02-26T12:00:00Z"), [Window::day(micros), week, month]);
        assert_eq!(week.around().collect::<Vec<_>>(), [week, month]);
        assert_eq!(Window::day(-1).end, Timestamp::from_micros(0));
    }

    #[test]
    fn few_rows_share_a_month_and_many_get_days() {
        let batch = |count: i64, step: i64| {
            let mut builder = BatchBuilder::default();
            let start = at("2026-01-01T00:00:00Z").micros();
            (0..count).for_each(|n| builder.push(&Event::new("e", Timestamp::from_micros(start + n * step))));
            builder.finish()
        };
        let few = split(&batch(100, MICROS_PER_DAY / 2));
        assert_eq!(few.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), [62, 38]);
        let rows = i64::try_from(COARSE_ROWS).expect("small") + 1;
        let many = split(&batch(rows, 30 * 1_000_000));
        assert_eq!(many.len(), 4, "one per week");
        assert_eq!(many.iter().map(|(_, rows)| rows.len()).sum::<usize>(), COARSE_ROWS + 1);
        assert!(many.iter().all(|(window, _)| window.end.micros() - window.start.micros() <= 10 * MICROS_PER_DAY));
    }
}
