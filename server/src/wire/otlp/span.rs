//! From a span to the event it would be, if it counts.

use std::borrow::Cow;

use quipu::{Dimension, Event, Number, Text, Timestamp};

use super::super::call::{Call, Origin};
use super::super::object::Object;
use super::super::usage::{Convention, Counts, Share};
use super::super::{Ignored, langfuse, vocabulary};
use super::facts::{Fact, Facts};
use super::names;
use super::record::{Record, Scope, instant};
use super::role::{self, Role};
use super::value::{Value, flatten_json};

/// A span as the choice between spans sees it.
#[derive(Debug)]
pub(in crate::wire) struct Span {
    pub(super) trace_id: u128,
    pub(super) span_id: u128,
    pub(super) parent_id: u128,
    /// When it began, where that is known.
    pub(super) started: Option<Timestamp>,
    pub(super) role: Role,
    pub(super) bears_tokens: bool,
    /// How much it says of the call's usage.
    pub(super) detail: usize,
    /// The event it is if it counts, with what the span itself says; the business fields of one around calls.
    pub(super) event: Event,
    /// What the process is said to be, for what neither the span nor those around it say.
    pub(super) resource: Vec<(Text, Text)>,
}

impl Span {
    /// A span of a source whose ids are any texts.
    pub(in crate::wire) fn of_ids(
        trace_id: Option<&str>,
        span_id: &str,
        parent_id: Option<&str>,
        role: Role,
        bears_tokens: bool,
        event: Event,
    ) -> Self {
        let id = |text: &str| {
            u128::from_le_bytes(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().unwrap_or(&[0; 16]))
        };
        Self {
            trace_id: id(trace_id.unwrap_or(span_id)),
            span_id: id(span_id),
            parent_id: parent_id.map_or(0, id),
            started: event.at,
            role,
            bears_tokens,
            detail: event.usage.len(),
            event,
            resource: Vec::new(),
        }
    }

    /// Reads a record.
    pub(super) fn read(scope: &Scope<'_>, record: &Record<'_>, ignored: &mut Ignored) -> Self {
        let role = role::of(&record.facts);
        let bears_tokens = role::bears_tokens(&record.facts) && !role::only_repeats(role, &record.facts);
        let mut call = Call::new(source(scope, &record.facts), ignored);
        call.event.id = Some(format!("{}:{}", record.trace_text(), Record::span_text(record.span_id)).into());
        let (trace, span, parent) = (record.trace_text(), Record::span_text(record.span_id), record.parent_id);
        call.set(Dimension::TraceId, &trace);
        call.set(Dimension::SpanId, &span);
        if parent != 0 {
            call.set(Dimension::ParentId, &Record::span_text(parent));
        }
        business(&record.facts, &mut call);
        if role != Role::Container || bears_tokens {
            describe(scope, record, role, &mut call);
        }
        let event = call.event;
        Self {
            trace_id: record.trace_id,
            span_id: record.span_id,
            parent_id: parent,
            started: instant(record.start_nanos),
            role,
            bears_tokens,
            detail: record.facts.detail(),
            event,
            resource: resource(&scope.resource),
        }
    }
}

/// Who reported it: the instrumentation, by the name users know it by.
fn source(scope: &Scope<'_>, facts: &Facts<'_>) -> &'static str {
    let name = scope.name.as_ref();
    if facts.get(Fact::OpenInferenceKind).is_some() || name.starts_with("openinference.") {
        "openinference"
    } else if facts.get(Fact::LangfuseType).is_some() || name.starts_with("langfuse") {
        "langfuse"
    } else if facts.get(Fact::VercelOperation).is_some() || name == "ai" {
        "vercel-ai"
    } else if name == "litellm" {
        "litellm-otel"
    } else if name.starts_with("traceloop") || is_openllmetry(name) {
        "openllmetry"
    } else if name.starts_with("pydantic-ai") || name.starts_with("logfire") {
        "pydantic-ai"
    } else {
        "otel-genai"
    }
}

/// OpenLLMetry's packages have versions of their own; OpenTelemetry's for models live under `genai`.
fn is_openllmetry(scope: &str) -> bool {
    scope.strip_prefix("opentelemetry.instrumentation.").is_some_and(|package| {
        [
            "openai.v1",
            "anthropic",
            "bedrock",
            "cohere",
            "groq",
            "ollama",
            "langchain",
            "llamaindex",
            "vertexai",
            "together",
        ]
        .iter()
        .any(|known| package.starts_with(known))
    })
}

