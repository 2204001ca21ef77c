//! Lists of jobs.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::Response;
use quipu::{Cancel, Outcome, PicoUsd, Query as Plan, Scope, Store, Text, Timestamp, Value as Cell, View};
use serde_json::{Value, json};

use super::super::caller::{Allowed, Query as MayQuery};
use super::super::problem::Problem;
use super::super::state::App;
use super::{amount, answered, money, page, parameter, text};
use crate::ask;

/// One job as lists show it.
pub(super) struct Job {
    pub(super) id: Text,
    kind: Option<Text>,
    version: Option<Text>,
    cost: Option<PicoUsd>,
    reported: Option<PicoUsd>,
    calls: u64,
    created: Option<Timestamp>,
    updated: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl Job {
    /// What it cost: computed, or where nothing of it has a price, as reported.
    pub(super) fn total_cost(&self) -> Option<PicoUsd> {
        let computed = self.cost.filter(|cost| *cost != PicoUsd::ZERO);
        computed.or(self.reported.filter(|cost| *cost != PicoUsd::ZERO)).or(self.cost)
    }

    pub(super) fn value(&self) -> Option<PicoUsd> {
        self.outcome.as_ref().and_then(|outcome| outcome.value)
    }

    fn status(&self) -> &str {
        self.outcome.as_ref().map_or("PENDING", |outcome| outcome.status.name())
    }

    fn outcome_type(&self) -> Option<&str> {
        match &self.outcome {
            None => Some("PENDING"),
            Some(outcome) => outcome.kind.map(|kind| kind.name()),
        }
    }

    /// The job with the outcome as it was reported, for clients compare it with what they sent.
    pub(super) fn to_json(&self) -> Value {
        let text = |text: &Option<Text>| text.as_deref().map_or(Value::Null, Value::from);
        let time = |at: Option<Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
        let mut job = json!({
            "id": self.id.as_str(),
            "agenticJobId": self.id.as_str(),
            "type": text(&self.kind),
            "version": text(&self.version),
            "created": time(self.created),
            "updated": time(self.updated),
            "executionStatus": self.outcome.as_ref().map(|outcome| outcome.status.name()),
            "outcomeType": self.outcome_type(),
            "outcomeValue": amount(self.value()),
            "outcomeCurrency": self.value().map(|_| "USD"),
            "totalCost": amount(self.total_cost()),
            "reportedCost": amount(self.reported),
            "transactionCount": self.calls,
        });
        if let Some(outcome) = &self.outcome {
            super::outcome::echo(outcome, &mut job);
        }
        job
    }
}

/// Every job that the scope shows, or only the one of that id.
pub(super) fn load(store: &Store, scope: &Scope, only: Option<&str>, cancel: Cancel) -> Result<Vec<Job>, Problem> {
    let snapshot = store.snapshot();
    let mut plan = Plan::new().cancel(cancel);
    if let Some(id) = only {
        plan = plan.filter(quipu::Filter::Text(
            quipu::filter::TextField::Dimension(quipu::Dimension::JobId),
            quipu::filter::TextTest::In(vec![id.into()]),
        ));
    }
    let (plan, _) = ask::priced(&snapshot, &plan)?;
    let answer = View::new(&snapshot, scope.clone()).jobs(&plan)?;
    let outcomes = snapshot.outcomes(scope.workspace(), None)?.into_iter();
    let mut outcomes: BTreeMap<Text, Outcome> = outcomes.map(|outcome| (outcome.job_id.clone(), outcome)).collect();
    let place = |name: &str| answer.columns.iter().position(|column| column.name == name);
    let places =
        ["job_id", "job_type", "job_version", "cost", "reported_cost", "requests", "first_at", "last_at"].map(place);
    let jobs = answer.rows.into_iter().filter_map(|row| {
        let cell = |at: usize| places[at].and_then(|at| row.get(at)).unwrap_or(&Cell::Null);
        let time = |at| match cell(at) {
            Cell::Time(at) => Some(*at),
            _ => None,
        };
        let id: Text = text(cell(0))?.into();
        Some(Job {
            kind: text(cell(1)).map(Text::from),
            version: text(cell(2)).map(Text::from),
            cost: money(cell(3)),
            reported: money(cell(4)),
            calls: match cell(5) {
                Cell::Count(count) => u64::try_from(*count).unwrap_or(u64::MAX),
                _ => 0,
            },
            created: time(6),
            updated: time(7),
            outcome: outcomes.remove(&id),
            id,
        })
    });
    Ok(jobs.collect())
}

pub(super) async fn list(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    uri: Uri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let scope = allowed.caller.scope;
    let listed = app.ask(move |store, cancel| {
        let mut jobs = filtered(store, &scope, &pairs, cancel)?;
        sort(&mut jobs, parameter(&pairs, "sort").unwrap_or("created,DESC"))?;
        page(&pairs, jobs.iter(), jobs.len(), Job::to_json)
    });
    answered(listed.await, &uri)
}

/// The jobs that pass the request's filters; words are compared without case.
fn filtered(store: &Store, scope: &Scope, pairs: &[(String, String)], cancel: Cancel) -> Result<Vec<Job>, Problem> {
    let mut jobs = load(store, scope, None, cancel)?;
    let time = |name: &str, end: bool| match parameter(pairs, name) {
        None => Ok(None),
        Some(text) => instant(text, end).map(Some).ok_or_else(|| {
            Problem::bad_request(format!("{name} is {text:?}; expected 2026-01-31 or 2026-01-31T08:00:00Z"))
        }),
    };
    let (start, end) = (time("startDate", false)?, time("endDate", true)?);
    let same = |found: Option<&str>, wanted: Option<&str>| {
        wanted.is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
    };
    jobs.retain(|job| {
        same(job.kind.as_deref(), parameter(pairs, "type"))
            && same(Some(job.status()), parameter(pairs, "executionStatus"))
            && same(job.outcome_type(), parameter(pairs, "outcomeType"))
            && start.is_none_or(|start| job.created.is_some_and(|at| at >= start))
            && end.is_none_or(|end| job.created.is_some_and(|at| at < end))
    });
    Ok(jobs)
}

/// An instant, or a day's begin; as the end of a range, the end of that day.
fn instant(text: &str, end: bool) -> Option<Timestamp> {
    if text.len() > 10 {
        return Timestamp::parse_rfc3339(text).ok();
    }
    const DAY: i64 = 24 * 3600 * 1_000_000;
    let begin = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).ok()?;
    Some(Timestamp::from_micros(begin.micros().saturating_add(if end { DAY } else { 0 })))
}

