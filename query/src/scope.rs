//! The workspace that a query may see.

use quipu_engine::outcome::DEFAULT_WORKSPACE;
use quipu_engine::{Dimension, Error, Result, Text};

/// The one workspace a query runs in. Rows of other workspaces are never read into an answer,
/// whatever the query says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Text);

impl Scope {
    /// The scope of that workspace.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when no workspace can have that name.
    pub fn new(workspace: impl Into<Text>) -> Result<Self> {
        let workspace = workspace.into();
        let longest = Dimension::Workspace.max_bytes();
        if workspace.is_empty() || workspace.len() > longest {
            let bytes = workspace.len();
            return Err(Error::invalid(format!("workspace has {bytes} bytes; allowed are 1 to {longest}")));
        }
        Ok(Self(workspace))
    }

    /// The name of the workspace.
    pub fn workspace(&self) -> &str {
        &self.0
    }
}

impl Default for Scope {
    /// The workspace of events that name none.
    fn default() -> Self {
        Self(DEFAULT_WORKSPACE.into())
    }
}
