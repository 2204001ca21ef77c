//! The gate: from the headers of a request to its caller.
//!
//! A store without tokens lets everybody in, into the workspace that they name. From its first token
//! on, a token is required, and the workspace is the token's.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use quipu::{Result as QuipuResult, Scope};

use super::WORKSPACE_HEADER;
use super::accept::Peer;
use super::caller::Caller;
use super::metrics::{Metrics, Turned};
use super::problem::Problem;
use super::rate::Rates;
use crate::access::{Folder, LastUsed, Permission, Refusal, Token, Tokens, Version};
use crate::config::Config;
use crate::plan::now;

/// The header that some clients send a token in.
const API_KEY: &str = "x-api-key";

/// Whoever shows no token, where none is required.
const ANYBODY: &str = "";
/// What somebody without a token is told.
const NO_TOKEN: &str = "this server takes no request without a token: send one as Authorization: Bearer qp_…";
/// Refusals that are recorded in the audit log, per second.
const RECORDED_PER_SECOND: u32 = 1;

/// Knows all tokens.
#[derive(Debug)]
pub(super) struct Gate {
    folder: Folder,
    used: LastUsed,
    metrics: Arc<Metrics>,
    rates: Rates,
    recorded: Rates,
    known: RwLock<Known>,
}

/// The tokens as they were last read.
#[derive(Debug)]
struct Known {
    version: Version,
    tokens: Arc<Tokens>,
    /// Stays once it is set: should the file vanish, nobody is let in rather than everybody.
    required: bool,
}

impl Gate {
    /// The gate of a store.
    ///
    /// # Errors
    /// When its tokens cannot be read.
    pub(super) fn new(config: &Config, metrics: Arc<Metrics>) -> QuipuResult<Self> {
        let folder = Folder::of_store(&config.store);
        // First the version: a change in between is then seen as one.
        let version = folder.tokens_version()?;
        let tokens = folder.tokens()?;
        let known = Known { version, required: !tokens.is_empty(), tokens: Arc::new(tokens) };
        let rates = Rates::new(config.limits.requests_per_second);
        let (used, recorded) = (LastUsed::load(&folder)?, Rates::new(Some(RECORDED_PER_SECOND)));
        Ok(Self { folder, used, metrics, rates, recorded, known: RwLock::new(known) })
    }

