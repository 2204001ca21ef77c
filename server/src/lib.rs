//! The outside of Quipu: wire formats, imports, the command line and the HTTP server.
//!
//! The only crate that knows JSON, HTTP and the clock; everything else is in [`quipu`].

pub mod access;
pub mod ask;
pub mod attribute;
pub mod backup;
pub mod budget;
pub mod cli;
pub mod config;
pub mod demo;
pub mod demo_data;
pub mod erase;
pub mod gaps;
pub mod http;
pub mod import;
pub mod ingest;
pub mod notice;
pub mod plan;
pub mod prices;
pub mod render;
pub mod rules;
mod toml_text;
pub mod wire;
pub mod words;
