//! `POST /v1/erasures`: a subscriber goes, or is looked for in every file.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use quipu::store::Reach;

use super::body;
use super::caller::{Admin, Allowed};
use super::problem::Problem;
use super::state::App;
use crate::erase::{Case, Report, Request};
use crate::wire::json;

pub(super) async fn post(
    State(app): State<App>,
    allowed: Allowed<Admin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Report>, Problem> {
    let caller = allowed.caller.whole_workspace()?;
    let mut sent = body::receive(&app, &headers, body).await?;
    let dir = app.config().store.clone();
    let (workspace, actor) = (caller.scope.workspace().to_owned(), caller.actor());
    let erase = {
        let (dir, workspace, traces) = (dir.clone(), workspace.clone(), Arc::clone(&app.traces));
        move |store: &quipu::Store| {
            let request: Request = json::read(&sent.unpack()?)?;
            let mut case = Case::new(&request.subscriber);
            match request.mode {
                Some(mode) => {
                    // Files that somebody keeps would outlast the erasure.
                    traces.let_go();
                    case.erase(store, &dir, &workspace, mode, &actor)?;
                }
                None if request.verify => {}
                None => {
                    return Err(Problem::bad_request("mode is missing: anonymise or delete; or verify, to only look"));
                }
            }
            Ok((case, request))
        }
    };
    let (case, request) = app.store(erase).await?;
    if !request.verify {
        return Ok(Json(case.report()));
    }
    let mut searched = case.clone();
    let search = move |_: &quipu::Store, cancel: quipu::Cancel| {
        // Others' workspaces and the server's own files are none of whoever asks.
        searched.search(&dir, Reach::Workspace(&workspace), || cancel.is_cancelled())?;
        Ok(searched.report())
    };
    match app.ask(search).await {
        Ok(report) => Ok(Json(report)),
        // What was erased is told, whatever became of the search.
        Err(problem) if request.mode.is_some() => Ok(Json(case.unsearched(problem.detail()))),
        Err(problem) => Err(problem),
    }
}
