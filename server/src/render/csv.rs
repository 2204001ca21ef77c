//! Rows as CSV that a spreadsheet can open without running what is in it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use quipu::Value;

use super::cell;
use super::sheet::Sheet;

/// Writes some of the rows, in front of the first of them a header. Totals are left out: a reader would add them to
/// the rows.
pub(super) fn write(sheet: &Sheet, rows: Range<usize>, out: &mut dyn Write) -> io::Result<()> {
    let zone = cell::zone(sheet.facts.zone.as_deref());
    let mut csv = csv::Writer::from_writer(out);
    if rows.start == 0 {
        csv.write_record(sheet.columns.iter().map(|column| defused(&column.name).into_owned()))?;
    }
    for row in &sheet.rows[rows] {
        csv.write_record(row.iter().map(|value| {
            let text = cell::exact(value, &zone);
            match value {
                Value::Text(_) => defused(&text).into_owned(),
                _ => text,
            }
        }))?;
    }
    csv.flush()
}

/// A text that no spreadsheet takes for a formula: those that start like one get a `'` in front.
fn defused(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}
