//! The outside of Quipu: wire formats, imports, the command line and the HTTP server.
//!
//! The only crate that knows JSON, HTTP and the clock; everything else is in [`quipu`].

pub mod demo_data;
pub mod import;
pub mod prices;
pub mod wire;
