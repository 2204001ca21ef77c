//! Any bytes as lines of a Claude Code log: no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::claude_code::Session;

fuzz_target!(|bytes: &[u8]| {
    let mut session = Session::default();
    for (number, line) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
        let _ = session.line(number, line);
    }
    assert!(session.into_calls().iter().all(|(_, event)| event.id.is_some()));
});
