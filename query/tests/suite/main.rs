//! Queries against a naive model, on batches, sealed segments and counters.

mod advice;
mod agree;
mod coverage;
mod facts;
mod generate;
mod isolation;
mod memory;
mod oracle;
mod reports;
mod reprice;
mod shape;
mod zones;
