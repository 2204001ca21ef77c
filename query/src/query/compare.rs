//! What a query is compared with.

use quipu_engine::{Error, Result, Timestamp};

use super::Query;
use crate::filter::Filter;

/// The other slice of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// The period before the query's time range (see [`Zone::previous_period`](crate::Zone::previous_period)).
    Previous,
    /// Another time range.
    Range {
        /// Its start.
        since: Timestamp,
        /// The first instant after it.
        until: Timestamp,
    },
    /// Other events of the same time range: this filter stands in the place of the query's own.
    Filter(Filter),
}

impl Query {
    /// The query of the other slice; `None` when nothing is compared.
    pub(crate) fn compared(&self) -> Result<Option<Self>> {
        let other = |since, until| Self { since, until, compare: None, ..self.clone() };
        Ok(match &self.compare {
            None => None,
            Some(Compare::Previous) => {
                let (Some(since), Some(until)) = (self.since, self.until) else {
                    return Err(Error::invalid("a comparison with the previous period needs since and until"));
                };
                let (since, until) = self.zone.previous_period(since, until);
                Some(other(Some(since), Some(until)))
            }
            Some(Compare::Range { since, until }) => Some(other(Some(*since), Some(*until))),
            Some(Compare::Filter(filter)) => {
                let slice = Self { filter: Some(filter.clone()), ..other(self.since, self.until) };
                // What is assumed of the one is assumed of the other.
                Some(slice.assumed().into_owned())
            }
        })
    }
}
