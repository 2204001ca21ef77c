//! Damaged bodies: whatever arrives, nothing panics, good items go on, and what a decoder accepts the engine takes.

use proptest::prelude::*;
use quipu::Timestamp;

use super::otlp::{self, Encoding, Memory, Signal};
use super::source::Source;

const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);

/// Real bodies to damage.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/samples");
    let files = std::fs::read_dir(folder).expect("the samples").flatten().map(|file| file.path());
    let named = files.map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
    let bodies = named.filter(|(name, _)| !name.contains(".expected.") && !name.contains(".meta."));
    let mut seeds: Vec<_> = bodies.map(|(name, path)| (name, std::fs::read(path).expect("a sample"))).collect();
    seeds.sort();
    seeds
}

/// One way to damage a body.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    Byte(usize, u8),
    /// A number of the JSON is replaced.
    Number(usize, &'static str),
    /// A stretch is put in a second time, so that keys and items repeat.
    Again(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    const NUMBERS: [&str; 11] = [
        "-1",
        "-5.5",
        "1e400",
        "NaN",
        "18446744073709551616",
        "99999999999999999999999",
        "\"12\"",
        "\"x\"",
        "null",
        "{}",
        "[[[[1]]]]",
    ];
    prop_oneof![
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (any::<usize>(), prop::sample::select(&NUMBERS[..])).prop_map(|(at, text)| Damage::Number(at, text)),
        (any::<usize>(), 1..200_usize).prop_map(|(at, len)| Damage::Again(at, len)),
    ]
}

fn damaged(mut body: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let place = |at: &usize| at % body.len().max(1);
        match damage {
            Damage::Cut(at) => body.truncate(place(at)),
            Damage::Byte(at, byte) => {
                let at = place(at);
                if let Some(slot) = body.get_mut(at) {
                    *slot = *byte;
                }
            }
            Damage::Number(at, text) => {
                let from = place(at);
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                let Some(start) = body[from.min(body.len())..].iter().position(is_digit).map(|at| from + at) else {
                    continue;
                };
                let end = body[start..].iter().position(|byte| !is_digit(byte)).map_or(body.len(), |len| start + len);
                body.splice(start..end, text.bytes());
            }
            Damage::Again(at, len) => {
                let from = place(at);
                let again = body[from.min(body.len())..(from + len).min(body.len())].to_vec();
                body.splice(from.min(body.len())..from.min(body.len()), again);
            }
        }
    }
    body
}

/// Every event that a body comes to, by whatever it may be taken for.
fn decode_all(body: &[u8]) {
    for source in Source::ALL.into_iter().chain([Source::detect(body)]) {
        let Ok(decoded) = source.decode(body) else { continue };
        for item in decoded.items {
            match item {
                // Native events may break a limit, which the engine then says; the others are made to fit.
                Ok(mut event) => {
                    let checked = event.normalise(NOW);
                    let in_time = |error: &quipu::Error| error.to_string().starts_with("at is");
                    let native = matches!(source, Source::Native | Source::Provider | Source::ProviderOf(_));
                    assert!(native || checked.as_ref().map_or_else(in_time, |()| true), "{source}: {checked:?}");
                }
                Err(error) => assert!(!error.message.is_empty()),
            }
        }
    }
    for encoding in [Encoding::Proto, Encoding::Json] {
        for signal in [Signal::Traces, Signal::Logs] {
            let Ok(mut export) = otlp::read(body, encoding, signal) else { continue };
            let decided = export.decide(&mut Memory::default());
            for mut event in decided.events {
                let checked = event.normalise(NOW);
                let in_time = |error: &quipu::Error| error.to_string().starts_with("at is");
                assert!(checked.as_ref().map_or_else(in_time, |()| true), "{checked:?}");
            }
            assert!(export.refused.iter().all(|error| !error.message.is_empty()));
        }
        let _ = otlp::count_metrics(body, encoding);
    }
}

#[test]
fn whole_samples_may_be_taken_for_anything() {
    for (_, body) in seeds() {
        decode_all(&body);
    }
    for odd in ["", "[]", "{}", "null", "[null]", "[[[[]]]]", "{\"a\":", "\u{feff}[]", "[1,2]", "\"text\"", "nope"] {
        decode_all(odd.as_bytes());
    }
    let deep = format!("{{\"resourceSpans\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    decode_all(deep.as_bytes());
}

#[test]
fn one_bad_item_harms_no_other_and_is_named() {
    let good = |id: &str| {
        format!(r#"{{"litellm_call_id":"{id}","call_type":"acompletion","response_cost":0.1,"prompt_tokens":1}}"#)
    };
    let bad = r#"{"litellm_call_id":"b","call_type":"acompletion","response_cost":0.1,"prompt_tokens":-1}"#;
    let items =
        Source::LiteLlm.decode(format!("[{},{bad},{}]", good("a"), good("c")).as_bytes()).expect("an array").items;
    let error = items[1].as_ref().expect_err("a negative count");
    assert_eq!((error.index, error.field.as_deref()), (1, Some("prompt_tokens")));
    assert!(items[0].is_ok() && items[2].is_ok());
}

#[test]
fn a_broken_record_of_a_sound_request_is_refused_by_itself() {
    let span = |id: &str| {
        format!(
            r#"{{"traceId":"{}","spanId":"{id}","attributes":[{{"key":"gen_ai.usage.input_tokens","value":{{"intValue":1}}}}]}}"#,
            "a".repeat(32)
        )
    };
    let spans = [span("000000000000000a"), span("xyz"), span("0000000000000000"), "7".into(), span("000000000000000b")];
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
    let mut export = otlp::read(body.as_bytes(), Encoding::Json, Signal::Traces).expect("a request");
    let fields: Vec<_> =
        export.refused.iter().map(|error| (error.index, error.field.clone().unwrap_or_default())).collect();
    assert_eq!(fields[0], (1, "resourceSpans[0].scopeSpans[0].spans[1].spanId".into()));
    assert_eq!((fields[1].0, fields[2].0, fields.len()), (2, 3, 3));
    assert_eq!(export.decide(&mut Memory::default()).events.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn nothing_panics_on_damaged_samples(which in any::<prop::sample::Index>(), damages in prop::collection::vec(damage(), 1..4)) {
        let seeds = seeds();
        let (_, body) = &seeds[which.index(seeds.len())];
        decode_all(&damaged(body.clone(), &damages));
    }
}
