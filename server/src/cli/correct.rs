//! `quipu correct`: later words about events that are stored, or still to come.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use quipu::store::CorrectionItem;
use quipu::{Error, Result, Scope, Unit, Value};
use serde_json::{Map, Value as Json, json};

use super::args::{Place, TargetArgs, open, read_file};
use super::output::Output;
use super::remote::Remote;
use crate::config::whole;
use crate::ingest::{self, Admission};
use crate::render::{Sheet, understood};
use crate::wire::correction as wire;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    change: Change,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// It does not count. For ever: nothing undoes this.
    Retract {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// What its source left out, of one event or of all events of a trace.
    Complete {
        #[command(flatten)]
        of: Of,
        /// A dimension, number or tag, such as team=search or tag.plan=pro.
        #[arg(long, required = true, value_name = "FIELD=VALUE", allow_hyphen_values = true)]
        set: Vec<String>,
        /// How far the values come from; of several for one field the one of the lowest rank is taken.
        #[arg(long, default_value_t = 0, value_parser = whole::<u32>)]
        rank: u32,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// What it really is: a whole event in JSON. Of all versions the one of the highest revision stands.
    Replace {
        /// The file of the event; `-` is the standard input.
        file: PathBuf,
        /// Which version this is; what was first sent has 0.
        #[arg(long, value_parser = whole::<u64>)]
        revision: u64,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// A later snapshot of it: a whole event in JSON. Of all snapshots the one with the most usage stands.
    Grow {
        /// The file of the event; `-` is the standard input.
        file: PathBuf,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Many corrections: an array, or one per line, as `POST /v1/corrections` takes them.
    Apply {
        /// The file; `-` is the standard input. Gzip and zstd are unpacked.
        file: PathBuf,
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// What is corrected.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// The id of the event.
    #[arg(long = "event", value_name = "ID", allow_hyphen_values = true)]
    event: Option<String>,
    /// A trace: every event of it, those still to come too.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    trace: Option<String>,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let (body, target) = args.change.body()?;
    // Read here too, so that what is wrong is refused in the same words wherever it goes.
    let decoded = wire::decode(body.as_bytes())?;
    let (lsn, fates) = match target.place()? {
        Place::Server(address) => {
            let answer = Remote::new(address, scope)?.post_text(&["v1", "corrections"], &body)?;
            of_server(&understood(&answer)?)
        }
        Place::Store(dir) => {
            let items = decoded.items.into_iter().map(|item| item.map_err(|error| Error::invalid(error.to_string())));
            let store = open(&dir)?;
            let receipt = ingest::corrections(&store, &Admission::within(scope.clone()), items)?;
            (receipt.lsn, receipt.items.iter().map(fate).collect())
        }
    };
    let refused = fates.iter().filter(|fate| fate.status == "rejected").count();
    let mut sheet =
        Sheet::new(&[("correction", Unit::None, true), ("status", Unit::None, false), ("events", Unit::None, false)]);
    sheet.rows = (1_u128..)
        .zip(&fates)
        .map(|(place, fate)| {
            vec![Value::Count(place), Value::Text(fate.status.as_str().into()), Value::Count(fate.events.into())]
        })
        .collect();
    sheet.facts.lsn = Some(lsn);
    let reasons = (1..).zip(&fates).filter_map(|(place, fate)| Some(format!("{place}: {}", fate.why.as_ref()?)));
    sheet.facts.notes.extend(reasons.take(super::LISTED));
    output.sheet(&sheet)?;
    Ok(ExitCode::from(u8::from(refused > 0)))
}

/// What became of one correction.
struct Fate {
    status: String,
    events: u64,
    why: Option<String>,
}

fn fate(item: &CorrectionItem) -> Fate {
    let (status, events) = ingest::told(item);
    let why = match item {
        CorrectionItem::Rejected(error) => Some(error.to_string()),
        item => ingest::why(item).map(str::to_owned),
    };
    Fate { status: status.into(), events, why }
}

fn of_server(answer: &Json) -> (u64, Vec<Fate>) {
    let text = |item: &Json, name: &str| item.get(name).and_then(Json::as_str).map(str::to_owned);
    let fate = |item: &Json| Fate {
        status: text(item, "status").unwrap_or_default(),
        events: item.get("events").and_then(Json::as_u64).unwrap_or_default(),
        why: text(item, "error").or_else(|| text(item, "note")),
    };
    let items = answer.get("items").and_then(Json::as_array);
    let lsn = answer.get("lsn").and_then(Json::as_u64).unwrap_or_default();
    (lsn, items.into_iter().flatten().map(fate).collect())
}

impl Change {
    /// The corrections as JSON, and where they go.
    fn body(&self) -> Result<(String, &TargetArgs)> {
        Ok(match self {
            Self::Retract { of, target } => (of.body("retract").to_string(), target),
            Self::Complete { of, set, rank, target } => {
                let mut body = of.body("complete");
                body["rank"] = (*rank).into();
                body["values"] = values(set)?;
                (body.to_string(), target)
            }
            Self::Replace { file, revision, target } => {
                let event = text(file)?;
                (format!(r#"{{"change":"replace","revision":{revision},"event":{event}}}"#), target)
            }
            Self::Grow { file, target } => (format!(r#"{{"change":"grow","event":{}}}"#, text(file)?), target),
            Self::Apply { file, target } => (text(file)?, target),
        })
    }
}

impl Of {
    fn body(&self, change: &str) -> Json {
        match (&self.event, &self.trace) {
            (Some(id), _) => json!({ "change": change, "id": id }),
            (None, trace) => json!({ "change": change, "trace_id": trace }),
        }
    }
}

fn values(set: &[String]) -> Result<Json> {
    let (mut values, mut tags) = (Map::new(), Map::new());
    for pair in set {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Error::invalid(format!("--set is {pair:?}; expected FIELD=VALUE")))?;
        let (members, name) = match name.strip_prefix("tag.") {
            Some(key) => (&mut tags, key),
            None => match wire::unknown_value(name) {
                Some(unknown) => {
                    return Err(Error::invalid(format!("--set names {unknown}; a tag is tag.{name}=VALUE")));
                }
                None => (&mut values, name),
            },
        };
        let number = quipu::Number::from_name(name).is_some().then(|| serde_json::from_str(value).ok()).flatten();
        members.insert(name.to_owned(), number.unwrap_or_else(|| Json::from(value)));
    }
    if !tags.is_empty() {
        values.insert("tags".into(), Json::Object(tags));
    }
    Ok(Json::Object(values))
}

fn text(file: &std::path::Path) -> Result<String> {
    String::from_utf8(read_file(file)?).map_err(|_| Error::invalid(format!("{} is not UTF-8", file.display())))
}
