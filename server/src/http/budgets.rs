//! `GET /v1/budgets`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use quipu::{Unit, Value};

use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::query::{sent_as, wanted};
use super::state::App;
use crate::plan::now;
use crate::render::Sheet;

/// How far every budget of the caller's workspace is.
pub(super) async fn get(
    State(app): State<App>,
    allowed: Allowed<Ask>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let scope = allowed.caller.scope;
    if !scope.is_whole_workspace() {
        let detail = "budgets are about a workspace, of which this token sees a part only";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let (format, config) = (wanted(&headers), app.config());
    app.ask(move |store, cancel| {
        let (now, snapshot) = (now(), store.snapshot());
        let mut sheet = Sheet::new(&[
            ("budget", Unit::None, true),
            ("group", Unit::None, true),
            ("from", Unit::Time, false),
            ("until", Unit::Time, false),
            ("spent", Unit::Usd, false),
            ("limit", Unit::Usd, false),
            ("percent", Unit::None, false),
            ("projected_overrun", Unit::Time, false),
            ("complete", Unit::None, false),
        ]);
        for budget in config.budgets.iter().filter(|budget| budget.scope == scope) {
            for standing in budget.standings(&snapshot, now, &cancel)? {
                let percent = standing.percent();
                sheet.rows.push(vec![
                    Value::Text(standing.budget.into()),
                    standing.group.map_or(Value::Null, |group| Value::Text(group.into())),
                    Value::Time(standing.span.from),
                    Value::Time(standing.span.until),
                    Value::Money(standing.spent),
                    Value::Money(standing.limit),
                    Value::Count(percent.into()),
                    standing.overrun.map_or(Value::Null, Value::Time),
                    Value::Text(if standing.complete { "true" } else { "false" }.into()),
                ]);
            }
        }
        sheet.facts.lsn = Some(snapshot.lsn());
        sent_as(sheet, format)
    })
    .await
}
