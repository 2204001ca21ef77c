//! `quipu attribute`: usage assigned afterwards to whoever its sources left out, listed, and undone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use quipu::attribution::Assignment;
use quipu::{Dimension, Error, Result, Scope, Value};
use serde_json::value::RawValue;

use super::ACTOR;
use super::args::{Place, TargetArgs, open_existing, read_file};
use super::output::Output;
use super::remote::Remote;
use super::target::Target;
use crate::attribute::{self, Change};
use crate::config::whole;
use crate::render::Sheet;
use crate::wire::attribution::{self as wire, Attribute, Attributed, Undo};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Assign the usage of one request, trace or credential.
    Assign {
        #[command(flatten)]
        of: Of,
        /// A tenant, team, project or feature, such as tenant=acme. What a source said stands.
        #[arg(long, required = true, value_name = "FIELD=VALUE", allow_hyphen_values = true)]
        set: Vec<String>,
        #[command(flatten)]
        reason: Reason,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Assign the usage of many, from CSV or JSON with a column each for trace_id, request_id or credential and for
    /// tenant, team, project or feature.
    Apply {
        /// The file; `-` is the standard input. Gzip and zstd are unpacked.
        file: PathBuf,
        #[command(flatten)]
        reason: Reason,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Show what was assigned in the workspace, the newest first.
    List {
        /// How many rows at most.
        #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u64>, default_value_t = attribute::LISTED)]
        limit: u64,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Undo one: what earlier ones assigned is in force again.
    Undo {
        /// Its number.
        #[arg(value_parser = whole::<u64>)]
        number: u64,
        #[command(flatten)]
        reason: Reason,
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// Whose usage it is of.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// The id of a request.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    request: Option<String>,
    /// A trace: every event of it, those still to come too.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    trace: Option<String>,
    /// A credential: whatever went by it, and will.
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
}

/// Who does it, and why.
#[derive(Debug, clap::Args)]
struct Reason {
    /// Why; it stays on record.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    why: String,
    /// Who; a server knows by the token.
    #[arg(long, env = "USER", value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    match &args.command {
        Command::List { limit, target } => output.sheet(&Target::new(target, scope)?.attributions(scope, *limit)?)?,
        Command::Assign { of, set, reason, target } => {
            done(target, reason, Change::Assign(vec![of.assignment(set)?]), scope, output)?;
        }
        Command::Apply { file, reason, target } => {
            done(target, reason, Change::Assign(wire::assignments(&read_file(file)?)?), scope, output)?;
        }
        Command::Undo { number, reason, target } => done(target, reason, Change::Undo(*number), scope, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it where it is to be done, and says what that was.
fn done(target: &TargetArgs, reason: &Reason, change: Change, scope: &Scope, output: &Output) -> Result<()> {
    let why = &reason.why;
    let Attributed { number, events } = match target.place()? {
        Place::Server(address) => {
            let remote = Remote::new(address, scope)?;
            match change {
                Change::Assign(assignments) => {
                    let body = Attribute { assignments: raw(wire::encode(&assignments))?, why: why.clone() };
                    remote.exchange(&["v1", "attributions"], &body)?
                }
                Change::Undo(number) => {
                    let path = ["v1", "attributions", &number.to_string(), "undo"];
                    remote.exchange(&path, &Undo { why: why.clone() })?
                }
            }
        }
        Place::Store(dir) => {
            let by = reason.by.as_deref().unwrap_or(ACTOR);
            attribute::run(&open_existing(&dir)?, &dir, scope.workspace(), by, why, change)?
        }
    };
    output.sheet(&Sheet::of_pairs([
        ("attribution", Value::Count(number.into())),
        ("events", Value::Count(events.into())),
    ]))
}

fn raw(json: String) -> Result<Box<RawValue>> {
    RawValue::from_string(json).map_err(|error| Error::invalid(error.to_string()))
}

impl Of {
    fn assignment(&self, set: &[String]) -> Result<Assignment> {
        let given = [
            (Dimension::RequestId, &self.request),
            (Dimension::TraceId, &self.trace),
            (Dimension::Credential, &self.credential),
        ];
        let given = given.into_iter().find_map(|(by, key)| Some((by, key.as_deref()?)));
        let (by, key) = given.ok_or_else(|| Error::invalid("name a --request, a --trace or a --credential"))?;
        set.iter().try_fold(Assignment::of(by, key), |assignment, pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Error::invalid(format!("--set is {pair:?}; expected FIELD=VALUE")))?;
            let dimension =
                Dimension::from_name(name).ok_or_else(|| Error::invalid(format!("there is no field {name:?}")))?;
            Ok(assignment.to(dimension, value))
        })
    }
}
