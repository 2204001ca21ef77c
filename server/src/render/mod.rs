//! Results as text: one table model, four formats.
//!
//! Whatever a command or a route has to say becomes a [`Sheet`]; nothing but this module
//! decides how numbers, money, absence and times look.

mod amount;
mod answer;
mod cell;
mod csv;
mod document;
mod facts;
mod fit;
mod json;
mod notes;
mod pieces;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod waterfall;

use std::io::{self, Write};

pub use amount::{dollars, grouped, percent};
pub use cell::PRICE;
pub use document::Document;
pub use facts::{Facts, PartFact, StageFact, UnpricedFact};
pub use json::understood;
pub use pieces::Pieces;
pub use sheet::Sheet;
pub use waterfall::TREE;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns for people, with totals and footnotes.
    #[default]
    Table,
    /// One JSON document with everything; counts are numbers, money and quotients exact decimal texts.
    Json,
    /// One JSON object per row.
    Ndjson,
    /// A header and rows; times in RFC 3339, absent values empty.
    Csv,
}

/// Writes a sheet.
///
/// Rows alone have no place for footnotes; whoever writes NDJSON or CSV shows [`Sheet::notes`] elsewhere.
///
/// # Errors
/// What the writer says.
pub fn write(sheet: &Sheet, format: Format, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
    let all = 0..sheet.rows.len();
    match format {
        Format::Table => table::write(sheet, width, out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, sheet)?;
            writeln!(out)
        }
        Format::Ndjson => json::write_lines(sheet, all, out),
        Format::Csv => csv::write(sheet, all, out),
    }
}
