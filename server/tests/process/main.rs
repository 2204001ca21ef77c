//! The binary as users meet it: real processes, real sockets, real signals.

mod access;
mod api;
mod attribute;
mod clients;
mod commands;
mod conformance;
mod corrections;
mod demo;
mod disk;
mod erase;
mod http;
mod kill;
mod limits;
mod mistakes;
mod reports;
mod sources;
mod support;
mod tls;
