//! What somebody should hear of, who that is, and that they hear it once.
//!
//! Budgets and saved rules come to [`Notice`]s; an [`Audience`] says which webhooks hear of a group, and
//! [`Told`] remembers what was delivered.

mod audience;
mod told;
mod webhook;

use serde_json::Value as Json;

pub use audience::Audience;
pub use told::Told;
pub use webhook::{Shape, Webhook};

/// Something that somebody should hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What tells this notice from others: the same one is told once.
    pub key: String,
    /// The notice as a sentence.
    pub text: String,
    /// The notice as JSON, every fact under its own name.
    pub facts: Json,
    /// The names of the webhooks that are to hear.
    pub audience: Vec<String>,
}
