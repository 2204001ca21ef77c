//! CSV with a header line.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quipu::{Error, Result, Text};

use super::super::identity::Identity;
use super::super::input::{Input, Origin};
use super::records::{Fault, Records};
use super::{RowFault, Rows, find_columns};
use crate::wire::{Ignored, Place, shown};

/// The longest record that is read.
const RECORD_BYTES: usize = 16 << 20;

pub(in crate::import) struct CsvRows {
    records: Records,
    origin: Origin,
    header: Vec<String>,
    bound: Vec<usize>,
    used: u64,
}

impl CsvRows {
    pub(in crate::import) fn open(input: &Input, taken: &Arc<AtomicU64>) -> Result<Self> {
        let (bytes, origin) = input.open(taken)?.into_parts();
        let (mut records, name) = (Records::new(bytes, RECORD_BYTES), input.name());
        match records.advance() {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::invalid(format!("{name}: the file is empty; its first line must name the columns")));
            }
            Err(Fault::Io(error)) => return Err(origin.failed(0, error)),
            Err(fault) => {
                let (line, problem) = (records.line(), problem(&fault, &[]));
                return Err(Error::invalid(format!("{name}: line {line}, which must name the columns, {problem}")));
            }
        }
        let header = records.cells().map(|column| column.trim().to_owned()).collect();
        Ok(Self { records, origin, header, bound: Vec::new(), used: 0 })
    }
}

/// What is wrong with a record, as the end of a sentence about its line.
fn problem(fault: &Fault, header: &[String]) -> String {
    let column = |cell: usize| header.get(cell).map_or_else(|| (cell + 1).to_string(), |name| shown(name).into_owned());
    let limit = RECORD_BYTES >> 20;
    let quote = "a quote is probably not closed; reading went on at the next line";
    match fault {
        Fault::LongLine => format!("is longer than {limit} MiB"),
        Fault::NotUtf8(cell) => format!("column {} is not UTF-8", column(*cell)),
        Fault::Width(cells) => format!("has {cells} columns, the header has {}", header.len()),
        Fault::Unclosed { cell, within_limit } => {
            let until = if *within_limit { format!("within {limit} MiB") } else { "before the file ends".into() };
            format!(
                "column {} opens a quote that is not closed {until}; reading went on at the next line",
                column(*cell)
            )
        }
        Fault::StrayQuote { until } => format!("quotes up to line {until}, where text follows the quote; {quote}"),
        Fault::Torn { until, cells } => {
            format!("quotes up to line {until}, which makes {cells} columns, the header has {}; {quote}", header.len())
        }
        Fault::Io(_) | Fault::Hopeless => "cannot be read".into(),
    }
}

impl Rows for CsvRows {
    fn header(&self) -> Option<&[String]> {
        Some(&self.header)
    }

    fn bind(&mut self, columns: &[String]) -> Result<()> {
        self.bound = find_columns(&self.header, columns)?;
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        self.records.advance().map_err(|fault| match fault {
            Fault::Io(error) => RowFault::File(self.origin.failed(self.records.line(), error)),
            Fault::Hopeless => RowFault::File(self.origin.invalid(format_args!(
                "so many quotes are not closed that it was not read on after line {}; what came before was imported",
                self.records.line()
            ))),
            fault => RowFault::Row(problem(&fault, &self.header)),
        })
    }

    fn place(&self) -> Place {
        Place::Line(self.records.line())
    }

    fn id(&self, identity: &mut Identity) -> Text {
        identity.of(self.records.cells().map(str::as_bytes))
    }

    fn cell(&self, column: usize) -> Option<&str> {
        self.records.cell(self.bound[column]).filter(|cell| !cell.is_empty())
    }

    fn used(&mut self) {
        self.used += 1;
    }

    fn ignored(&self) -> Ignored {
        let mut ignored = Ignored::default();
        for (at, column) in self.header.iter().enumerate() {
            if self.used > 0 && !self.bound.contains(&at) {
                ignored.add(column, self.used);
            }
        }
        ignored
    }
}
