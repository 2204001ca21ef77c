//! The ways in which bodies go wrong, one by one and for every decoder: the good items beside a bad one are read, and what is
//! said of the bad one names it and the field. What nobody thought of is for [`hostile`](super::hostile).

use quipu::{Event, Number, Timestamp, limits};

use super::otlp::{self, Encoding, Memory, Signal};
use super::source::Source;
use super::{ItemError, Place};

const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);
const AT: &str = r#""2026-01-31T08:00:00Z""#;

/// An item of a source, with $ID, $AT and $COUNT where its id, its start and its input tokens stand.
struct Form {
    source: Source,
    item: &'static str,
    /// The paths of the count and of the start.
    count: &'static str,
    at: Option<&'static str>,
}

const FORMS: [Form; 14] = [
    Form {
        source: Source::Native,
        item: r#"{"id":"$ID","at":$AT,"usage":{"input":$COUNT}}"#,
        count: "usage.input",
        at: Some("at"),
    },
    Form {
        source: Source::Native,
        item: r#"{"transactionId":"$ID","requestTime":$AT,"provider":"OPENAI","inputTokenCount":$COUNT}"#,
        count: "inputTokenCount",
        at: Some("requestTime"),
    },
    Form {
        source: Source::ReveniumTool,
        item: r#"{"transactionId":"$ID","toolId":"t","timestamp":$AT,"durationMs":$COUNT}"#,
        count: "durationMs",
        at: Some("timestamp"),
    },
    Form {
        source: Source::LiteLlm,
        item: r#"{"litellm_call_id":"$ID","response_cost":0.1,"startTime":$AT,"prompt_tokens":$COUNT}"#,
        count: "prompt_tokens",
        at: Some("startTime"),
    },
    Form {
        source: Source::Portkey,
        item: r#"{"id":"$ID","ai_org":"openai","created_at":$AT,"req_units":$COUNT}"#,
        count: "req_units",
        at: Some("created_at"),
    },
    Form {
        source: Source::Helicone,
        item: r#"{"request_id":"$ID","response_body":"{\"usage\":{\"prompt_tokens\":$COUNT}}"}"#,
        count: "response_body.usage.prompt_tokens",
        at: None,
    },
    Form {
        source: Source::OpenRouter,
        item: r#"{"data":{"id":"$ID","created_at":$AT,"native_tokens_prompt":$COUNT}}"#,
        count: "data.native_tokens_prompt",
        at: Some("data.created_at"),
    },
    Form {
        source: Source::CloudEvents,
        item: r#"{"id":"$ID","source":"s","specversion":"1.0","type":"t","time":$AT,"data":{"prompt_tokens":$COUNT}}"#,
        count: "data.prompt_tokens",
        at: Some("time"),
    },
    Form {
        source: Source::TensorZero,
        item: r#"{"id":"$ID","inference_id":"i","model_name":"m","timestamp":$AT,"input_tokens":$COUNT}"#,
        count: "input_tokens",
        at: Some("timestamp"),
    },
    Form {
        source: Source::Langfuse,
        item: r#"{"id":"$ID","traceId":"t","type":"GENERATION","startTime":$AT,"usageDetails":{"input":$COUNT}}"#,
        count: "usageDetails.input",
        at: Some("startTime"),
    },
    Form {
        source: Source::Provider,
        item: r#"{"at":$AT,"response":{"id":"$ID","model":"m","usage":{"prompt_tokens":$COUNT}}}"#,
        count: "response.usage.prompt_tokens",
        at: Some("at"),
    },
    Form {
        source: Source::ProviderOf("anthropic"),
        item: r#"{"at":$AT,"response":{"id":"$ID","type":"message","usage":{"input_tokens":$COUNT}}}"#,
        count: "response.usage.input_tokens",
        at: Some("at"),
    },
    Form {
        source: Source::ProviderOf("gemini"),
        item: r#"{"at":$AT,"response":{"responseId":"$ID","usageMetadata":{"promptTokenCount":$COUNT}}}"#,
        count: "response.usageMetadata.promptTokenCount",
        at: Some("at"),
    },
    Form {
        source: Source::ProviderOf("bedrock"),
        item: r#"{"at":$AT,"id":"$ID","response":{"usage":{"inputTokens":$COUNT,"outputTokens":1}}}"#,
        count: "response.usage.inputTokens",
        at: Some("at"),
    },
];

impl Form {
    fn item(&self, id: &str, at: &str, count: &str) -> String {
        // Inside of a text, quotes are escaped.
        let count = if self.item.contains("\\\"") { count.replace('"', "\\\"") } else { count.to_owned() };
        self.item.replace("$ID", id).replace("$AT", at).replace("$COUNT", &count)
    }

    /// What is read of three lines, the middle one bad; events in order, then errors.
    fn around(&self, bad: &str) -> (Vec<Event>, Vec<ItemError>) {
        let body = [&self.item("a", AT, "5"), bad, &self.item("c", AT, "5")].join("\n");
        let items = self.source.decode(body.as_bytes()).expect("lines are taken one by one").items;
        let (events, errors): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
        (events.into_iter().flatten().collect(), errors.into_iter().filter_map(Result::err).collect())
    }

