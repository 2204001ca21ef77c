//! `quipu erase`: a subscriber goes, or is looked for in every file.

use std::process::ExitCode;

use clap::ArgGroup;
use quipu::store::{Erasure, Reach};
use quipu::{Result, Scope, Unit, Value};

use super::ACTOR;
use super::args::{Place, TargetArgs, no_store, open_existing};
use super::output::Output;
use super::remote::Remote;
use crate::erase::{Case, Mode, Receipt, Report, Request};
use crate::render::{Document, Sheet};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["anonymise", "delete", "verify"]))]
pub(super) struct Args {
    /// The id or the e-mail of the subscriber, in the workspace that --workspace names.
    subscriber: String,
    /// Keep the subscriber's events, for nobody in particular: every total stays what it is.
    #[arg(long, conflicts_with = "delete")]
    anonymise: bool,
    /// Remove the subscriber's events. Their ids stay taken, so a retry brings none back.
    #[arg(long)]
    delete: bool,
    /// Search every file for the person, after erasing if that is asked for too; exits with 1 when one still has the name.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let mode = match (args.anonymise, args.delete) {
        (true, _) => Some(Mode(Erasure::Anonymise)),
        (false, true) => Some(Mode(Erasure::Delete)),
        (false, false) => None,
    };
    let request = Request { subscriber: args.subscriber.clone(), mode, verify: args.verify };
    let report = match args.target.place()? {
        Place::Server(address) => Remote::new(address, scope)?.exchange(&["v1", "erasures"], &request)?,
        Place::Store(dir) => {
            let mut case = Case::new(&args.subscriber);
            if let Some(mode) = mode {
                case.erase(&open_existing(&dir)?, &dir, scope.workspace(), mode, ACTOR)?;
            }
            if args.verify {
                case.search(&dir, Reach::Everything, || false).map_err(no_store)?;
            }
            case.report()
        }
    };
    output.document(&document(&report), None)?;
    Ok(ExitCode::from(u8::from(!is_done(&report, args.verify))))
}

/// Whether there was somebody to erase, and nothing is left of them as far as that was to be seen.
fn is_done(report: &Report, verify: bool) -> bool {
    let is_erased = report.receipt.as_ref().is_none_or(|receipt| !receipt.replaced.is_empty());
    is_erased && (!verify || report.found.as_ref().is_some_and(Vec::is_empty))
}

fn document(report: &Report) -> Document {
    let mut sheets = Vec::new();
    if let Some(receipt) = &report.receipt {
        sheets.push(("receipt".to_owned(), receipt_sheet(receipt)));
    }
    if let Some(places) = &report.found {
        let mut sheet =
            Sheet::new(&[("file", Unit::None, true), ("place", Unit::None, true), ("times", Unit::None, false)]);
        let text = |text: &str| Value::Text(text.into());
        sheet.rows = places
            .iter()
            .map(|found| vec![text(&found.file), text(&found.place), Value::Count(found.times.into())])
            .collect();
        sheets.push(("found".to_owned(), sheet));
    }
    if let Some((_, last)) = sheets.last_mut() {
        last.facts.notes.extend(report.notes.iter().cloned());
    }
    Document(sheets)
}

fn receipt_sheet(receipt: &Receipt) -> Sheet {
    let count = |count: u64| Value::Count(count.into());
    let text = |text: &str| Value::Text(text.into());
    let list = |paths: &[String]| if paths.is_empty() { Value::Null } else { text(&paths.join(", ")) };
    Sheet::of_pairs([
        ("at", receipt.at.map_or(Value::Null, |at| Value::Time(at.0))),
        ("person", text(&receipt.person)),
        ("mode", text(receipt.mode.0.name())),
        ("events", count(receipt.events)),
        ("mentions by others", count(receipt.mentions)),
        ("outcomes that named them", count(receipt.outcomes)),
        ("corrections that named them", count(receipt.corrections)),
        ("files replaced", count(receipt.replaced.len() as u64)),
        ("files that somebody still reads", list(&receipt.lingering)),
    ])
}
