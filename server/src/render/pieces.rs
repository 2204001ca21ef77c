//! A sheet as text, piece by piece, so that a long one never lies in memory twice.

use std::io;

use super::sheet::Sheet;
use super::{Format, csv, json, write};

/// Rows of a piece.
const ROWS: usize = 1024;

/// The pieces of a sheet in a format. Formats of rows have one per some rows; of a document there is just one.
#[derive(Debug)]
pub struct Pieces {
    sheet: Sheet,
    format: Format,
    /// The first row of the next piece; `None` behind the last.
    next: Option<usize>,
}

impl Pieces {
    /// The pieces of a sheet.
    pub fn new(sheet: Sheet, format: Format) -> Self {
        Self { sheet, format, next: Some(0) }
    }

    /// Whether the first piece is all there is.
    pub fn is_one(&self) -> bool {
        matches!(self.format, Format::Table | Format::Json) || self.sheet.rows.len() <= ROWS
    }
}

impl Iterator for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let mut bytes = Vec::new();
        if self.is_one() {
            return Some(write(&self.sheet, self.format, None, &mut bytes).map(|()| bytes));
        }
        let end = (start + ROWS).min(self.sheet.rows.len());
        self.next = (end < self.sheet.rows.len()).then_some(end);
        let written = match self.format {
            Format::Csv => csv::write(&self.sheet, start..end, &mut bytes),
            _ => json::write_lines(&self.sheet, start..end, &mut bytes),
        };
        Some(written.map(|()| bytes))
    }
}

#[cfg(test)]
mod tests {
    use quipu::{Unit, Value};

    use super::*;

    #[test]
    fn pieces_together_are_what_is_written_at_once() {
        for rows in [0, 1, ROWS, ROWS + 1, 3 * ROWS] {
            let mut sheet = Sheet::new(&[("=name", Unit::None, true), ("n", Unit::Units, false)]);
            sheet.rows =
                (0..rows as u128).map(|n| vec![Value::Text(format!("-{n}\n\"").into()), Value::Count(n)]).collect();
            for format in [Format::Csv, Format::Ndjson, Format::Json, Format::Table] {
                let mut whole = Vec::new();
                write(&sheet, format, None, &mut whole).expect("memory");
                let pieces: Vec<_> = Pieces::new(sheet.clone(), format).map(|piece| piece.expect("memory")).collect();
                assert_eq!(pieces.concat(), whole, "{rows} rows as {format:?}");
                assert_eq!(pieces.len() == 1, Pieces::new(sheet.clone(), format).is_one());
            }
        }
    }
}
