//! `quipu attribute`: usage assigned afterwards to whoever its sources left out, listed, and undone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use quipu::attribution::Assignment;
use quipu::{Dimension, Error, Result, Scope, Value};

use super::args::{Place, TargetArgs, open, read_file};
use super::output::Output;
use super::remote::Remote;
use super::target::{Target, snapshot};
use crate::attribute::{self, Change};
use crate::render::Sheet;
use crate::wire::attribution::{self as wire, Attribute, Attributed, Undo};

/// Whoever does not say who they are.
const NOBODY: &str = "cli";

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
        #[arg(long, required = true, value_name = "FIELD=VALUE")]
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
    /// Show every attribution of the workspace.
    List {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Undo one: what earlier ones assigned is in force again.
    Undo {
        /// Its number.
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
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// A trace: every event of it, those still to come too.
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// A credential: whatever went by it, and will.
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
}

/// Who does it, and why.
#[derive(Debug, clap::Args)]
struct Reason {
    /// Why; it stays on record.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who; a server knows by the token.
    #[arg(long, env = "USER", value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    match &args.command {
        Command::List { target } => output.sheet(&Target::new(target, scope)?.attributions(scope)?)?,
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
            let answer = match change {
                Change::Assign(assignments) => {
                    let body = Attribute { assignments: wire::to_objects(&assignments), why: why.clone() };
                    remote.post_text(&["v1", "attributions"], &json(&body)?)?
                }
                Change::Undo(number) => {
                    let body = json(&Undo { why: why.clone() })?;
                    remote.post_text(&["v1", "attributions", &number.to_string(), "undo"], &body)?
                }
            };
            serde_json::from_slice(&answer)
                .map_err(|error| Error::invalid(format!("not an answer of Quipu: {error}")))?
        }
        Place::Store(dir) => {
            // Read first: opening would make a new store where there is none.
            drop(snapshot(&dir)?);
            let by = reason.by.as_deref().unwrap_or(NOBODY);
            attribute::run(&open(&dir)?, &dir, scope.workspace(), by, why, change)?
        }
    };
    output.sheet(&Sheet::of_pairs([
        ("attribution", Value::Count(number.into())),
        ("events", Value::Count(events.into())),
    ]))
}

fn json(body: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(body).map_err(|error| Error::invalid(error.to_string()))
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
