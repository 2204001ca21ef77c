//! What a query may see.

use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::{Dimension, Error, Result, Text};

/// The one workspace a query runs in, and where it may see only part of that, the tenant or the
/// team. Other rows are never read into an answer, whatever the query says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    workspace: Text,
    tenant: Option<Text>,
    team: Option<Text>,
}

impl Scope {
    /// The scope of that workspace.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when no workspace can have that name.
    pub fn new(workspace: impl Into<Text>) -> Result<Self> {
        let workspace = checked(Dimension::Workspace, workspace.into())?;
        Ok(Self { workspace, tenant: None, team: None })
    }

    /// Only what carries that tenant.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when no tenant can have that name.
    pub fn of_tenant(self, tenant: impl Into<Text>) -> Result<Self> {
        Ok(Self { tenant: Some(checked(Dimension::Tenant, tenant.into())?), ..self })
    }

    /// Only what carries that team.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when no team can have that name.
    pub fn of_team(self, team: impl Into<Text>) -> Result<Self> {
        Ok(Self { team: Some(checked(Dimension::Team, team.into())?), ..self })
    }

    /// The name of the workspace.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The tenant, where only one is seen.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The team, where only one is seen.
    pub fn team(&self) -> Option<&str> {
        self.team.as_deref()
    }

    /// Whether everything in the workspace is seen.
    pub fn is_whole_workspace(&self) -> bool {
        self.tenant.is_none() && self.team.is_none()
    }

    /// Every value that a row must carry to be seen.
    pub fn walls(&self) -> impl Iterator<Item = (Dimension, &Text)> {
        let narrower = [(Dimension::Tenant, self.tenant.as_ref()), (Dimension::Team, self.team.as_ref())];
        let narrower = narrower.into_iter().filter_map(|(dimension, value)| Some((dimension, value?)));
        std::iter::once((Dimension::Workspace, &self.workspace)).chain(narrower)
    }
}

fn checked(dimension: Dimension, value: Text) -> Result<Text> {
    let longest = dimension.max_bytes();
    if value.is_empty() || value.len() > longest {
        let bytes = value.len();
        return Err(Error::invalid(format!("{dimension} has {bytes} bytes; allowed are 1 to {longest}")));
    }
    Ok(value)
}

impl Default for Scope {
    /// The workspace of events that name none.
    fn default() -> Self {
        Self { workspace: DEFAULT_WORKSPACE.into(), tenant: None, team: None }
    }
}
