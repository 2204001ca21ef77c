//! A server, asked over plain HTTP.

use std::time::Duration;

use quipu::{Error, ErrorKind, Result, Scope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use super::args::Address;
use crate::http::WORKSPACE_HEADER;
use crate::plan::PlanText;
use crate::render::understood;

const TIMEOUT: Duration = Duration::from_secs(300);
/// Longest answer that is read.
const ANSWER_BYTES: u64 = 1 << 30;

/// A server and the workspace to ask for.
pub(super) struct Remote<'a> {
    base: &'a str,
    token: Option<&'a str>,
    scope: &'a Scope,
    agent: Agent,
}

impl<'a> Remote<'a> {
    pub(super) fn new(Address { url, token }: Address<'a>, scope: &'a Scope) -> Result<Self> {
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Error::invalid(format!("--url is {url:?}; expected an address such as http://127.0.0.1:8080")));
        }
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        Ok(Self { base: url.trim_end_matches('/'), token, scope, agent: config.into() })
    }

    /// Sends JSON, and reads the answer.
    pub(super) fn exchange<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T> {
        understood(&self.post(path, body)?)
    }

    /// Sends JSON.
    pub(super) fn post(&self, path: &[&str], body: &impl Serialize) -> Result<Vec<u8>> {
        self.post_text(path, &serde_json::to_string(body).map_err(|error| Error::invalid(error.to_string()))?)
    }

    /// Sends the text of a JSON document, or of one per line.
    pub(super) fn post_text(&self, path: &[&str], body: &str) -> Result<Vec<u8>> {
        let request = self.identified(self.agent.post(self.address(path)));
        self.answer(request.header("content-type", "application/json").send(body))
    }

    /// Asks for a resource, with the filters of a plan as query parameters.
    pub(super) fn get(&self, path: &[&str], text: &PlanText) -> Result<Vec<u8>> {
        self.get_with(path, &[], text)
    }

    /// The same with further parameters in front.
    pub(super) fn get_with(&self, path: &[&str], own: &[(&'static str, String)], text: &PlanText) -> Result<Vec<u8>> {
        let request = self.identified(self.agent.get(self.address(path)));
        self.answer(request.query_pairs(own.iter().cloned().chain(text.pairs()?)).call())
    }

    /// The request with who asks, and for which workspace: a token's own, where none is named.
    fn identified<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let request = match self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        match *self.scope == Scope::default() {
            true => request,
            false => request.header(WORKSPACE_HEADER, self.scope.workspace()),
        }
    }

    fn address(&self, path: &[&str]) -> String {
        path.iter().fold(self.base.to_owned(), |address, part| format!("{address}/{}", percent_encoded(part)))
    }

    fn answer(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>> {
        let unreachable = |error: ureq::Error| {
            let error = match error {
                ureq::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            };
            Error::new(ErrorKind::Io, format!("{}: {error}; is the server running there?", self.base))
        };
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
        if status < 300 { Ok(body) } else { Err(problem(self.base, status, &body)) }
    }
}

/// What a server's problem says, under the kind that it had there.
fn problem(base: &str, status: u16, body: &[u8]) -> Error {
    let kind = match status {
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        503 => ErrorKind::Overloaded,
        507 => ErrorKind::Full,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::Io,
    };
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    match json.get("detail").and_then(Json::as_str) {
        Some(detail) => Error::new(kind, detail),
        None => Error::new(kind, format!("{base} answered with status {status} and no explanation")),
    }
}

/// One part of a path, whatever its bytes.
fn percent_encoded(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
