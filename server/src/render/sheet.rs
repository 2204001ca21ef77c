//! The table model that everything shown goes through.

use quipu::{Column, Unit, Value};

use super::facts::Facts;
use super::notes;

/// Columns, rows and what must be known to trust them.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as [`Self::columns`].
    pub rows: Vec<Vec<Value>>,
    /// One more row over all groups, null in the columns of keys.
    pub totals: Option<Vec<Value>>,
    /// Where the numbers come from.
    pub facts: Facts,
}

impl Sheet {
    /// A sheet without rows; each column is a name, its unit and whether it is a key.
    pub fn new(columns: &[(&str, Unit, bool)]) -> Self {
        let columns =
            columns.iter().map(|(name, unit, is_key)| Column { name: (*name).into(), unit: *unit, is_key: *is_key });
        Self { columns: columns.collect(), ..Self::default() }
    }

    /// A sheet of names and values, one per row.
    pub fn of_pairs(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let mut sheet = Self::new(&[("what", Unit::None, true), ("value", Unit::None, false)]);
        sheet.rows = pairs.into_iter().map(|(name, value)| vec![Value::Text(name.into()), value]).collect();
        sheet
    }

    /// What a reader must know beside the rows: price book, unpriced remainder, rows cut…
    pub fn notes(&self) -> Vec<String> {
        notes::notes(self)
    }
}
