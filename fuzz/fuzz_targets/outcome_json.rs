//! Any bytes as outcomes: no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::{Ignored, outcome};

fuzz_target!(|body: &[u8]| {
    let _ = outcome::decode(body);
    let _ = outcome::decode_for("job", body, &mut Ignored::default());
});
