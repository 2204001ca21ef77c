//! What one unit costs: from a price book and a price class to the rates in force over time.
//!
//! For every meter, and for requests, the most specific rule in force wins. In this order, the
//! first difference decides:
//!
//! 1. **Model**, by the names an event's model goes by (see [`Pricer::schedule`]): an exact name
//!    before any prefix, an earlier name before a later one, a longer prefix before a shorter one.
//! 2. **Provider** given before any.
//! 3. **Region** given before any.
//! 4. **Service tier** given before none: a tier without a rule of its own costs what the standard
//!    tier costs. `default`, `standard`, `auto` and absent are one and the same.
//! 5. **Size**: the highest edge that the request's input tokens exceed.
//!
//! A meter without a rule has no rate, which is not a rate of 0.

mod name;
mod pricer;
mod schedule;

pub use pricer::{PriceClass, Pricer};
pub use schedule::{Rates, Schedule};

#[cfg(test)]
mod tests;
