//! `POST` and `GET /v1/query`, `GET /v1/jobs`, `/v1/funnel`, `/v1/roi`, `/v1/rates`, `/v1/job-types`,
//! `/v1/dimensions` and `/v1/dimensions/{D}/values`: plans in, sheets out.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use quipu::store::Store;
use quipu::{Cancel, Result as QuipuResult, Scope};

use super::body;
use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::state::App;
use crate::access::Permission;
use crate::ask;
use crate::plan::{Plan, PlanText, Report, now};
use crate::render::{Format, Pieces, Sheet};

/// Query parameters in the order they were written.
pub(super) type Pairs = Query<Vec<(String, String)>>;

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut sent = body::receive(&app, &headers, body).await?;
    let format = wanted(&headers);
    run(app, allowed, format, move || Ok(PlanText::from_json(&sent.unpack()?)?)).await
}

/// The route of a report that takes flags as query parameters.
macro_rules! route {
    ($name:ident, $report:ident) => {
        pub(super) async fn $name(
            app: State<App>,
            allowed: Allowed<Ask>,
            headers: HeaderMap,
            pairs: Pairs,
        ) -> Result<Response, Problem> {
            report(Report::$report, app, allowed, headers, pairs).await
        }
    };
}

route!(get, Query);
route!(jobs, Jobs);
route!(funnel, Funnel);
route!(roi, Roi);
route!(rates, Rates);
route!(job_types, JobTypes);
route!(dimensions, Dimensions);
route!(traces, Traces);
route!(reconcile, Reconcile);
route!(gaps, Gaps);

pub(super) async fn values(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    Path(dimension): Path<String>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let text = PlanText { report: Report::Values, by: vec![dimension], ..text_of(&pairs)? };
    run(app, allowed, wanted(&headers), move || Ok(text)).await
}

async fn report(
    report: Report,
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let format = wanted(&headers);
    let text = PlanText { report, ..text_of(&pairs)? };
    run(app, allowed, format, move || Ok(text)).await
}

/// Answers a plan on a thread of its own.
async fn run(
    app: App,
    allowed: Allowed<Ask>,
    format: Format,
    text: impl FnOnce() -> Result<PlanText, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    app.ask(move |store, cancel| answer(store, allowed, &text()?, format, cancel)).await
}

/// The plan that query parameters say.
pub(super) fn text_of(pairs: &[(String, String)]) -> QuipuResult<PlanText> {
    let mut text = PlanText::default();
    pairs.iter().try_for_each(|(name, value)| text.set(name, value))?;
    Ok(text)
}

/// The scope of whoever asks, and their plan where it is theirs to ask, which `cancel` stops.
///
/// # Errors
/// 403 for how an answer was found, which tells the size of what others have stored.
pub(super) fn asked(allowed: Allowed<Ask>, mut plan: Plan, cancel: Cancel) -> Result<(Scope, Plan), Problem> {
    if plan.explain && !allowed.caller.may(Permission::Admin) {
        let detail = "explain tells how much the whole store holds, which needs the scope admin";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    plan.query.cancel = Some(cancel);
    Ok((allowed.caller.scope, plan))
}

fn answer(
    store: &Store,
    allowed: Allowed<Ask>,
    text: &PlanText,
    format: Format,
    cancel: Cancel,
) -> Result<Response, Problem> {
    let (scope, plan) = asked(allowed, text.resolve(now())?, cancel)?;
    let sheet = ask::ask(&store.snapshot(), scope, &plan)?;
    sent_as(sheet, format)
}

/// A sheet in a form; one of many rows piece by piece where the form is one of rows.
pub(super) fn sent_as(sheet: Sheet, format: Format) -> Result<Response, Problem> {
    let clipped = sheet.facts.clipped;
    let mut pieces = Pieces::new(sheet, format);
    let body = match pieces.is_one() {
        true => Body::from(pieces.next().transpose().map_err(|_| Problem::internal())?.unwrap_or_default()),
        false => Body::from_stream(stream::iter(pieces)),
    };
    let mut response = ([(header::CONTENT_TYPE, content_type(format))], body).into_response();
    if let (Some(rows), Format::Csv | Format::Ndjson) = (clipped, format) {
        // Rows alone have no other place to say that there should be more of them.
        response.headers_mut().insert(CLIPPED_HEADER, rows.into());
    }
    Ok(response)
}

/// How many rows were kept, where memory did not suffice for all.
const CLIPPED_HEADER: HeaderName = HeaderName::from_static("x-quipu-clipped");

/// The media type of a form.
pub(super) const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Ndjson => "application/x-ndjson",
        Format::Table => "text/plain; charset=utf-8",
        Format::Json => "application/json",
    }
}

/// JSON, unless the client asks for CSV, NDJSON or a table.
pub(super) fn wanted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    match first {
        "text/csv" => Format::Csv,
        "application/x-ndjson" => Format::Ndjson,
        "text/plain" => Format::Table,
        _ => Format::Json,
    }
}
