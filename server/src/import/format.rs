//! The formats an import can read, and which one a file has.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quipu::{Error, Result};

use super::batches::Batches;
use super::identity::Identity;
use super::input::Input;
use super::map::{Map, Plan};
use super::mapped::PriceRow;
use super::recognise::Sighting;
use super::rows::Rows;
use super::rows::csv::CsvRows;
use super::rows::jsonl::JsonRows;
use super::rows::parquet::ParquetRows;
use super::{Options, Stop, documents, mapped, otlp};
use crate::wire::otlp::Signal;
use crate::wire::source::Source;

/// A format of input files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Native events as JSON: one per line, an array, or one object.
    Quipu,
    /// Outcomes as JSON.
    Outcomes,
    /// CSV with a header line; mapped, or with columns named like native fields.
    Csv,
    /// One JSON object per line, mapped.
    Jsonl,
    /// Parquet; mapped, or with columns named like native fields.
    Parquet,
    /// Session logs of Claude Code.
    ClaudeCode,
    /// Session logs of the Codex CLI.
    Codex,
    /// Session logs of the Gemini CLI.
    GeminiCli,
    /// JSON of another source: one item per line, an array, or one document.
    Source(Source),
    /// Export requests of OTLP as JSON, one per line or one document; of traces or of logs.
    OtlpJson,
    /// Export requests of OTLP as protobuf: one, or many with their lengths before them; of traces.
    OtlpProto,
    /// The same, of logs.
    OtlpLogsProto,
}

impl Format {
    /// The formats that are not a [`Source`]'s.
    const OWN: [Self; 11] = [
        Self::Quipu,
        Self::Outcomes,
        Self::Csv,
        Self::Jsonl,
        Self::Parquet,
        Self::ClaudeCode,
        Self::Codex,
        Self::GeminiCli,
        Self::OtlpJson,
        Self::OtlpProto,
        Self::OtlpLogsProto,
    ];

    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        let sources = Source::ALL.into_iter().filter(|source| *source != Source::Native);
        Self::OWN.into_iter().chain(sources.map(Self::Source))
    }

    /// The name on the command line and in map files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quipu => "quipu",
            Self::Outcomes => "outcomes",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
            Self::Source(source) => source.name(),
            Self::OtlpJson => "otlp-json",
            Self::OtlpProto => "otlp-proto",
            Self::OtlpLogsProto => "otlp-logs-proto",
        }
    }

    /// The format that a file's name speaks of.
    fn of(input: &Input) -> Self {
        let name = input.unpacked_name().to_ascii_lowercase();
        match name.rsplit_once('.') {
            Some((_, "csv")) => Self::Csv,
            Some((_, "parquet")) => Self::Parquet,
            _ => Self::Quipu,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|format| format.name() == name).ok_or_else(|| {
            let names = Self::all().map(Self::name).collect::<Vec<_>>().join(", ");
            Error::invalid(format!("unknown format {name:?}; allowed are {names}"))
        })
    }
}

/// Reads one input into batches.
pub(super) fn decode(
    input: &Input,
    options: &Options,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
) -> Result<(), Stop> {
    let format = match (&options.map, options.format) {
        (Some(map), Some(format)) if format != map.format() => {
            return Err(Error::invalid(format!(
                "the map {} reads {}, not {format}; leave the format out",
                map.name(),
                map.format()
            ))
            .into());
        }
        (Some(map), _) => map.format(),
        (None, Some(format)) => format,
        (None, None) => Format::of(input),
    };
    batches.sighting = Sighting::new(format, options.map.is_some() || options.format.is_some());
    match format {
        Format::Quipu => documents::native(input, taken, batches),
        Format::Outcomes => documents::outcomes(input, taken, batches),
        Format::ClaudeCode => documents::claude_code(input, taken, batches),
        Format::Codex => documents::codex(input, taken, batches),
        Format::GeminiCli => documents::gemini_cli(input, taken, batches),
        Format::Source(Source::Langfuse) => documents::langfuse(input, taken, batches),
        Format::Source(source) => documents::of_source(source, input, taken, batches),
        Format::OtlpJson => otlp::json(input, taken, batches),
        Format::OtlpProto => otlp::proto(Signal::Traces, input, taken, batches),
        Format::OtlpLogsProto => otlp::proto(Signal::Logs, input, taken, batches),
        Format::Csv | Format::Jsonl | Format::Parquet => decode_rows(format, input, options, taken, batches),
    }?;
    batches.recognised(input)
}

fn decode_rows(
    format: Format,
    input: &Input,
    options: &Options,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
) -> Result<(), Stop> {
    match format {
        Format::Csv => run(CsvRows::open(input, taken)?, format, input, options, taken, batches),
        Format::Parquet => run(ParquetRows::open(input)?, format, input, options, taken, batches),
        _ => run(JsonRows::open(input, taken)?, format, input, options, taken, batches),
    }
}

fn run<R: Rows>(
    mut rows: R,
    format: Format,
    input: &Input,
    options: &Options,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
) -> Result<(), Stop> {
    let in_file = |error: Error| error.context(input.name());
    let native;
    let plan = match (&options.map, rows.header()) {
        (Some(map), _) => map.plan(),
        (None, Some(header)) => {
            native = Plan::native(header).map_err(in_file)?;
            &native
        }
        (None, None) => {
            return Err(Error::invalid(format!(
                "{format} needs a map that says which column is which field; native events are the format quipu"
            ))
            .into());
        }
    };
    if plan.price.is_some() {
        return Err(Error::invalid("the map describes prices; read them with `quipu prices import --map`").into());
    }
    rows.bind(plan.columns()).map_err(in_file)?;
    let reader = options.map.as_ref().map_or(format.name(), |map| map.name());
    let identity = Identity::new(reader, rows.header().unwrap_or_default());
    mapped::Run::prepare(plan, format, input, options, taken)?.rows(rows, identity, batches)
}

/// The entries of a price list that lies in a table.
///
/// # Errors
/// When the file cannot be read or an entry is broken, with its line; when the map describes no prices.
pub fn price_rows(input: &Input, map: &Map) -> Result<Vec<PriceRow>> {
    fn read<R: Rows>(mut rows: R, input: &Input, map: &Map) -> Result<Vec<PriceRow>> {
        let plan = map.plan();
        let Some(fields) = &plan.price else {
            return Err(Error::invalid(format!("the map {} has no [price]; it does not describe prices", map.name())));
        };
        rows.bind(plan.columns())?;
        let run = mapped::Run::prepare(plan, map.format(), input, &Options::default(), &Arc::default())?;
        run.prices(rows, fields)
    }
    let taken = Arc::default();
    let rows = match map.format() {
        Format::Csv => read(CsvRows::open(input, &taken)?, input, map),
        Format::Parquet => read(ParquetRows::open(input)?, input, map),
        _ => read(JsonRows::open(input, &taken)?, input, map),
    };
    rows.map_err(|error| error.context(input.name()))
}
