//! Any bytes as assignments of usage, JSON or CSV: no panic; what is read comes back from its JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::attribution::{assignments, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = assignments(bytes) {
        assert_eq!(assignments(encode(&read).as_bytes()).expect("what was read"), read);
    }
});