/// Whom and what the span was for: fields of dialects, free metadata, the application's own attributes.
fn business(facts: &Facts<'_>, call: &mut Call<'_>) {
    for (fact, dimension) in [
        (Fact::Session, Dimension::SessionId),
        (Fact::User, Dimension::SubscriberId),
        (Fact::UserEmail, Dimension::SubscriberEmail),
        (Fact::Agent, Dimension::Agent),
        (Fact::AgentVersion, Dimension::AgentVersion),
        (Fact::Workflow, Dimension::Workflow),
        (Fact::TaskType, Dimension::TaskType),
        (Fact::PromptName, Dimension::Config),
        (Fact::PromptVersion, Dimension::Variant),
        (Fact::TraceName, Dimension::TraceName),
        (Fact::Environment, Dimension::Environment),
    ] {
        call.set_some(dimension, facts.text(fact));
    }
    if let Some(labels) = facts.get(Fact::Labels) {
        labels.texts().iter().for_each(|label| call.label(label));
    }
    match facts.get(Fact::Metadata) {
        Some(Value::Text(text)) => {
            flatten_json(text, &mut |key, value| call.attribute(key, value));
        }
        Some(map) => map.flatten("", &mut |key, value| call.attribute(key, value)),
        None => {}
    }
    for (key, value) in &facts.pairs {
        value.flatten(key, &mut |key, value| pair(call, key, value));
    }
    for (key, value) in &facts.unknown {
        match names::is_technical(key) {
            true => call.ignored.count(key),
            false => value.flatten(key, &mut |key, value| call.attribute(key, value)),
        }
    }
    if facts.beyond > 0 {
        call.ignored.add("attributes", facts.beyond);
    }
}

/// Metadata that Langfuse encoded as JSON has quotes around its texts; LiteLLM's names what it knows of a key.
fn pair(call: &mut Call<'_>, key: &str, value: &str) {
    let unquoted = value.starts_with('"').then(|| serde_json::from_str::<String>(value).ok()).flatten();
    let value = unquoted.as_deref().unwrap_or(value);
    if key.starts_with("user_api_key") || matches!(key, "usage_object" | "requester_metadata" | "applied_guardrails") {
        return super::super::litellm::key_attribute(call, key, value);
    }
    call.attribute(key, value);
}

/// What the call was: who answered, with how many tokens, at what cost, how it went.
fn describe(scope: &Scope<'_>, record: &Record<'_>, role: Role, call: &mut Call<'_>) {
    let facts = &record.facts;
    call.span(instant(record.start_nanos), instant(record.end_nanos));
    call.number_some(Number::DurationMs, facts.get(Fact::DurationMillis).and_then(|millis| millis.scaled(0)));
    first_token(record, call);
    status(record, role, call);
    call.number_some(Number::RetryDepth, facts.get(Fact::Resends).and_then(|value| value.count().ok().flatten()));
    if role == Role::Tool {
        call.set(Dimension::Operation, "tool");
        call.set_some(Dimension::ToolName, facts.text(Fact::ToolName));
        call.set(Dimension::ToolName, record.name.trim_end_matches(".tool"));
        return;
    }
    let parameters = facts.text(Fact::InvocationParameters).unwrap_or_default();
    let parameters = Object::parse("", &parameters).ok();
    let parameter = |name| parameters.as_ref().and_then(|object| object.text(name).ok().flatten());
    call.set_some(Dimension::Provider, facts.text(Fact::Provider));
    call.set_some(Dimension::Model, facts.text(Fact::ResponseModel));
    call.set_some(Dimension::Model, facts.text(Fact::RequestModel));
    call.set_some(Dimension::Model, parameter("model"));
    call.set_some(Dimension::RequestedModel, facts.text(Fact::RequestModel));
    call.set_some(Dimension::RequestedModel, parameter("model"));
    call.set_some(Dimension::RequestId, facts.text(Fact::ResponseId));
    call.set_some(
        Dimension::RequestId,
        facts.text(Fact::Answer).and_then(|answer| response_id(&answer).map(str::to_owned)),
    );
    call.set_some(Dimension::ServiceTier, facts.text(Fact::ServiceTier));
    call.set_some(Dimension::Region, facts.text(Fact::Region));
    call.set_some(
        Dimension::StopReason,
        facts.get(Fact::StopReason).and_then(|reasons| reasons.texts().into_iter().next()),
    );
    if let Some(level) = facts.text(Fact::Reasons) {
        call.tag("reasoning_level", &level);
    }
    call.set(Dimension::Operation, &operation(facts));
    let streaming = facts.get(Fact::Streaming).and_then(Value::flag);
    let streaming = streaming.or_else(|| parameter("stream").map(|stream| stream == "true"));
    let streams = record.first_token_nanos > 0
        || facts.text(Fact::VercelOperation).is_some_and(|operation| operation.ends_with("doStream"))
        || facts.has_any(&[Fact::FirstChunkAt, Fact::FirstChunkSeconds, Fact::FirstChunkMillis]);
    call.flag(Number::Streaming, streaming.or(streams.then_some(true)));
    usage(scope, facts, call);
    cost(facts, call);
}

