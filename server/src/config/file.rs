//! The configuration file: TOML with the names of the settings.

use std::path::Path;

use quipu::{Error, Result};

use super::settings::Settings;
use crate::toml_text;

impl Settings {
    /// These settings, and those of the file they name where they say nothing.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else, naming the place.
    pub fn with_file(self) -> Result<Self> {
        match self.config.clone() {
            Some(path) => Ok(self.or(Self::read(&path)?)),
            None => Ok(self),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", &shown.to_string(), error))?;
        let settings: Self = toml_text::read(&text).map_err(|error| error.context(path.display()))?;
        match settings.config {
            Some(_) => Err(Error::invalid(format!("{shown}: a configuration file cannot name another one"))),
            None => Ok(settings),
        }
    }
}
