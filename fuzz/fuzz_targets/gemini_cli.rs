//! Any bytes as lines of a log of the Gemini CLI: no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::gemini_cli::Session;
use quipu_server::wire::{Ignored, Place};

fuzz_target!(|bytes: &[u8]| {
    let (mut session, mut ignored) = (Session::default(), Ignored::default());
    for (number, line) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
        let _ = session.document(Place::Line(number), line, &mut ignored);
    }
    assert!(session.into_calls().iter().all(|(_, event)| event.id.is_some()));
});
