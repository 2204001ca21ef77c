//! Revenium's interface of jobs, so that a script written for it works with another base address.
//!
//! | route, under `/v2/api` or `/profitstream/v2/api` | answers |
//! |---|---|
//! | `GET /jobs` | a page of jobs; `type`, `executionStatus`, `outcomeType`, `startDate`, `endDate`, `page`, `size` up to 100, `sort` |
//! | `GET /jobs/types`, `/jobs/conversion-funnel` | types with how many jobs; jobs → SUCCESS → CONVERTED |
//! | `GET /jobs/{id}`, `/jobs/{id}/roi`, `/jobs/{id}/transactions` | one job, what it brought in, its calls |
//! | `POST /jobs/{id}/outcome` | 200, 404 without such a job, 409 with an outcome reported before, which stands |
//!
//! A job belongs to its workspace; `teamId` is taken and not needed. Amounts are USD.

mod job;
mod jobs;
mod outcome;

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use quipu::{PicoUsd, Result, Value as Cell};
use serde_json::{Value, json};

use super::api::{Operation, get, post};
use super::problem::Problem;
use crate::access::Permission;
use crate::plan::now;

const JSON: [&str; 1] = ["application/json"];
/// What a list of jobs may be narrowed down by.
const FILTERS: [&str; 5] = ["type", "executionStatus", "outcomeType", "startDate", "endDate"];
const PAGING: [&str; 2] = ["page", "size"];

/// The routes under both prefixes that its clients use.
pub(super) fn operations() -> Vec<Operation> {
    ["/v2/api", "/profitstream/v2/api"].into_iter().flat_map(below).collect()
}

fn below(prefix: &str) -> Vec<Operation> {
    let path = |path: &str| format!("{prefix}{path}");
    let reads = |operation: Operation, schema: &str| {
        let operation = operation.needs(Permission::Query).takes_query(&["teamId"]);
        operation.gives(200, "the answer", schema).fails_as("ReveniumError", &JSON)
    };
    let report = post(path("/jobs/{id}/outcome"), "Report what came of a job", outcome::report);
    vec![
        reads(get(path("/jobs"), "A page of jobs", jobs::list), "ReveniumPage")
            .takes_query(&FILTERS)
            .takes_query(&PAGING)
            .takes_query(&["sort"]),
        reads(get(path("/jobs/types"), "Types of jobs", jobs::types), "ReveniumTypes").takes_query(&FILTERS),
        reads(get(path("/jobs/conversion-funnel"), "From jobs to conversions", jobs::funnel), "ReveniumFunnel")
            .takes_query(&FILTERS),
        reads(get(path("/jobs/{id}"), "One job", job::one), "ReveniumJob"),
        reads(get(path("/jobs/{id}/roi"), "What one job cost and brought in", job::roi), "ReveniumJob"),
        reads(
            get(path("/jobs/{id}/transactions"), "A page of the calls of one job", job::transactions),
            "ReveniumPage",
        )
        .takes_query(&PAGING),
        report
            .needs(Permission::Outcome)
            .takes_query(&["teamId"])
            .takes("Any", &JSON)
            .gives(200, "stored, now or before", "ReveniumJob")
            .fails_as("ReveniumError", &JSON),
    ]
}

/// An answer, or an error in the form that Revenium's clients read.
fn answered(answer: Result<Value, Problem>, uri: &Uri) -> Response {
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(problem) => refused(&problem, uri),
    }
}

/// An error in the form that Revenium's clients read.
pub(super) fn refused(problem: &Problem, uri: &Uri) -> Response {
    let status = match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    let body = json!({
        "timestamp": now().to_string(),
        "status": status.as_u16(),
        "error": status.canonical_reason().unwrap_or("Error"),
        "message": problem.detail(),
        "path": uri.path(),
    });
    (status, Json(body)).into_response()
}

/// An amount as a JSON number with all its digits.
fn amount(amount: Option<PicoUsd>) -> Value {
    amount.and_then(|amount| serde_json::from_str(&amount.to_string()).ok()).unwrap_or(Value::Null)
}

/// The page of a list that a request asks for.
fn page<T>(
    pairs: &[(String, String)],
    items: impl Iterator<Item = T>,
    total: usize,
    show: impl Fn(T) -> Value,
) -> Result<Value, Problem> {
    let (number, size) = paging(pairs)?;
    let items: Vec<Value> = items.skip(number.saturating_mul(size)).take(size).map(show).collect();
    let pages = total.div_ceil(size);
    Ok(json!({
        "content": items,
        "page": { "size": size, "number": number, "totalElements": total, "totalPages": pages },
        "totalElements": total,
        "totalPages": pages,
        "number": number,
        "size": size,
        "first": number == 0,
        "last": number + 1 >= pages,
    }))
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn money(cell: &Cell) -> Option<PicoUsd> {
    match cell {
        Cell::Money(amount) => Some(*amount),
        _ => None,
    }
}

/// What of a plan's parameters a request names; the last one counts.
fn parameter<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// `page` from 0 and `size` from 1 to 100.
fn paging(pairs: &[(String, String)]) -> Result<(usize, usize), Problem> {
    let number = |name: &str, default: usize| match parameter(pairs, name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| Problem::bad_request(format!("{name} is {text:?}; expected a whole number from 0"))),
    };
    let (page, size) = (number("page", 0)?, number("size", 20)?);
    match size {
        1..=100 => Ok((page, size)),
        _ => Err(Problem::bad_request(format!("size is {size}; allowed are 1 to 100"))),
    }
}
