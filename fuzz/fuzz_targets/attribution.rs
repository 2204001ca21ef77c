//! Any bytes as assignments of usage, JSON or CSV: no panic; what is read comes back from its objects.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::attribution::{assignments, of_objects, to_objects};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = assignments(bytes) {
        assert_eq!(of_objects(&to_objects(&read)).expect("what was read"), read);
    }
});
