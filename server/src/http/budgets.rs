//! `GET /v1/budgets`, and the watch that tells webhooks of budgets that run out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use quipu::{Cancel, Result as QuipuResult, Unit, Value};

use super::caller::{Allowed, Query as Ask};
use super::problem::Problem;
use super::query::{sent_as, wanted};
use super::state::App;
use crate::access::Folder;
use crate::budget::{Alert, Told, Webhook};
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
    let (format, config) = (wanted(&headers), Arc::clone(&app.config));
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

/// Looks at all budgets now and then, for as long as the server runs.
pub(super) async fn watch(app: App) {
    if app.config.budgets.is_empty() {
        return;
    }
    loop {
        if let Err(error) = look(&app).await {
            tracing::error!(%error, "budgets could not be looked at");
        }
        tokio::time::sleep(app.config.alert_interval).await;
    }
}

/// Tells whoever is to hear of what nobody has heard yet. What could not be delivered is tried again the next time.
async fn look(app: &App) -> QuipuResult<()> {
    let (store, config) = (Arc::clone(&app.store), Arc::clone(&app.config));
    let told = tokio::task::spawn_blocking(move || {
        let (now, snapshot, folder) = (now(), store.snapshot(), Folder::of_store(&config.store));
        let mut told = Told::load(&folder)?;
        for budget in &config.budgets {
            for standing in budget.standings(&snapshot, now, &Cancel::default())? {
                let Some(alert) = Alert::of(budget, &standing, now).filter(|alert| !told.has(alert)) else { continue };
                tracing::warn!("{}", alert.text());
                if deliver(&alert, &budget.told(standing.group.as_deref()), &config.webhooks) {
                    told.note(&alert, now, &folder)?;
                }
            }
        }
        Ok(())
    });
    told.await.unwrap_or_else(|error| Err(quipu::Error::new(quipu::ErrorKind::Io, error.to_string())))
}

/// Whether everybody who is to hear has heard.
fn deliver(alert: &Alert, names: &[&str], webhooks: &[Webhook]) -> bool {
    let mut heard = true;
    for webhook in webhooks.iter().filter(|webhook| names.contains(&webhook.name.as_str())) {
        if let Err(error) = webhook.deliver(alert) {
            tracing::error!(%error, "an alert was not delivered");
            heard = false;
        }
    }
    heard
}
