//! A span or log record as it came, whichever encoding it came in.

use std::borrow::Cow;

use quipu::Timestamp;

use super::facts::Facts;

/// What a record stands under.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// What is said of the process.
    pub(super) resource: Facts<'a>,
    /// The instrumentation that made the record.
    pub(super) name: Cow<'a, str>,
}

/// One span or log record.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    /// 0 stands for none, as in all ids.
    pub(super) trace_id: u128,
    pub(super) span_id: u128,
    pub(super) parent_id: u128,
    /// The span's name; of a log record its body, where that is a text.
    pub(super) name: Cow<'a, str>,
    /// Nanoseconds since 1970, as in all times; 0 stands for none.
    pub(super) start_nanos: u64,
    pub(super) end_nanos: u64,
    pub(super) facts: Facts<'a>,
    /// 0 unset, 1 ok, 2 error.
    pub(super) status_code: u64,
    pub(super) status_message: Cow<'a, str>,
    /// When the first token came, where an event of the span says so.
    pub(super) first_token_nanos: u64,
}

impl Record<'_> {
    /// Takes one event of the span.
    pub(super) fn event(&mut self, name: &str, nanos: u64) {
        let first =
            matches!(name, "First Token Stream Event" | "ai.stream.firstChunk" | "gen_ai.content.completion.chunk");
        if first && self.first_token_nanos == 0 {
            self.first_token_nanos = nanos;
        }
    }

    /// The ids as W3C writes them.
    pub(super) fn trace_text(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub(super) fn span_text(id: u128) -> String {
        format!("{id:016x}")
    }
}

/// The instant of nanoseconds since 1970; `None` for 0.
pub(super) fn instant(nanos: u64) -> Option<Timestamp> {
    let micros = i64::try_from(nanos / 1_000).ok()?;
    (micros > 0).then(|| Timestamp::from_micros(micros))
}
