//! Any bytes as an OTLP request, in both encodings and for both signals: no panic, and spans that came twice count once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::otlp::{self, Encoding, Memory, Signal};

fuzz_target!(|body: &[u8]| {
    for encoding in [Encoding::Proto, Encoding::Json] {
        for signal in [Signal::Traces, Signal::Logs] {
            let mut memory = Memory::default();
            let Ok(mut export) = otlp::read(body, encoding, signal) else { continue };
            export.decide(&mut memory);
            let again = otlp::read(body, encoding, signal).expect("it was readable").decide(&mut memory);
            assert!(again.events.iter().all(|event| event.get(quipu::Dimension::TraceId).is_none()));
        }
        let _ = otlp::count_metrics(body, encoding);
    }
});
