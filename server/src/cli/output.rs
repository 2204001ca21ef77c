//! Where results go: rows to the standard output, everything else to the standard error.

use std::io::{self, IsTerminal, Write};

use quipu::{Error, Result};

use crate::render::{self, Document, Format, Sheet};
use crate::wire::printable;

/// The standard output in the format that was asked for.
#[derive(Debug)]
pub(super) struct Output {
    format: Format,
    width: Option<u16>,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        let width = if io::stdout().is_terminal() { comfy_table::Table::new().width() } else { None };
        Self { format, width }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Writes a sheet; footnotes that the format has no place for go to the standard error.
    pub(super) fn sheet(&self, sheet: &Sheet) -> Result<()> {
        self.to_stdout(|out| render::write(sheet, self.format, self.width, out))?;
        if matches!(self.format, Format::Csv | Format::Ndjson) {
            for note in sheet.notes() {
                eprintln!("{}", printable(&note));
            }
        }
        Ok(())
    }

    /// Writes a document, or the one sheet of it that is named; where the format has room for one only and
    /// none is named, the last, and which others there are goes to the standard error.
    pub(super) fn document(&self, document: &Document, sheet: Option<&str>) -> Result<()> {
        if let Some(name) = sheet {
            return self.sheet(document.sheet(name)?);
        }
        if let (Format::Csv | Format::Ndjson, [others @ .., _]) = (self.format, document.0.as_slice()) {
            let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
            eprintln!("left out: {} (--sheet NAME writes one of them)", names.join(", "));
        }
        self.to_stdout(|out| document.write(self.format, self.width, out))
    }

    /// Writes anything, and sees to it that it has left this process.
    pub(super) fn to_stdout(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(&mut out).and_then(|()| out.flush()).map_err(|error| Error::io("write to", STDOUT, error))
    }

    /// Whether an error only says that the reader of the standard output has seen enough (`| head`).
    pub(super) fn is_closed(&self, error: &Error) -> bool {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
        source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe) && error.to_string().contains(STDOUT)
    }
}

const STDOUT: &str = "the standard output";
