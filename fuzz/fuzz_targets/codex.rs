//! Any bytes as lines of a log of the Codex CLI: no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::Ignored;
use quipu_server::wire::codex::Session;

fuzz_target!(|bytes: &[u8]| {
    let (mut session, mut ignored) = (Session::default(), Ignored::default());
    for line in String::from_utf8_lossy(bytes).lines() {
        if let Ok(Some(event)) = session.line(line, &mut ignored) {
            assert!(event.id.is_some());
        }
    }
});
