//! CSV with a header line.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use quipu::{Error, Result};

use super::super::input::{Input, Origin};
use super::{RowFault, Rows, find_columns};
use crate::wire::Ignored;

pub(in crate::import) struct CsvRows {
    reader: csv::Reader<Box<dyn Read + Send>>,
    origin: Origin,
    header: Vec<String>,
    bound: Vec<usize>,
    record: StringRecord,
    line: u64,
    used: u64,
}

impl CsvRows {
    pub(in crate::import) fn open(input: &Input, taken: &Arc<AtomicU64>) -> Result<Self> {
        let (bytes, origin) = input.open(taken)?.into_parts();
        let mut reader = ReaderBuilder::new().buffer_capacity(256 * 1024).from_reader(bytes);
        let header: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(|column| column.trim_start_matches('\u{feff}').trim().to_owned()).collect(),
            Err(error) => return Err(header_error(input, error, &origin)),
        };
        if header.is_empty() {
            let name = input.name();
            return Err(Error::invalid(format!("{name}: the file is empty; its first line must name the columns")));
        }
        let record = StringRecord::new();
        Ok(Self { reader, origin, header, bound: Vec::new(), record, line: 1, used: 0 })
    }
}

fn header_error(input: &Input, error: csv::Error, origin: &Origin) -> Error {
    let name = input.name();
    match error.into_kind() {
        ErrorKind::Io(error) => origin.failed(0, error),
        ErrorKind::Utf8 { .. } => Error::invalid(format!("{name}: line 1, which names the columns, is not UTF-8")),
        other => Error::invalid(format!("{name}: line 1 cannot be read: {other:?}")),
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
        let read = self.reader.read_record(&mut self.record);
        if let Some(position) = self.record.position() {
            self.line = position.line();
        }
        read.map_err(|error| {
            let place = error.position().map(csv::Position::line);
            self.line = place.unwrap_or(self.line);
            match error.into_kind() {
                ErrorKind::Io(error) => RowFault::File(self.origin.failed(self.line, error)),
                ErrorKind::Utf8 { err, .. } => {
                    let column = self.header.get(err.field()).map_or("?", String::as_str);
                    RowFault::Row(format!("column {column} is not UTF-8"))
                }
                ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    RowFault::Row(format!("has {len} columns, the header has {expected_len}"))
                }
                other => RowFault::Row(format!("cannot be read: {other:?}")),
            }
        })
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn cell(&self, column: usize) -> Option<&str> {
        self.record.get(self.bound[column]).filter(|cell| !cell.is_empty())
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
