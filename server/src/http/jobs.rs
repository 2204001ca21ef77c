//! `GET /v1/jobs/{id}`, `GET /v1/traces/{id}` and `GET /v1/coverage`: answers of several sheets.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use quipu::{Result as QuipuResult, Scope, Snapshot};

use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::query::{Pairs, asked, content_type, sent_as, wanted};
use super::questions::rest;
use super::state::App;
use crate::ask;
use crate::plan::{Plan, now};
use crate::render::{Document, Format};

/// What answers of several sheets take beside a plan.
pub(super) const DOCUMENT_PARAMETERS: [(&str, &str); 1] =
    [("sheet", "return this sheet alone; CSV and NDJSON have room for one, and that is the last where none is named")];

pub(super) async fn job(
    app: State<App>,
    allowed: Allowed<Ask>,
    Path(job_id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    answer(app, allowed, &headers, pairs, move |snapshot, scope, plan| ask::job(snapshot, scope, &job_id, plan)).await
}

pub(super) async fn trace(
    app: State<App>,
    allowed: Allowed<Ask>,
    Path(trace_id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    answer(app, allowed, &headers, pairs, move |snapshot, scope, plan| ask::trace(snapshot, scope, &trace_id, plan))
        .await
}

pub(super) async fn coverage(
    app: State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    answer(app, allowed, &headers, pairs, ask::coverage).await
}

async fn answer(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: &HeaderMap,
    Query(pairs): Pairs,
    ask: impl FnOnce(&Snapshot, Scope, &Plan) -> QuipuResult<Document> + Send + 'static,
) -> Result<Response, Problem> {
    let (mut sheet, format) = (None, wanted(headers));
    let plan = rest(&pairs, |name, value| {
        let is_own = name == "sheet";
        if is_own {
            sheet = Some(value.to_owned());
        }
        is_own
    })?;
    app.ask(move |store, cancel| {
        let (scope, plan) = asked(allowed, plan.resolve(now())?, cancel)?;
        let document = ask(&store.snapshot(), scope, &plan)?;
        match sheet {
            Some(name) => sent_as(document.sheet(&name)?.clone(), format),
            None => sent_document(&document, format),
        }
    })
    .await
}

/// A document in a form.
fn sent_document(document: &Document, format: Format) -> Result<Response, Problem> {
    let mut bytes = Vec::new();
    document.write(format, None, &mut bytes).map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, content_type(format))], bytes).into_response())
}
