//! Where notices go.

use std::time::Duration;

use quipu::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Notice;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An address that takes notices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What budgets and rules call it.
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
    /// Delivers a notice. Blocking work.
    ///
    /// # Errors
    /// What the other side says, without the address.
    pub fn deliver(&self, notice: &Notice) -> Result<()> {
        let failed = |what: String| Error::new(ErrorKind::Io, format!("webhook {:?}: {what}", self.name));
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        let request = ureq::Agent::from(config).post(&self.url).header("content-type", "application/json");
        let answer = request.send(self.body(notice).to_string()).map_err(|error| failed(error.to_string()))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(failed(format!("it answered with status {}", answer.status().as_u16()))),
        }
    }

    fn body(&self, notice: &Notice) -> Json {
        match self.shape {
            Shape::Json => notice.facts.clone(),
            // Slack reads these three characters as its own.
            Shape::Slack => {
                let text = notice.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                json!({ "text": text })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_webhook_gets_what_it_understands_and_a_refusal_is_an_error() {
        let text = "Budget of <b>&: $90.00".to_owned();
        let notice = Notice { key: "k".into(), facts: json!({"spent": "90"}), text, audience: vec!["all".into()] };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let served = std::thread::spawn(move || {
            for status in ["200 OK", "500 Internal Server Error"] {
                let (mut stream, _) = listener.accept().expect("a client");
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                while !request.ends_with(b"}") {
                    let read = stream.read(&mut buffer).expect("a request");
                    request.extend_from_slice(&buffer[..read]);
                }
                write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .expect("a client");
            }
        });
        let webhook = Webhook { name: "all".into(), url, shape: Shape::Slack };
        assert_eq!(webhook.body(&notice), json!({"text": "Budget of &lt;b&gt;&amp;: $90.00"}));
        webhook.deliver(&notice).expect("delivered");
        let webhook = Webhook { shape: Shape::Json, ..webhook };
        assert_eq!(webhook.body(&notice), json!({"spent": "90"}));
        let error = webhook.deliver(&notice).expect_err("refused");
        assert!(error.to_string().contains("status 500"), "{error}");
        served.join().expect("no panic");
    }
}
