//! Any bytes as a price list of any form: no panic, and what is read survives Quipu's own form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_server::prices::{self, Format, ReadOptions};

fuzz_target!(|data: &[u8]| {
    let Some((format, text)) = data.split_first() else { return };
    let format = match format % 4 {
        0 => None,
        1 => Some(Format::Quipu),
        2 => Some(Format::Litellm),
        _ => Some(Format::Genai),
    };
    if let Ok((book, _)) = prices::read(text, &ReadOptions { format, ..ReadOptions::default() }) {
        let again = prices::to_json(&book).to_string();
        let options = ReadOptions { format: Some(Format::Quipu), ..ReadOptions::default() };
        assert_eq!(prices::read(again.as_bytes(), &options).expect("its own output").0, book);
    }
});
