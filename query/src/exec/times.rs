//! Spans of time, of which some are read from one kind of rows and the rest from another.

use quipu_engine::Timestamp;

/// Instants in microseconds: spans that include their start but not their end, apart from each other and ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times(Vec<(i64, i64)>);

impl Times {
    /// From one instant up to before another; empty when there is none between.
    pub(super) fn between(from: i64, until: i64) -> Self {
        let mut times = Self::default();
        times.push(from, until);
        times
    }

    /// The instants from the first to the last event that a range includes.
    pub(super) fn of_events(
        (first, last): (Timestamp, Timestamp),
        (since, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Self {
        let from = since.map_or(first, |since| since.max(first)).micros();
        let end = last.micros().saturating_add(1);
        Self::between(from, until.map_or(end, |until| until.micros().min(end)))
    }

    /// Adds a span that starts where the last one ends, or later.
    pub(super) fn push(&mut self, from: i64, until: i64) {
        match self.0.last_mut() {
            _ if from >= until => {}
            Some((_, end)) if *end == from => *end = until,
            _ => self.0.push((from, until)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn spans(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// These instants without others.
    pub(super) fn without(&self, others: &Self) -> Self {
        let mut rest = Self::default();
        for (mut from, until) in self.spans() {
            for (start, end) in others.spans().filter(|(start, _)| *start < until) {
                rest.push(from, start);
                from = from.max(end);
            }
            rest.push(from, until);
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(steps: &[(i64, i64)]) -> Times {
        let mut times = Times::default();
        let mut at = 0;
        for (gap, length) in steps {
            times.push(at + gap, at + gap + length);
            at += gap + length;
        }
        times
    }

    proptest! {
        #[test]
        fn what_is_taken_away_is_gone_and_the_rest_stays(
            all in prop::collection::vec((0..4_i64, 0..6_i64), 0..6), some in prop::collection::vec((0..4_i64, 0..6_i64), 0..6),
        ) {
            let (all, some) = (times(&all), times(&some));
            let rest = all.without(&some);
            let holds = |times: &Times, at: i64| times.spans().any(|(from, until)| from <= at && at < until);
            for at in -1..70 {
                prop_assert_eq!(holds(&rest, at), holds(&all, at) && !holds(&some, at), "at {}", at);
            }
            prop_assert!(rest.spans().all(|(from, until)| from < until));
            prop_assert!(rest.0.is_sorted_by(|before, after| before.1 < after.0 || before.1 <= after.0));
        }
    }
}
