//! The rates of one price class over time.

use quipu_engine::{Meter, Timestamp};

/// The rates of one price class, period by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Period `i` covers `[starts[i], starts[i + 1])`; the last is open. `starts[0]` is [`Timestamp::MIN`].
    pub starts: Vec<Timestamp>,
    /// The rates of each period; neighbours differ.
    pub periods: Vec<Rates>,
}

impl Schedule {
    /// The period that covers an instant.
    pub fn period_at(&self, at: Timestamp) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Whether the rates change in `(after, upto]`: then sums over events of both ends cannot be priced as one.
    pub fn boundary_within(&self, after: Timestamp, upto: Timestamp) -> bool {
        self.starts.iter().any(|start| after < *start && *start <= upto)
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
