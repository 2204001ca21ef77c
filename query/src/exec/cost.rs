//! Money that may be unknown.

use quipu_engine::{Error, Meter, PicoUsd, Result};

use super::plan::Plan;
use crate::measure::CostOf;
use crate::value::Value;

/// Beyond this, 10²⁵ USD, a sum of money can only come from absurd rates. It leaves room to add
/// and to compare without overflow.
const LARGEST_PICO: i128 = 10_i128.pow(37);

/// A sum of costs some of which may be unknown.
///
/// It does not depend on how the events were split before they were added up: the sum is unknown
/// only where something is unknown and nothing at all is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) pico: i128,
    /// Something of it has a price.
    pub(super) known: bool,
    /// Something is unknown.
    pub(super) unknown: bool,
}

impl Cost {
    pub(super) fn add(&mut self, other: Self) -> Result<()> {
        self.add_pico(other.pico)?;
        self.known |= other.known;
        self.unknown |= other.unknown;
        Ok(())
    }

    /// Adds `quantity × rate`.
    pub(super) fn add_priced(&mut self, quantity: u128, rate: u64) -> Result<()> {
        let pico = quantity.checked_mul(u128::from(rate)).and_then(|pico| i128::try_from(pico).ok());
        self.add_pico(pico.unwrap_or(i128::MAX))?;
        self.known = true;
        Ok(())
    }

    fn add_pico(&mut self, pico: i128) -> Result<()> {
        self.pico = self.pico.checked_add(pico).filter(|sum| sum.abs() <= LARGEST_PICO).ok_or_else(|| {
            Error::invalid(
                "a sum of costs exceeds 10^25 USD, more than can be added exactly; are the rates per token, in USD?",
            )
        })?;
        Ok(())
    }

    /// The known part; nothing where all of it is unknown.
    pub(super) fn amount(self) -> Option<PicoUsd> {
        (self.known || !self.unknown).then(|| PicoUsd::from_pico(self.pico))
    }

    pub(super) fn value(self) -> Value {
        self.amount().map_or(Value::Null, Value::Money)
    }
}

/// The computed cost with the parts of it that a plan asks for.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    pub(super) all: Cost,
    /// As in [`Plan::cost_parts`].
    pub(super) parts: Vec<Cost>,
}

impl Costs {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        Self { all: Cost::default(), parts: vec![Cost::default(); plan.cost_parts.len()] }
    }

    /// The parts that the cost of a meter belongs to.
    pub(super) fn parts_of(plan: &Plan<'_>, meter: &Meter) -> Vec<usize> {
        (0..plan.cost_parts.len()).filter(|part| plan.cost_parts[*part].covers(meter)).collect()
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        self.all.add(other.all)?;
        self.parts.iter_mut().zip(&other.parts).try_for_each(|(part, more)| part.add(*more))
    }

    /// Adds `quantity × rate` to the whole and to some parts.
    pub(super) fn add_priced(&mut self, parts: &[usize], quantity: u128, rate: u64) -> Result<()> {
        self.all.add_priced(quantity, rate)?;
        parts.iter().try_for_each(|part| self.parts[*part].add_priced(quantity, rate))
    }

    /// Adds fees per request.
    pub(super) fn add_fees(&mut self, plan: &Plan<'_>, requests: u128, fee: u64) -> Result<()> {
        let fees: Vec<usize> =
            (0..plan.cost_parts.len()).filter(|part| plan.cost_parts[*part] == CostOf::Requests).collect();
        self.add_priced(&fees, requests, fee)
    }

    /// A quantity that belongs to some parts has no rate.
    pub(super) fn set_unknown(&mut self, parts: &[usize]) {
        self.all.unknown = true;
        parts.iter().for_each(|part| self.parts[*part].unknown = true);
    }

    /// An event did not say what it used: nobody knows what any meter costs.
    pub(super) fn set_usage_missing(&mut self, plan: &Plan<'_>) {
        self.all.unknown = true;
        for (part, of) in self.parts.iter_mut().zip(&plan.cost_parts) {
            part.unknown |= *of != CostOf::Requests;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_reason_are_refused_rather_than_wrapped() {
        let mut cost = Cost::default();
        assert!(cost.add_priced(1 << 60, u64::MAX).is_err());
        assert!(cost.add_priced(u128::MAX, 2).is_err());
        assert!(cost.add_priced(1 << 50, 1 << 60).is_ok());
        assert_eq!(cost.pico, 1 << 110);
    }

    #[test]
    fn a_sum_is_unknown_only_where_nothing_is_known() {
        let mut cost = Cost { unknown: true, ..Cost::default() };
        assert_eq!(cost.amount(), None);
        cost.add_priced(2, 3).expect("small");
        assert_eq!(cost.amount(), Some(PicoUsd::from_pico(6)));
        assert_eq!(Cost::default().amount(), Some(PicoUsd::ZERO));
    }
}
