//! Quipu: the embedded database for LLM usage.

pub use quipu_engine::*;
pub use quipu_query::*;
