//! Which columns of a table there is something to say in, and room for.

use quipu::{Unit, Value};

use super::sheet::Sheet;
use super::table::{columns, is_number};

/// Columns of text may shrink to this; numbers never do.
pub(super) const NARROWEST_TEXT: u16 = 24;
/// Characters between two columns.
const GAP: usize = 2;

/// The sheet without the properties that no row has.
pub(super) fn without_empty_columns(sheet: &Sheet) -> Sheet {
    let is_empty = |at: usize| {
        let column = &sheet.columns[at];
        let in_row = |row: &Vec<Value>| row.get(at).is_none_or(Value::is_null);
        !column.is_key && column.unit == Unit::None && !sheet.rows.is_empty() && sheet.rows.iter().all(in_row)
    };
    sheet.only(&(0..sheet.columns.len()).filter(|at| !is_empty(*at)).collect::<Vec<_>>())
}

/// The sheet with the columns that fit into `width`, and the names of the others.
///
/// Keys always stay. The first to go are columns in which nothing happened (all zero or absent),
/// then times, then whatever stands furthest to the right.
pub(super) fn narrowed(sheet: &Sheet, width: Option<u16>) -> (Sheet, Vec<String>) {
    let Some(width) = width.map(usize::from) else { return (sheet.clone(), Vec::new()) };
    let least = least_widths(sheet);
    let mut kept: Vec<usize> = (0..sheet.columns.len()).collect();
    let fits = |kept: &[usize]| kept.iter().map(|at| least[*at] + GAP).sum::<usize>() <= width + GAP;
    let goes: [&dyn Fn(usize) -> bool; 3] =
        [&|at| is_idle(sheet, at), &|at| sheet.columns[at].unit == Unit::Time, &|_| true];
    for goes_now in goes {
        for at in (1..sheet.columns.len()).rev() {
            if !fits(&kept) && !sheet.columns[at].is_key && goes_now(at) {
                kept.retain(|one| *one != at);
            }
        }
    }
    let hidden = (0..sheet.columns.len()).filter(|at| !kept.contains(at)).map(|at| sheet.columns[at].name.clone());
    (sheet.only(&kept), hidden.collect())
}

fn least_widths(sheet: &Sheet) -> Vec<usize> {
    let width = |(at, cells): (usize, Vec<String>)| {
        let longest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
        let natural = longest.max(sheet.columns[at].name.len());
        if is_number(sheet, at) { natural } else { natural.min(NARROWEST_TEXT.into()) }
    };
    columns(sheet).into_iter().enumerate().map(width).collect()
}

fn is_idle(sheet: &Sheet, column: usize) -> bool {
    let idle = |row: &Vec<Value>| matches!(row.get(column), None | Some(Value::Null | Value::Count(0)));
    sheet.rows.iter().all(idle)
}
