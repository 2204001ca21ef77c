//! `GET /v1/compare`, `/v1/runaway`, `/v1/prices`, `/v1/prices/{book}`, `/v1/prices/diff` and
//! `/v1/jobs/{id}/outcome`: questions with parameters of their own, beside the filters of a plan.

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use quipu::{Error, PriceChoice, Result as QuipuResult, Zone};

use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::query::{Pairs, asked, sent_as, wanted};
use super::state::App;
use crate::ask::{self, VersionsText};
use crate::plan::{PlanText, now, price_choice};
use crate::rules::RuleText;

/// What `/v1/prices/diff` takes beside the filters and groups of a plan.
pub(super) const DIFF_PARAMETERS: [(&str, &str); 3] = [
    ("old", "the book to compare: current, default, the number of a version or known:TIME"),
    ("new", "the book to compare it with"),
    ("by", "what to group by; tenant by default"),
];
/// What `/v1/prices/{book}` takes.
pub(super) const BOOK_PARAMETERS: [(&str, &str); 1] = [("model", "only models whose name starts so")];

/// The plan that is left when `own` has taken the parameters it knows.
pub(super) fn rest(pairs: &[(String, String)], mut own: impl FnMut(&str, &str) -> bool) -> QuipuResult<PlanText> {
    let mut text = PlanText::default();
    let of_plan = pairs.iter().filter(|(name, value)| !own(name, value));
    of_plan.into_iter().try_for_each(|(name, value)| text.set(name, value))?;
    Ok(text)
}

pub(super) async fn compare(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let mut versions = VersionsText::default();
    let text = rest(&pairs, |name, value| versions.set(name, value))?;
    let format = wanted(&headers);
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, text.resolve(now())?, cancel)?;
        sent_as(ask::versions(&store.snapshot(), scope, &plan, &versions)?, format)
    })
    .await
}

pub(super) async fn runaway(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let mut rule = RuleText::default();
    let text = rest(&pairs, |name, value| ask::set_rule(&mut rule, name, value))?;
    let format = wanted(&headers);
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, text.resolve(now())?, cancel)?;
        sent_as(ask::runaways(&store.snapshot(), scope, &plan, &rule)?, format)
    })
    .await
}

pub(super) async fn price_versions(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, scope) = (wanted(&headers), allowed.caller.scope);
    app.ask(move |store, _| {
        let mut versions = ask::price_versions(&store.snapshot());
        if !scope.is_whole_workspace() {
            // Where a list came from, and why, may name whom else prices were agreed with.
            versions = versions.select(&["version", "known_since", "rates"].map(String::from))?;
        }
        sent_as(versions, format)
    })
    .await
}

pub(super) async fn price_book(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(book): Path<String>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let mut model = String::new();
    for (name, value) in pairs {
        match name.as_str() {
            "model" => model = value,
            _ => return Err(Error::invalid(format!("there is only the parameter model, not {name:?}")).into()),
        }
    }
    let (choice, format, scope) = (choice("book", &book)?, wanted(&headers), allowed.caller.scope);
    app.ask(move |store, _| sent_as(ask::rates_of_book(&store.snapshot(), Some(&scope), &choice, &model)?, format))
        .await
}

pub(super) async fn price_diff(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let (mut old, mut new) = ("current".to_owned(), None);
    let mut text = rest(&pairs, |name, value| match name {
        "old" => {
            value.clone_into(&mut old);
            true
        }
        "new" => {
            new = Some(value.to_owned());
            true
        }
        _ => false,
    })?;
    let new = new.ok_or_else(|| Error::invalid("new is missing: name the book to compare with"))?;
    let (old, new) = (choice("old", &old)?, choice("new", &new)?);
    if text.by.is_empty() {
        text.by = vec!["tenant".into()];
    }
    let format = wanted(&headers);
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, text.resolve(now())?, cancel)?;
        sent_as(ask::price_diff(&store.snapshot(), scope, &plan, [&old, &new])?, format)
    })
    .await
}

pub(super) async fn revisions(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(job_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (scope, format) = (allowed.caller.scope, wanted(&headers));
    app.ask(move |store, _| sent_as(ask::revisions(&store.snapshot(), &scope, &job_id)?, format)).await
}

/// The book that a parameter names; a file is not among them, since a server must not open what it is told to.
fn choice(name: &str, text: &str) -> QuipuResult<PriceChoice> {
    price_choice(text, &Zone::default(), now()).unwrap_or_else(|| {
        let expected = "current, default, the number of a version or known:TIME";
        Err(Error::invalid(format!("{name} is {text:?}; expected {expected}")))
    })
}
