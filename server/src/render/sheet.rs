//! The table model that everything shown goes through.

use quipu::{Column, Error, Result, Unit, Value, did_you_mean};

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
    /// One more row over the groups that are not among the rows, likewise.
    pub other: Option<Vec<Value>>,
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

    /// A sheet of names and texts, with further pairs behind them.
    pub fn of_texts(
        texts: impl IntoIterator<Item = (String, String)>,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Self {
        let mut sheet = Self::of_pairs(more);
        let texts = texts.into_iter().map(|(name, text)| vec![Value::Text(name.into()), Value::Text(text.into())]);
        sheet.rows.splice(0..0, texts);
        sheet
    }

    /// The sheet with these columns only, in that order; all when none are named.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when it has no such column.
    pub fn select(self, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(self);
        }
        let place = |name: &String| {
            self.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
                let (hint, known) = (did_you_mean(name, known.iter().copied()), known.join(", "));
                Error::invalid(format!("there is no column {name:?}{hint}; the columns are {known}"))
            })
        };
        let places = names.iter().map(place).collect::<Result<Vec<_>>>()?;
        Ok(self.only(&places))
    }

    /// The sheet with the columns at these places only.
    pub(super) fn only(&self, places: &[usize]) -> Self {
        let keep = |row: &Vec<Value>| places.iter().filter_map(|at| row.get(*at).cloned()).collect::<Vec<_>>();
        Self {
            columns: places.iter().map(|at| self.columns[*at].clone()).collect(),
            rows: self.rows.iter().map(keep).collect(),
            totals: self.totals.as_ref().map(keep),
            other: self.other.as_ref().map(keep),
            facts: self.facts.clone(),
        }
    }

    /// What a reader must know beside the rows: price book, unpriced remainder, rows cut…
    pub fn notes(&self) -> Vec<String> {
        notes::notes(self)
    }
}
