//! `quipu outcome JOB`: reports what came of a job, or shows it with everything that was amended.

use std::process::ExitCode;

use quipu::store::OutcomeItem;
use quipu::{Error, ErrorKind, Outcome, Result, Scope, Value};
use serde_json::{Value as Json, json};

use super::args::{Place, TargetArgs, open};
use super::output::Output;
use super::remote::Remote;
use super::target::Target;
use crate::render::Sheet;
use crate::wire::{Ignored, outcome as wire};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The id of the job.
    job_id: String,
    #[command(flatten)]
    target: TargetArgs,
    /// SUCCESS, FAILED or CANCELLED. Without it nothing is reported: what is known is shown, revision by revision.
    #[arg(long)]
    status: Option<String>,
    /// CONVERTED, ESCALATED, DEFLECTED, UNSUCCESSFUL or CUSTOM.
    #[arg(long = "type", value_name = "TYPE", requires = "status")]
    kind: Option<String>,
    /// What it was worth, in USD.
    #[arg(long, value_name = "USD", allow_hyphen_values = true, requires = "status")]
    value: Option<String>,
    /// Anything else, as JSON.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true, requires = "status")]
    metadata: Option<String>,
    /// When it was reached, in RFC 3339; when absent, as before for an amendment, else now.
    #[arg(long, value_name = "TIME", requires = "status")]
    at: Option<String>,
    /// Amend the outcome that was reported before, for this reason; the earlier one stays on record.
    #[arg(long, value_name = "REASON", allow_hyphen_values = true, requires = "status")]
    amend: Option<String>,
    /// Store it even when no event of the job is stored.
    #[arg(long, requires = "status")]
    create: bool,
    /// A key that makes a retry of this very report harmless.
    #[arg(long, value_name = "KEY", requires = "status")]
    idempotency_key: Option<String>,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    if args.status.is_none() {
        output.sheet(&Target::new(&args.target, scope)?.revisions(scope, &args.job_id)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let body = args.body()?;
    // Read here too, so that a wrong report is refused in the same words wherever it goes.
    let mut outcome = wire::decode_for(&args.job_id, body.to_string().as_bytes(), &mut Ignored::default())?;
    outcome.workspace = Some(scope.workspace().into());
    let done = match args.target.place()? {
        Place::Server(address) => {
            let path = ["v1", "jobs", &args.job_id, "outcome"];
            let answer: Json = Remote::new(address, scope)?.exchange(&path, &body)?;
            answer.get("status").and_then(Json::as_str).unwrap_or("stored").to_owned()
        }
        Place::Store(dir) => record(&open(&dir)?, outcome)?,
    };
    output.sheet(&Sheet::of_pairs([
        ("job", Value::Text(args.job_id.as_str().into())),
        ("outcome", Value::Text(done.into())),
    ]))?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn body(&self) -> Result<Json> {
        let mut body = json!({ "status": self.status });
        let texts = [
            ("type", &self.kind),
            ("value", &self.value),
            ("at", &self.at),
            ("idempotency_key", &self.idempotency_key),
            ("reason", &self.amend),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                body[name] = text.as_str().into();
            }
        }
        if let Some(metadata) = &self.metadata {
            body["metadata"] = serde_json::from_str(metadata)
                .map_err(|error| Error::invalid(format!("--metadata is not JSON: {error}")))?;
        }
        if self.create {
            body["create_job"] = true.into();
        }
        Ok(body)
    }
}

fn record(store: &quipu::store::Store, outcome: Outcome) -> Result<String> {
    let job_id = outcome.job_id.clone();
    let item = store.record_outcomes(vec![outcome])?.items.into_iter().next();
    match item {
        Some(OutcomeItem::Stored) | None => Ok("stored".into()),
        Some(OutcomeItem::Replayed) => Ok("replayed".into()),
        Some(OutcomeItem::AlreadyReported(stored)) => {
            let stored = serde_json::to_string(&wire::Native(&stored)).unwrap_or_default();
            let what =
                format!("job {job_id:?} has an outcome already, which stands (--amend REASON amends it): {stored}");
            Err(Error::new(ErrorKind::Conflict, what))
        }
        Some(OutcomeItem::UnknownJob) => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no job {job_id:?}: no event of it is stored")))
        }
        Some(OutcomeItem::Rejected(error)) => Err(error),
    }
}
