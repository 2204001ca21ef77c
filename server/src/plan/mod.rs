//! One plan, three ways in: flags, query parameters and JSON all become a [`PlanText`], which
//! alone knows how texts become a [`quipu::Query`].

mod decode;
#[cfg(test)]
mod documented;
mod encode;
mod filter;
mod prices;
pub mod schema;
#[cfg(test)]
mod tests;
mod text;
mod times;

use quipu::Query;

pub use prices::price_choice;
pub use text::{PARAMETERS, PlanText, Report};
pub use times::now;
pub(crate) use times::span_micros;

/// What to ask a store.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Which report.
    pub report: Report,
    /// The measures, groups, filters and prices.
    pub query: Query,
    /// How values begin, where the report lists values.
    pub prefix: Option<String>,
    /// Which columns to return; all when empty.
    pub columns: Vec<String>,
    /// Whether to say how the answer was found.
    pub explain: bool,
}
