//! Maps: TOML files that say which column of a source is which field of an event.
//!
//! `docs/maps.md` describes the language. A map is compiled once into a [`Plan`] of actions
//! on numbered columns; no name is looked up while rows are read.

mod compile;
mod detail;
mod plan;
mod spec;
#[cfg(test)]
mod tests;
mod value;

use std::path::Path;

use quipu::{Error, ErrorKind, Result};

use super::Format;

pub(super) use plan::{Cells, Column, Join, Latest, Plan, PriceValue};

/// A compiled map.
#[derive(Debug)]
pub struct Map {
    name: String,
    format: Format,
    plan: Plan,
}

/// The maps that come with Quipu, by name.
const BUILT_IN: [(&str, &str); 7] = [
    ("aider", include_str!("../../../maps/aider.toml")),
    ("azure", include_str!("../../../maps/azure.toml")),
    ("openhands", include_str!("../../../maps/openhands.toml")),
    ("servegen", include_str!("../../../maps/servegen.toml")),
    ("yardstick", include_str!("../../../maps/yardstick.toml")),
    ("yardstick-outcomes", include_str!("../../../maps/yardstick-outcomes.toml")),
    ("yardstick-prices", include_str!("../../../maps/yardstick-prices.toml")),
];

impl Map {
    /// The names of the built-in maps.
    pub fn built_in() -> impl ExactSizeIterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The map a command line names: a built-in one, or a file.
    ///
    /// # Errors
    /// When there is neither, or the file is not a map; the message names line and field.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none() && !path.exists() {
            let names = Self::built_in().collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no map {name_or_path:?}; the built-in ones are {names}, any other is the path of a .toml file"
                ),
            ));
        }
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", name_or_path, error))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&stem, &text).map_err(|error| error.context(name_or_path))
    }

    /// Compiles a map's text; `name` becomes part of the ids of rows that have none of their own.
    ///
    /// # Errors
    /// When it is not a map; the message names line and field, and what is allowed.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let (format, plan) = compile::compile(name, text)?;
        Ok(Self { name: name.to_owned(), format, plan })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The format it reads.
    pub fn format(&self) -> Format {
        self.format
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How often it reads a file: twice when only the latest revisions count, which must be known first.
    pub(super) fn passes(&self) -> u64 {
        1 + u64::from(self.plan.latest.is_some())
    }
}
