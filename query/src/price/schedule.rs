//! The rates of one price class over time.

use quipu_engine::price_book::second_of_week;
use quipu_engine::time::MICROS_PER_DAY;
use quipu_engine::{Meter, Timestamp, TokenMeter};

/// The rates of one price class, period by period and, where they differ, by the hours of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Span `i` covers `[starts[i], starts[i + 1])`; the last is open. `starts[0]` is [`Timestamp::MIN`], unless
    /// the schedule was cut to a shorter time.
    pub starts: Vec<Timestamp>,
    /// The seconds of the UTC week, from Monday on, at which rates may change within a span; the first is 0.
    pub cuts: Vec<u32>,
    /// The rates of each span, for each part of the week: first all parts of the first span.
    pub periods: Vec<Rates>,
    /// Whether a rule tells requests apart by a size within that of the class: then no single rate is right.
    pub splits_size: bool,
}

impl Schedule {
    /// The same for events that start from `first` to `last`: without the spans that none of them lies in.
    #[must_use]
    pub(crate) fn within(mut self, first: Timestamp, last: Timestamp) -> Self {
        let until = self.starts.partition_point(|start| *start <= last).max(1);
        let from = self.starts[..until].partition_point(|start| *start <= first).saturating_sub(1);
        self.starts = self.starts[from..until].to_vec();
        self.periods = self.periods[from * self.cuts.len()..until * self.cuts.len()].to_vec();
        self
    }

    /// The period that covers an instant.
    pub fn period_at(&self, at: Timestamp) -> usize {
        let span = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        let part = if self.cuts.len() > 1 { self.part_of_week(second_of_week(at)) } else { 0 };
        span * self.cuts.len() + part
    }

    /// Whether the rates may change in `(after, upto]`: then sums over events of both ends cannot be priced as one.
    pub fn boundary_within(&self, after: Timestamp, upto: Timestamp) -> bool {
        let next = self.starts.partition_point(|start| *start <= after);
        self.starts.get(next).is_some_and(|start| *start <= upto)
            || self.cuts.len() > 1 && self.leaves_part_of_week(after, upto)
    }

    fn leaves_part_of_week(&self, after: Timestamp, upto: Timestamp) -> bool {
        let (first, last) = (second_of_week(after), second_of_week(upto));
        upto.micros().saturating_sub(after.micros()) >= 7 * MICROS_PER_DAY
            || last < first
            || self.part_of_week(first) != self.part_of_week(last)
    }

    fn part_of_week(&self, second: u32) -> usize {
        self.cuts.partition_point(|cut| *cut <= second).saturating_sub(1)
    }
}

/// What units cost during one period. A meter that is not here has no price, which is not a price of 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Sorted by meter.
    meters: Vec<(Meter, u64)>,
    per_request: Option<u64>,
}

impl Rates {
    pub(super) fn new(mut meters: Vec<(Meter, u64)>, per_request: Option<u64>) -> Self {
        meters.sort_unstable();
        Self { meters, per_request }
    }

    /// Makes cached tokens cost what uncached ones do.
    pub(super) fn drop_cache_discount(&mut self) {
        let uncached = |token: TokenMeter| match token {
            TokenMeter::AudioCacheRead => Some(TokenMeter::AudioInput),
            token if token == TokenMeter::CacheRead || token.is_cache_write() => Some(TokenMeter::Input),
            _ => None,
        };
        self.meters.retain(|(meter, _)| !matches!(meter, Meter::Token(token) if uncached(*token).is_some()));
        let full = |token: &TokenMeter| Some((Meter::Token(*token), self.rate(&uncached(*token)?.into())?));
        let cached: Vec<_> = TokenMeter::ALL.iter().filter_map(full).collect();
        self.meters.extend(cached);
        self.meters.sort_unstable();
    }

    /// Pico-USD per unit of a meter; `None` when it has no price.
    pub fn rate(&self, meter: &Meter) -> Option<u64> {
        self.meters.binary_search_by(|(known, _)| known.cmp(meter)).ok().map(|at| self.meters[at].1)
    }

    /// Pico-USD per request, on top of what its meters cost; `None` when requests have no price.
    pub fn per_request(&self) -> Option<u64> {
        self.per_request
    }

    /// The meters that have a price, with pico-USD per unit, in the order of meters.
    pub fn meters(&self) -> impl ExactSizeIterator<Item = (&Meter, u64)> {
        self.meters.iter().map(|(meter, rate)| (meter, *rate))
    }
}
