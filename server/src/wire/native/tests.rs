use proptest::prelude::*;
use quipu::{Dimension, Event, Meter, Number, Text, Timestamp, TokenMeter};

use super::*;
use crate::wire::Place;

fn one(body: &str) -> Event {
    let mut decoded = decode(body.as_bytes()).expect("a readable body");
    assert_eq!(decoded.items.len(), 1, "{body}");
    decoded.items.remove(0).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn refused(body: &str) -> String {
    let mut decoded = decode(body.as_bytes()).expect("a readable body");
    assert_eq!(decoded.items.len(), 1, "{body}");
    decoded.items.remove(0).expect_err(body).message
}

#[test]
fn aliases_and_camel_case_name_the_same_fields() {
    let event = one(r#"{"id":"a","org":"acme","jobId":"j","request_model":"m","durationMs":7,"isStreamed":true}"#);
    assert_eq!(event.get(Dimension::Tenant), Some("acme"));
    assert_eq!(event.get(Dimension::JobId), Some("j"));
    assert_eq!(event.get(Dimension::RequestedModel), Some("m"));
    assert_eq!(event.number(Number::DurationMs), Some(7));
    assert_eq!(event.number(Number::Streaming), Some(1));
}

#[test]
fn a_field_under_another_ecosystems_name_is_not_taken_for_a_tag() {
    let refusal = refused(r#"{"id":"a","timestamp":"2026-01-05T09:00:00Z"}"#);
    assert!(refusal.contains("did you mean at?"), "{refusal}");
    assert!(refused(r#"{"id":"a","input_tokens":5}"#).contains("did you mean usage.input?"));
    assert!(refused(r#"{"id":"a","cost":"1.5"}"#).contains("did you mean reported_cost?"));
    // Beside the field itself it is one more thing to know.
    let event = one(r#"{"id":"a","cost":"1.5","reported_cost":"1.4","usage":{"input":5},"input_tokens":5}"#);
    assert_eq!(event.tags.len(), 2);
}

#[test]
fn null_is_absent_and_zero_is_zero() {
    let event = one(r#"{"id":"a","tenant":null,"usage":{"input":0,"output":null},"at":null}"#);
    assert_eq!((event.get(Dimension::Tenant), event.at), (None, None));
    assert_eq!(event.usage.get(&Meter::Token(TokenMeter::Input)), Some(&0));
    assert_eq!(event.usage.len(), 1);
}

#[test]
fn money_is_read_as_decimal_text() {
    for (json, cost) in [("0.1", "0.1"), ("\"1.5e-7\"", "0.00000015"), ("34.732634666666634", "34.732634666667")] {
        let event = one(&format!(r#"{{"id":"a","reported_cost":{json}}}"#));
        assert_eq!(event.reported_cost().map(|cost| cost.to_string()).as_deref(), Some(cost));
    }
}

#[test]
fn every_refusal_names_the_field_and_what_is_allowed() {
    for (field, found) in [
        (r#""usage":{"input":-3}"#, "usage.input is \"-3\", which is negative"),
        (r#""usage":{"input":1.5}"#, "usage.input is \"1.5\", which is not a whole number"),
        (r#""usage":{"input":"12"}"#, "usage.input is the text \"12\"; expected a number without quotes"),
        (r#""usage":{"input":1e99}"#, "usage.input is \"1e99\", which is too large"),
        (r#""usage":{"input":1,"input":2}"#, "usage.input is given twice"),
        (r#""usage":{"prompt_tokens":1}"#, "usage.prompt_tokens is not a meter, because meters never overlap"),
        (r#""usage":[1]"#, "usage is an array; expected an object"),
        (r#""usage":{"a b":1}"#, "a character at byte 1 that is not allowed"),
        (r#""reported_cost":-1"#, "reported_cost is -1 USD; allowed are 0 to 1000000"),
        (r#""reported_cost":"2e6""#, "reported_cost is 2000000 USD"),
        (r#""reported_cost":"free""#, "reported_cost is \"free\", which is not a decimal number"),
        (r#""tenant":{"id":1}"#, "tenant is an object; expected a text"),
        (r#""tenant":7"#, "tenant is a number; expected a text"),
        (r#""tenant":"a","tenant":"a""#, "tenant is given twice"),
        (r#""streaming":"yes""#, "streaming is \"yes\"; expected true or false"),
        (r#""at":"yesterday""#, "at is \"yesterday\"; expected a time such as"),
        (r#""at":1.5"#, "at is 1.5; expected RFC 3339 text or whole microseconds"),
        (r#""model":"\ud800""#, "model is not a text"),
        (r#""retry_depth":[]"#, "retry_depth is an array; expected a number"),
    ] {
        let message = refused(&format!(r#"{{"id":"a",{field}}}"#));
        assert!(message.contains(found), "{field}: {message}");
    }
    assert_eq!(refused("7"), "is a number; expected an object `{…}`");
    let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(refused(&nested(32)), "nests arrays and objects in more than 32 levels");
    assert!(decode(nested(31).as_bytes()).expect("a body").items[0].is_ok());
    let wide = format!("{{\"x\":[{}{{}}]}}", "{},".repeat(100));
    assert!(decode(wide.as_bytes()).expect("a body").items[0].is_ok(), "wide is not deep");
}

#[test]
fn one_bad_line_harms_no_other_and_is_named() {
    let body = b"{\"id\":\"a\"}\n\n{\"id\":}\n{\"id\":\"b\",\"at\":\"x\"}\n{\"id\":\"\xff\"}\n{\"id\":\"c\"}\n[]\n";
    let items = decode(body).expect("lines").items;
    let ids: Vec<_> = items.iter().flatten().map(|event| event.id.clone().unwrap_or_default()).collect();
    assert_eq!(ids, ["a", "c"]);
    let errors: Vec<_> = items.iter().filter_map(|item| item.as_ref().err()).collect();
    assert_eq!(
        errors.iter().map(|error| (error.index, error.place)).collect::<Vec<_>>(),
        [(1, 3), (2, 4), (3, 5), (5, 7)].map(|(index, line)| (index, Place::Line(line)))
    );
    assert_eq!(errors[0].message, "broken JSON at column 7: expected value");
    assert_eq!(errors[1].field.as_deref(), Some("at"));
    assert!(errors[2].message.contains("is not UTF-8 from byte 8 of the line on"), "{}", errors[2]);
}

#[test]
fn a_broken_first_line_does_not_turn_lines_into_one_document() {
    let items = decode(b"{\"id\":\n{\"id\":\"b\"}").expect("lines").items;
    assert!(items[0].is_err() && items[1].is_ok());
}

#[test]
fn arrays_and_pretty_printed_objects_are_documents() {
    let items = decode(b"[\n {\"id\":\"a\"},\n\n {\"id\":1},\n {\"id\":\"c\"}]").expect("an array").items;
    assert_eq!(items.len(), 3);
    assert_eq!(items[1].as_ref().map_err(|error| (error.index, error.place)), Err((1, Place::Item(2))));
    assert_eq!(one("{\n \"id\": \"a\",\n \"usage\": {\n  \"input\": 1\n }\n}").total_tokens(), 1);
    assert!(decode(b"[]").expect("an empty array").items.is_empty());
}

#[test]
fn a_broken_document_names_line_and_column() {
    for (body, found) in [
        ("[{\"id\":\"a\"},\n{\"id\":]", "broken JSON at line 2 column 7"),
        ("{\n \"id\": nope\n}", "broken JSON at line 2 column"),
        ("  \n ", "the body is empty"),
        ("{\"id\":\"a\"} x", "broken JSON at line 1 column 12: trailing characters"),
        ("{\"at\":NaN}", "broken JSON at line 1 column 7"),
    ] {
        let message = decode(body.as_bytes()).expect_err(body).to_string();
        assert!(message.contains(found), "{body}: {message}");
    }
}

#[test]
fn nothing_unknown_is_dropped_in_silence() {
    let body = r#"{"id":"a","plan":"gold","seats":5,"trial":false,"nested":{"x":1},"list":[1],"prompt":"a\nb",
                   "tags":{"plan":"silver","deep":{}}}"#;
    let decoded = decode(body.as_bytes()).expect("a body");
    let event = decoded.items[0].as_ref().expect("an event");
    let tags: Vec<_> = event.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("plan", "silver"), ("seats", "5"), ("trial", "false")]);
    let ignored: Vec<_> = decoded.ignored.fields().collect();
    assert_eq!(ignored, [("list", 1), ("nested", 1), ("plan", 1), ("prompt", 1), ("tags.deep", 1)]);
}

#[test]
fn a_total_that_disagrees_with_the_meters_is_flagged() {
    let flagged = |total| {
        one(&format!(r#"{{"id":"a","usage":{{"input":2,"output":3,"pages":9}},"total_tokens":{total}}}"#))
            .number(Number::UsageMismatch)
    };
    assert_eq!((flagged(5), flagged(6)), (None, Some(1)));
}

#[test]
fn the_better_name_wins_and_the_other_becomes_a_tag() {
    for body in [
        r#"{"organizationId":"old","organizationName":"Acme"}"#,
        r#"{"organizationName":"Acme","organizationId":"old"}"#,
    ] {
        let event = one(body);
        assert_eq!(event.get(Dimension::Tenant), Some("Acme"), "{body}");
        assert_eq!(event.tags.get("organizationId").map(Text::as_str), Some("old"), "{body}");
    }
}

/// The counts as Revenium's client sends them, by provider.
fn revenium(provider: &str, counts: &str) -> Event {
    one(&format!(r#"{{"transactionId":"t","provider":"{provider}",{counts}}}"#))
}

#[test]
fn revenium_counts_follow_the_providers_convention() {
    let meters = |event: &Event| {
        [
            TokenMeter::Input,
            TokenMeter::CacheRead,
            TokenMeter::CacheWrite5m,
            TokenMeter::CacheWrite1h,
            TokenMeter::Output,
        ]
        .map(|meter| event.quantity(meter))
    };
    let apart = revenium(
        "ANTHROPIC",
        r#""inputTokenCount":21,"outputTokenCount":393,"cacheCreation1hTokenCount":100,"cacheCreation5mTokenCount":400,
           "cacheCreationTokenCount":500,"cacheReadTokenCount":18000,"reasoningTokenCount":0,"totalTokenCount":414"#,
    );
    assert_eq!(meters(&apart), [21, 18_000, 400, 100, 393]);
    assert_eq!(apart.get(Dimension::Provider), Some("anthropic"));
    assert_eq!(apart.number(Number::UsageMismatch), None);

    let inside = revenium(
        "OPENAI",
        r#""inputTokenCount":100,"cacheReadTokenCount":80,"outputTokenCount":64,"reasoningTokenCount":50"#,
    );
    assert_eq!(meters(&inside), [20, 80, 0, 0, 14]);
    assert_eq!(inside.quantity(TokenMeter::Reasoning), 50);

    let written = revenium("OPENAI", r#""inputTokenCount":10,"cacheCreationTokenCount":7"#);
    assert_eq!((written.quantity(TokenMeter::CacheWrite5m), written.quantity(TokenMeter::CacheWrite30m)), (0, 7));

    let impossible = revenium("OPENAI", r#""outputTokenCount":5,"reasoningTokenCount":50"#);
    assert_eq!(impossible.quantity(TokenMeter::Output), 0);
    assert_eq!(impossible.number(Number::UsageMismatch), Some(1));
}

#[test]
fn a_revenium_call_is_read_whole_and_its_key_is_not_kept() {
    let body = r#"{"transactionId":"msg_1","requestTime":"2026-11-21T00:57:26Z","responseTime":"2026-11-21T00:57:27Z",
        "provider":"OPENAI","model":"gpt-4o","operationType":"EMBED","agenticJobType":"Support","totalCost":"0.5",
        "subscriber":{"id":"u","email":"u@acme.example","credential":{"name":"prod","value":"sk-secret"}},
        "systemPrompt":"you are"}"#;
    let decoded = decode(body.as_bytes()).expect("a body");
    let event = decoded.items[0].as_ref().expect("an event");
    assert_eq!(event.id.as_deref(), Some("msg_1"));
    assert_eq!(event.number(Number::DurationMs), Some(1_000));
    assert_eq!(event.get(Dimension::Operation), Some("embedding"));
    assert_eq!(event.get(Dimension::JobType), Some("Support"));
    assert_eq!(event.get(Dimension::SubscriberEmail), Some("u@acme.example"));
    assert_eq!(event.get(Dimension::Credential), Some("prod"));
    assert_eq!(event.reported_cost().map(|cost| cost.to_string()).as_deref(), Some("0.5"));
    assert!(!format!("{decoded:?}").contains("sk-secret") && !format!("{event:?}").contains("you are"));
    let ignored: Vec<_> = decoded.ignored.fields().map(|(name, _)| name).collect();
    assert_eq!(ignored, ["subscriber.credential.value", "systemPrompt"]);
}

/// Bodies captured from Revenium's client, with the expected reading beside them; not part of the repository.
#[test]
fn captured_revenium_calls_are_read_as_expected() {
    let beside = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let samples = std::env::var_os("QUIPU_SHARED").map_or(beside, Into::into).join("samples");
    let Ok(files) = std::fs::read_dir(&samples) else {
        eprintln!("SKIPPED: the captured bodies are not in {} (set QUIPU_SHARED)", samples.display());
        return;
    };
    let mut compared = 0;
    for expected_file in files.flatten().map(|file| file.path()) {
        let name = expected_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(body) = name.strip_suffix(".expected.json").filter(|body| body.starts_with("revenium-ai-")) else {
            continue;
        };
        let mut event = one(&std::fs::read_to_string(samples.join(body)).expect("a body"));
        event.normalise(Timestamp::from_seconds(1_900_000_000)).expect("a valid event");
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&expected_file).expect("a reading")).expect("JSON");
        let expected = expected["events"][0].as_object().expect("an event");
        for (field, value) in expected {
            // That a call went well is not stated by the body, only that one failed.
            if let (Some(dimension), Some(value)) = (Dimension::parse(field), value.as_str())
                && (dimension != Dimension::Status || value != "ok")
            {
                assert_eq!(event.get(dimension), Some(value), "{body}: {field}");
                compared += 1;
            }
        }
        let tokens = &expected["tokens"];
        let stated = |field: &str| tokens[field].as_u64().unwrap_or(0);
        assert_eq!(event.quantity(TokenMeter::Input), stated("input_uncached"), "{body}");
        assert_eq!(event.quantity(TokenMeter::CacheRead), stated("cache_read"), "{body}");
        assert_eq!(event.quantity(TokenMeter::CacheWrite5m), stated("cache_write_5m"), "{body}");
        assert_eq!(event.quantity(TokenMeter::CacheWrite30m), stated("cache_write_30m"), "{body}");
        assert_eq!(event.quantity(TokenMeter::CacheWrite1h), stated("cache_write_1h"), "{body}");
        assert_eq!(event.number(Number::UsageMismatch), None, "{body}");
        assert_eq!(event.total_tokens() - event.input_tokens(), stated("output"), "{body}");
        let millis = expected.get("duration_ns").and_then(serde_json::Value::as_u64).map(|nanos| nanos / 1_000_000);
        assert_eq!(event.number(Number::DurationMs), millis, "{body}");
        let status = expected.get("status_code").and_then(serde_json::Value::as_u64);
        assert_eq!(event.number(Number::StatusCode), status, "{body}");
    }
    assert!(compared > 0, "no captured body in {}", samples.display());
}

fn events() -> impl Strategy<Value = Event> {
    let text = "[ -~äß\u{1F600}\"\\\\\n]{0,20}";
    let dimensions = prop::collection::vec((prop::sample::select(Dimension::ALL), text), 0..6);
    let numbers = prop::collection::vec((prop::sample::select(Number::ALL), any::<u64>()), 0..5);
    let meters = prop_oneof![
        prop::sample::select(TokenMeter::ALL).prop_map(Meter::Token),
        "x[a-z:]{0,8}".prop_map(|name| Meter::Named(name.into())),
    ];
    let usage = prop::collection::vec((meters, any::<u64>()), 0..5);
    let tags = prop::collection::vec((text, text), 0..5);
    let at = prop::option::of(prop_oneof![any::<i64>(), 0..4_000_000_000_000_000_i64]);
    (prop::option::of(text), at, dimensions, numbers, usage, tags).prop_map(
        |(id, at, dimensions, numbers, usage, tags)| Event {
            id: id.map(Text::from),
            at: at.map(Timestamp::from_micros),
            dimensions: dimensions.into_iter().map(|(dimension, value)| (dimension, value.into())).collect(),
            numbers: numbers.into_iter().map(|(number, value)| (number, value % (number.limit() + 1))).collect(),
            usage: usage.into_iter().collect(),
            tags: tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        },
    )
}

proptest! {
    #[test]
    fn an_encoded_event_decodes_to_itself(event in events()) {
        let json = encode(&event);
        prop_assert_eq!(one(&json), event.clone());
        let lines = format!("{json}\n{json}\n");
        let items = decode(lines.as_bytes()).expect("lines").items;
        prop_assert_eq!(items.len(), 2);
        prop_assert!(items.iter().all(|item| item.as_ref() == Ok(&event)));
    }
}
