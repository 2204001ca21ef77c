//! The token counts of Revenium's metering API, turned into disjoint meters.
//!
//! For Anthropic and Bedrock `inputTokenCount` excludes both cache reads and cache writes; for the
//! other providers it includes reads but not writes. `outputTokenCount` includes
//! reasoning for all of them. Cache writes of no stated lifetime live 30 minutes at OpenAI
//! and 5 minutes elsewhere.

use quipu::{Dimension, Event, Number, Text, TokenMeter};

use super::super::FieldError;

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Count {
    Input,
    Output,
    Reasoning,
    CacheRead,
    CacheCreation,
    CacheCreation5m,
    CacheCreation1h,
    Total,
}

/// The counts of one call.
#[derive(Debug, Default)]
pub(super) struct Counts([Option<u64>; 8]);

impl Counts {
    /// Sets a count and returns the one it replaces.
    pub(super) fn set(&mut self, count: Count, value: u64) -> Option<u64> {
        self.0[count as usize].replace(value)
    }

    fn get(&self, count: Count) -> Option<u64> {
        self.0[count as usize]
    }

    /// Puts the counts on the event's meters and flags counts that contradict each other.
    pub(super) fn apply(self, event: &mut Event) -> Result<(), FieldError> {
        if !event.usage.is_empty() {
            return Err(FieldError::field("usage", "stands beside …TokenCount fields; give one or the other"));
        }
        let (mut consistent, read) = (true, self.get(Count::CacheRead));
        let mut minus = |whole: u64, part: Option<u64>| {
            let part = part.unwrap_or(0);
            consistent &= part <= whole;
            whole.saturating_sub(part)
        };
        let input = self.get(Count::Input).map(|input| match reads_are_inside(event, input, read) {
            true => minus(input, read),
            false => input,
        });
        let output = self.get(Count::Output).map(|output| minus(output, self.get(Count::Reasoning)));
        let (write_5m, write_1h) = (self.get(Count::CacheCreation5m), self.get(Count::CacheCreation1h));
        let rest = self.get(Count::CacheCreation).map(|all| {
            let without_5m = minus(all, write_5m);
            minus(without_5m, write_1h)
        });
        // What is written with no stated lifetime has the provider's default.
        let (write_5m, write_30m) = match (write_5m, rest) {
            (stated, rest) if provider(event).contains("openai") => (stated, rest),
            (Some(stated), Some(rest)) => (Some(stated.saturating_add(rest)), None),
            (stated, rest) => (stated.or(rest), None),
        };
        for (meter, quantity) in [
            (TokenMeter::Input, input),
            (TokenMeter::CacheRead, read),
            (TokenMeter::CacheWrite5m, write_5m),
            (TokenMeter::CacheWrite30m, write_30m),
            (TokenMeter::CacheWrite1h, write_1h),
            (TokenMeter::Output, output),
            (TokenMeter::Reasoning, self.get(Count::Reasoning)),
        ] {
            if let Some(quantity) = quantity {
                event.usage.insert(meter.into(), quantity);
            }
        }
        if !consistent || !self.total_is_plausible(event) {
            event.numbers.insert(Number::UsageMismatch, 1);
        }
        Ok(())
    }

    /// Senders disagree whether the total includes the cache; either reading is taken as agreement.
    fn total_is_plausible(&self, event: &Event) -> bool {
        let Some(total) = self.get(Count::Total) else { return true };
        let stated = self.get(Count::Input).unwrap_or(0).checked_add(self.get(Count::Output).unwrap_or(0));
        Some(total) == stated || super::draft::meter_sum(event) == Some(total)
    }
}

/// More reads than input can only mean that they are counted apart, whatever the provider.
fn reads_are_inside(event: &Event, input: u64, read: Option<u64>) -> bool {
    let provider = provider(event);
    let apart = provider.contains("anthropic") || provider.contains("bedrock");
    !apart && read.is_none_or(|read| read <= input)
}

fn provider(event: &Event) -> String {
    event.get(Dimension::Provider).unwrap_or_default().to_ascii_lowercase()
}

/// One of Revenium's words in those of `dimension`; one that is not known is only lower-cased.
pub(super) fn word(dimension: Dimension, word: &str) -> Text {
    let word = word.to_lowercase();
    match (dimension, word.as_str()) {
        (Dimension::Operation, "embed") => "embedding".into(),
        (Dimension::Operation, "tool_call") => "tool".into(),
        (Dimension::StopReason, "end") => "stop".into(),
        // Revenium's client folds tool calls into this one.
        (Dimension::StopReason, "end_sequence") => "tool_call".into(),
        (Dimension::StopReason, "token_limit") => "length".into(),
        (Dimension::StopReason, "cost_limit" | "completion_limit") => "other".into(),
        _ => word.into(),
    }
}
