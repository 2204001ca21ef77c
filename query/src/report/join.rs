//! Answers side by side: the rows of one found by the keys of another.

use hashbrown::HashMap;

use crate::answer::{Answer, Column};
use crate::measure::Unit;
use crate::value::Value;

/// The measures of an answer by the keys of its rows.
pub(crate) struct ByKey {
    keys: usize,
    rows: HashMap<Vec<String>, Vec<Value>>,
    totals: Vec<Value>,
}

impl ByKey {
    /// Takes an answer whose first `keys` columns are keys.
    pub(crate) fn new(answer: &Answer, keys: usize) -> Self {
        let rows = answer.rows.iter().map(|row| (key(&row[..keys]), row[keys..].to_vec())).collect();
        Self { keys, rows, totals: answer.totals[keys..].to_vec() }
    }

    /// The measures of the row with the keys of `row`.
    pub(crate) fn get(&self, row: &[Value]) -> Option<&[Value]> {
        self.rows.get(&key(&row[..self.keys])).map(Vec::as_slice)
    }

    /// The measures over all rows.
    pub(crate) fn totals(&self) -> &[Value] {
        &self.totals
    }
}

/// A key as something that can be looked up; null and a text differ.
fn key(values: &[Value]) -> Vec<String> {
    values.iter().map(|value| format!("{value:?}")).collect()
}

/// Columns that are no keys.
pub(crate) fn columns<const N: usize>(columns: [(&str, Unit); N]) -> [Column; N] {
    columns.map(|(name, unit)| Column { name: name.into(), unit, is_key: false })
}