/// What was asked of the model; agents that are the only record of a call count as chats.
fn operation(facts: &Facts<'_>) -> String {
    let kind = facts.text(Fact::OpenInferenceKind).or(facts.text(Fact::LangfuseType)).unwrap_or_default();
    let vercel = facts.text(Fact::VercelOperation).unwrap_or_default();
    let embedding = kind.eq_ignore_ascii_case("embedding") || vercel.ends_with("doEmbed");
    if embedding {
        return "embedding".into();
    }
    if kind.eq_ignore_ascii_case("reranker") {
        return "rerank".into();
    }
    let named = facts.text(Fact::Operation).or(facts.text(Fact::RequestType));
    named.map_or_else(|| "chat".into(), Cow::into_owned)
}

fn first_token(record: &Record<'_>, call: &mut Call<'_>) {
    let facts = &record.facts;
    call.number_some(Number::TtftMs, facts.get(Fact::FirstChunkSeconds).and_then(|seconds| seconds.scaled(3)));
    call.number_some(Number::TtftMs, facts.get(Fact::FirstChunkMillis).and_then(|millis| millis.scaled(0)));
    if let Some(at) = facts.text(Fact::FirstChunkAt) {
        call.first_token(Timestamp::parse_rfc3339(at.trim_matches('"')).ok());
    }
    call.first_token(instant(record.first_token_nanos));
}

fn status(record: &Record<'_>, role: Role, call: &mut Call<'_>) {
    let facts = &record.facts;
    let message = facts.text(Fact::StatusMessage).unwrap_or(Cow::Borrowed(record.status_message.as_ref()));
    let code = facts.get(Fact::HttpStatus).and_then(|code| code.count().ok().flatten());
    let level_error = facts.text(Fact::Level).is_some_and(|level| level == "ERROR");
    let failed = record.status_code == 2
        || level_error
        || facts.get(Fact::ErrorType).is_some()
        || code.is_some_and(|code| code >= 400);
    let bears_tokens = role::bears_tokens(facts);
    if failed {
        call.outcome("error", code.or_else(|| code_in(&message)));
    } else if role == Role::Call && !bears_tokens && record.status_code == 0 && record.first_token_nanos > 0 {
        // A stream that its reader abandoned: it began, and nobody saw its end.
        call.outcome("cancelled", code);
    } else {
        call.outcome("ok", code);
    }
    if role == Role::Call && !bears_tokens {
        call.number(Number::UsageMissing, 1);
    }
}

/// The HTTP status that a message of an error speaks of.
pub(super) fn code_in(message: &str) -> Option<u64> {
    ["Error code:", "HTTP", "status code", "status_code"].iter().find_map(|mark| {
        let (_, rest) = message.split_once(mark)?;
        let digits: String =
            rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        (digits.len() == 3).then(|| digits.parse().ok()).flatten()
    })
}

/// The provider's id of the answer, which OpenInference keeps only inside the answer.
pub(super) fn response_id(answer: &str) -> Option<&str> {
    const MARKS: [&str; 2] = [r#""id":"#, r#"\"id\":"#];
    const PREFIXES: [&str; 4] = ["chatcmpl-", "msg_", "resp_", "gen-"];
    MARKS.iter().find_map(|mark| {
        answer.split(mark).skip(1).find_map(|rest| {
            let id = rest.trim_start().trim_start_matches(['\\', '"']);
            let end = id.find(['"', '\\'])?;
            let id = &id[..end];
            PREFIXES.iter().any(|prefix| id.starts_with(prefix)).then_some(id)
        })
    })
}

fn usage(scope: &Scope<'_>, facts: &Facts<'_>, call: &mut Call<'_>) {
    let (counts, convention) = match facts.text(Fact::UsageJson) {
        Some(json) => match langfuse::usage_of_json(&json) {
            Ok(read) => read,
            Err(error) => {
                call.ignored.count(error.field.as_deref().unwrap_or("usage_details"));
                call.number(Number::UsageMismatch, 1);
                return;
            }
        },
        None => (counts(facts, call), convention(scope, facts)),
    };
    if counts.is_empty() {
        return;
    }
    let convention = convention.at(call.get(Dimension::Provider).or(model_maker(call.get(Dimension::Model))));
    counts.apply(convention, &mut call.event);
    call.set(Dimension::UsageSource, "provider");
}

/// Who makes a model, for what a span without provider needs of it: how long cache writes live.
fn model_maker(model: Option<&str>) -> Option<&'static str> {
    model.filter(|model| model.starts_with("gpt-")).map(|_| "openai")
}

