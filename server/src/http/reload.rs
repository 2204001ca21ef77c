//! Settings that change while the server runs.

use std::sync::Arc;

use quipu::Result;

use super::state::App;
use super::tls::Tls;
use crate::config::Config;

/// Reads the settings again.
pub(super) struct Reload {
    app: App,
    tls: Option<Arc<Tls>>,
    reread: Box<dyn Fn() -> Result<Config> + Send + Sync>,
}

impl Reload {
    pub(super) fn new(
        app: App,
        tls: Option<Arc<Tls>>,
        reread: impl Fn() -> Result<Config> + Send + Sync + 'static,
    ) -> Self {
        Self { app, tls, reread: Box::new(reread) }
    }

    /// Takes the settings as they are now; where they are wrong, all of those in use stay. Tokens need no reading: a
    /// change of them is seen at once. Blocking work.
    pub(super) fn run(&self) {
        let (config, fixed) = match (self.reread)() {
            Ok(config) => config.taken_by(&self.app.config()),
            Err(error) => return tracing::error!(%error, "the settings were not read again; those in use stay"),
        };
        if let (Some(tls), Some(files)) = (&self.tls, &config.tls)
            && let Err(error) = tls.reload(files)
        {
            return tracing::error!(%error, "the certificate was not read again; it and all settings in use stay");
        }
        if !fixed.is_empty() {
            tracing::warn!("changed, but taken only by the next start: {}", fixed.join(", "));
        }
        self.app.take(config);
        tracing::info!("the settings were read again");
    }
}
