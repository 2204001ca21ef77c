//! The data of genai-prices against the prices that genai-prices itself works out.

use std::io::Read;
use std::path::PathBuf;

use proptest::prelude::*;
use quipu::price::{PriceClass, Pricer};
use quipu::price_book::{ModelPattern, Rate};
use quipu::{Meter, PicoUsd, PriceBook, Timestamp, TokenMeter};
use serde_json::Value as Json;

use super::super::{Format, ReadOptions, Report, read};

fn genai(text: &str) -> (PriceBook, Report) {
    let options = ReadOptions { format: Some(Format::Genai), source: "data".into(), from: None };
    read(text.as_bytes(), &options).expect("readable data")
}

const DATA: &str = r#"[
    {"id": "azure", "fallback_model_providers": ["openai"], "models": [
        {"id": "own", "match": {"starts_with": "gpt-9"}, "prices": {"input_mtok": 7}}
    ]},
    {"id": "openai", "models": [
        {"id": "gpt-9", "match": {"or": [{"equals": "gpt-9"}, {"contains": "gpt9"}, {"regex": "^g9"}]},
         "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 200000, "price": 4}]}, "output_mtok": 0.3, "thoughts_mtok": 1}},
        {"id": "gpt-8", "match": {"equals": "gpt-8"}, "prices": [
            {"constraint": null, "prices": {"input_mtok": 10}},
            {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2, "requests_kcount": 12}},
            {"constraint": {"moon": "full"}, "prices": {"input_mtok": 1}}
        ]},
        {"id": "night", "match": {"equals": "night"}, "prices": [
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 3}}
        ]},
        {"id": "free", "match": {"equals": "free"}, "prices": {}}
    ]}
]"#;

fn input(book: &PriceBook, provider: &str, model: &str, tokens: u64, at: &str) -> Option<u64> {
    let pricer = Pricer::new(book);
    let class =
        PriceClass { provider: Some(provider), model: Some(model), size: pricer.size(tokens), ..PriceClass::default() };
    let schedule = pricer.schedule(&class);
    let at = Timestamp::parse_rfc3339(at).expect("a time");
    schedule.periods[schedule.period_at(at)].rate(&Meter::Token(TokenMeter::Input))
}

#[test]
fn prices_are_read_with_their_sizes_dates_and_hours() {
    let (book, report) = genai(DATA);
    let day = "2025-01-01T12:00:00Z";
    assert_eq!(input(&book, "openai", "gpt-9", 200_000, day), Some(2_000_000));
    assert_eq!(input(&book, "openai", "my-gpt9-turbo", 200_001, day), Some(4_000_000));
    assert_eq!(input(&book, "azure", "gpt-9", 1, day), Some(7_000_000));
    assert_eq!(input(&book, "azure", "gpt-8", 1, day), Some(10_000_000));
    assert_eq!(input(&book, "openai", "gpt-8", 1, "2025-06-10T00:00:00Z"), Some(2_000_000));
    assert_eq!(input(&book, "openai", "night", 1, "2025-06-10T00:29:59Z"), Some(1_000_000));
    assert_eq!(input(&book, "openai", "night", 1, "2025-06-10T00:30:00Z"), Some(3_000_000));
    assert_eq!(input(&book, "openai", "free", 1, day), None);
    let notes: Vec<_> = report.notes.iter().map(|note| (note.what.as_str(), note.first.as_str())).collect();
    let expected = [("match.regex", "gpt-9"), ("thoughts_mtok", "gpt-9"), ("constraint", "gpt-8"), ("model", "free")];
    assert_eq!(notes, expected);
    let request = book.rules().iter().find(|rule| rule.of == quipu::price_book::PriceOf::Request).expect("a fee");
    assert_eq!((&request.model, request.rate), (&ModelPattern::Exact("gpt-8".into()), Rate::Pico(12_000_000_000)));
}

proptest! {
    #[test]
    fn no_data_breaks_the_reader(at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let mut text: Vec<char> = DATA.chars().collect();
        let at = at.index(text.len());
        text[at] = byte;
        let options = ReadOptions { format: Some(Format::Genai), ..ReadOptions::default() };
        let _ = read(text.into_iter().collect::<String>().as_bytes(), &options);
    }
}

