use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use quipu::{Dimension, Event, Number, TokenMeter};
use serde_json::Value as Json;

use super::super::source::Source;
use super::*;

fn one(body: &str, provider: Option<&str>) -> Event {
    decode_one(body, provider, &mut Ignored::default()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[test]
fn an_answer_is_read_with_and_without_an_envelope() {
    let answer = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1763000000,"model":"gpt-4o-2024-08-06",
        "choices":[{"index":0,"finish_reason":"length","message":{"content":"x"}}],"service_tier":"default",
        "usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}"#;
    let bare = one(answer, None);
    assert_eq!(bare.id.as_deref(), Some("openai:chatcmpl-1"));
    assert_eq!((bare.get(Dimension::StopReason), bare.get(Dimension::Operation)), (Some("length"), Some("chat")));
    assert_eq!(bare.at.map(|at| at.to_string()).as_deref(), Some("2025-11-13T02:13:20Z"));
    let quoted = serde_json::to_string(answer).expect("a text");
    let around = format!(
        r#"{{"id":"mine","at":"2026-01-31T08:00:00Z","tenant":"acme","provider":"azure","plan":"gold","duration_ms":5,
            "request":{{"model":"gpt-4o"}},"response":{quoted}}}"#
    );
    let event = one(&around, None);
    assert_eq!((event.id.as_deref(), event.get(Dimension::Tenant)), (Some("mine"), Some("acme")));
    assert_eq!(event.get(Dimension::Provider), Some("azure-openai"));
    assert_eq!((event.get(Dimension::RequestedModel), event.total_tokens()), (Some("gpt-4o"), 14));
    assert_eq!((event.number(Number::DurationMs), event.tags.len()), (Some(5), 1));
}

#[test]
fn batch_files_are_answers_in_envelopes() {
    let openai = r#"{"id":"batch_req_1","custom_id":"c1","response":{"status_code":200,"request_id":"r","body":{"id":"chatcmpl-2",
        "object":"chat.completion","model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}}},"error":null}"#;
    let event = one(openai, Some("openai"));
    assert_eq!((event.id.as_deref(), event.get(Dimension::ServiceTier)), (Some("openai:chatcmpl-2"), Some("batch")));
    assert_eq!(event.total_tokens(), 7);
    let anthropic = r#"{"custom_id":"c2","result":{"type":"succeeded","message":{"id":"msg_2","type":"message","model":"claude",
        "usage":{"input_tokens":3,"output_tokens":4}}}}"#;
    let event = one(anthropic, Some("anthropic"));
    assert_eq!((event.id.as_deref(), event.total_tokens()), (Some("anthropic:msg_2"), 7));
}

#[test]
fn a_call_without_usage_is_a_call_whose_usage_is_missing() {
    let event = one(r#"{"error":{"message":"overloaded","type":"overloaded_error"}}"#, Some("anthropic"));
    assert_eq!((event.get(Dimension::Status), event.number(Number::UsageMissing)), (Some("error"), Some(1)));
    let body = br#"[{"id":"a","usage":{"input_tokens":-1}},{"id":"b","usage":{"input_tokens":1}}]"#;
    let items = Source::ProviderOf("anthropic").decode(body).expect("a body").items;
    let error = items[0].as_ref().expect_err("a negative count");
    assert_eq!((error.index, error.field.as_deref()), (0, Some("usage.input_tokens")));
    assert!(items[1].is_ok());
}

fn shared(path: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let file = std::env::var_os("QUIPU_SHARED").map_or(beside, Into::into).join(path);
    let Ok(bytes) = std::fs::read(&file) else {
        eprintln!("SKIPPED: {} is not there (set QUIPU_SHARED)", file.display());
        return None;
    };
    if !path.ends_with(".gz") {
        return Some(bytes);
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).expect("gzip");
    Some(unpacked)
}

fn split(event: &Event) -> [u64; 5] {
    let written =
        TokenMeter::ALL.iter().filter(|meter| meter.is_cache_write()).map(|meter| event.quantity(*meter)).sum();
    [
        event.input_tokens(),
        event.quantity(TokenMeter::CacheRead) + event.quantity(TokenMeter::AudioCacheRead),
        written,
        event.total_tokens() - event.input_tokens(),
        event.quantity(TokenMeter::Reasoning),
    ]
}

/// 869 recorded answers of some twenty providers, as documents and streams; not part of the repository.
#[test]
fn recorded_answers_give_the_known_splits() {
    let (Some(truth), Some(rows)) =
        (shared("data/truth/usage_provider_responses.json"), shared("data/usage/provider_responses.jsonl.gz"))
    else {
        return;
    };
    let truth: Json = serde_json::from_slice(&truth).expect("JSON");
    let known: BTreeMap<String, [u64; 5]> =
        serde_json::from_value(truth["by_id_input_read_write_output_reasoning"].clone()).expect("splits");
    let (mut compared, mut wrong, mut flagged) = (0, Vec::new(), 0);
    for line in rows.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: Json = serde_json::from_slice(line).expect("JSON");
        let id = row["id"].as_str().expect("an id");
        let Some(expected) = known.get(id) else { continue };
        let mut item = serde_json::json!({ "response": row["body"], "provider": row["provider"] });
        if row["usage_headers"].is_object() {
            item["response_headers"] = row["usage_headers"].clone();
        }
        let event = one(&item.to_string(), None);
        compared += 1;
        flagged += u64::from(event.number(Number::UsageMismatch).is_some());
        if split(&event) != *expected {
            wrong.push(format!("{id} {} {}: {:?}, expected {expected:?}", row["provider"], row["kind"], split(&event)));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((compared, flagged), (869, 0));
}

/// 1,577 usage bodies with the reading of another project's extractors; not part of the repository.
#[test]
fn another_projects_bodies_sum_up_to_the_known_totals() {
    let (Some(truth), Some(bodies)) =
        (shared("data/truth/usage_genai_prices.json"), shared("data/usage/genai_prices_usages.json.gz"))
    else {
        return;
    };
    let truth: Json = serde_json::from_slice(&truth).expect("JSON");
    let bodies: Vec<Json> = serde_json::from_slice(&bodies).expect("JSON");
    let (mut sums, mut more) = ([0_u64; 5], [0_u64; 5]);
    for body in &bodies {
        let event = one(&serde_json::json!({ "response": body["body"] }).to_string(), None);
        for (sum, part) in sums.iter_mut().zip(split(&event)) {
            *sum += part;
        }
        // That reading leaves out what compaction and advisors used, and Mistral's own name for cache reads.
        let usage = &body["body"]["usage"];
        let count = |of: &Json, name: &str| of[name].as_u64().unwrap_or(0);
        for further in usage["iterations"].as_array().into_iter().flatten().filter(|it| it["type"] != "message") {
            let (read, written) =
                (count(further, "cache_read_input_tokens"), count(further, "cache_creation_input_tokens"));
            more[0] += count(further, "input_tokens") + read + written;
            more[1] += read;
            more[2] += written;
            more[3] += count(further, "output_tokens");
        }
        if usage["prompt_tokens_details"]["cached_tokens"].is_null() {
            more[1] += count(usage, "num_cached_tokens");
        }
    }
    let totals = &truth["totals_our_reading"];
    for (total, (name, more)) in sums.iter().zip(["input", "read", "write", "output", "reasoning"].iter().zip(more)) {
        assert_eq!(*total, totals[*name].as_u64().expect("a total") + more, "{name}");
    }
    assert_eq!(bodies.len(), 1_577);
}
