//! What a rule says a unit costs: an amount of its own, or a share of the list price.

use std::fmt;

use crate::money::{PicoUsd, div_half_even};

/// The whole list price, in parts per million.
const WHOLE: i128 = 1_000_000;

/// A share of a price in parts per million: 850,000 is a discount of 15 %, 1,200,000 a markup of 20 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// A share given in parts per million.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(ppm)
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// That share of a rate, rounded half-even to a whole pico-USD per unit; `None` when it is
    /// larger than any rate.
    ///
    /// It is the rate that is rounded, once, and never an amount: what a customer pays is linear in
    /// what they use, as with every other rate.
    ///
    /// ```
    /// use quipu_engine::price_book::Share;
    /// assert_eq!(Share::from_ppm(850_000).of(2_500_001), Some(2_125_001));
    /// assert_eq!(Share::from_ppm(500_000).of(5), Some(2));
    /// ```
    pub fn of(self, rate: u64) -> Option<u64> {
        u64::try_from(div_half_even(i128::from(rate) * i128::from(self.0), WHOLE)).ok()
    }
}

impl fmt::Display for Share {
    /// In per cent, exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return f.pad(&format!("{whole}%"));
        }
        f.pad(&format!("{whole}.{}%", format!("{rest:04}").trim_end_matches('0')))
    }
}

/// What a rule says a unit costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Pico-USD per unit, or per request.
    Pico(u64),
    /// A share of what the list says: of the rate that would hold if no rule for a workspace or
    /// tenant and no share existed.
    OfList(Share),
}

impl From<u64> for Rate {
    fn from(pico: u64) -> Self {
        Self::Pico(pico)
    }
}

impl From<Share> for Rate {
    fn from(share: Share) -> Self {
        Self::OfList(share)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pico(pico) => write!(f, "{} USD", PicoUsd::from_pico(i128::from(*pico))),
            Self::OfList(share) => write!(f, "{share} of list"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shown_in_per_cent() {
        let shown = |ppm| Share::from_ppm(ppm).to_string();
        assert_eq!([850_000, 1_200_000, 1, 333_330].map(shown), ["85%", "120%", "0.0001%", "33.333%"]);
    }

    #[test]
    fn a_share_too_large_is_no_rate() {
        assert_eq!(Share::from_ppm(u32::MAX).of(u64::MAX), None);
        assert_eq!(Share::from_ppm(1_000_000).of(u64::MAX), Some(u64::MAX));
    }
}
