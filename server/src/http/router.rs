//! The routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::api::{self, Operation, get, post};
use super::caller::{Admin, Allowed};
use super::fresh::{MIN_LSN_HEADER, fresh};
use super::jobs::DOCUMENT_PARAMETERS;
use super::problem::Problem;
use super::questions::{self, BOOK_PARAMETERS, DIFF_PARAMETERS};
use super::state::App;
use super::watch::watch;
use super::{
    attributions, budgets, corrections, dashboard, erasures, events, jobs, outcomes, query, revenium, sources,
};
use crate::access::Permission;
use crate::ask::{RULE_PARAMETERS, VERSION_PARAMETERS};

/// The media types of events and outcomes.
const ITEMS: [&str; 2] = ["application/json", "application/x-ndjson"];
const JSON: [&str; 1] = ["application/json"];

/// Every route with its description.
fn operations() -> Vec<Operation> {
    own().into_iter().chain(sources::operations()).chain(revenium::operations()).collect()
}

/// The routes that are nobody else's.
fn own() -> Vec<Operation> {
    use Permission::{Admin, Ingest, Outcome, Query};
    vec![
        post("/v1/events", "Store events", events::post)
            .needs(Ingest)
            .takes("Events", &ITEMS)
            .gives(200, "at least one is stored, now or before", "Receipt")
            .gives(422, "none is stored", "Receipt"),
        get("/v1/events/{id}", "One event, as corrections left it", corrections::event)
            .needs(Query)
            .gives_stored("Event"),
        post("/v1/corrections", "Say what is known later of events", corrections::post)
            .needs(Ingest)
            .takes("Corrections", &ITEMS)
            .gives(200, "at least one is kept, now or before", "CorrectionReceipt")
            .gives(422, "none is", "CorrectionReceipt"),
        post("/ingest/{source}", "Store events as another source writes them", sources::named)
            .needs(Ingest)
            .takes("Any", &ITEMS)
            .gives(200, "at least one is stored, now or before", "Receipt")
            .gives(422, "none is stored", "Receipt"),
        post("/v1/outcomes", "Report what came of jobs", outcomes::post)
            .needs(Outcome)
            .takes("Outcomes", &ITEMS)
            .gives(200, "at least one is stored, now or before", "OutcomeReceipt")
            .gives(422, "none is stored", "OutcomeReceipt"),
        post("/v1/jobs/{id}/outcome", "Report what came of one job", outcomes::post_one)
            .needs(Outcome)
            .takes_key()
            .takes("OutcomeOfJob", &JSON)
            .gives(200, "stored, now or before", "OutcomeStored"),
        post("/v1/attributions", "Assign usage afterwards", attributions::post)
            .needs(Admin)
            .takes("Attribution", &JSON)
            .gives(200, "done", "Attributed"),
        post("/v1/attributions/{number}/undo", "Undo an attribution", attributions::undo)
            .needs(Admin)
            .takes("Undo", &JSON)
            .gives(200, "done", "Attributed"),
        get("/v1/attributions", "Usage that was assigned afterwards", attributions::list)
            .needs(Admin)
            .takes_own(&attributions::LIST_PARAMETERS)
            .gives_sheet(),
        post("/v1/erasures", "Erase a subscriber, or look for one in every file", erasures::post)
            .needs(Admin)
            .takes("Erasure", &JSON)
            .gives(200, "done, now or before", "ErasureReport"),
        post("/v1/query", "Measures per group", query::post).needs(Query).takes("Plan", &JSON).gives_sheet(),
        get("/v1/query", "Measures per group", query::get).needs(Query).takes_plan().gives_sheet(),
        get("/v1/dimensions", "What there is to group by", query::dimensions).needs(Query).takes_plan().gives_sheet(),
        get("/v1/dimensions/{name}/values", "The values of one dimension", query::values)
            .needs(Query)
            .takes_plan()
            .gives_sheet(),
        get("/v1/jobs", "Jobs, the most expensive first", query::jobs).needs(Query).takes_plan().gives_sheet(),
        get("/v1/jobs/{id}", "Everything about one job", jobs::job)
            .needs(Query)
            .takes_own(&DOCUMENT_PARAMETERS)
            .takes_plan()
            .gives_document(),
        get("/v1/traces/{id}", "Everything about one workflow run", jobs::trace)
            .needs(Query)
            .takes_own(&DOCUMENT_PARAMETERS)
            .takes_plan()
            .gives_document(),
        get("/v1/traces", "Workflow runs, the most expensive first", query::traces)
            .needs(Query)
            .takes_plan()
            .gives_sheet(),
        get("/v1/reconcile", "Computed beside reported cost", query::reconcile).needs(Query).takes_plan().gives_sheet(),
        get("/v1/gaps", "Where fields were found, and where they were dropped", query::gaps)
            .needs(Query)
            .takes_plan()
            .gives_sheet(),
        get("/v1/coverage", "What events lack and what looks wrong", jobs::coverage)
            .needs(Query)
            .takes_own(&DOCUMENT_PARAMETERS)
            .takes_plan()
            .gives_document(),
        get("/v1/funnel", "From jobs to conversions", query::funnel).needs(Query).takes_plan().gives_sheet(),
        get("/v1/roi", "What jobs cost and were worth", query::roi).needs(Query).takes_plan().gives_sheet(),
        get("/v1/rates", "How jobs ended", query::rates).needs(Query).takes_plan().gives_sheet(),
        get("/v1/job-types", "One row per job type", query::job_types).needs(Query).takes_plan().gives_sheet(),
        get("/v1/compare", "Two versions: cheaper? better? how sure?", questions::compare)
            .needs(Query)
            .takes_own(&VERSION_PARAMETERS)
            .takes_filters()
            .gives_sheet(),
        get("/v1/runaway", "Groups that used far more than in the window before", questions::runaway)
            .needs(Query)
            .takes_own(&RULE_PARAMETERS)
            .takes_filters()
            .gives_sheet(),
        get("/v1/prices", "The versions of the price book", questions::price_versions).needs(Query).gives_sheet(),
        get("/v1/prices/diff", "What another price book changes, in money", questions::price_diff)
            .needs(Query)
            .takes_own(&DIFF_PARAMETERS)
            .takes_filters()
            .gives_sheet(),
        get("/v1/prices/{book}", "The rates of a price book", questions::price_book)
            .needs(Query)
            .takes_own(&BOOK_PARAMETERS)
            .gives_sheet(),
        get("/v1/jobs/{id}/outcome", "What came of one job, with all amendments", questions::revisions)
            .needs(Query)
            .gives_sheet(),
        get("/v1/budgets", "How far every budget of the workspace is", budgets::get).needs(Query).gives_sheet(),
        get("/metrics", "Counters for Prometheus", metrics)
            .needs(Admin)
            .gives_text("the counters", "application/openmetrics-text"),
        get("/healthz", "Whether the process is well", health).gives(200, "it is", "Health"),
        get("/readyz", "Whether it takes more right now", ready).gives(200, "it does", "Health"),
        get("/openapi.json", "This description", described).gives(200, "the description", "Any"),
    ]
}

