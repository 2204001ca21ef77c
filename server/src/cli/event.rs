//! `quipu event ID`: one event, as corrections left it.

use std::process::ExitCode;

use quipu::{Error, Event, Result, Scope, Value};

use super::args::{Place, TargetArgs};
use super::output::Output;
use super::remote::Remote;
use super::target::snapshot;
use crate::ask;
use crate::ingest;
use crate::plan::PlanText;
use crate::render::{Format, Sheet};
use crate::wire::{Ignored, native};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The id of the event.
    id: String,
    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let (event, cost) = match args.target.place()? {
        Place::Server(address) => {
            let answer = Remote::new(address, scope)?.get(&["v1", "events", &args.id], &PlanText::default())?;
            let text = String::from_utf8_lossy(&answer);
            let event = native::decode_one(&text, &mut Ignored::default());
            (event.map_err(|error| Error::invalid(format!("not an answer of Quipu: {error}")))?, None)
        }
        Place::Store(dir) => {
            let snapshot = snapshot(&dir)?;
            let event = ingest::event(&snapshot, scope, &args.id)?;
            let Some(event) = event else { return Err(ingest::no_event(&snapshot, scope, &args.id)?) };
            let cost = ask::cost_of(&snapshot, &event)?;
            (event, cost)
        }
    };
    match output.format() {
        Format::Table | Format::Csv => {
            let cost = cost.map(|cost| ("cost", Value::Text(format!("{cost} USD").into())));
            output.sheet(&Sheet::of_texts(fields(&event), cost))?;
        }
        Format::Json | Format::Ndjson => output.to_stdout(|out| writeln!(out, "{}", native::encode(&event)))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Every field of an event by its name.
fn fields(event: &Event) -> Vec<(String, String)> {
    let json: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&native::encode(event)).unwrap_or_default();
    let mut fields = Vec::new();
    for (name, value) in json {
        match value {
            serde_json::Value::Object(members) => {
                fields.extend(members.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), shown(&value))));
            }
            value => fields.push((name, shown(&value))),
        }
    }
    fields
}

fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
