//! Two versions of whatever does the work, compared.

use quipu::store::Snapshot;
use quipu::{
    Dimension, Error, Finding, Interval, PicoUsd, Pivot, Result, Scope, Unit, Value, VersionReport, Versions, View,
};

use super::{priced, stated};
use crate::plan::Plan;
use crate::render::{Sheet, percent};

/// What the comparison takes beside the filters of a plan, and what is to say about it.
pub const VERSION_PARAMETERS: [(&str, &str); 4] = [
    ("a", "the version that is there"),
    ("b", "the version that might take its place"),
    ("by", "what tells the versions apart: job_version, the default, or variant, model, config, a tag"),
    ("confidence", "how sure the intervals are to hold the truth, in per cent: 50 to 99, 95 by default"),
];

/// A comparison as it is written.
#[derive(Clone, Debug, Default)]
pub struct VersionsText {
    a: Option<String>,
    b: Option<String>,
    by: Option<String>,
    confidence: Option<String>,
}

impl VersionsText {
    /// Takes one of [`VERSION_PARAMETERS`]; false when it is none of them.
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "a" => &mut self.a,
            "b" => &mut self.b,
            "by" => &mut self.by,
            "confidence" => &mut self.confidence,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }

    fn versions(&self) -> Result<Versions> {
        let named = |name: &str, version: &Option<String>| {
            version
                .clone()
                .ok_or_else(|| Error::invalid(format!("{name} is missing: name the two versions to compare")))
        };
        let pivot = self.by.as_deref().map_or(Ok(Dimension::JobVersion.into()), Pivot::parse)?;
        let confidence = self.confidence.as_deref().map_or(Ok(95), |text| {
            text.parse().map_err(|_| Error::invalid(format!("confidence is {text:?}; allowed are 50 to 99")))
        })?;
        Ok(Versions { pivot, a: named("a", &self.a)?, b: named("b", &self.b)?, confidence })
    }
}

/// Cost per job and per success, success rate and ROI of two versions, each with an interval and a verdict.
///
/// # Errors
/// [`ErrorKind::NotFound`](quipu::ErrorKind::NotFound) when a version has no job here, else as [`View::query`].
pub fn versions(snapshot: &Snapshot, scope: Scope, plan: &Plan, text: &VersionsText) -> Result<Sheet> {
    let versions = text.versions()?;
    let (query, prices) = priced(snapshot, &plan.query)?;
    let report = View::new(snapshot, scope).compare_versions(&query, versions)?;
    Ok(stated(sheet(&report), &query, &prices))
}

fn sheet(report: &VersionReport) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("what", Unit::None, true),
        ("a", Unit::None, false),
        ("b", Unit::None, false),
        ("difference", Unit::Ratio, false),
        ("low", Unit::Ratio, false),
        ("high", Unit::Ratio, false),
        ("in", Unit::None, false),
        ("more_jobs", Unit::Jobs, false),
        ("verdict", Unit::None, false),
    ]);
    sheet.rows = report.findings.iter().map(row).collect();
    let VersionReport { versions, jobs, pending, without_value, cost_unknown, shared, .. } = report;
    let of = |[a, b]: &[u64; 2]| format!("{a} and {b}");
    let any = |jobs: &[u64; 2]| jobs.iter().any(|jobs| *jobs > 0);
    let notes = &mut sheet.facts.notes;
    notes.push(format!(
        "a is {} {:?}, b is {:?}: {} jobs; {} % intervals, of costs in per cent of a, else in percentage points",
        versions.pivot,
        versions.a,
        versions.b,
        of(jobs),
        versions.confidence
    ));
    let left_out = if any(pending) { format!(": {} pending ones are left out", of(pending)) } else { String::new() };
    notes.push(format!("cost_per_job is of all jobs, settled_… of those with an outcome{left_out}"));
    if any(without_value) {
        notes.push(format!(
            "settled_roi: {} outcomes have no value and count as worth 0, once any has one",
            of(without_value)
        ));
    }
    if any(cost_unknown) {
        notes.push(format!(
            "the cost of {} jobs is unknown or known in part; neither costs nor ROI count them",
            of(cost_unknown)
        ));
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
        let shown = usd.or_else(|| finding.share(version).map(percent));
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
        Value::Text(if finding.is_relative { "% of a" } else { "points" }.into()),
        finding.more_jobs.map_or(Value::Null, |jobs| Value::Count(jobs.into())),
        Value::Text(finding.verdict.as_str().into()),
    ]
}
