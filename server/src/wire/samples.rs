//! Bodies that real clients sent, each with the reading that is expected of it: those in `tests/fixtures/samples`,
//! and where they are at hand the larger ones that are not part of the repository. Every one is decoded twice:
//! the second time must bring nothing new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quipu::{Dimension, Event, Number, TokenMeter};
use serde_json::Value as Json;

use super::headers::Headers;
use super::otlp::{self, Encoding, Memory, Signal};
use super::source::Source;
use super::{Ignored, litellm};

/// A body with what it was sent as.
struct Sample {
    name: String,
    body: Vec<u8>,
    expected: Json,
    headers: Vec<(String, String)>,
}

/// The folders of samples: the repository's, and the larger one beside it.
fn folders() -> Vec<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("QUIPU_SHARED").map_or(here.join("../../shared"), Into::into).join("samples");
    let mut folders = vec![here.join("tests/fixtures/samples")];
    match shared.is_dir() {
        true => folders.push(shared),
        false => eprintln!("SKIPPED: the larger captured bodies are not in {} (set QUIPU_SHARED)", shared.display()),
    }
    folders
}

fn samples() -> Vec<Sample> {
    folders().iter().flat_map(|folder| samples_in(folder)).collect()
}

fn samples_in(folder: &Path) -> Vec<Sample> {
    let files = std::fs::read_dir(folder).expect("a folder of samples");
    let mut samples = Vec::new();
    for file in files.flatten().map(|file| file.path()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(body) = name.strip_suffix(".expected.json") else { continue };
        let read = |name: &str| std::fs::read(folder.join(name)).ok();
        let json = |bytes: Vec<u8>| serde_json::from_slice::<Json>(&bytes).expect("JSON");
        let meta = read(&format!("{body}.meta.json")).map(json).unwrap_or_default();
        let headers = meta["headers"].as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        samples.push(Sample {
            expected: json(read(&name).expect("a reading")),
            body: read(body).expect("a body"),
            name: body.to_owned(),
            headers,
        });
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

/// The events a body comes to, decoded twice over.
fn events(sample: &Sample) -> Option<Vec<Event>> {
    let name = sample.name.as_str();
    let encoding = match name {
        _ if name.ends_with(".otlp.pb") => Some(Encoding::Proto),
        _ if name.ends_with(".otlp.json") => Some(Encoding::Json),
        _ => None,
    };
    let mut ignored = Ignored::default();
    let mut events = match (encoding, sample.expected["post_to"].as_str()) {
        (Some(encoding), Some("/v1/metrics")) => {
            assert!(otlp::count_metrics(&sample.body, encoding).expect("a sound body") > 0, "{name}");
            Vec::new()
        }
        (Some(encoding), path) => {
            let signal = if path == Some("/v1/logs") { Signal::Logs } else { Signal::Traces };
            let mut memory = Memory::default();
            let mut export = otlp::read(&sample.body, encoding, signal).expect("a sound body");
            let events = export.decide(&mut memory).events;
            let rejected = sample.expected["http"]["partialSuccess"]["rejectedSpans"].as_u64().unwrap_or(0);
            assert_eq!(export.refused.len() as u64, rejected, "{name}");
            let mut again = otlp::read(&sample.body, encoding, signal).expect("a sound body");
            let again = again.decide(&mut memory);
            assert!(again.corrections.is_empty(), "{name}: {:?}", again.corrections);
            assert!(again.events.iter().all(|event| events.contains(event)), "{name}");
            events
        }
        (None, _) => {
            let source = match name.split(['-', '.']).next() {
                Some("litellm") if name.contains("openmeter") => Source::CloudEvents,
                Some("litellm") => Source::LiteLlm,
                Some("helicone") => Source::Helicone,
                Some("openmeter") => Source::CloudEvents,
                Some("langfuse") => Source::Langfuse,
                Some("provider") => Source::Provider,
                Some("revenium") if name.starts_with("revenium-ai") => Source::Native,
                Some("revenium") if name.contains("tool-events") => Source::ReveniumTool,
                Some("constructed") if name.contains("helicone") => Source::Helicone,
                Some("constructed") if name.contains("portkey") => Source::Portkey,
                Some("constructed") if name.contains("tensorzero") => Source::TensorZero,
                _ => return None,
            };
            let mut body = sample.body.clone();
            if source == Source::Provider {
                let wrapped: Json = serde_json::from_slice(&body).expect("JSON");
                body = serde_json::json!({ "response": wrapped["wire_response"] }).to_string().into_bytes();
            } else {
                assert_eq!(Source::detect(&body), source, "{name}");
            }
            let items = source.decode(&body).expect("a sound body").items;
            items.into_iter().map(|item| item.unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
        }
    };
    let headers = Headers::read(sample.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    events = events.into_iter().map(|event| headers.apply(event, &mut ignored)).collect();
    Some(events)
}

/// Everything about `event` that the reading states and that is otherwise.
fn differences(expected: &Json, event: &Event) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |field: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!("{field} is {found}, expected {expected}"));
        }
    };
    for (field, value) in expected.as_object().expect("an event") {
        let number = |number: Number| event.number(number).map_or("null".into(), |number| number.to_string());
        let millis =
            |field: &str| expected[field].as_u64().map_or("null".into(), |nanos| (nanos / 1_000_000).to_string());
        match field.as_str() {
            "event_id" => {
                // Here the identity is the source's own, without the source's name before it.
                let expected = value.as_str().unwrap_or_default();
                let expected = expected.strip_prefix("revenium:").unwrap_or(expected);
                differ(field, event.id.as_deref().unwrap_or_default().into(), expected.into());
            }
            "ts_ns" => {
                let micros = event.at.map_or(0, quipu::Timestamp::micros);
                differ(field, micros.to_string(), (value.as_u64().unwrap_or(0) / 1_000).to_string());
            }
            "duration_ns" => {
                let tolerance = expected["duration_tolerance_ns"].as_u64().unwrap_or(0);
                let stated = event.number(Number::DurationMs);
                if !(tolerance > 0
                    && stated
                        .zip(value.as_u64())
                        .is_some_and(|(a, b)| (a * 1_000_000).abs_diff(b) < 1_000_000 + tolerance))
                {
                    differ(field, number(Number::DurationMs), millis(field));
                }
            }
            "time_to_first_token_ns" => {
                // A fraction of a millisecond is rounded in one source and cut in another.
                let found = event.number(Number::TtftMs).zip(value.as_u64());
                if found.is_none_or(|(millis, nanos)| (millis * 1_000_000).abs_diff(nanos) > 1_000_000) {
                    differ(field, number(Number::TtftMs), millis(field));
                }
            }
            "status_code" => differ(field, number(Number::StatusCode), value.to_string()),
            "retry_depth" => differ(field, number(Number::RetryDepth), value.to_string()),
            "streaming" | "usage_missing" | "gateway_cache_hit" => {
                let found = event.number(Number::from_name(field).expect("a number")).map(|flag| flag == 1);
                differ(field, format!("{found:?}"), format!("{:?}", value.as_bool()));
            }
            "reported_cost_usd" | "tool_cost_usd" => {
                let stated = value.as_number().and_then(|cost| quipu::PicoUsd::parse_rounded(cost.as_str(), 12).ok());
                differ(field, format!("{:?}", event.reported_cost()), format!("{stated:?}"));
            }
            "kind" => {
                let is_tool = event.get(Dimension::Operation) == Some("tool");
                differ(field, (if is_tool { "tool" } else { "llm" }).into(), value.as_str().unwrap_or_default().into());
            }
            "tokens" => tokens(value, event, &mut differ),
            "tokens_total_input" => differ(field, event.input_tokens().to_string(), value.to_string()),
            "tags_include" => {
                for (key, value) in value.as_object().expect("tags") {
                    let key = key.as_str();
                    let searches = event.usage.iter().find(|(meter, _)| key == format!("server_tool.{meter}_requests"));
                    let tag = event.tags.get(&quipu::Text::from(key)).map(|tag| tag.to_string());
                    let found = tag.or(searches.map(|(_, count)| count.to_string()));
                    differ(key, found.unwrap_or_default(), value.as_str().unwrap_or_default().into());
                }
            }
            // Where a source counts retries but the reading is of the first try.
            "why" | "duration_tolerance_ns" | "time_to_first_token_tolerance_ns" | "observed_ts_ns" => {}
            _ => {
                let dimension = Dimension::parse(field).unwrap_or_else(|| panic!("{field} is no field"));
                differ(field, event.get(dimension).unwrap_or("null").into(), value.as_str().unwrap_or("null").into());
            }
        }
    }
    wrong
}