fn sort(jobs: &mut [Job], by: &str) -> Result<(), Problem> {
    let (field, direction) = by.split_once(',').unwrap_or((by, "ASC"));
    match field {
        "created" => jobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id))),
        "updated" => jobs.sort_by(|a, b| (a.updated, &a.id).cmp(&(b.updated, &b.id))),
        "id" | "agenticJobId" => jobs.sort_by(|a, b| a.id.cmp(&b.id)),
        "type" => jobs.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id))),
        "totalCost" => jobs.sort_by_key(|job| (job.total_cost().map(PicoUsd::pico), job.id.clone())),
        "outcomeValue" => jobs.sort_by_key(|job| (job.value().map(PicoUsd::pico), job.id.clone())),
        _ => {
            let known = "created, updated, id, type, totalCost and outcomeValue";
            return Err(Problem::bad_request(format!("sort is {by:?}; allowed are {known}, with ,ASC or ,DESC")));
        }
    }
    if direction.eq_ignore_ascii_case("DESC") {
        jobs.reverse();
    }
    Ok(())
}

pub(super) async fn types(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    uri: Uri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let scope = allowed.caller.scope;
    let counted = app.ask(move |store, cancel| {
        let mut counts: BTreeMap<Text, u64> = BTreeMap::new();
        for job in filtered(store, &scope, &pairs, cancel)? {
            *counts.entry(job.kind.unwrap_or_default()).or_default() += 1;
        }
        let types = counts.into_iter().filter(|(kind, _)| !kind.is_empty());
        Ok(types.map(|(kind, count)| json!({ "type": kind.as_str(), "count": count })).collect())
    });
    answered(counted.await, &uri)
}

pub(super) async fn funnel(
    State(app): State<App>,
    allowed: Allowed<MayQuery>,
    uri: Uri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let scope = allowed.caller.scope;
    let counted = app.ask(move |store, cancel| {
        let jobs = filtered(store, &scope, &pairs, cancel)?;
        let successful = jobs.iter().filter(|job| job.status() == "SUCCESS").count();
        let converted =
            jobs.iter().filter(|job| job.status() == "SUCCESS" && job.outcome_type() == Some("CONVERTED")).count();
        let pending = jobs.iter().filter(|job| job.outcome.is_none()).count();
        let sum = |amounts: &mut dyn Iterator<Item = PicoUsd>| amount(Some(amounts.sum()));
        Ok(json!({
            "totalJobs": jobs.len(),
            "successfulJobs": successful,
            "convertedJobs": converted,
            "pendingJobs": pending,
            "totalCost": sum(&mut jobs.iter().filter_map(Job::total_cost)),
            "totalValue": sum(&mut jobs.iter().filter_map(Job::value)),
            "stages": [
                { "stage": "TOTAL", "count": jobs.len() },
                { "stage": "SUCCESS", "count": successful },
                { "stage": "CONVERTED", "count": converted },
            ],
        }))
    });
    answered(counted.await, &uri)
}
