//! What requests look like: the same work as native events and as spans.

use std::fmt::Write;

use prost::encoding::{WireType, bytes, encode_key, encode_varint, string};

/// The tokens that every call says it used as input.
pub(crate) const INPUT: u64 = 7;
/// Spans of a trace: calls, and one around them that knows whom they are for.
pub(crate) const TRACE: u64 = 8;
/// 1 March 2026.
const START: u64 = 1_772_323_200;

/// How usage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Native events, one a line.
    Ndjson,
    /// Spans, as OTLP's protobuf: traces of seven calls, and the span around them that ends last.
    Otlp,
}

impl Shape {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Ndjson => "/v1/events",
            Self::Otlp => "/v1/traces",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Otlp => "application/x-protobuf",
        }
    }

    /// How many of a request's items are calls.
    pub(crate) fn calls(self, batch: u64) -> u64 {
        match self {
            Self::Ndjson => batch,
            Self::Otlp => batch - batch / TRACE,
        }
    }

    /// The body of a request: 200 teams' jobs of a few calls each, no two alike.
    pub(crate) fn body(self, place: u64, batch: u64) -> Vec<u8> {
        let numbers = place * batch..(place + 1) * batch;
        match self {
            Self::Ndjson => lines(numbers).into_bytes(),
            Self::Otlp => export(numbers),
        }
    }
}

/// The second of the day in which a call begins.
fn second(number: u64) -> u64 {
    number / 1000 % 86_400
}

fn lines(numbers: std::ops::Range<u64>) -> String {
    let mut body = String::new();
    for number in numbers {
        let seconds = second(number);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let _ = writeln!(
            body,
            "{{\"id\":\"e{number}\",\"at\":\"2026-03-01T{hour:02}:{minute:02}:{second:02}Z\",\"tenant\":\"t{}\",\"team\":\"team {}\",\
             \"job_id\":\"job {}\",\"job_type\":\"type {}\",\"provider\":\"openai\",\"model\":\"model {}\",\"status\":\"ok\",\
             \"duration_ms\":{},\"usage\":{{\"input\":{INPUT},\"output\":{}}},\"reported_cost\":\"0.001\"}}",
            number % 50,
            number % 200,
            number / 8,
            number % 12,
            number % 20,
            number % 9000,
            number % 700
        );
    }
    body
}

/// An `ExportTraceServiceRequest` of one process.
fn export(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let (mut resource, mut scope, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    text(1, "service.name", "load", &mut resource);
    string::encode(1, &"load".to_owned(), &mut scope);
    message(1, &scope, &mut spans);
    let mut span = Vec::new();
    for number in numbers {
        span.clear();
        let is_root = number % TRACE == TRACE - 1;
        describe(number, is_root, &mut span);
        message(2, &span, &mut spans);
    }
    let (mut group, mut request) = (Vec::new(), Vec::new());
    message(1, &resource, &mut group);
    message(2, &spans, &mut group);
    message(1, &group, &mut request);
    request
}

fn describe(number: u64, is_root: bool, span: &mut Vec<u8>) {
    let (trace, root) = (number / TRACE + 1, number / TRACE * TRACE + TRACE);
    let start = (START + second(number)) * 1_000_000_000;
    bytes::encode(1, &u128::from(trace).to_be_bytes().to_vec(), span);
    bytes::encode(2, &(number + 1).to_be_bytes().to_vec(), span);
    if !is_root {
        bytes::encode(4, &root.to_be_bytes().to_vec(), span);
    }
    string::encode(5, &if is_root { "ticket" } else { "chat" }.to_owned(), span);
    fixed(7, start, span);
    fixed(8, start + number % 9000 * 1_000_000, span);
    if is_root {
        text(9, "tenant.id", &format!("t{}", trace % 50), span);
        text(9, "team.id", &format!("team {}", trace % 200), span);
        text(9, "job.id", &format!("job {trace}"), span);
        text(9, "job.type", &format!("type {}", trace % 12), span);
        return;
    }
    text(9, "gen_ai.operation.name", "chat", span);
    text(9, "gen_ai.provider.name", "openai", span);
    text(9, "gen_ai.request.model", &format!("model {}", number % 20), span);
    text(9, "gen_ai.response.model", &format!("model {}", number % 20), span);
    text(9, "gen_ai.response.id", &format!("chatcmpl-{number}"), span);
    count(9, "gen_ai.usage.input_tokens", INPUT, span);
    count(9, "gen_ai.usage.output_tokens", number % 700, span);
}

fn message(tag: u32, message: &[u8], into: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, into);
    encode_varint(message.len() as u64, into);
    into.extend_from_slice(message);
}

fn fixed(tag: u32, number: u64, into: &mut Vec<u8>) {
    encode_key(tag, WireType::SixtyFourBit, into);
    into.extend_from_slice(&number.to_le_bytes());
}

/// An attribute whose value is a text.
fn text(tag: u32, key: &str, value: &str, into: &mut Vec<u8>) {
    let mut of = Vec::new();
    message(1, value.as_bytes(), &mut of);
    attribute(tag, key, &of, into);
}

/// An attribute whose value is a whole number.
fn count(tag: u32, key: &str, value: u64, into: &mut Vec<u8>) {
    let mut of = Vec::new();
    encode_key(3, WireType::Varint, &mut of);
    encode_varint(value, &mut of);
    attribute(tag, key, &of, into);
}

fn attribute(tag: u32, key: &str, value: &[u8], into: &mut Vec<u8>) {
    let mut pair = Vec::new();
    message(1, key.as_bytes(), &mut pair);
    message(2, value, &mut pair);
    message(tag, &pair, into);
}
