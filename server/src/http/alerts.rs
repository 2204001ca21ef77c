//! The watch over budgets and rules, which tells webhooks what they should hear.

use std::sync::Arc;

use quipu::Result as QuipuResult;

use super::metrics::Metrics;
use super::state::App;
use crate::access::Folder;
use crate::config::Config;
use crate::notice::{Notice, Told};
use crate::plan::now;

/// Looks at all budgets and rules now and then, for as long as the server runs, and at once when they change.
pub(super) async fn watch(app: App) {
    loop {
        // Before the look, so that a change during it is not missed.
        let changed = app.changed.notified();
        let config = app.config();
        if !(config.budgets.is_empty() && config.rules.is_empty()) {
            let (app, config) = (app.clone(), Arc::clone(&config));
            match tokio::task::spawn_blocking(move || look(&app, &config)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "what was told is not written down, and will be told again"),
                Err(error) => tracing::error!(%error, "budgets and rules could not be looked at"),
            }
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(config.alert_interval) => {}
        }
    }
}

/// Tells whoever is to hear of what nobody has heard yet. What could not be delivered is tried again the next time.
fn look(app: &App, config: &Config) -> QuipuResult<()> {
    let (now, snapshot, folder) = (now(), app.store.snapshot(), Folder::of_store(&config.store));
    let mut told = Told::load(&folder)?;
    let budgets = config.budgets.iter().map(|budget| budget.notices(&snapshot, now));
    let rules = config.rules.iter().map(|rule| rule.notices(&snapshot, now));
    for notices in budgets.chain(rules) {
        // One that cannot be answered must not silence the others.
        let notices = notices.unwrap_or_else(|error| {
            tracing::error!(%error, "a budget or rule could not be looked at");
            Vec::new()
        });
        for notice in notices {
            if told.has(&notice) {
                continue;
            }
            tracing::warn!("{}", notice.text);
            if deliver(&notice, config, &app.metrics) {
                told.note(&notice, now, &folder)?;
            }
        }
    }
    Ok(())
}

/// Whether everybody who is to hear has heard.
fn deliver(notice: &Notice, config: &Config, metrics: &Metrics) -> bool {
    let mut heard = true;
    for webhook in config.webhooks.iter().filter(|webhook| notice.audience.contains(&webhook.name)) {
        let delivered = webhook.deliver(notice);
        metrics.alert(delivered.is_ok());
        if let Err(error) = delivered {
            tracing::error!(%error, "an alert was not delivered");
            heard = false;
        }
    }
    heard
}
