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
//! 6. **Hours** given before all week, fewer before more.
//!
//! Then what was *agreed*, if anything was: rules for a workspace or a tenant, and shares of the
//! list. The list is everything else. Again the first difference decides: tenant given before any,
//! workspace given before any, then as above, with a rule for one meter before one for everything.
//! The most specific agreement alone counts: a tenant's share is one of the list price, not of
//! what the workspace pays. An agreement about a provider does not reach events that name none.
//!
//! A meter without a rule has no rate, which is not a rate of 0, and no share of it is one.

mod class;
mod name;
mod pricer;
mod schedule;
mod what_if;

pub use class::{PriceClass, PromptSize};
pub use pricer::Pricer;
pub use schedule::{Rates, Schedule};
pub use what_if::WhatIf;

#[cfg(test)]
mod tests;
