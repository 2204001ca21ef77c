//! What answers are grouped by.

use std::fmt;

use quipu_engine::{Dimension, Error, Number, Result, Text};

use crate::calendar::Bucket;
use crate::names::did_you_mean;

/// One key of a grouping.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pivot {
    /// The value of a dimension.
    Dimension(Dimension),
    /// The value of a number, such as a status code.
    Number(Number),
    /// The value of the tag of that key.
    Tag(Text),
    /// The time bucket, on the calendar of the query's time zone, that the event starts in.
    Time(Bucket),
    /// Which of tenant, team, workflow, job, task type, model tier, request id and retry depth the event lacks.
    Lacking,
}

/// What [`Pivot::Lacking`] is called.
const LACKING: &str = "lacking";

impl Pivot {
    /// Reads `team`, `status_code`, `tag.KEY`, `day`, `lacking`…; aliases of dimensions are understood.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu_engine::ErrorKind::Invalid), naming what is near.
    pub fn parse(name: &str) -> Result<Self> {
        if let Some(key) = name.strip_prefix("tag.") {
            return Ok(Self::Tag(key.into()));
        }
        let known = Bucket::parse(name)
            .map(Self::Time)
            .or_else(|| Dimension::parse(name).map(Self::Dimension))
            .or_else(|| Number::from_name(name).map(Self::Number))
            .or_else(|| (name == LACKING).then_some(Self::Lacking));
        known.ok_or_else(|| {
            let names = Dimension::ALL.iter().map(|dimension| dimension.name());
            let names = names.chain(Number::ALL.iter().map(|number| number.name())).chain(Bucket::ALL.map(Bucket::name)).chain([LACKING]);
            let hint = did_you_mean(name, names);
            Error::invalid(format!("cannot group by {name:?}: no dimension, number or time bucket has that name; a tag is written tag.KEY{hint}"))
        })
    }
}

impl fmt::Display for Pivot {
    /// The text that [`Pivot::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension(dimension) => f.pad(dimension.name()),
            Self::Number(number) => f.pad(number.name()),
            Self::Tag(key) => f.pad(&format!("tag.{key}")),
            Self::Time(bucket) => f.pad(bucket.name()),
            Self::Lacking => f.pad(LACKING),
        }
    }
}

impl From<Dimension> for Pivot {
    fn from(dimension: Dimension) -> Self {
        Self::Dimension(dimension)
    }
}

impl From<Number> for Pivot {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<Bucket> for Pivot {
    fn from(bucket: Bucket) -> Self {
        Self::Time(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pivots_are_read_by_name_alias_and_key() {
        for (text, pivot) in [
            ("team", Pivot::Dimension(Dimension::Team)),
            ("organization", Pivot::Dimension(Dimension::Tenant)),
            ("status_code", Pivot::Number(Number::StatusCode)),
            ("tag.a.b", Pivot::Tag("a.b".into())),
            ("1d", Pivot::Time(Bucket::Day)),
            ("lacking", Pivot::Lacking),
        ] {
            assert_eq!(Pivot::parse(text).ok(), Some(pivot), "{text}");
        }
        let wrong = Pivot::parse("modle").map_err(|error| error.to_string());
        assert!(wrong.is_err_and(|sentence| sentence.contains("did you mean `model`?")));
    }
}
