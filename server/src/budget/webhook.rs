//! Where alerts go.

use std::time::Duration;

use quipu::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Alert;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An address that takes alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What budgets call it.
    pub name: String,
    /// The address; a secret, where it is one of Slack's.
    pub url: String,
    /// What it understands.
    #[serde(default)]
    pub shape: Shape,
}

/// What a webhook understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Every fact under its own name.
    #[default]
    Json,
    /// A message for a channel of Slack, or what takes the same.
    Slack,
}

impl Webhook {
    /// Delivers an alert. Blocking work.
    ///
    /// # Errors
    /// What the other side says, without the address.
    pub fn deliver(&self, alert: &Alert) -> Result<()> {
        let failed = |what: String| Error::new(ErrorKind::Io, format!("webhook {:?}: {what}", self.name));
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        let request = ureq::Agent::from(config).post(&self.url).header("content-type", "application/json");
        let answer = request.send(self.body(alert).to_string()).map_err(|error| failed(error.to_string()))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(failed(format!("it answered with status {}", answer.status().as_u16()))),
        }
    }

    pub(super) fn body(&self, alert: &Alert) -> Json {
        match self.shape {
            Shape::Json => alert.to_json(),
            // Slack reads these three characters as its own.
            Shape::Slack => {
                let text = alert.text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                json!({ "text": text })
            }
        }
    }
}
