//! The order of rows.

use std::fmt;

use quipu_engine::Result;

use crate::measure::Measure;
use crate::pivot::Pivot;

/// One key of the order of rows. Null comes last in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// The column, which must be among the measures or pivots of the query.
    pub by: OrderKey,
    /// Largest first.
    pub descending: bool,
}

/// A column to order by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrderKey {
    /// A measure.
    Measure(Measure),
    /// A key of the grouping.
    Pivot(Pivot),
}

impl Order {
    /// By `key`, smallest first.
    pub fn ascending(key: impl Into<OrderKey>) -> Self {
        Self { by: key.into(), descending: false }
    }

    /// By `key`, largest first.
    pub fn descending(key: impl Into<OrderKey>) -> Self {
        Self { by: key.into(), descending: true }
    }

    /// Reads a measure or a pivot; a `-` in front means largest first.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid) when it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = match (Measure::parse(name), Pivot::parse(name)) {
            (Ok(measure), _) => OrderKey::Measure(measure),
            (_, Ok(pivot)) => OrderKey::Pivot(pivot),
            (Err(error), _) => return Err(error.context("cannot order")),
        };
        Ok(Self { by, descending })
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measure(measure) => fmt::Display::fmt(measure, f),
            Self::Pivot(pivot) => fmt::Display::fmt(pivot, f),
        }
    }
}

impl From<Measure> for OrderKey {
    fn from(measure: Measure) -> Self {
        Self::Measure(measure)
    }
}

impl<P: Into<Pivot>> From<P> for OrderKey {
    fn from(pivot: P) -> Self {
        Self::Pivot(pivot.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Bucket;

    #[test]
    fn orders_are_read_from_names_with_a_sign() {
        assert_eq!(Order::parse("-cost").ok(), Some(Order::descending(Measure::Cost)));
        assert_eq!(Order::parse("day").ok(), Some(Order::ascending(Bucket::Day)));
        assert!(Order::parse("-nothing").is_err_and(|error| error.to_string().starts_with("cannot order: ")));
    }
}
