use proptest::prelude::*;
use quipu::{Dimension, Event, Number, TokenMeter};

use super::super::object::Object;
use super::*;

fn metered(usage: &str, provider: &str) -> Event {
    let object = Object::parse("usage", usage).expect("an object");
    let (counts, convention) = read(&object).expect("counts").expect("usage");
    let mut event = Event::default().with(Dimension::Provider, provider.to_owned());
    counts.apply(convention.at(Some(provider)), &mut event);
    event
}

fn meters(event: &Event) -> Vec<(&str, u64)> {
    event
        .usage
        .iter()
        .filter(|(_, quantity)| **quantity > 0)
        .map(|(meter, quantity)| (meter.name(), *quantity))
        .collect()
}

#[test]
fn each_provider_counts_in_its_own_way() {
    for (provider, usage, expected) in [
        (
            "openai",
            r#"{"prompt_tokens":4000,"completion_tokens":700,"total_tokens":4700,
                "prompt_tokens_details":{"cached_tokens":1024,"cache_write_tokens":2048},
                "completion_tokens_details":{"reasoning_tokens":512}}"#,
            vec![("input", 928), ("cache_read", 1024), ("cache_write_30m", 2048), ("output", 188), ("reasoning", 512)],
        ),
        (
            "openai",
            r#"{"input_tokens":3000,"output_tokens":200,"total_tokens":3200,"output_tokens_details":{"reasoning_tokens":128},
                "input_tokens_details":{"cached_tokens":2048,"cache_write_tokens":900,
                "cache_write_tokens_details":{"ttl_30m_tokens":600,"ttl_12h_tokens":300}}}"#,
            vec![
                ("input", 52),
                ("cache_read", 2048),
                ("cache_write_30m", 600),
                ("cache_write_12h", 300),
                ("output", 72),
                ("reasoning", 128),
            ],
        ),
        (
            "anthropic",
            r#"{"input_tokens":21,"cache_creation_input_tokens":1456,"cache_read_input_tokens":188086,
                "cache_creation":{"ephemeral_5m_input_tokens":456,"ephemeral_1h_input_tokens":900},"output_tokens":393,
                "output_tokens_details":{"thinking_tokens":300},"server_tool_use":{"web_search_requests":2}}"#,
            vec![
                ("input", 21),
                ("cache_read", 188_086),
                ("cache_write_5m", 556),
                ("cache_write_1h", 900),
                ("output", 93),
                ("reasoning", 300),
                ("web_search", 2),
            ],
        ),
        (
            "google",
            r#"{"promptTokenCount":5000,"cachedContentTokenCount":4096,"candidatesTokenCount":30,"thoughtsTokenCount":170,
                "toolUsePromptTokenCount":120,"totalTokenCount":5320,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":4400},{"modality":"IMAGE","tokenCount":600}],
                "cacheTokensDetails":[{"modality":"TEXT","tokenCount":4096}]}"#,
            vec![("input", 424), ("cache_read", 4096), ("output", 30), ("reasoning", 170), ("image_input", 600)],
        ),
        (
            "google",
            r#"{"promptTokenCount":1000,"cachedContentTokenCount":600,"candidatesTokenCount":30,"totalTokenCount":1030,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":300},{"modality":"AUDIO","tokenCount":700}],
                "cacheTokensDetails":[{"modality":"TEXT","tokenCount":100},{"modality":"AUDIO","tokenCount":500}]}"#,
            vec![("input", 200), ("cache_read", 100), ("output", 30), ("audio_input", 200), ("audio_cache_read", 500)],
        ),
        (
            "openai",
            r#"{"input_tokens":132,"output_tokens":121,"total_tokens":253,"input_token_details":{"text_tokens":119,
                "audio_tokens":13,"cached_tokens":64,"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}}}"#,
            vec![("input", 132), ("output", 121)],
        ),
        (
            "openai",
            r#"{"prompt_tokens":132,"completion_tokens":121,"total_tokens":253,"prompt_tokens_details":{
                "audio_tokens":13,"cached_tokens":64,"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}}}"#,
            vec![("input", 59), ("cache_read", 60), ("output", 121), ("audio_input", 9), ("audio_cache_read", 4)],
        ),
        (
            "aws-bedrock",
            r#"{"inputTokens":25,"outputTokens":60,"totalTokens":1585,"cacheReadInputTokens":1000,"cacheWriteInputTokens":500,
                "cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":300}]}"#,
            vec![("input", 25), ("cache_read", 1000), ("cache_write_5m", 300), ("cache_write_1h", 200), ("output", 60)],
        ),
        (
            "xai",
            r#"{"prompt_tokens":12,"completion_tokens":2,"total_tokens":334,"prompt_tokens_details":{"cached_tokens":2},
                "completion_tokens_details":{"reasoning_tokens":320}}"#,
            vec![("input", 10), ("cache_read", 2), ("output", 2), ("reasoning", 320)],
        ),
    ] {
        let event = metered(usage, provider);
        assert_eq!(meters(&event), expected, "{usage}");
        assert_eq!(event.number(Number::UsageMismatch), None, "{usage}");
    }
}

