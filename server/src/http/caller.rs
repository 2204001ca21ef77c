//! Who asks, and what they may do: every route that touches the store takes an [`Allowed`], which
//! only somebody with that permission gets, and which alone leads to a scope.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use quipu::{Dimension, Scope, Text};

use super::accept::Peer;
use super::problem::Problem;
use super::state::App;
use crate::access::{Permission, Token};
use crate::ingest::Admission;

/// Who acts, where the store has no tokens.
const SERVER: &str = "server";

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) scope: Scope,
    pub(super) defaults: Vec<(Dimension, Text)>,
    /// Nobody in particular, where the store has no tokens.
    pub(super) token: Option<Arc<Token>>,
}

impl Caller {
    /// Where what they send may go.
    pub(super) fn admission(&self) -> Admission {
        Admission::within(self.scope.clone()).with_defaults(self.defaults.clone())
    }

    /// Who they are in the audit log.
    pub(super) fn actor(&self) -> String {
        self.token.as_ref().map_or_else(|| SERVER.to_owned(), |token| format!("token {} {:?}", token.id, token.name))
    }

    /// The caller, for what concerns a whole workspace.
    ///
    /// # Errors
    /// 403 when they reach only a part of it.
    pub(super) fn whole_workspace(self) -> Result<Self, Problem> {
        match self.scope.is_whole_workspace() {
            true => Ok(self),
            false => {
                let detail = "this concerns a whole workspace, of which this token reaches only a part";
                Err(Problem::new(StatusCode::FORBIDDEN, detail))
            }
        }
    }

    /// Whether they may do that.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.token.as_ref().is_none_or(|token| token.scopes.contains(&permission))
    }
}

/// A permission as a type, so that a route says in its signature what it takes.
pub(super) trait Right: Send + Sync {
    const PERMISSION: Permission;
}

/// Declares the rights.
macro_rules! rights {
    ($($name:ident)+) => {
        $(
            #[doc = concat!("The permission `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub(super) enum $name {}

            impl Right for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}

rights!(Ingest Query Outcome Admin);

/// A caller with a permission.
#[derive(Debug)]
pub(super) struct Allowed<R> {
    pub(super) caller: Caller,
    right: PhantomData<R>,
}

impl<R: Right> FromRequestParts<App> for Allowed<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = app.gate.admit(&parts.headers, parts.extensions.get::<Peer>().copied(), R::PERMISSION)?;
        Ok(Self { caller, right: PhantomData })
    }
}
