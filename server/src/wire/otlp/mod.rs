//! OTLP: traces and logs of OpenTelemetry, as protobuf or JSON.
//!
//! A request is read record by record: one that is broken inside a sound request is refused by itself. Records
//! become [`Span`]s, whose attributes are read by the names of every dialect at once; then
//! [`Memory::decide`] chooses those that are calls and count.
//!
//! | what comes in | what it becomes |
//! |---|---|
//! | a span of a call to a model, an embedding, a reranking, a tool | an event, `TRACE:SPAN` its id |
//! | a span around calls | nothing, but its business fields reach them; an event if it alone knows the usage |
//! | a log record that tells of a call | the same event as its span |
//! | a log record of Claude Code's | an event, `claude-code:SESSION:SEQUENCE` its id |
//! | metrics | nothing: they repeat the calls |

mod facts;
mod json;
mod logs;
mod names;
mod proto;
mod record;
mod role;
mod span;
#[cfg(test)]
mod tests;
mod trace;
mod value;

use quipu::{Error, Event, Text, Timestamp};

use super::{FieldError, Ignored, ItemError, Place};
pub(super) use role::Role;
pub(super) use span::Span;
pub use trace::{Decided, Memory, Settled};

/// How a request is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Proto,
    /// `application/json`
    Json,
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
}

/// A request, read but not decided about.
#[derive(Debug, Default)]
pub struct Export {
    spans: Vec<Span>,
    /// Calls that belong to no trace.
    events: Vec<Event>,
    /// Records that were read, sound or not.
    pub records: u64,
    /// Records that could not be read.
    pub refused: Vec<ItemError>,
    /// What was read but has no place in an event.
    pub ignored: Ignored,
}

impl Export {
    /// The traces of this request that began before an instant and of which `memory` knows nothing: what is stored of
    /// them, [`Memory::recall`] wants to hear before anything is decided.
    pub fn unknown(&self, memory: &Memory, began: Timestamp) -> Vec<Text> {
        memory.unknown(&self.spans, began)
    }

    /// The calls that count, and what is now known of earlier ones.
    pub fn decide(&mut self, memory: &mut Memory) -> Decided {
        let mut decided = memory.decide(std::mem::take(&mut self.spans), &mut self.ignored);
        decided.events.append(&mut self.events);
        decided
    }
}

/// Reads an export request of traces or logs.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), saying where, when the request as a whole cannot be read.
pub fn read(body: &[u8], encoding: Encoding, signal: Signal) -> quipu::Result<Export> {
    let mut export = Export::default();
    let logs = signal == Signal::Logs;
    let mut each = |scope: &record::Scope<'_>, record: Result<record::Record<'_>, FieldError>| {
        let index = usize::try_from(export.records).unwrap_or(usize::MAX);
        export.records += 1;
        let taken = record.and_then(|record| match logs {
            true => logs::take(scope, &record, &mut export.spans, &mut export.events, &mut export.ignored),
            false => take_span(scope, &record, &mut export.spans, &mut export.ignored),
        });
        if let Err(error) = taken {
            export.refused.push(error.at(index, Place::Item(export.records)));
        }
    };
    match encoding {
        Encoding::Proto => proto::each_record(body, logs, &mut each),
        Encoding::Json => json::each_record(text(body)?, logs, &mut each),
    }
    .map_err(invalid)?;
    Ok(export)
}

/// How many metrics a request holds; they are not kept, for they repeat what spans and log records say.
///
/// # Errors
/// As [`read`].
pub fn count_metrics(body: &[u8], encoding: Encoding) -> quipu::Result<u64> {
    match encoding {
        Encoding::Proto => proto::count_metrics(body),
        Encoding::Json => json::count_metrics(text(body)?),
    }
    .map_err(invalid)
}

fn take_span(
    scope: &record::Scope<'_>,
    record: &record::Record<'_>,
    spans: &mut Vec<Span>,
    ignored: &mut Ignored,
) -> Result<(), FieldError> {
    for (id, name) in [(record.trace_id, "trace_id"), (record.span_id, "span_id")] {
        if id == 0 {
            return Err(FieldError::field(name, "is missing or all zero, which OTLP forbids"));
        }
    }
    spans.push(Span::read(scope, record, ignored));
    Ok(())
}

/// An empty JSON body is an empty request, as an empty protobuf body is.
fn text(body: &[u8]) -> quipu::Result<&str> {
    match std::str::from_utf8(body.trim_ascii()) {
        Ok("") => Ok("{}"),
        Ok(text) => Ok(text),
        Err(error) => Err(Error::invalid(format!("the body is not UTF-8 from byte {} on", error.valid_up_to() + 1))),
    }
}

fn invalid(error: FieldError) -> Error {
    Error::invalid(error.message)
}
