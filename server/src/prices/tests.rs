//! Lists in, books out; and what real calls cost by LiteLLM's map.

use std::path::PathBuf;

use proptest::prelude::*;
use quipu::price::{PriceClass, Pricer, PromptSize};
use quipu::price_book::{Alias, Hours, ModelPattern, PriceOf, PriceRule, Share};
use quipu::schema::CONTEXT_BAND_EDGES;
use quipu::{Meter, PicoUsd, PriceBook, Text, Timestamp, TokenMeter};

use super::*;

const MAP: &str = include_str!("../../tests/fixtures/litellm_prices.json");

fn own(text: &str) -> Result<PriceBook> {
    let options = ReadOptions { source: "list".into(), ..ReadOptions::default() };
    read(text.as_bytes(), &options).map(|(book, _)| book)
}

fn refused(text: &str) -> String {
    own(text).expect_err("must be refused").to_string()
}

fn litellm(text: &str) -> (PriceBook, Report) {
    read(text.as_bytes(), &ReadOptions { source: "map".into(), ..ReadOptions::default() }).expect("a readable map")
}

const OWN: &str = r#"
currency = "USD"

[[price]]
provider = "openai"
model = "gpt-4o"
from = 2024-08-01
input = "2.50"
cache_read = 1.25
output = 10

[[price]]
model_prefix = "gpt-"
tier = "batch"
above = 200000
region = "eu"
from = "2024-08-01T12:00:00Z"
until = "2025-01-01"
per = "unit"
per_request = "0.001"
meters = { web_search = "0.01" }

[[price]]
workspace = "w"
tenant = "acme"
model_contains = "nova"
hours = "sat,sun 22:00-02:00"
everything = "112.5%"

[[alias]]
name = "house-fast"
model = "gpt-4o"
of_provider = "openai"
"#;

