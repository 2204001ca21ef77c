//! A tree of calls as people read it: indented, with a bar for the time of each.

use quipu::{Column, Unit, Value};

use super::sheet::Sheet;

/// The name of the sheet that is drawn so; it has the columns `depth`, `span`, `offset_ms` and `duration_ms`.
pub const TREE: &str = "tree";

/// Characters of the widest bar.
const WIDTH: u128 = 24;

/// The sheet with its spans indented by their depth and a bar beside each.
pub(super) fn drawn(sheet: &Sheet) -> Sheet {
    let place = |name: &str| sheet.columns.iter().position(|column| column.name == name);
    let (Some(depth), Some(span), Some(offset), Some(duration)) =
        (place("depth"), place("span"), place("offset_ms"), place("duration_ms"))
    else {
        return sheet.clone();
    };
    let count = |row: &[Value], at: usize| match row[at] {
        Value::Count(count) => Some(count),
        _ => None,
    };
    let ends = sheet.rows.iter().map(|row| count(row, offset).unwrap_or(0) + count(row, duration).unwrap_or(0));
    let whole = ends.max().unwrap_or(0).max(1);
    let mut drawn = sheet.clone();
    for row in &mut drawn.rows {
        let bar = bar(count(row, offset).unwrap_or(0), count(row, duration), whole);
        let indent = match count(row, depth).and_then(|depth| usize::try_from(depth).ok()).unwrap_or(0) {
            0 => String::new(),
            depth => format!("{}└ ", "  ".repeat(depth - 1)),
        };
        row[span] = Value::Text(format!("{indent}{}", row[span]).into());
        row.insert(span + 1, Value::Text(bar.into()));
    }
    drawn.columns.insert(span + 1, Column { name: "waterfall".into(), unit: Unit::None, is_key: false });
    let shown = |name: &str| !["depth", "span_id", "parent_id"].contains(&name);
    let kept: Vec<usize> = (0..drawn.columns.len()).filter(|at| shown(&drawn.columns[*at].name)).collect();
    drawn.only(&kept)
}

/// From where in the whole to where; a point where the duration is not known.
fn bar(offset: u128, duration: Option<u128>, whole: u128) -> String {
    let scaled = |millis: u128| usize::try_from(millis * WIDTH / whole).unwrap_or(0);
    let start = scaled(offset).min(scaled(whole) - 1);
    let drawn = match duration {
        Some(duration) => "█".repeat((scaled(offset + duration) - start).max(1)),
        None => "·".into(),
    };
    format!("{}{drawn}", " ".repeat(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_in_the_whole_and_are_never_empty() {
        for (offset, duration, drawn) in [
            (0, Some(240), "█".repeat(24)),
            (120, Some(120), format!("{}{}", " ".repeat(12), "█".repeat(12))),
            (239, Some(1), format!("{}█", " ".repeat(23))),
            (240, Some(0), format!("{}█", " ".repeat(23))),
            (10, None, " ·".to_owned()),
        ] {
            assert_eq!(bar(offset, duration, 240), drawn, "{offset} {duration:?}");
        }
        assert_eq!(bar(0, Some(0), 1), "█");
    }
}