    /// The bad line is refused by its place, and by its field where one is at fault; the others are read.
    fn refuses(&self, bad: &str, field: Option<&str>) {
        let (events, errors) = self.around(bad);
        let name = self.source;
        assert_eq!(events.len(), 2, "{name} {bad}: {events:?}");
        let [error] = &errors[..] else { panic!("{name} {bad}: {errors:?}") };
        assert_eq!((error.index, error.place), (1, Place::Line(2)), "{name} {bad}");
        assert!(!error.message.is_empty(), "{name} {bad}");
        if let Some(field) = field {
            assert_eq!(error.field.as_deref(), Some(field), "{name} {bad}: {error}");
        }
    }
}

#[test]
fn counts_that_are_none_are_refused_by_name() {
    for form in &FORMS {
        let wrong =
            ["-1", "-0.5", "5.5", "1e400", "18446744073709551616", "\"twelve\"", "\"NaN\"", "true", "{}", "[1]"];
        for count in wrong {
            form.refuses(&form.item("b", AT, count), Some(form.count));
        }
        for count in ["NaN", "Infinity", "-", "0x10", "012", "+1", "1."] {
            let broken = form.item("b", AT, count);
            match form.source {
                // What the provider answered may be anything; the call was made all the same.
                Source::Helicone => {
                    assert_eq!(form.around(&broken).0[1].number(Number::UsageMissing), Some(1), "{count}")
                }
                _ => form.refuses(&broken, None),
            }
        }
    }
}

#[test]
fn times_that_are_none_are_refused_by_name_and_skewed_clocks_by_the_engine() {
    for form in &FORMS {
        let Some(at) = form.at else { continue };
        for time in ["\"soon\"", "\"2026-13-45T00:00:00Z\"", "\"2026-01-31\\u0000\"", "{}", "[]", "true"] {
            form.refuses(&form.item("b", time, "5"), Some(at));
        }
        let judged = |time: &str| {
            let (mut events, errors) = form.around(&form.item("b", time, "5"));
            assert_eq!((events.len(), errors.len()), (3, 0), "{} {time}", form.source);
            events[1].normalise(NOW).map_err(|error| error.to_string())
        };
        for skewed in ["\"2099-01-01T00:00:00Z\"", "\"1999-12-31T23:59:59Z\""] {
            let error = judged(skewed).expect_err("a clock that is wrong");
            assert!(error.starts_with("at is"), "{error}");
        }
        let ahead = Timestamp::from_micros(NOW.micros() + limits::FUTURE_MICROS);
        assert_eq!(judged(&format!("\"{ahead}\"")), Ok(()), "{}", form.source);
    }
}

#[test]
fn what_is_cut_off_is_refused_wherever_the_cut_is() {
    for form in &FORMS {
        let whole = form.item("b", AT, "5");
        for cut in 1..whole.len() {
            form.refuses(&whole[..cut], None);
            let alone = form.source.decode(&whole.as_bytes()[..cut]);
            assert!(
                alone.is_err() || alone.is_ok_and(|body| body.items.iter().all(Result::is_err)),
                "{}",
                &whole[..cut]
            );
        }
    }
}

#[test]
fn items_that_are_no_items_are_refused() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    for form in &FORMS {
        for item in ["7", "\"text\"", "null", "true", "[]", "[[]]", "nope", "{]", "\u{0}", &deep] {
            form.refuses(item, None);
        }
    }
}

#[test]
fn empty_batches_are_no_events_and_nothing_at_all_is_said_to_be_nothing() {
    for form in &FORMS {
        let decoded = form.source.decode(b" [ ] ").expect("an array without items");
        assert_eq!(decoded.items.len(), 0, "{}", form.source);
        for nothing in ["", " \n\r\n\t", "\u{feff}"] {
            let error = form.source.decode(nothing.as_bytes()).expect_err("nothing");
            assert!(error.to_string().contains("empty"), "{}: {error}", form.source);
        }
    }
}

#[test]
fn a_key_that_is_given_twice_is_one_value_or_refused_but_never_a_sum() {
    for form in &FORMS {
        let name = form.count.rsplit('.').next().expect("a name");
        let (events, errors) = form.around(&form.item("b", AT, &format!("5,\"{name}\":7")));
        assert_eq!(events.len() + errors.len(), 3, "{}", form.source);
        for event in &events {
            assert!(event.input_tokens() <= 7, "{}: {event:?}", form.source);
        }
        for error in &errors {
            assert_eq!((error.index, error.field.as_deref()), (1, Some(form.count)), "{}: {error}", form.source);
        }
    }
}

