//! Rows as a table for people.

use std::io::{self, Write};

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle, Width,
};
use quipu::{Unit, Value};

use super::amount::money_digits;
use super::cell;
use super::fit::{self, NARROWEST_TEXT};
use super::notes::wrapped;
use super::sheet::Sheet;
use crate::wire::printable;

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

/// Shown where there is no row.
const NOTHING: &str = "(nothing)";
/// Notes are broken into lines of at most this many characters.
const PROSE_WIDTH: u16 = 100;
/// A single row of more columns than this is shown upright: a name and a value per line.
const WIDEST_SINGLE_ROW: usize = 6;

/// Writes rows, totals under a rule, and the notes.
pub(super) fn write(sheet: &Sheet, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
    // A terminal that does not know how wide it is says 0.
    let width = width.filter(|width| *width > 0);
    let mut notes = sheet.notes();
    if sheet.rows.len() == 1 && sheet.totals.is_none() && sheet.columns.len() > WIDEST_SINGLE_ROW {
        write_upright(sheet, out)?;
    } else {
        let (sheet, hidden) = fit::narrowed(&fit::without_empty_columns(sheet), width);
        write_rows(&sheet, width, out)?;
        if !hidden.is_empty() {
            notes.insert(0, format!("no room for {} (--format csv has them)", hidden.join(", ")));
        }
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    let width = usize::from(width.unwrap_or(PROSE_WIDTH).clamp(40, PROSE_WIDTH));
    for line in notes.iter().flat_map(|note| wrapped(&printable(note), width)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_upright(sheet: &Sheet, out: &mut dyn Write) -> io::Result<()> {
    let widest = sheet.columns.iter().map(|column| column.name.len()).max().unwrap_or_default();
    for (column, cells) in sheet.columns.iter().zip(columns(sheet)) {
        writeln!(out, "{:widest$}  {}", column.name, cells.concat())?;
    }
    Ok(())
}

fn write_rows(sheet: &Sheet, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns(sheet);
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty();
    if let Some(width) = width {
        table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(sheet.columns.iter().map(|column| column.name.clone()));
    let height = sheet.rows.len() + usize::from(sheet.other.is_some()) + usize::from(sheet.totals.is_some());
    for row in 0..height {
        table.add_row(columns.iter().map(|cells| cells[row].clone()));
    }
    let widths = table.column_max_content_widths();
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(at > 0), 0));
        let padding = u16::from(at > 0);
        if is_number(sheet, at) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(widths[at] + padding)));
        } else {
            let narrowest = widths[at].min(NARROWEST_TEXT) + padding;
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(narrowest)));
        }
    }
    let lines: Vec<String> = table.lines().collect();
    let rule = lines.iter().find(|line| line.starts_with('─')).cloned().unwrap_or_default();
    for (at, line) in lines.iter().enumerate() {
        if sheet.totals.is_some() && at + 1 == lines.len() {
            if sheet.rows.is_empty() {
                writeln!(out, "{NOTHING}")?;
            }
            writeln!(out, "{rule}")?;
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    if sheet.rows.is_empty() && sheet.totals.is_none() {
        writeln!(out, "{NOTHING}")?;
    }
    Ok(())
}

pub(super) fn is_number(sheet: &Sheet, column: usize) -> bool {
    let unit = sheet.columns[column].unit;
    let is_text = |row: &Vec<Value>| matches!(row.get(column), Some(Value::Text(_) | Value::Time(_)));
    !sheet.columns[column].is_key && (unit != Unit::None || !sheet.rows.iter().any(is_text))
}

/// The cells of every column, from top to bottom; the rest and the total last.
pub(super) fn columns(sheet: &Sheet) -> Vec<Vec<String>> {
    let zone = cell::zone(sheet.facts.zone.as_deref());
    let first_key = sheet.columns.iter().position(|column| column.is_key);
    let mut columns = Vec::with_capacity(sheet.columns.len());
    for (at, column) in sheet.columns.iter().enumerate() {
        let ends = [("other", &sheet.other), ("total", &sheet.totals)];
        let ends: Vec<(&str, &Value)> =
            ends.into_iter().filter_map(|(name, row)| Some((name, row.as_ref()?.get(at)?))).collect();
        let values = || sheet.rows.iter().filter_map(|row| row.get(at));
        let digits = money_digits(values().chain(ends.iter().map(|(_, value)| *value)));
        let mut cells: Vec<String> = values().map(|value| cell::shown(value, column, &zone, digits)).collect();
        cells.extend(ends.into_iter().map(|(name, value)| match column.is_key {
            true if first_key == Some(at) => name.into(),
            true => String::new(),
            false => cell::shown(value, column, &zone, digits),
        }));
        columns.push(cells);
    }
    columns
}