pub(super) fn router(app: App) -> Router {
    let described = Description(api::document(&operations()).to_string().into());
    let routes = operations().into_iter().fold(Router::new(), |router, operation| {
        let handler = match operation.reads {
            true => operation.handler.layer(from_fn_with_state(app.clone(), fresh)),
            false => operation.handler,
        };
        router.route(&operation.path, handler)
    });
    routes
        .merge(dashboard::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(Extension(described))
        .layer(cors(app.clone()))
        .layer(from_fn_with_state(app.clone(), watch))
        .with_state(app)
}

/// The OpenAPI document as it is sent.
#[derive(Clone)]
struct Description(Arc<str>);

async fn described(Extension(Description(text)): Extension<Description>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text.to_string())
}

/// Whether the process is well: it is not when only a restart helps.
async fn health(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.check()?;
    Ok(Json(json!({ "status": "ok", "lsn": app.store.snapshot().lsn() })))
}

/// Whether requests should be sent here: not while there is too much to do already.
async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store.check()?;
    match app.has_room() {
        true => Ok(Json(json!({ "status": "ready" }))),
        false => Err(Problem::overloaded("requests")),
    }
}

async fn metrics(State(app): State<App>, _admin: Allowed<Admin>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.metrics.text(app.store.snapshot().lsn()))
}

/// Which pages of other origins may read answers. Tokens come in headers, never in cookies, so a page can
/// do nothing that its own token does not allow.
fn cors(app: App) -> CorsLayer {
    let allowed = move |origin: &HeaderValue, _: &Parts| {
        let origins = &app.config().cors_origins;
        origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    };
    let origins = AllowOrigin::predicate(allowed);
    let headers = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, header::IF_NONE_MATCH];
    let headers = headers.into_iter().chain([HeaderName::from_static(MIN_LSN_HEADER)]).collect::<Vec<_>>();
    CorsLayer::new().allow_origin(origins).allow_methods([Method::GET, Method::POST]).allow_headers(headers)
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; /openapi.json says what every route takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
