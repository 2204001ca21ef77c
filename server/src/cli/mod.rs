//! The command line: one file per command.
//!
//! Exit codes: 0 done; 1 failed, or part of what was asked could not be done; 2 the command line,
//! an expression or the input is wrong.

mod args;
mod attribute;
mod audit;
mod backup;
mod compact;
mod compare;
mod correct;
mod coverage;
mod demo;
mod dimensions;
mod erase;
mod event;
mod import;
mod job;
mod outcome;
mod output;
mod prices;
mod query;
mod remote;
mod repair;
mod retention;
mod rollups;
mod runaway;
mod serve;
mod stat;
mod target;
mod token;
mod trace;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use quipu::{Error, ErrorKind, Result, Scope};

use crate::plan::Report;
use crate::render::Format;
use crate::wire::printable;
use output::Output;

/// The embedded database for LLM usage: exact costs, jobs, outcomes and ROI.
#[derive(Debug, Parser)]
#[command(name = "quipu", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// How results are written.
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
    /// The workspace to read or write; `default` where none is named.
    #[arg(long, global = true, env = "QUIPU_WORKSPACE", value_name = "NAME")]
    workspace: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Import real sample data and show what it cost and brought.
    Demo(demo::Args),
    /// Take events and answer queries over HTTP.
    Serve(serve::Args),
    /// Import events and outcomes from files.
    Import(import::Args),
    /// Measures per group.
    Query(query::QueryArgs),
    /// Jobs with cost, effort and outcome; the most expensive first.
    Jobs(query::ReportArgs),
    /// Everything about one job.
    Job(job::Args),
    /// Everything about one workflow run.
    Trace(trace::Args),
    /// One event, as corrections left it.
    Event(event::Args),
    /// From all jobs to the successful and the converted ones.
    Funnel(query::GroupedArgs),
    /// What jobs cost and what they were worth.
    Roi(query::GroupedArgs),
    /// What share of jobs is pending, succeeded, converted, was deflected, escalated; succeeded without being
    /// escalated (autonomy).
    Rates(query::GroupedArgs),
    /// One row per job type: jobs, rates, cost and value.
    JobTypes(query::GroupedArgs),
    /// What there is to group by, or the values of one dimension with their events.
    Dimensions(dimensions::Args),
    /// Workflow runs with cost, effort and time; the most expensive first.
    Traces(query::TracesArgs),
    /// Computed beside reported cost: the difference, what has no price, what is estimated.
    Reconcile(query::GroupedArgs),
    /// Compare two versions: cost, success and ROI, and how sure that is.
    Compare(compare::Args),
    /// What events lack, what looks wrong in them, what retries cost and cheaper tiers would save.
    Coverage(coverage::Args),
    /// Per source and field: found where, missing, or dropped between the hops of a trace.
    Gaps(query::GroupedArgs),
    /// Groups that used far more than in the same span before.
    Runaway(runaway::Args),
    /// Evaluate saved rules; exits with 3 when one raises an alarm.
    Check(runaway::CheckArgs),
    /// Report what came of a job, once and for ever; or show it, with what was amended.
    Outcome(outcome::Args),
    /// Say what is known later of events: retract, complete, replace or grow them.
    Correct(correct::Args),
    /// Assign usage afterwards to a tenant, team, project or feature that its source left out; list that, undo it.
    Attribute(attribute::Args),
    /// How long the workspace keeps its events: show it, or set it with --days or --for-ever.
    Retention(retention::Args),
    /// Erase a subscriber: anonymise or delete, down to the bytes; or look whether a name is left anywhere.
    Erase(erase::Args),
    /// The price book: import a list, show what there is.
    Prices(prices::Args),
    /// Who may use the server: make, list, rotate and revoke tokens.
    Token(token::Args),
    /// Who changed what about access; fails when the log was tampered with.
    Audit(args::StoreArgs),
    /// What a store holds, and where every byte is.
    Stat(stat::Args),
    /// The sums that are kept beside events for questions about many: show them, or declare others.
    Rollups(rollups::Args),
    /// Check every checksum and everything derived.
    Verify(verify::Args),
    /// Say what a damaged store lost; with --apply, take that out, so that it opens again.
    Repair(repair::Args),
    /// Merge segments until nothing more fits together.
    Compact(compact::Args),
    /// Copy a store, also while a server writes to it; what did not change is shared with the last backup.
    Backup(backup::Args),
    /// Make a store of a backup.
    Restore(backup::RestoreArgs),
}