#[test]
fn what_a_later_version_adds_changes_nothing_of_what_is_known() {
    for form in &FORMS {
        let plain = form.item("b", AT, "5");
        let newer = plain.replacen('{', r#"{"schema_version":99,"brand_new":{"deeper":[1,{"x":"y"}]},"#, 1);
        let (events, errors) = form.around(&newer);
        assert_eq!((events.len(), errors.len()), (3, 0), "{}: {errors:?}", form.source);
        let (expected, _) = form.around(&plain);
        assert_eq!(events[1].usage, expected[1].usage, "{}", form.source);
    }
    let other = FORMS[7].item("b", AT, "5").replace("\"1.0\"", "\"9.9\"");
    FORMS[7].refuses(&other, Some("specversion"));
}

#[test]
fn documents_inside_of_texts_are_read_or_refused_like_others() {
    let helicone = &FORMS[5];
    for inside in ["{\\\"usage\\\":", "nope", "[1,", "{\\\"usage\\\":7}x"] {
        let item = format!(r#"{{"request_id":"b","response_body":"{inside}"}}"#);
        let (events, errors) = helicone.around(&item);
        let told = errors.iter().all(|error| error.index == 1 && error.message.contains("response_body"));
        assert!(events.len() + errors.len() == 3 && told, "{inside}: {errors:?}");
    }
    let litellm = &FORMS[3];
    let metadata = |inside: &str| litellm.item("b", AT, "5").replacen('{', &format!(r#"{{"metadata":{inside},"#), 1);
    litellm.refuses(&metadata(r#""{\"spend_logs_metadata\":""#), Some("metadata"));
    litellm.refuses(&metadata(r#""[]""#), Some("metadata"));
    let (events, _) = litellm.around(&metadata(r#""{\"spend_logs_metadata\":{\"tenant\":\"acme\"}}""#));
    assert_eq!(events[1].get(quipu::Dimension::Tenant), Some("acme"));
}

#[test]
fn numbers_that_others_write_as_texts_are_numbers() {
    FORMS[0].refuses(&FORMS[0].item("b", AT, "\"5\""), Some(FORMS[0].count));
    for form in &FORMS[1..] {
        let (events, errors) = form.around(&form.item("b", AT, "\"5\""));
        assert_eq!((events.len(), errors.len()), (3, 0), "{}: {errors:?}", form.source);
        assert_eq!(events[1].usage, events[0].usage, "{}", form.source);
    }
}

/// A request of three spans, of which the middle one has this for its input tokens and its start.
fn export(count: &str, start: &str) -> Vec<u8> {
    let span = |id: u64, count: &str, start: &str| {
        format!(
            r#"{{"traceId":"{}","spanId":"{id:016x}","startTimeUnixNano":{start},"attributes":[
                {{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},
                {{"key":"gen_ai.usage.input_tokens","value":{count}}}]}}"#,
            "a".repeat(32)
        )
    };
    let good = |id| span(id, r#"{"intValue":"5"}"#, "\"1769846400000000000\"");
    let spans = [good(1), span(2, count, start), good(3)].join(",");
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#).into_bytes()
}

#[test]
fn a_span_with_something_wrong_harms_no_other_and_is_named_or_kept_without_it() {
    let start = "\"1769846400000000000\"";
    for count in [
        r#"{"intValue":"-1"}"#,
        r#"{"intValue":-1}"#,
        r#"{"doubleValue":"NaN"}"#,
        r#"{"doubleValue":5.5}"#,
        r#"{"intValue":"18446744073709551616"}"#,
        r#"{"stringValue":"twelve"}"#,
        r#"{"boolValue":true}"#,
        r#"{"arrayValue":{"values":[]}}"#,
        r#"{"intValue":{}}"#,
        r#"{"unknownValue":1}"#,
        "{}",
        "7",
    ] {
        let mut export = otlp::read(&export(count, start), Encoding::Json, Signal::Traces).expect("a request");
        let events = export.decide(&mut Memory::default()).events;
        let good = events.iter().filter(|event| event.input_tokens() == 5).count();
        assert_eq!((good, events.len() + export.refused.len()), (2, 3), "{count}: {:?}", export.refused);
        assert!(export.refused.iter().all(|error| error.index == 1), "{count}");
        let flagged =
            |event: &Event| event.number(Number::UsageMissing).or(event.number(Number::UsageMismatch)) == Some(1);
        assert!(!export.refused.is_empty() || events.iter().any(flagged), "{count}: the count went in silence");
    }
    for start in ["\"soon\"", "-1", "{}", "1e400", "\"99999999999999999999\""] {
        let count = r#"{"intValue":"5"}"#;
        let Ok(mut export) = otlp::read(&export(count, start), Encoding::Json, Signal::Traces) else {
            panic!("{start}: the request as a whole was refused");
        };
        let events = export.decide(&mut Memory::default()).events;
        assert_eq!((events.len(), export.refused.len()), (2, 1), "{start}");
        let field = export.refused[0].field.as_deref();
        assert_eq!(field, Some("resourceSpans[0].scopeSpans[0].spans[1].startTimeUnixNano"), "{start}");
    }
}
