//! `quipu compare A B`: two versions of whatever does the work.

use std::process::ExitCode;

use quipu::{Finding, Interval, PicoUsd, Pivot, Result, Scope, Unit, Value, VersionReport, Versions, View};

use super::args::{FilterArgs, TargetArgs};
use super::output::Output;
use super::target::{local_plan, local_store, snapshot};
use crate::ask;
use crate::plan::PlanText;
use crate::render::Sheet;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version that is there.
    a: String,
    /// The version that might take its place.
    b: String,
    /// What tells them apart: job_version, variant, model, config, a tag…
    #[arg(long, value_name = "PIVOT", default_value = "job_version")]
    by: String,
    /// How sure the intervals are to hold the truth, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95)]
    confidence: u8,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) fn run(args: &Args, scope: &Scope, output: &Output) -> Result<ExitCode> {
    let mut text = PlanText::default();
    args.filter.add_to(&mut text)?;
    let snapshot = snapshot(&local_store(&args.target)?)?;
    let (query, prices) = ask::priced(&snapshot, &local_plan(&text)?.query)?;
    let versions =
        Versions { pivot: Pivot::parse(&args.by)?, a: args.a.clone(), b: args.b.clone(), confidence: args.confidence };
    let report = View::new(&snapshot, scope.clone()).compare_versions(&query, versions)?;
    output.sheet(&ask::stated(sheet(&report), &query, &prices))?;
    Ok(ExitCode::SUCCESS)
}

fn sheet(report: &VersionReport) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("what", Unit::None, true),
        ("a", Unit::None, false),
        ("b", Unit::None, false),
        ("difference", Unit::Ratio, false),
        ("low", Unit::Ratio, false),
        ("high", Unit::Ratio, false),
        ("more_jobs", Unit::Jobs, false),
        ("verdict", Unit::None, false),
    ]);
    sheet.rows = report.findings.iter().map(row).collect();
    let VersionReport { versions, jobs, pending, cost_unknown, shared, .. } = report;
    let of = |[a, b]: &[u64; 2]| format!("{a} and {b}");
    let notes = &mut sheet.facts.notes;
    notes.push(format!(
        "a is {} {:?}, b is {:?}: {} jobs, {} of them pending; {} % intervals, of costs in parts of a, else as a difference",
        versions.pivot, versions.a, versions.b, of(jobs), of(pending), versions.confidence
    ));
    if cost_unknown.iter().any(|jobs| *jobs > 0) {
        notes.push(format!("the cost of {} jobs is unknown or known in part; no cost counts them", of(cost_unknown)));
    }
    if *shared > 0 {
        notes.push(format!("{shared} jobs ran under both versions and are left out"));
    }
    for finding in &report.findings {
        notes.push(format!("{}: {}", finding.name, finding.method));
    }
    sheet.facts.price_book_version = report.price_book_version;
    sheet.facts.lsn = Some(report.lsn);
    sheet
}

fn row(finding: &Finding) -> Vec<Value> {
    let value = |version: usize| {
        let usd = finding.usd(version).map(|usd| format!("${}", PicoUsd::rounded(usd, 6)));
        let shown = usd.or_else(|| finding.values[version].map(|value| format!("{value:.4}")));
        shown.map_or(Value::Null, |shown| Value::Text(shown.into()))
    };
    let [low, estimate, high] = finding.interval.as_ref().map_or([const { Value::Null }; 3], Interval::values);
    vec![
        Value::Text(finding.name.into()),
        value(0),
        value(1),
        estimate,
        low,
        high,
        finding.more_jobs.map_or(Value::Null, |jobs| Value::Count(jobs.into())),
        Value::Text(finding.verdict.as_str().into()),
    ]
}