/// Who acts, in the audit log, where nobody says who they are.
const ACTOR: &str = "cli";
/// Refusals that a table lists.
const LISTED: usize = 10;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Clap says it best, to the right stream, with 2 for bad usage and 0 for help.
        Err(message) => message.exit(),
    };
    let output = Output::new(cli.format);
    match run(cli, &output) {
        Ok(code) => code,
        Err(error) if output.is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let error = match error.kind() {
                ErrorKind::Corrupt => {
                    error.hint(format_args!("`quipu verify --store DIR` lists all damage, {}", verify::RESTORE))
                }
                _ => error,
            };
            let text = error.to_string();
            // The lines are of the message's own; what it quotes has its line breaks escaped.
            let lines: Vec<_> = text.lines().map(printable).collect();
            eprintln!("error: {}", lines.join("\n"));
            ExitCode::from(if error.kind() == ErrorKind::Invalid { 2 } else { 1 })
        }
    }
}

fn run(cli: Cli, output: &Output) -> Result<ExitCode> {
    let named = cli.workspace.as_deref();
    let scope = || named.map_or_else(|| Ok(Scope::default()), Scope::new);
    match cli.command {
        Command::Demo(args) => demo::run(&args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Import(args) => import::run(&args, named, output),
        Command::Query(args) => query::run(Report::Query, &args.text()?, &args.rest.rest.target, &scope()?, output),
        Command::Jobs(args) => query::run(Report::Jobs, &args.text()?, &args.target, &scope()?, output),
        Command::Job(args) => job::run(&args, &scope()?, output),
        Command::Trace(args) => trace::run(&args, &scope()?, output),
        Command::Event(args) => event::run(&args, &scope()?, output),
        Command::Funnel(args) => query::run(Report::Funnel, &args.text()?, &args.rest.target, &scope()?, output),
        Command::Roi(args) => query::run(Report::Roi, &args.text()?, &args.rest.target, &scope()?, output),
        Command::Rates(args) => query::run(Report::Rates, &args.text()?, &args.rest.target, &scope()?, output),
        Command::JobTypes(args) => query::run(Report::JobTypes, &args.text()?, &args.rest.target, &scope()?, output),
        Command::Dimensions(args) => {
            let (report, text) = args.plan()?;
            query::run(report, &text, &args.rest.target, &scope()?, output)
        }
        Command::Traces(args) => query::run(args.report(), &args.rest.text()?, &args.rest.target, &scope()?, output),
        Command::Reconcile(args) => query::run(Report::Reconcile, &args.text()?, &args.rest.target, &scope()?, output),
        Command::Compare(args) => compare::run(&args, &scope()?, output),
        Command::Coverage(args) => coverage::run(&args, &scope()?, output),
        Command::Gaps(args) => query::run(Report::Gaps, &args.text()?, &args.rest.target, &scope()?, output),
        Command::Runaway(args) => runaway::run(&args, &scope()?, output),
        Command::Check(args) => runaway::check(&args, &scope()?, output),
        Command::Outcome(args) => outcome::run(&args, &scope()?, output),
        Command::Correct(args) => correct::run(&args, &scope()?, output),
        Command::Attribute(args) => attribute::run(&args, &scope()?, output),
        Command::Retention(args) => retention::run(&args, &scope()?, output),
        Command::Erase(args) => erase::run(&args, &scope()?, output),
        Command::Prices(args) => prices::run(&args, &scope()?, output),
        Command::Token(args) => token::run(&args, &scope()?, output),
        Command::Audit(args) => audit::run(&args, output),
        Command::Stat(args) => stat::run(&args, output),
        Command::Rollups(args) => rollups::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Repair(args) => repair::run(&args, output),
        Command::Compact(args) => compact::run(&args, output),
        Command::Backup(args) => backup::run(&args, output),
        Command::Restore(args) => backup::restore(&args, output),
    }
}

/// The plan that `quipu query` makes of flags.
#[cfg(test)]
pub(crate) fn query_text(flags: Vec<String>) -> Result<crate::plan::PlanText> {
    let words = ["quipu", "query", "--store", "x"].map(String::from).into_iter().chain(flags);
    match Cli::try_parse_from(words).map_err(|error| Error::invalid(error.to_string()))?.command {
        Command::Query(args) => args.text(),
        _ => Err(Error::invalid("not a query")),
    }
}

/// A failure of the operating system on something that is not a store.
fn io_error(action: &str, name: &str, error: std::io::Error) -> Error {
    Error::io(action, name, error)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn no_two_arguments_of_a_command_clash() {
        Cli::command().debug_assert();
    }
}
