//! Several sheets under names: what is to say about one job or one trace.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quipu::{Error, Result};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::understood;
use super::waterfall::{self, TREE};
use super::{Format, Sheet, write};

/// Sheets by name, in the order they are shown.
#[derive(Clone, Debug, Default)]
pub struct Document(pub Vec<(String, Sheet)>);

impl Document {
    /// Writes the sheets one after the other; as NDJSON and CSV, which have room for one, the last.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, format: Format, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Table => {
                for (at, (name, sheet)) in self.0.iter().enumerate() {
                    writeln!(out, "{}{}", if at > 0 { "\n" } else { "" }, name.replace('_', " ").to_uppercase())?;
                    match name.as_str() {
                        TREE => write(&waterfall::drawn(sheet), format, width, out)?,
                        _ => write(sheet, format, width, out)?,
                    }
                }
                Ok(())
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
            Format::Ndjson | Format::Csv => self.0.last().map_or(Ok(()), |(_, sheet)| write(sheet, format, width, out)),
        }
    }

    /// The sheet of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), listing the names there are.
    pub fn sheet(&self, name: &str) -> Result<&Sheet> {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, sheet)| sheet);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            Error::invalid(format!("there is no sheet {name:?}; the sheets are {}", names.join(", ")))
        })
    }

    /// Reads back the JSON of a document whose sheets have these names.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when it is something else.
    pub fn from_json(text: &[u8], names: &[&str]) -> Result<Self> {
        let sheets: BTreeMap<String, Box<RawValue>> = understood(text)?;
        let sheet = |name: &&str| {
            let raw = sheets.get(*name)?;
            Some(Sheet::from_json(raw.get().as_bytes()).map(|sheet| ((*name).to_owned(), sheet)))
        };
        names.iter().filter_map(sheet).collect::<Result<_>>().map(Self)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, sheet)| (name, sheet)))
    }
}
