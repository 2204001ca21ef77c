//! `POST /v1/attributions`, `POST /v1/attributions/{number}/undo` and `GET /v1/attributions`: usage assigned afterwards.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::body;
use super::caller::{Admin, Allowed};
use super::problem::Problem;
use super::query::{Pairs, sent_as, text_of, wanted};
use super::state::App;
use crate::attribute::{self, Change};
use crate::wire::attribution::{self as wire, Attribute, Attributed, Undo};
use crate::wire::json;

/// The parameters of the list.
pub(super) const LIST_PARAMETERS: [(&str, &str); 1] =
    [("limit", "how many rows to return at most, the newest first; 1000 where it is not said")];

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Admin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attributed>, Problem> {
    let of =
        |Attribute { assignments, why }| Ok((Change::Assign(wire::assignments(assignments.get().as_bytes())?), why));
    change(app, allowed, headers, body, of).await
}

pub(super) async fn undo(
    State(app): State<App>,
    allowed: Allowed<Admin>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attributed>, Problem> {
    let number =
        number.parse().map_err(|_| Problem::bad_request(format!("{number:?} is no number of an attribution")))?;
    change(app, allowed, headers, body, move |Undo { why }| Ok((Change::Undo(number), why))).await
}

pub(super) async fn list(
    State(app): State<App>,
    allowed: Allowed<Admin>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let caller = allowed.caller.whole_workspace()?;
    let (format, limit) = (wanted(&headers), limit(&pairs)?);
    app.ask(move |store, _| sent_as(attribute::list(&store.snapshot(), &caller.scope, limit), format)).await
}

fn limit(pairs: &[(String, String)]) -> Result<u64, Problem> {
    if let Some((name, _)) = pairs.iter().find(|(name, _)| *name != LIST_PARAMETERS[0].0) {
        return Err(Problem::bad_request(format!("there is no parameter {name:?} here; limit is one")));
    }
    Ok(text_of(pairs)?.limit.unwrap_or(attribute::LISTED))
}

/// Does what a body asks for.
async fn change<T: DeserializeOwned>(
    app: App,
    allowed: Allowed<Admin>,
    headers: HeaderMap,
    body: Body,
    of: impl FnOnce(T) -> quipu::Result<(Change, String)> + Send + 'static,
) -> Result<Json<Attributed>, Problem> {
    let caller = allowed.caller.whole_workspace()?;
    let mut sent = body::receive(&app, &headers, body).await?;
    let dir = app.config().store.clone();
    app.store(move |store| {
        let asked = json::read(&sent.unpack()?)?;
        let (change, why) = of(asked)?;
        Ok(attribute::run(store, &dir, caller.scope.workspace(), &caller.actor(), &why, change)?)
    })
    .await
    .map(Json)
}