fn shared(path: &str) -> Option<String> {
    let shared = std::env::var_os("QUIPU_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let Ok(packed) = std::fs::read(shared.join(path)) else {
        eprintln!("SKIPPED: {path} is not there");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("sound gzip");
    Some(text)
}

/// The quantities of a usage as genai-prices states it, on disjoint meters.
fn quantities(usage: &Json) -> Vec<(Meter, u64)> {
    use TokenMeter as M;
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let audio_read = count("cache_audio_read_tokens");
    let (read, write) = (count("cache_read_tokens"), count("cache_write_tokens"));
    let audio = count("input_audio_tokens") - audio_read;
    let output_audio = count("output_audio_tokens");
    vec![
        (M::Input.into(), count("input_tokens") - read - write - audio),
        (M::CacheRead.into(), read - audio_read),
        (M::CacheWrite5m.into(), write),
        (M::AudioInput.into(), audio),
        (M::AudioCacheRead.into(), audio_read),
        (M::Output.into(), count("output_tokens") - output_audio),
        (M::AudioOutput.into(), output_audio),
    ]
}

/// Bodies priced with a later version of the data than the one at hand, which lacks the model, or
/// its price of answers in images.
const NOT_IN_THE_DATA: [(&str, &str); 9] = [
    ("aws", "openai.gpt-5.6-luna"),
    ("cerebras", "qwen-3-coder-480b"),
    ("google", "gemini-2.5-flash-image"),
    ("google", "gemini-3-pro-image-preview"),
    ("huggingface_hyperbolic", "Qwen/Qwen2.5-VL-72B-Instruct"),
    ("huggingface_nebius", "Qwen/Qwen2.5-VL-72B-Instruct"),
    ("huggingface_ovhcloud", "Qwen/Qwen2.5-VL-72B-Instruct"),
    ("openrouter", "google/gemini-2.0-flash-exp:free"),
    ("zai", "glm-5.2"),
];

#[test]
fn every_recorded_body_costs_what_genai_prices_says() {
    let (Some(data), Some(bodies)) =
        (shared("data/prices/genai_prices.json.gz"), shared("data/usage/genai_prices_usages.json.gz"))
    else {
        return;
    };
    let (book, report) = genai(&data);
    eprintln!("{report}");
    let pricer = Pricer::new(&book);
    let bodies: Vec<Json> = serde_json::from_str(&bodies).expect("JSON");
    let at = Timestamp::parse_rfc3339("2026-08-21T12:00:00Z").expect("a time");
    let (mut priced, mut wrong) = (0, Vec::new());
    for body in &bodies {
        for extracted in body["extracted"].as_array().expect("an array") {
            let quantities = quantities(&extracted["usage"]);
            let tokens = extracted["usage"]["input_tokens"].as_u64().unwrap_or(0);
            for expected in extracted["extractors"].as_array().expect("an array") {
                let class = PriceClass {
                    provider: expected["provider_id"].as_str(),
                    model: body["model"].as_str(),
                    size: pricer.size(tokens),
                    ..PriceClass::default()
                };
                let schedule = pricer.schedule(&class);
                let rates = &schedule.periods[schedule.period_at(at)];
                let of = |wanted: bool| -> i128 {
                    let is_input = |meter: &Meter| !matches!(meter, Meter::Token(token) if !token.is_input());
                    let some = quantities.iter().filter(|(meter, _)| is_input(meter) == wanted);
                    some.map(|(meter, quantity)| i128::from(*quantity) * i128::from(rates.rate(meter).unwrap_or(0)))
                        .sum()
                };
                let stated = |name: &str| expected[name].as_str().map(|text| PicoUsd::parse(text).expect("USD").pico());
                let ours = rates.meters().next().is_some().then(|| (of(true), of(false)));
                let theirs = stated("input_price").map(|input| (input, stated("output_price").unwrap_or(0)));
                priced += usize::from(theirs.is_some());
                let names = (class.provider.unwrap_or_default(), class.model.unwrap_or_default());
                match (ours, theirs) {
                    (ours, theirs) if ours == theirs => {}
                    // We price `provider/model` as that provider's model, and a dated name as the one
                    // without a date; there, only the name as sent counts.
                    (Some(_), None) if names.1.contains('/') || names.1 == "gpt-4.5-preview-2025-02-27" => {}
                    _ if NOT_IN_THE_DATA.contains(&names) => {}
                    _ => wrong.push(format!("{names:?}: {ours:?}, not {theirs:?} of {}", extracted["usage"])),
                }
            }
        }
    }
    eprintln!("{priced} prices of {} bodies", bodies.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