    /// Whether a token is required.
    pub(super) fn requires_token(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).required
    }

    /// Allows each token that many requests per second from now on.
    pub(super) fn allow(&self, requests_per_second: Option<u32>) {
        self.rates.allow(requests_per_second);
    }

    /// Lets somebody in who has a permission.
    ///
    /// # Errors
    /// 401 without a token or with one that is good no more, 403 when it allows something else, 400
    /// when the workspace is no name, 429 when it asks too often, 503 when the tokens cannot be read.
    pub(super) fn admit(
        &self,
        headers: &HeaderMap,
        peer: Option<Peer>,
        permission: Permission,
    ) -> Result<Caller, Problem> {
        let (tokens, required) = self.tokens().map_err(|error| {
            let detail = format!("the server cannot read who may do what: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })?;
        if !required {
            self.count(ANYBODY)?;
            return Ok(Caller { scope: named_scope(headers)?.unwrap_or_default(), defaults: Vec::new(), token: None });
        }
        let now = now();
        let token = shown(headers).ok_or_else(|| NO_TOKEN.to_owned()).and_then(|shown| {
            tokens.find(&shown, now).map_err(|refusal| match refusal {
                Refusal::Unknown => "the token is not one of this store".to_owned(),
                Refusal::Ended(why) => why,
            })
        });
        let token = token.map_err(|why| {
            self.turn_away(Turned::Token, peer, &why);
            Problem::new(StatusCode::UNAUTHORIZED, why)
        })?;
        self.count(&token.id)?;
        self.used.note(&token.id, now);
        let caller = caller(token, headers)?;
        match caller.may(permission) {
            true => Ok(caller),
            false => {
                let why = lacks(token, permission);
                self.turn_away(Turned::Scope, peer, &why);
                Err(Problem::new(StatusCode::FORBIDDEN, why))
            }
        }
    }

    /// Whether a request would not be turned away for want of a token.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let good = |tokens: &Tokens| shown(headers).is_some_and(|shown| tokens.find(&shown, now()).is_ok());
        self.tokens().is_ok_and(|(tokens, required)| !required || good(&tokens))
    }

    fn count(&self, token: &str) -> Result<(), Problem> {
        self.rates.count(token, Instant::now()).map_err(|wait| {
            self.metrics.turned_away(Turned::Rate);
            Problem::too_often(wait)
        })
    }

    /// Counts whoever is turned away, and records it in the audit log as long as these are few: a flood
    /// must not fill the disk, and the counters tell of it all the same.
    fn turn_away(&self, turned: Turned, peer: Option<Peer>, why: &str) {
        self.metrics.turned_away(turned);
        if self.recorded.count(ANYBODY, Instant::now()).is_err() {
            return;
        }
        let from = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.0.to_string());
        tracing::warn!(peer = from, why, "turned away");
        let (folder, why) = (self.folder.clone(), why.to_owned());
        std::thread::spawn(move || {
            if let Err(error) = folder.record(&from, "access.refused", &why, now()) {
                tracing::error!(%error, "the audit log was not written");
            }
        });
    }

    /// Writes down when tokens were last used.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn save_last_used(&self) -> QuipuResult<()> {
        self.used.save(&self.folder)
    }

    /// The tokens as they are now, read again when they have changed, and whether one is required.
    fn tokens(&self) -> QuipuResult<(Arc<Tokens>, bool)> {
        let version = self.folder.tokens_version()?;
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.version == version {
                return Ok((Arc::clone(&known.tokens), known.required));
            }
        }
        let tokens = Arc::new(self.folder.tokens()?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let required = known.required || !tokens.is_empty();
        *known = Known { version, tokens: Arc::clone(&tokens), required };
        Ok((tokens, required))
    }
}

fn caller(token: &Token, headers: &HeaderMap) -> Result<Caller, Problem> {
    let defect = |error: quipu::Error| Problem::from(error.context(format!("token {}", token.id)));
    let scope = token.scope().map_err(defect)?;
    if let Some(named) = named_scope(headers)?
        && named.workspace() != scope.workspace()
    {
        let detail = format!(
            "{WORKSPACE_HEADER} is {:?}, which this token does not reach; leave the header out",
            named.workspace()
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(Caller { scope, defaults: token.default_values().map_err(defect)?, token: Some(Arc::new(token.clone())) })
}

fn lacks(token: &Token, permission: Permission) -> String {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
    format!("this needs the scope {}; the token {} has {}", permission.name(), token.id, scopes.join(", "))
}

/// The token that a request shows: as a bearer, as a password, or as an API key.
fn shown(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let authorization = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        match scheme {
            _ if scheme.eq_ignore_ascii_case("bearer") => Some(Cow::Borrowed(rest.trim())),
            // Langfuse's clients send a public and a secret key; the token is the secret one.
            _ if scheme.eq_ignore_ascii_case("basic") => {
                let pair = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
                pair.split_once(':').map(|(_, secret)| Cow::Owned(secret.to_owned()))
            }
            _ => None,
        }
    });
    authorization.or_else(|| text(API_KEY).map(Cow::Borrowed))
}

/// The workspace that a request names itself.
fn named_scope(headers: &HeaderMap) -> Result<Option<Scope>, Problem> {
    let Some(value) = headers.get(WORKSPACE_HEADER) else { return Ok(None) };
    let name = value.to_str().map_err(|_| Problem::bad_request(format!("{WORKSPACE_HEADER} is not ASCII text")))?;
    Scope::new(name).map(Some).map_err(|error| Problem::bad_request(format!("{WORKSPACE_HEADER}: {error}")))
}