fn counts(facts: &Facts<'_>, call: &mut Call<'_>) -> Counts {
    let mut count = |fact, name| match facts.get(fact).map(Value::count) {
        Some(Ok(count)) => count,
        // A count that is none is left out; the others still say what they say, and the event that one is missing.
        Some(Err(_)) => {
            call.ignored.count(name);
            call.number(Number::UsageMismatch, 1);
            None
        }
        None => None,
    };
    let mut counts = Counts {
        input: count(Fact::Input, "input_tokens"),
        output: count(Fact::Output, "output_tokens"),
        cache_read: count(Fact::CacheRead, "cache_read_tokens"),
        cache_write: count(Fact::CacheWrite, "cache_write_tokens"),
        write_5m: count(Fact::Write5m, "cache_write_5m_tokens"),
        write_1h: count(Fact::Write1h, "cache_write_1h_tokens"),
        reasoning: count(Fact::Reasoning, "reasoning_tokens"),
        audio_input: count(Fact::AudioInput, "audio_input_tokens"),
        image_input: count(Fact::ImageInput, "image_input_tokens"),
        audio_output: count(Fact::AudioOutput, "audio_output_tokens"),
        image_output: count(Fact::ImageOutput, "image_output_tokens"),
        total: count(Fact::Total, "total_tokens"),
        ..Counts::default()
    };
    if counts.write_1h.is_none()
        && let Some(metadata) = facts.text(Fact::ProviderMetadata)
    {
        vercel_lifetimes(&metadata, &mut counts);
    }
    counts
}

/// The Vercel AI SDK keeps how long cache writes live in what Anthropic itself answered.
fn vercel_lifetimes(metadata: &str, counts: &mut Counts) {
    let Ok(metadata) = Object::parse("", metadata) else { return };
    let usage = metadata.object_if("anthropic").ok().flatten().and_then(|own| own.object_if("usage").ok().flatten());
    let lives = usage.and_then(|usage| usage.object_if("cache_creation").ok().flatten());
    if let Some(lives) = lives {
        counts.write_5m = lives.count("ephemeral_5m_input_tokens").ok().flatten();
        counts.write_1h = lives.count("ephemeral_1h_input_tokens").ok().flatten();
    }
}

/// How the instrumentation counts. OpenTelemetry's text says that the cache is part of the input; not
/// everybody who uses its names does as it says, so the numbers have the last word.
fn convention(scope: &Scope<'_>, facts: &Facts<'_>) -> Convention {
    if scope.name.starts_with("opentelemetry.instrumentation.bedrock") {
        return Convention { reads: Share::Beside, writes: Share::Beside, ..Convention::UNSTATED };
    }
    if facts.get(Fact::OpenInferenceKind).is_some() || facts.get(Fact::VercelOperation).is_some() {
        return Convention {
            reads: Share::Inside,
            writes: Share::Inside,
            reasoning: Share::Inside,
            ..Convention::UNSTATED
        };
    }
    Convention { reasoning: Share::Inside, ..Convention::UNSTATED }
}

fn cost(facts: &Facts<'_>, call: &mut Call<'_>) {
    let json = facts.text(Fact::CostJson);
    let total = json.as_deref().and_then(|json| {
        Object::parse("", json).ok().and_then(|costs| costs.text("total").ok().flatten().map(Cow::into_owned))
    });
    let Some(cost) = total.or_else(|| facts.text(Fact::Cost).map(Cow::into_owned)) else { return };
    // Instrumentations that found no price or no answer write a zero that nobody meant.
    let is_zero = cost.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if !(is_zero && call.get(Dimension::Status) != Some("ok")) {
        call.cost(&cost);
    }
}

/// What is said of the process, as pairs of free metadata.
pub(super) fn resource(facts: &Facts<'_>) -> Vec<(Text, Text)> {
    let mut pairs = Vec::new();
    if let Some(environment) = facts.text(Fact::Environment) {
        pairs.push(("environment".into(), environment.as_ref().into()));
    }
    for (key, value) in facts.pairs.iter().chain(&facts.unknown) {
        if !names::is_technical(key)
            && let Some(text) = value.text()
            && !vocabulary::is_nothing(&text)
        {
            pairs.push((key.as_ref().into(), text.as_ref().into()));
        }
    }
    for (fact, name) in [(Fact::User, "user_id"), (Fact::Session, "session_id"), (Fact::Workflow, "workflow")] {
        if let Some(text) = facts.text(fact) {
            pairs.push((name.into(), text.as_ref().into()));
        }
    }
    pairs
}

/// Adds what the process is said to be where nothing nearer says it.
pub(super) fn add_resource(event: Event, resource: &[(Text, Text)], ignored: &mut Ignored) -> Event {
    let mut call = Call::resume(event, ignored).from(Origin::Resource);
    for (key, value) in resource {
        let taken = matches!(super::super::alias::of(key), Some(super::super::alias::Alias::Dimension(d)) if call.get(d).is_some());
        if !taken && call.event.tags.get(key).is_none() {
            call.attribute(key, value);
        }
    }
    call.event
}