fn tokens(expected: &Json, event: &Event, differ: &mut dyn FnMut(&str, String, String)) {
    use TokenMeter::{AudioInput, CacheRead, ImageInput, Input, Reasoning};
    for (name, value) in expected.as_object().expect("tokens") {
        let found = match name.as_str() {
            "input_uncached" => event.quantity(Input) + event.quantity(AudioInput) + event.quantity(ImageInput),
            "output" => event.total_tokens() - event.input_tokens(),
            "reasoning" => event.quantity(Reasoning),
            "cache_read" => event.quantity(CacheRead),
            "input_image" => event.quantity(ImageInput),
            other => event.quantity(TokenMeter::from_name(other).expect("a meter")),
        };
        differ(&format!("tokens.{name}"), found.to_string(), value.to_string());
    }
}

/// Which readings differ knowingly, and why.
fn knowingly(name: &str, difference: &str) -> bool {
    // That a call went well is not said by Revenium's body, only that one failed.
    name.starts_with("revenium") && difference.starts_with("status is null")
}

#[test]
fn every_captured_body_is_read_as_expected() {
    let samples = samples();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for sample in &samples {
        let Some(events) = events(sample) else { continue };
        let name = &sample.name;
        let expected = match name.as_str() {
            "otel-genai-new-logs.otlp.pb" => &sample.expected["if_posted_alone"],
            _ => &sample.expected["events"],
        };
        let expected = expected.as_array().expect("events");
        let mut by_id: BTreeMap<&str, &Event> =
            events.iter().map(|event| (event.id.as_deref().unwrap_or_default(), event)).collect();
        for (at, reading) in expected.iter().enumerate() {
            let id = reading["event_id"].as_str().map(|id| id.strip_prefix("revenium:").unwrap_or(id));
            let event = match id {
                Some(id) => by_id.remove(id),
                None => events.get(at),
            };
            let Some(event) = event else {
                wrong.push(format!("{name}: there is no event {id:?}"));
                continue;
            };
            let mut event = event.clone();
            event.normalise(quipu::Timestamp::from_seconds(1_900_000_000)).expect("an event that the engine takes");
            compared += 1;
            let differences =
                differences(reading, &event).into_iter().filter(|difference| !knowingly(name, difference));
            wrong.extend(differences.map(|difference| format!("{name} {id:?}: {difference}")));
        }
        let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.id.clone()).collect();
        let tools = events.iter().filter(|event| event.get(Dimension::Operation) == Some("tool")).count();
        let expected_calls = expected.iter().filter(|event| event["kind"] != "tool").count();
        if ids.len() - tools.min(ids.len()) != expected_calls {
            wrong.push(format!("{name}: {} calls, expected {expected_calls}", ids.len() - tools));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 60, "{compared}");
}

