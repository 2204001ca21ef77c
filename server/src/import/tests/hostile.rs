//! Random and damaged bytes through every decoder: never a panic, and what is accepted is consistent.
//!
//! The same checks as in `fuzz/`, from the same seeds, small enough for every test run.

use proptest::prelude::*;

use super::super::*;
use super::{Memory, run};
use crate::wire::{claude_code, native, outcome};

macro_rules! seeds {
    ($($file:literal),+ $(,)?) => { [$(include_bytes!(concat!("../../../../fuzz/seeds/", $file)).as_slice()),+] };
}

/// Pieces that matter to some grammar; random bytes alone would hardly ever hit one.
const PIECES: [&[u8]; 22] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\ud800",
    b":",
    b",",
    b"\n",
    b"\r\n",
    b"null",
    b"-",
    b"1e999",
    b"0.5",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"$serde_json::private::Number",
    b"{#row}",
    b" - ",
];

fn damaged(seeds: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, any::<u8>()), 0..8);
    let mutated = (prop::sample::select(seeds), edits).prop_map(|(seed, edits)| {
        let mut bytes = seed.to_vec();
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + usize::from(byte)).min(bytes.len());
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => drop(bytes.splice(at..at, PIECES[usize::from(byte) % PIECES.len()].iter().copied())),
            }
        }
        bytes
    });
    prop_oneof![9 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

const NATIVE: [&[u8]; 3] = seeds!["native_json/event.json", "native_json/lines.ndjson", "native_json/revenium.json"];
const OUTCOMES: [&[u8]; 2] = seeds!["outcome_json/outcome.json", "outcome_json/revenium.ndjson"];
const MAPS: [&[u8]; 4] =
    seeds!["map_toml/aider.toml", "map_toml/azure.toml", "map_toml/openhands.toml", "map_toml/servegen.toml"];
const CSV: [&[u8]; 2] = seeds!["csv_rows/native.csv", "csv_rows/bad.csv"];
const CLAUDE_CODE: [&[u8]; 1] = seeds!["claude_code/session.jsonl"];
const CODEX: [&[u8]; 1] = seeds!["codex/rollout.jsonl"];
const GEMINI_CLI: [&[u8]; 1] = seeds!["gemini_cli/session.jsonl"];

fn imported(name: &'static str, bytes: Vec<u8>, format: Format) -> Summary {
    let input = Input::Bytes { name: name.into(), bytes: bytes.into() };
    run(&mut Memory::default(), &[input], &Options { format: Some(format), ..Options::default() })
}

/// Every row that was read went somewhere.
fn accounted(summary: &Summary) -> bool {
    summary.read == summary.stored + summary.duplicates + summary.conflicts + summary.rejected + summary.skipped
}

#[test]
fn the_seeds_themselves_are_accepted() {
    for seed in NATIVE {
        assert!(native::decode(seed).expect("a body").items.iter().all(Result::is_ok));
    }
    for seed in OUTCOMES {
        assert!(outcome::decode(seed).expect("a body").items.iter().all(Result::is_ok));
    }
    let mut session = claude_code::Session::default();
    for line in std::str::from_utf8(CLAUDE_CODE[0]).expect("UTF-8").lines() {
        session.line(1, line).expect("a line");
    }
    assert_eq!(session.into_calls().len(), 1);
    assert!(imported("x.csv", CSV[0].to_vec(), Format::Csv).is_clean());
    let codex = imported("x.jsonl", CODEX[0].to_vec(), Format::Codex);
    assert_eq!((codex.read, codex.stored, codex.skipped), (3, 1, 2));
    let gemini = imported("x.jsonl", GEMINI_CLI[0].to_vec(), Format::GeminiCli);
    assert_eq!((gemini.read, gemini.stored, gemini.skipped), (5, 2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn accepted_events_are_read_back_as_they_were(body in damaged(&NATIVE)) {
        if let Ok(decoded) = native::decode(&body) {
            for event in decoded.items.into_iter().flatten() {
                let json = native::encode(&event);
                prop_assert_eq!(native::decode(json.as_bytes()).expect("own JSON").items, [Ok(event)]);
            }
        }
        prop_assert!(accounted(&imported("x.json", body, Format::Quipu)));
    }

    #[test]
    fn accepted_outcomes_are_read_back_as_they_were(body in damaged(&OUTCOMES)) {
        if let Ok(decoded) = outcome::decode(&body) {
            for outcome in decoded.items.into_iter().flatten() {
                let json = serde_json::to_string(&outcome::Native(&outcome)).expect("JSON");
                prop_assert_eq!(outcome::decode(json.as_bytes()).expect("own JSON").items, [Ok(outcome)]);
            }
        }
        imported("x.json", body, Format::Outcomes);
    }

    #[test]
    fn any_text_is_a_map_or_an_error_that_names_it(text in damaged(&MAPS)) {
        if let Err(error) = Map::parse("m", &String::from_utf8_lossy(&text)) {
            prop_assert!(error.to_string().starts_with("map m: "), "{}", error);
        }
    }

    #[test]
    fn every_csv_row_is_accounted_for(body in damaged(&CSV)) {
        prop_assert!(accounted(&imported("x.csv", body, Format::Csv)));
    }

    #[test]
    fn no_claude_code_line_panics(body in damaged(&CLAUDE_CODE)) {
        imported("x.jsonl", body, Format::ClaudeCode);
    }

    #[test]
    fn no_gemini_cli_line_panics(body in damaged(&GEMINI_CLI)) {
        imported("x.jsonl", body, Format::GeminiCli);
    }

    #[test]
    fn every_codex_line_is_accounted_for(body in damaged(&CODEX)) {
        prop_assert!(accounted(&imported("x.jsonl", body, Format::Codex)));
    }
}
