//! `POST /v1/erasures`: a subscriber goes, or is looked for in every file.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;

use super::body;
use super::caller::{Admin, Allowed};
use super::problem::Problem;
use super::state::App;
use crate::erase::{self, Report, Request};

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Admin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Report>, Problem> {
    let caller = allowed.caller.whole_workspace()?;
    let mut sent = body::receive(&app, &headers, body).await?;
    let dir = app.config().store.clone();
    let erased = move |store: &quipu::Store| {
        let request: Request = serde_json::from_slice(&sent.unpack()?)
            .map_err(|error| Problem::bad_request(format!("not a request for an erasure: {error}")))?;
        if request.mode.is_none() && !request.verify {
            return Err(Problem::bad_request("mode is missing: anonymise or delete; or verify, to only look"));
        }
        Ok(erase::run(Some(store), &dir, caller.scope.workspace(), &request, &caller.actor())?)
    };
    app.store(erased).await.map(Json)
}
