//! Which field of an event a JSON name stands for.

use std::borrow::Cow;
use std::fmt;

use quipu::{Dimension, Number};

use super::revenium::Count;

/// What a top-level name of the native form stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    At,
    Dimension(Dimension),
    Number(Number),
    Usage,
    Tags,
    /// The source's own sum of all tokens, to be checked against the meters.
    TotalTokens,
    /// A token count in Revenium's convention.
    Count(Count),
    /// When the answer was complete; gives the duration where none is stated.
    ResponseTime,
    /// A dimension in Revenium's own words.
    Worded(Dimension),
    /// The HTTP status of a call that failed, or a word for its error.
    ErrorCode,
    /// Revenium's flag that the call cost nothing.
    BillingSkipped,
    /// Known, and deliberately not kept.
    Never,
}

/// A field without which an event would be worth nothing, or dated now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    At,
    Usage(&'static str),
    ReportedCost,
}

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At => f.write_str("at"),
            Self::Usage(meter) => write!(f, "usage.{meter}"),
            Self::ReportedCost => f.write_str("reported_cost"),
        }
    }
}

/// What somebody who writes that top-level name most likely means.
pub(super) fn mistaken_for(name: &str) -> Option<Meant> {
    Some(match name {
        "timestamp" | "time" | "ts" | "created_at" => Meant::At,
        "input_tokens" | "prompt_tokens" => Meant::Usage("input"),
        "output_tokens" | "completion_tokens" => Meant::Usage("output"),
        "cost" | "cost_usd" => Meant::ReportedCost,
        _ => return None,
    })
}

/// The field of that name: an exact name first, then the aliases, then the camelCase form of either.
pub(super) fn resolve(name: &str) -> Option<Field> {
    exact(name).or_else(|| revenium(name)).or_else(|| {
        let snake = snake_case(name)?;
        exact(&snake)
    })
}

/// The smaller the rank, the more a name is the field's own; it decides when two names mean one field.
pub(super) fn rank(name: &str, dimension: Dimension) -> u8 {
    match name {
        _ if name == dimension.name() => 0,
        // The deprecated organizationId and productId hold a name too, and are sent beside these.
        "organizationName" | "productName" | "actualServiceTier" => 1,
        _ => 2,
    }
}

fn exact(name: &str) -> Option<Field> {
    Some(match name {
        "id" | "event_id" => Field::Id,
        "at" => Field::At,
        "usage" => Field::Usage,
        "tags" => Field::Tags,
        "total_tokens" => Field::TotalTokens,
        _ => match Dimension::parse(name) {
            Some(dimension) => Field::Dimension(dimension),
            None => Field::Number(Number::from_name(name)?),
        },
    })
}

fn revenium(name: &str) -> Option<Field> {
    Some(match name {
        "transactionId" => Field::Id,
        "requestTime" => Field::At,
        "responseTime" => Field::ResponseTime,
        "requestDuration" => Field::Number(Number::DurationMs),
        "timeToFirstToken" => Field::Number(Number::TtftMs),
        "retryNumber" => Field::Number(Number::RetryDepth),
        "isStreamed" => Field::Number(Number::Streaming),
        "totalCost" => Field::Number(Number::ReportedCost),
        "errorCode" => Field::ErrorCode,
        "billingSkipped" => Field::BillingSkipped,
        "parentTransactionId" => Field::Dimension(Dimension::ParentId),
        "productName" | "productId" => Field::Dimension(Dimension::Product),
        "agenticJobId" => Field::Dimension(Dimension::JobId),
        "agenticJobType" => Field::Dimension(Dimension::JobType),
        "agenticJobVersion" => Field::Dimension(Dimension::JobVersion),
        "agenticJobName" => Field::Dimension(Dimension::JobName),
        "middlewareSource" => Field::Dimension(Dimension::Source),
        "pricingTier" | "actualServiceTier" => Field::Dimension(Dimension::ServiceTier),
        "operationType" => Field::Worded(Dimension::Operation),
        "stopReason" => Field::Worded(Dimension::StopReason),
        "inputTokenCount" => Field::Count(Count::Input),
        "outputTokenCount" => Field::Count(Count::Output),
        "reasoningTokenCount" => Field::Count(Count::Reasoning),
        "cacheReadTokenCount" => Field::Count(Count::CacheRead),
        "cacheCreationTokenCount" => Field::Count(Count::CacheCreation),
        "cacheCreation5mTokenCount" => Field::Count(Count::CacheCreation5m),
        "cacheCreation1hTokenCount" => Field::Count(Count::CacheCreation1h),
        "totalTokenCount" => Field::Count(Count::Total),
        // Prompts and answers are not usage, and a split of the cost has no place beside its sum.
        "systemPrompt"
        | "inputMessages"
        | "outputResponse"
        | "inputTokenCost"
        | "outputTokenCost"
        | "cacheReadTokenCost"
        | "cacheCreationTokenCost" => Field::Never,
        _ => return None,
    })
}

/// `jobType` as `job_type`; `None` when the name is not camelCase.
fn snake_case(name: &str) -> Option<String> {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Some(snake)
}

/// What to say instead of a count that overlaps others; `None` when `name` may be a meter.
pub(crate) fn overlapping_meter(name: &str) -> Option<Cow<'static, str>> {
    let instead = match name {
        "input_tokens"
        | "prompt_tokens"
        | "output_tokens"
        | "completion_tokens"
        | "reasoning_tokens"
        | "cached_tokens"
        | "cache_read_tokens"
        | "cache_read_input_tokens" => "input (uncached), cache_read, output (without reasoning) and reasoning",
        "cache_write" | "cache_creation" | "cache_creation_input_tokens" | "cache_write_tokens" => {
            "cache_write_5m, cache_write_30m, cache_write_1h and cache_write_12h"
        }
        "total_tokens" | "total" => "each count by itself, and total_tokens beside usage",
        _ => return None,
    };
    Some(format!("is not a meter, because meters never overlap; give {instead}").into())
}
