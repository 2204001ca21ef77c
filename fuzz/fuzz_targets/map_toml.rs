//! Any text as a map: a map or an error that names it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::import::Map;

fuzz_target!(|text: &str| {
    if let Err(error) = Map::parse("fuzzed", text) {
        assert!(error.to_string().starts_with("map fuzzed: "));
    }
});
