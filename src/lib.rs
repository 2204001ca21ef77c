#![doc = include_str!("../README.md")]

pub use quipu_engine::*;
pub use quipu_query::*;

#[cfg(doctest)]
#[doc = include_str!("../docs/query.md")]
struct Questions;