#[test]
fn what_holds_no_price_is_no_list() {
    let event =
        r#"{"id": "e1", "at": "2026-01-05T09:00:00Z", "model": "m", "usage": {"input": 5}, "tags": {"plan": "pro"}}"#;
    for (text, said) in [
        ("", "no price in it can be used"),
        ("# nothing yet\n", "no price in it can be used"),
        ("{}", "no price in it can be used"),
        ("[]", "broken TOML"),
        (r#"{"a": 1}"#, "line 1: field `a` is unknown; a price list has"),
        (r#"{"prices": [{"model": "m", "input": 1}]}"#, "did you mean `price`?"),
        (event, "field `id` is unknown"),
        (&format!("{event}\n{event}\n"), "broken JSON"),
        (r#"{"gpt-4o": {"mode": "chat", "max_tokens": 5}}"#, "field `gpt-4o` is unknown"),
        (r#"{"gpt-4o": {"litellm_provider": "openai", "mode": "chat"}}"#, "it has no price per token or request"),
    ] {
        let message = refused(text);
        assert!(message.starts_with("list: ") && message.contains(said), "{text}: {message}");
    }
    let options = ReadOptions { format: Some(Format::Litellm), ..ReadOptions::default() };
    assert!(read(event.as_bytes(), &options).is_err(), "also when the format is named");
}

#[test]
fn our_own_form_reads_as_written() {
    let day = |text: &str| Timestamp::parse_rfc3339(text).expect("a date");
    let meter = |meter: TokenMeter| PriceOf::Meter(meter.into());
    let gpt_4o = |of, rate: u64| PriceRule {
        provider: Some("openai".into()),
        from: day("2024-08-01T00:00:00Z"),
        ..PriceRule::new(ModelPattern::Exact("gpt-4o".into()), of, rate)
    };
    let batch = |of, rate: u64| PriceRule {
        region: Some("eu".into()),
        service_tier: Some("batch".into()),
        above: 200_000,
        from: day("2024-08-01T12:00:00Z"),
        until: Some(day("2025-01-01T00:00:00Z")),
        ..PriceRule::new(ModelPattern::Prefix("gpt-".into()), of, rate)
    };
    let expected = [
        gpt_4o(meter(TokenMeter::Input), 2_500_000),
        gpt_4o(meter(TokenMeter::CacheRead), 1_250_000),
        gpt_4o(meter(TokenMeter::Output), 10_000_000),
        batch(PriceOf::Meter(Meter::Named("web_search".into())), 10_000_000_000),
        batch(PriceOf::Request, 1_000_000_000),
        PriceRule {
            workspace: Some("w".into()),
            tenant: Some("acme".into()),
            hours: Some(Hours::parse("sat,sun 22:00-02:00").expect("hours")),
            ..PriceRule::new(ModelPattern::Contains("nova".into()), PriceOf::Everything, Share::from_ppm(1_125_000))
        },
    ];
    let book = own(OWN).expect("valid");
    assert_eq!(book.rules(), expected);
    let alias =
        Alias { name: "house-fast".into(), provider: None, model: "gpt-4o".into(), of_provider: Some("openai".into()) };
    assert_eq!(book.aliases(), [alias]);
    let options = ReadOptions { format: Some(Format::Quipu), source: "list".into(), from: None };
    let again = read(to_json(&book).to_string().as_bytes(), &options).expect("its own output").0;
    assert_eq!(again, book);
}

#[test]
fn every_fault_of_our_own_form_names_its_line() {
    let fault = |line: &str| refused(&format!("[[price]]\nmodel = \"m\"\n{line}\n"));
    for (line, problem) in [
        ("input = \"0.0000001\"", "list: line 3: input is \"0.0000001\", which is finer than one pico-USD"),
        ("input = -1", "line 3: input is \"-1\", which is negative; a price is 0 or more"),
        ("input = true", "line 3: input is a boolean; expected an amount in USD such as \"2.50\""),
        ("input = nan", "line 3: input is \"nan\", which is not a decimal number"),
        (
            "inptu = 1",
            "line 3: field `inptu` is unknown; a meter that is not built in stands under `meters`; did you mean `input`?",
        ),
        ("per = \"2M\"", "line 3: per is \"2M\"; allowed are \"1M\", \"1K\" and \"unit\""),
        ("from = \"yesterday\"\ninput = 1", "line 3: from is \"yesterday\"; expected a day such as 2024-08-01"),
        ("above = \"200k\"\ninput = 1", "line 3: above is a text; expected a whole number of tokens"),
        ("hours = \"25:00-26:00\"\ninput = 1", "line 3: hours is \"25:00-26:00\" is no part of a week"),
        ("everything = 1", "one amount for everything; only a share of the list can be"),
        ("input = \"85 %%\"", "line 3: input is \"85 %%\"; expected a share of the list price such as \"85%\""),
        ("model_prefix = \"x\"\ninput = 1", "line 1: the price has both `model` and `model_prefix`"),
        ("", "line 1: the price names no amount"),
        ("meters = { requests = 1 }", "line 3: meter `requests` is counted by Quipu itself"),
        ("input = ", "line 3: broken TOML"),
        ("input = 1\ninput = 2", "line 4: broken TOML: duplicate key"),
    ] {
        let message = fault(line);
        assert!(message.contains(problem), "{line}: {message}");
    }
    assert!(refused("currency = \"EUR\"").contains("line 1: currency is \"EUR\"; only \"USD\""));
    assert!(refused("\nprices = []").contains("line 2: field `prices` is unknown; a price list has"));
}

#[test]
fn the_json_form_names_lines_too() {
    let fault = |field: &str| refused(&format!("{{\"price\": [\n{{\"model\": \"m\",\n{field}}}\n]}}"));
    assert!(fault("\"input\": -2.5").contains("list: line 3: input is \"-2.5\", which is negative"));
    assert!(fault("\"inptu\": 1").contains("line 3: field `inptu` is unknown"));
    assert!(fault("\"input\": 1, \"input\": 1").contains("line 3: input is given twice"));
    assert!(fault("\"input\": ").contains("line 3: broken JSON"));
    assert!(fault("\"meters\": {\"a\": {}}").contains("line 3: a is an object; expected an amount"));
    assert!(refused("{\"price\": 7}").contains("line 1: price is not an array of objects"));
    assert!(refused("{\"price\": [7]}").contains("line 1: is a number; expected an object"));
    let deep = format!("{{\"price\": [{}1{}]}}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert!(refused(&deep).contains("line 1: "));
}

#[test]
fn contradicting_entries_are_refused_by_name() {
    let twice = "[[price]]\nmodel = \"m\"\ninput = 1\n[[price]]\nmodel = \"m\"\ninput = 2\nfrom = \"2025-01-01\"\n";
    let expected = "list: two prices contradict each other: m input: 0.000001 USD and \
                    m input: 0.000002 USD from 2025-01-01T00:00:00Z; give the first an `until`";
    assert_eq!(refused(twice), expected);
}

fn any_rule() -> impl Strategy<Value = PriceRule> {
    let agreed = prop::option::of((any::<u32>(), "[a-z]{1,3}", prop::option::of(1_u32..9)));
    (listed_rule(), agreed).prop_map(|(rule, agreed)| match agreed {
        None => rule,
        Some((share, tenant, hour)) => PriceRule {
            tenant: Some(tenant.into()),
            hours: hour.map(|hour| Hours::new(3, 0, hour * 1_000).expect("hours")),
            of: PriceOf::Everything,
            rate: Share::from_ppm(share).into(),
            ..rule
        },
    })
}

fn listed_rule() -> impl Strategy<Value = PriceRule> {
    let name = || prop::option::of("[a-z/\\-\"é]{1,9}".prop_map(Text::from));
    let edges: Vec<u64> = [0].into_iter().chain(CONTEXT_BAND_EDGES).collect();
    let things = vec![
        PriceOf::Request,
        PriceOf::Meter(TokenMeter::Reasoning.into()),
        PriceOf::Meter(Meter::Named("tool:browser".into())),
    ];
    let times = (prop::option::of(0_i64..1_000), prop::option::of(1_000_i64..2_000));
    let thing = (prop::sample::select(edges), prop::sample::select(things), any::<u64>(), times);
    (name(), any::<bool>(), name(), name(), name(), thing).prop_map(
        |(model, prefix, provider, region, service_tier, (above, of, rate, (from, until)))| {
            let model = match model {
                Some(name) if !prefix => ModelPattern::Exact(name),
                name => ModelPattern::Prefix(name.unwrap_or_default()),
            };
            PriceRule {
                provider,
                region,
                service_tier,
                above,
                from: from.map_or(Timestamp::MIN, Timestamp::from_micros),
                until: until.map(Timestamp::from_micros),
                ..PriceRule::new(model, of, rate)
            }
        },
    )
}

proptest! {
    #[test]
    fn a_book_survives_its_json(rules in prop::collection::vec(any_rule(), 1..20)) {
        if let Ok(book) = PriceBook::new("list", rules) {
            prop_assert_eq!(own(&to_json(&book).to_string()).expect("its own output"), book);
        }
    }

    #[test]
    fn no_text_breaks_a_reader(text in "[\\[\\]{}\":=,.a-z0-9\n -]{0,80}") {
        for format in [Format::Quipu, Format::Litellm, Format::Genai] {
            let _ = read(text.as_bytes(), &ReadOptions { format: Some(format), ..ReadOptions::default() });
        }
    }
}

/// What a request costs by a book; every meter must have a price.
fn cost(
    book: &PriceBook,
    provider: Option<&str>,
    model: &str,
    tier: Option<&str>,
    usage: &[(TokenMeter, u64)],
) -> String {
    let total = usage.iter().filter(|(meter, _)| meter.is_input()).map(|(_, tokens)| tokens).sum();
    let size = PromptSize::of_tokens(total);
    let class = PriceClass { provider, model: Some(model), service_tier: tier, size, ..PriceClass::default() };
    let schedule = Pricer::new(book).schedule(&class);
    let price = |(meter, tokens): &(TokenMeter, u64)| {
        let rate = schedule.periods[0].rate(&Meter::Token(*meter));
        PicoUsd::from_pico(
            i128::from(*tokens) * i128::from(rate.unwrap_or_else(|| panic!("{model} {meter} has a price"))),
        )
    };
    usage.iter().map(price).sum::<PicoUsd>().to_string()
}

fn check_captured_calls(book: &PriceBook) {
    use TokenMeter::{CacheRead, CacheWrite1h, CacheWrite5m, Input, Output, Reasoning};
    let gpt = [(Input, 220), (CacheRead, 1_280), (Output, 60)];
    for (provider, model) in
        [(None, "gpt-4o"), (Some("openai"), "gpt-4o"), (None, "openai/gpt-4o"), (Some("azure"), "gpt-4o")]
    {
        assert_eq!(cost(book, provider, model, None, &gpt), "0.00275", "{provider:?} {model}");
    }
    assert_eq!(cost(book, Some("openai"), "gpt-4o", Some("default"), &gpt), "0.00275");
    assert_eq!(cost(book, Some("openai"), "gpt-4o", Some("flex"), &gpt), "0.00275");
    assert_eq!(cost(book, Some("openai"), "gpt-4o", Some("batch"), &[(Input, 1_000), (Output, 100)]), "0.00175");
    let claude = [(Input, 21), (CacheRead, 18_000), (CacheWrite5m, 400), (CacheWrite1h, 100), (Output, 393)];
    assert_eq!(cost(book, Some("anthropic"), "claude-sonnet-4-5", None, &claude), "0.013458");
    let claude = [(Input, 31), (CacheWrite1h, 700), (Output, 13)];
    assert_eq!(cost(book, Some("anthropic"), "claude-sonnet-4-5-20250929", None, &claude), "0.004488");
    let gemini = [(Input, 904), (CacheRead, 4_096), (Output, 30), (Reasoning, 170)];
    for provider in [None, Some("google"), Some("vertex_ai"), Some("gemini")] {
        assert_eq!(cost(book, provider, "gemini-2.5-flash", None, &gemini), "0.00089408", "{provider:?}");
    }
    let long = [(Input, 200_001), (CacheRead, 1_000), (CacheWrite5m, 1_000), (CacheWrite1h, 1_000), (Output, 1_000)];
    assert_eq!(cost(book, Some("bedrock"), "anthropic.claude-sonnet-4-5-20250929-v1:0", None, &long), "1.242606");
    assert_eq!(cost(book, Some("dashscope"), "qwen-flash", None, &[(Input, 256_000), (Output, 1)]), "0.0128004");
    assert_eq!(cost(book, Some("dashscope"), "qwen-flash", None, &[(Input, 256_001), (Output, 1)]), "0.06400225");
}

#[test]
fn captured_calls_cost_what_their_providers_charged() {
    check_captured_calls(&litellm(MAP).0);
}

#[test]
fn a_missing_cache_price_is_the_input_price_and_a_missing_reasoning_price_that_of_output() {
    let (book, _) = litellm(MAP);
    let rates = Pricer::new(&book)
        .schedule(&PriceClass { provider: Some("azure"), model: Some("gpt-4o"), ..PriceClass::default() })
        .periods
        .remove(0);
    let rate = |meter: TokenMeter| rates.rate(&Meter::Token(meter));
    assert_eq!(rate(TokenMeter::CacheWrite1h), rate(TokenMeter::Input));
    assert_eq!(rate(TokenMeter::CacheWrite30m), Some(2_500_000));
    assert_eq!(rate(TokenMeter::Reasoning), rate(TokenMeter::Output));
    assert_eq!(rate(TokenMeter::AudioInput), None);
}

#[test]
fn prices_per_request_and_per_search_are_read() {
    let (book, _) = litellm(MAP);
    let rates = |model| {
        Pricer::new(&book).schedule(&PriceClass { model: Some(model), ..PriceClass::default() }).periods.remove(0)
    };
    assert_eq!(rates("pplx-70b-online").per_request(), Some(5_000_000_000));
    let search = Meter::Named("web_search".into());
    assert_eq!(rates("claude-sonnet-4-5").rate(&search), Some(10_000_000_000));
    assert_eq!(rates("gemini-2.5-flash").rate(&search), None);
}

#[test]
fn what_the_map_holds_beyond_that_is_reported() {
    let (book, report) = litellm(MAP);
    assert_eq!((report.rules, report.format), (book.rules().len(), Format::Litellm));
    assert_eq!(report.models, 12);
    let reported: Vec<_> = report.notes.iter().map(|note| (note.what.as_str(), note.times)).collect();
    for expected in [
        ("search_free_requests", 2),
        ("google_maps_grounding_cost_per_query", 2),
        ("regional_processing_uplift_multiplier_eu", 1),
        ("input_cost_per_pixel", 1),
        ("threshold reached exactly", 1),
        ("model", 1),
    ] {
        assert!(reported.contains(&expected), "{expected:?} in {reported:?}");
    }
    let text = report.to_string();
    assert!(text.contains("hold since ever") && text.contains("not used: search_free_requests, 2×, first for"));
}

#[test]
fn odd_entries_are_reported_and_the_rest_is_read() {
    let map = r#"{
        "a": {"litellm_provider": "x", "input_cost_per_token": 1e-13, "output_cost_per_token": 1e-6},
        "b": {"litellm_provider": "x", "input_cost_per_token": -1, "output_cost_per_token": "1"},
        "c": 5,
        "x/a": {"litellm_provider": "x", "input_cost_per_token": 1.5000000000000002e-07},
        "X/a": {"litellm_provider": "x", "input_cost_per_token": 2e-07},
        "d": {"input_cost_per_token_above_64k_tokens": 1e-6, "input_cost_per_token": null, "max_tokens": 5}
    }"#;
    let (book, report) = litellm(map);
    let notes: Vec<_> = report.notes.iter().map(|note| (note.what.as_str(), note.first.as_str())).collect();
    let expected = [
        ("input_cost_per_token", "a"),
        ("input_cost_per_token", "b"),
        ("output_cost_per_token", "b"),
        ("model", "b"),
        ("model", "c"),
        ("model", "X/a"),
    ];
    assert_eq!(notes, expected);
    assert_eq!(report.models, 3);
    assert_eq!(cost(&book, Some("x"), "a", None, &[(TokenMeter::Input, 1), (TokenMeter::Output, 1)]), "0.00000115");
    assert!(read(b"{\"a\": {", &ReadOptions { format: Some(Format::Litellm), ..ReadOptions::default() }).is_err());
}

#[test]
fn a_date_given_at_import_is_when_the_map_takes_effect() {
    let from = Timestamp::from_seconds(1_735_689_600);
    let options = ReadOptions { source: "map".into(), from: Some(from), ..ReadOptions::default() };
    let (book, report) = read(MAP.as_bytes(), &options).expect("a readable map");
    assert!(book.rules().iter().all(|rule| rule.from == from));
    assert!(report.to_string().contains("hold from 2025-01-01T00:00:00Z"));
}

#[test]
fn rows_show_usd_per_million() {
    let book = own(OWN).expect("valid");
    let usd = |row: &Row<'_>| row.usd.map_or_else(String::new, |usd| usd.to_string());
    let shown: Vec<_> = rows(&book).map(|row| format!("{} {} {} {}", row.model, row.of, usd(&row), row.per)).collect();
    assert_eq!(shown[..2], ["gpt-4o input 2.5 1M", "gpt-4o cache_read 1.25 1M"]);
    assert_eq!(shown[4], "gpt-* request 0.001 request");
    assert_eq!(shown[5], "*nova* everything  list");
    assert_eq!(rows(&book).nth(4).and_then(|row| row.above), Some(200_000));
}

#[test]
fn the_whole_map_is_read_and_prices_the_captured_calls() {
    let shared = std::env::var_os("QUIPU_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = shared.join("prices/model_prices_and_context_window.json");
    let Ok(map) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: the whole price map is not there: {}", path.display());
        return;
    };
    let (book, report) = litellm(&map);
    eprintln!("{report}");
    check_captured_calls(&book);
    assert!(report.models > 3_000, "{} models", report.models);
    let encoded = book.encode();
    eprintln!("{} bytes for {} rates", encoded.len(), report.rules);
    assert_eq!(PriceBook::decode("book", &encoded).expect("own bytes"), book);
    assert_eq!(book.overlaid_by(&book).expect("itself").rules(), book.rules());
}

#[test]
fn a_table_of_prices_is_read_by_a_map() {
    let map = |text: &str| Map::parse("m", text).expect("a map");
    let prices = map(
        "format = \"csv\"\n[price]\nmodel = \"name\"\nfrom = { column = \"since\", unit = \"s\" }\nabove = \"over\"\n\
         per = { value = \"1K\" }\ninput = \"in\"\n",
    );
    let read = |body: &'static str, map: &Map| {
        let input = Input::Bytes { name: "p.csv".into(), bytes: body.as_bytes().into() };
        read_table(&input, map, &ReadOptions { source: "p.csv".into(), ..ReadOptions::default() })
    };
    let (book, report) = read("name,since,over,in\na,60,,0.0025\nb,,200000,1\n", &prices).expect("prices");
    let rule = |model: &str, rate| {
        PriceRule::new(ModelPattern::Exact(model.into()), PriceOf::Meter(TokenMeter::Input.into()), rate)
    };
    let a = PriceRule { from: Timestamp::from_seconds(60), ..rule("a", 2_500_000) };
    assert_eq!(book.rules(), [a, PriceRule { above: 200_000, ..rule("b", 1_000_000_000) }]);
    assert_eq!((report.models, report.rules), (2, 2));
    let error = |body, map: &Map| read(body, map).expect_err("must be refused").to_string();
    let free = error("name,since,over,in\na,60,,1\nb,60,,free\n", &prices);
    assert!(free.contains("p.csv: line 3: input is \"free\""), "{free}");
    assert!(error("a\n1\n", &map("format = \"csv\"\n[fields]\nmodel = \"a\"\n")).contains("has no [price]"));
}
