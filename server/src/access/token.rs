//! One token: what it allows, where, and until when.

use std::collections::{BTreeMap, BTreeSet};

use quipu::{Dimension, Error, Result, Scope, Text, Timestamp};
use serde::{Deserialize, Serialize};

use super::permission::Permission;
use super::secret::SecretHash;
use super::stamp::Stamp;

/// Who somebody is and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What finds it; part of its text.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Permission>,
    /// The only workspace it reaches.
    pub workspace: String,
    /// The only tenant it reaches, where it is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The only team it reaches, where it is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What events carry that do not say it themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, String>,
    /// When it was made.
    pub created: Stamp,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Stamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Stamp>,
    /// What proves it.
    pub(crate) secret: SecretHash,
    /// What proved it before the last rotation, and until when it still does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Previous>,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Previous {
    pub(super) secret: SecretHash,
    pub(super) until: Stamp,
}

impl Token {
    /// What it may see.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when a name is none.
    pub fn scope(&self) -> Result<Scope> {
        let scope = Scope::new(self.workspace.as_str())?;
        let scope = self.tenant.iter().try_fold(scope, |scope, tenant| scope.of_tenant(tenant.as_str()))?;
        self.team.iter().try_fold(scope, |scope, team| scope.of_team(team.as_str()))
    }

    /// The defaults by dimension.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when there is no such dimension, or the
    /// wall of a scope would be a mere default.
    pub fn default_values(&self) -> Result<Vec<(Dimension, Text)>> {
        let pairs = self.defaults.iter().map(|(name, value)| match Dimension::from_name(name) {
            Some(Dimension::Workspace) => {
                Err(Error::invalid("workspace is no default: a token is bound to one, name it with --workspace"))
            }
            Some(dimension) if value.is_empty() || value.len() > dimension.max_bytes() => {
                let longest = dimension.max_bytes();
                Err(Error::invalid(format!(
                    "the default of {name} has {} bytes; allowed are 1 to {longest}",
                    value.len()
                )))
            }
            Some(dimension) => Ok((dimension, value.as_str().into())),
            None => Err(Error::invalid(format!("there is no dimension {name:?} to have a default"))),
        });
        pairs.collect()
    }

    /// Until when the secret before the last rotation is good, if it still is.
    pub fn overlaps_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.previous.as_ref().map(|previous| previous.until.0).filter(|until| *until > now)
    }

    /// Whether somebody who knows that secret holds this token.
    pub(super) fn is_proved_by(&self, secret: &SecretHash, now: Timestamp) -> bool {
        let previous = self.previous.as_ref().filter(|previous| previous.until.0 > now);
        // Both are compared, so that the time taken does not tell which of them it was.
        self.secret.is(secret) | previous.is_some_and(|previous| previous.secret.is(secret))
    }

    /// Why a token that was proved is good no more.
    pub(super) fn ended(&self, now: Timestamp) -> Option<String> {
        match (self.revoked, self.expires) {
            (Some(revoked), _) => Some(format!("the token {} was revoked at {}", self.id, revoked.0)),
            (_, Some(expires)) if expires.0 <= now => Some(format!("the token {} expired at {}", self.id, expires.0)),
            _ => None,
        }
    }
}