#[test]
fn headers_are_read_as_expected() {
    let samples = samples();
    let sample = samples.iter().find(|sample| sample.name == "constructed-headers.json").expect("the headers");
    for case in serde_json::from_slice::<Vec<Json>>(&sample.body).expect("cases") {
        let pairs: Vec<(String, String)> = serde_json::from_value::<BTreeMap<String, String>>(case["headers"].clone())
            .expect("headers")
            .into_iter()
            .collect();
        let headers = Headers::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let event = headers.apply(Event::default(), &mut Ignored::default());
        let mut expected = case["expect"].clone();
        for value in expected.as_object_mut().expect("fields").values_mut() {
            // What nobody said is told when it is shown, not when it is stored.
            if value == "unattributed" {
                *value = Json::Null;
            }
        }
        assert_eq!(differences(&expected, &event), Vec::<String>::new(), "{case}");
    }
}

#[test]
fn rows_and_logs_of_one_gateway_have_the_same_identity() {
    let logged = r#"{"litellm_call_id":"c1","id":"chatcmpl-1","call_type":"acompletion","response_cost":0.1}"#;
    let row =
        r#"{"request_id":"chatcmpl-1","litellm_call_id":"c1","call_type":"acompletion","spend":0.1,"metadata":"{}"}"#;
    let id = |text| litellm::decode_one(text, &mut Ignored::default()).expect("a call").id;
    assert_eq!(id(logged), id(row));
    assert_eq!(id(row).as_deref(), Some("litellm:c1"));
}
