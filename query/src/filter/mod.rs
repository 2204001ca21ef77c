//! Which events a query looks at.
//!
//! Absent values: `=`, `in`, prefixes and ranges never hold for an absent value; `!=` and `not in`
//! always do, because what is not there is different from any value. So a filter and its negation
//! always split the events in two, and no event escapes both.

mod parse;
mod show;

use std::borrow::Cow;

use quipu_engine::{Dimension, Meter, Number, Text, Timestamp};

/// A condition on an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// A condition on a text.
    Text(TextField, TextTest),
    /// A condition on a number.
    Number(NumberField, NumberTest),
    /// The event starts at the first instant or later, and before the second.
    Time(Option<Timestamp>, Option<Timestamp>),
    /// All hold; an empty list always holds.
    And(Vec<Self>),
    /// At least one holds; an empty list never holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// A text of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextField {
    /// A dimension.
    Dimension(Dimension),
    /// The tag of that key.
    Tag(Text),
}

/// A number of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NumberField {
    /// A number that is not metered.
    Number(Number),
    /// A metered quantity.
    Meter(Meter),
}

/// A condition on a text that may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// One of these.
    In(Vec<Text>),
    /// None of these, or absent.
    NotIn(Vec<Text>),
    /// Begins with this.
    Prefix(Text),
    /// Absent.
    Null,
    /// Present.
    NotNull,
}

/// A condition on a number that may be absent. A reported cost is in pico-USD.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NumberTest {
    /// One of these.
    In(Vec<u64>),
    /// None of these, or absent.
    NotIn(Vec<u64>),
    /// Neither below the first nor above the second.
    Between(u64, u64),
    /// Absent.
    Null,
    /// Present.
    NotNull,
}

impl Filter {
    /// A dimension has that value.
    pub fn is(dimension: Dimension, value: impl Into<Text>) -> Self {
        Self::one_of(dimension, [value])
    }

    /// A dimension has one of these values.
    pub fn one_of<T: Into<Text>>(dimension: Dimension, values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self::Text(TextField::Dimension(dimension), TextTest::In(values))
    }

    /// A dimension has a value.
    pub fn has(dimension: Dimension) -> Self {
        Self::Text(TextField::Dimension(dimension), TextTest::NotNull)
    }

    /// The event tried something again.
    pub fn is_retry() -> Self {
        Self::Number(NumberField::Number(Number::RetryDepth), NumberTest::IS_RETRY)
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all = match self {
            Self::And(all) => all,
            one => vec![one],
        };
        match other {
            Self::And(more) => all.extend(more),
            one => all.push(one),
        }
        Self::And(all)
    }
}

impl TextTest {
    /// The test as the stored form of a dimension's values meets it.
    pub(crate) fn of_stored(&self, dimension: Dimension) -> Cow<'_, Self> {
        if !dimension.is_lower_cased() {
            return Cow::Borrowed(self);
        }
        let lower = |values: &[Text]| values.iter().map(|value| value.to_lowercase()).collect();
        Cow::Owned(match self {
            Self::In(values) => Self::In(lower(values)),
            Self::NotIn(values) => Self::NotIn(lower(values)),
            Self::Prefix(prefix) => Self::Prefix(prefix.to_lowercase()),
            Self::Null | Self::NotNull => return Cow::Borrowed(self),
        })
    }

    /// Whether the test holds for a value.
    pub fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Self::Prefix(prefix) => value.is_some_and(|value| value.starts_with(prefix.as_str())),
            Self::Null => value.is_none(),
            Self::NotNull => value.is_some(),
        }
    }
}

impl NumberTest {
    /// What holds for the depth of retries.
    pub(crate) const IS_RETRY: Self = Self::Between(1, u64::MAX);

    /// Whether the test holds for a value.
    pub fn holds(&self, value: Option<u64>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(&value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(&value)),
            Self::Between(low, high) => value.is_some_and(|value| (*low..=*high).contains(&value)),
            Self::Null => value.is_none(),
            Self::NotNull => value.is_some(),
        }
    }
}
