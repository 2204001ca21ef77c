//! Any bytes as native events: no panic, and what is accepted is read back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::native;

fuzz_target!(|body: &[u8]| {
    let Ok(decoded) = native::decode(body) else { return };
    for event in decoded.items.into_iter().flatten() {
        let again = native::decode(native::encode(&event).as_bytes()).expect("own JSON is readable");
        assert_eq!(again.items, [Ok(event)]);
    }
});
