//! The gate: from the headers of a request to its caller.
//!
//! A store without tokens lets everybody in, into the workspace that they name. From its first token
//! on, a token is required, and the workspace is the token's.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, StatusCode, header};
use quipu::{Result as QuipuResult, Scope};

use super::WORKSPACE_HEADER;
use super::caller::Caller;
use super::problem::Problem;
use crate::access::{Folder, LastUsed, Permission, Refusal, Token, Tokens, Version};
use crate::plan::now;

/// The header that some clients send a token in.
const API_KEY: &str = "x-api-key";

/// Knows all tokens.
#[derive(Debug)]
pub(super) struct Gate {
    folder: Folder,
    used: LastUsed,
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
    pub(super) fn of_store(dir: &Path) -> QuipuResult<Self> {
        let folder = Folder::of_store(dir);
        // First the version: a change in between is then seen as one.
        let version = folder.tokens_version()?;
        let tokens = folder.tokens()?;
        let known = Known { version, required: !tokens.is_empty(), tokens: Arc::new(tokens) };
        Ok(Self { used: LastUsed::load(&folder)?, folder, known: RwLock::new(known) })
    }

    /// Lets somebody in who has a permission.
    ///
    /// # Errors
    /// 401 without a token or with one that is good no more, 403 when it allows something else, 400
    /// when the workspace is no name, 503 when the tokens cannot be read.
    pub(super) fn admit(&self, headers: &HeaderMap, permission: Permission) -> Result<Caller, Problem> {
        let (tokens, required) = self.tokens().map_err(|error| {
            let detail = format!("the server cannot read who may do what: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })?;
        if !required {
            return Ok(Caller { scope: named_scope(headers)?.unwrap_or_default(), defaults: Vec::new(), token: None });
        }
        let shown = shown(headers).ok_or_else(|| {
            unauthorised("this server takes no request without a token: send one as Authorization: Bearer qp_…")
        })?;
        let now = now();
        let token = tokens.find(shown, now).map_err(|refusal| match refusal {
            Refusal::Unknown => unauthorised("the token is not one of this store"),
            Refusal::Ended(why) => unauthorised(&why),
        })?;
        self.used.note(&token.id, now);
        let caller = caller(token, headers)?;
        match caller.may(permission) {
            true => Ok(caller),
            false => Err(Problem::new(StatusCode::FORBIDDEN, lacks(token, permission))),
        }
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

fn unauthorised(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}

/// The token that a request shows: as a bearer or as an API key.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    bearer.or_else(|| text(API_KEY))
}

/// The workspace that a request names itself.
fn named_scope(headers: &HeaderMap) -> Result<Option<Scope>, Problem> {
    let Some(value) = headers.get(WORKSPACE_HEADER) else { return Ok(None) };
    let name = value.to_str().map_err(|_| Problem::bad_request(format!("{WORKSPACE_HEADER} is not ASCII text")))?;
    Scope::new(name).map(Some).map_err(|error| Problem::bad_request(format!("{WORKSPACE_HEADER}: {error}")))
}