#[test]
fn what_compaction_used_is_billed_on_top() {
    let event = metered(
        r#"{"input_tokens":50,"cache_read_input_tokens":100,"output_tokens":60,"iterations":[
            {"type":"compaction","input_tokens":9000,"output_tokens":400},{"type":"message","input_tokens":50,"output_tokens":60}]}"#,
        "anthropic",
    );
    assert_eq!(meters(&event), [("input", 9050), ("cache_read", 100), ("output", 460)]);
}

#[test]
fn what_contradicts_itself_is_flagged_and_never_negative() {
    for usage in [
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":99}"#,
        r#"{"input_tokens":1,"output_tokens":5,"cache_read_input_tokens":0,"output_tokens_details":{"thinking_tokens":9}}"#,
        r#"{"input_tokens":1,"output_tokens":5,"cache_creation_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":3}}"#,
    ] {
        assert_eq!(metered(usage, "x").number(Number::UsageMismatch), Some(1), "{usage}");
    }
    // More reads than input can only stand beside it.
    let event =
        metered(r#"{"prompt_tokens":25,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":1000}}"#, "x");
    assert_eq!((event.input_tokens(), event.number(Number::UsageMismatch)), (1025, None));
}

#[test]
fn a_count_that_is_none_names_its_place() {
    for (usage, field) in [
        (r#"{"prompt_tokens":-1}"#, "usage.prompt_tokens"),
        (r#"{"prompt_tokens":1.5}"#, "usage.prompt_tokens"),
        (r#"{"prompt_tokens":1e99}"#, "usage.prompt_tokens"),
        (r#"{"prompt_tokens":{}}"#, "usage.prompt_tokens"),
        (
            r#"{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":"x"}}"#,
            "usage.prompt_tokens_details.cached_tokens",
        ),
        (
            r#"{"input_tokens":1,"iterations":[{"type":"compaction","input_tokens":"NaN"}]}"#,
            "usage.iterations[0].input_tokens",
        ),
        (r#"{"inputTokens":1,"cacheDetails":7}"#, "usage.cacheDetails"),
    ] {
        let object = Object::parse("usage", usage).expect("an object");
        assert_eq!(read(&object).expect_err(usage).field.as_deref(), Some(field), "{usage}");
    }
    for nothing in ["{}", r#"{"prompt_tokens":null}"#, r#"{"trafficType":"ON_DEMAND"}"#] {
        assert_eq!(read(&Object::parse("usage", nothing).expect("an object")), Ok(None), "{nothing}");
    }
}

fn shares() -> impl Strategy<Value = Share> {
    prop::sample::select(vec![Share::Inside, Share::Beside, Share::Unstated])
}

proptest! {
    /// Whatever a source states, the input meters never hold more than input, reads, writes and more
    /// together, and never less than the largest of them; likewise the output.
    #[test]
    fn meters_neither_lose_nor_invent(
        numbers in prop::array::uniform8(prop_oneof![Just(None), (0_u64..2000).prop_map(Some)]),
        total in prop::option::of(0_u64..6000),
        reads in shares(), writes in shares(), reasoning in shares(),
    ) {
        let [input, more_input, cache_read, cache_write, write_1h, output, reasoned, image_input] = numbers;
        let counts = Counts {
            input, more_input, cache_read, cache_write, write_1h, output, reasoning: reasoned, image_input, total,
            ..Counts::default()
        };
        let mut event = Event::default();
        counts.apply(Convention { reads, writes, reasoning, default_write: TokenMeter::CacheWrite5m }, &mut event);
        let n = |count: Option<u64>| count.unwrap_or(0);
        let written = n(cache_write).max(n(write_1h));
        let most = n(input) + n(more_input) + n(cache_read) + written;
        let least = n(input).max(n(cache_read)).max(written);
        prop_assert!(event.input_tokens() <= most && event.input_tokens() >= least);
        let out = event.total_tokens() - event.input_tokens();
        prop_assert!(out <= n(output) + n(reasoned) && out >= n(output).max(n(reasoned)));
        prop_assert!(event.quantity(TokenMeter::CacheRead) == n(cache_read));
    }
}
