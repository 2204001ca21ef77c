//! The calls of the yardstick's `events-*.parquet`, as rows in memory.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use quipu::{Dimension, Event, Number, Timestamp, TokenMeter};

use crate::Outcome;

/// Columns of text and what Quipu calls them; the first two hold sixteen bytes each.
pub const TEXTS: [(&str, Dimension); 22] = [
    ("trace_id", Dimension::TraceId),
    ("parent_id", Dimension::ParentId),
    ("job_id", Dimension::JobId),
    ("job_type", Dimension::JobType),
    ("job_version", Dimension::JobVersion),
    ("task_type", Dimension::TaskType),
    ("trace_type", Dimension::TraceType),
    ("organization", Dimension::Tenant),
    ("team", Dimension::Team),
    ("project", Dimension::Project),
    ("feature", Dimension::Feature),
    ("subscriber_id", Dimension::SubscriberId),
    ("credential", Dimension::Credential),
    ("provider", Dimension::Provider),
    ("model", Dimension::Model),
    ("model_tier", Dimension::ModelTier),
    ("operation", Dimension::Operation),
    ("environment", Dimension::Environment),
    ("variant", Dimension::Variant),
    ("status", Dimension::Status),
    ("stop_reason", Dimension::StopReason),
    ("event_id", Dimension::SpanId),
];
const EVENT_ID: usize = TEXTS.len() - 1;

/// Columns of whole numbers.
pub const NUMBERS: [(&str, Number); 6] = [
    ("status_code", Number::StatusCode),
    ("streaming", Number::Streaming),
    ("retry_depth", Number::RetryDepth),
    ("duration_ms", Number::DurationMs),
    ("ttft_ms", Number::TtftMs),
    ("reported_cost_nanos", Number::ReportedCost),
];

/// Columns of tokens.
pub const USAGE: [(&str, TokenMeter); 5] = [
    ("input_tokens", TokenMeter::Input),
    ("cache_read_tokens", TokenMeter::CacheRead),
    ("cache_write_tokens", TokenMeter::CacheWrite5m),
    ("output_tokens", TokenMeter::Output),
    ("reasoning_tokens", TokenMeter::Reasoning),
];

/// One row, in the order of the tables above.
pub struct Call {
    pub at_micros: i64,
    pub texts: [Option<String>; TEXTS.len()],
    pub numbers: [Option<i64>; NUMBERS.len()],
    pub usage: [i64; USAGE.len()],
    pub tags: Vec<(String, String)>,
}

impl Call {
    pub fn id(&self) -> &str {
        self.texts[EVENT_ID].as_deref().unwrap_or_default()
    }

    /// As an importer would make it.
    pub fn event(&self) -> Event {
        let mut event = Event::new(self.id(), Timestamp::from_micros(self.at_micros));
        for ((_, dimension), text) in TEXTS[..EVENT_ID].iter().zip(&self.texts) {
            if let Some(text) = text {
                event.dimensions.insert(*dimension, text.as_str().into());
            }
        }
        for ((_, number), value) in NUMBERS.iter().zip(self.numbers) {
            if let Some(value) = value {
                let unit = if *number == Number::ReportedCost { 1_000 } else { 1 };
                event.numbers.insert(*number, value.unsigned_abs() * unit);
            }
        }
        for ((_, meter), tokens) in USAGE.iter().zip(self.usage) {
            event.usage.insert((*meter).into(), tokens.unsigned_abs());
        }
        for (key, value) in &self.tags {
            event.tags.insert(key.as_str().into(), value.as_str().into());
        }
        event
    }
}

/// The first `most` calls of a directory.
pub fn read(dir: &Path, most: usize) -> Outcome<Vec<Call>> {
    let entries = std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("events-")));
    files.sort();
    let mut calls = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "parquet")) {
        for row in SerializedFileReader::new(File::open(path)?)?.get_row_iter(None)? {
            if calls.len() == most {
                return Ok(calls);
            }
            calls.push(call(&row?));
        }
    }
    Ok(calls)
}

fn call(row: &Row) -> Call {
    let field = |name: &str| row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field);
    let number = |name: &str| field(name).and_then(whole);
    let status = |text: String| match text.as_str() {
        "timeout" | "rate_limited" => "error".to_owned(),
        _ => text,
    };
    Call {
        at_micros: match field("ts") {
            Some(Field::TimestampMicros(micros)) => *micros,
            _ => 0,
        },
        texts: TEXTS.map(|(name, dimension)| {
            let text = field(name).and_then(text);
            if dimension == Dimension::Status { text.map(status) } else { text }
        }),
        numbers: NUMBERS.map(|(name, _)| number(name)),
        usage: USAGE.map(|(name, _)| number(name).unwrap_or(0)),
        tags: match field("tags") {
            Some(Field::MapInternal(map)) => {
                map.entries().iter().filter_map(|(key, value)| text(key).zip(text(value))).collect()
            }
            _ => Vec::new(),
        },
    }
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => Some(bytes.data().iter().map(|byte| format!("{byte:02x}")).collect()),
        _ => None,
    }
}

fn whole(field: &Field) -> Option<i64> {
    match field {
        Field::Bool(value) => Some(i64::from(*value)),
        Field::Byte(value) => Some(i64::from(*value)),
        Field::Short(value) => Some(i64::from(*value)),
        Field::Int(value) => Some(i64::from(*value)),
        Field::Long(value) => Some(*value),
        _ => None,
    }
}
