//! Any bytes as tool events of Revenium's: no panic, and an error says something.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::source::Source;

fuzz_target!(|body: &[u8]| {
    let Ok(decoded) = Source::ReveniumTool.decode(body) else { return };
    assert!(decoded.items.iter().all(|item| item.as_ref().map_or_else(|error| !error.message.is_empty(), |_| true)));
});
