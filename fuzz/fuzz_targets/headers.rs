//! Any text as headers, one `name: value` a line: no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::wire::Ignored;
use quipu_server::wire::headers::Headers;

fuzz_target!(|text: &str| {
    let headers = Headers::read(text.lines().filter_map(|line| line.split_once(':')));
    headers.apply(quipu::Event::default(), &mut Ignored::default());
});
