//! What of a row corrections gave: whatever else it says, its source said.

use std::fmt;

use crate::event::Event;
use crate::schema::{Dimension, Number, Text};

/// A field that a correction can complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A dimension.
    Dimension(Dimension),
    /// A number.
    Number(Number),
    /// The tag of that key.
    Tag(Text),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension(dimension) => write!(f, "dim.{dimension}"),
            Self::Number(number) => write!(f, "num.{number}"),
            Self::Tag(key) => write!(f, "tag.{key}"),
        }
    }
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        let (kind, name) = name.split_once('.')?;
        match kind {
            "dim" => Dimension::from_name(name).map(Self::Dimension),
            "num" => Number::from_name(name).map(Self::Number),
            "tag" => Some(Self::Tag(name.into())),
            _ => None,
        }
    }
}

const REPLACED: &str = "replaced";

/// What corrections gave to a row; empty for the row of an event as it was first sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The row is a version that a correction brought.
    pub replaced: bool,
    /// The fields that were completed, ascending.
    pub completed: Vec<Field>,
}

impl Mark {
    /// Whether the row is as it was first sent.
    pub fn is_empty(&self) -> bool {
        !self.replaced && self.completed.is_empty()
    }

    /// The mark as names: how files hold it.
    pub fn names(&self) -> Vec<String> {
        let replaced = self.replaced.then(|| REPLACED.to_owned());
        replaced.into_iter().chain(self.completed.iter().map(Field::to_string)).collect()
    }

    /// The mark of those names; `None` when one is no field of this build.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut mark = Self::default();
        for name in names {
            if name == REPLACED {
                mark.replaced = true;
            } else {
                mark.completed.push(Field::parse(name)?);
            }
        }
        mark.completed.sort_unstable();
        Some(mark)
    }

    /// The event without what was completed: what its source said.
    pub fn strip(&self, event: &Event) -> Event {
        let mut event = event.clone();
        for field in &self.completed {
            match field {
                Field::Dimension(dimension) => drop(event.dimensions.remove(dimension)),
                Field::Number(number) => drop(event.numbers.remove(number)),
                Field::Tag(key) => drop(event.tags.remove(key)),
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_from_their_names() {
        let fields = [
            Field::Tag("dim.x".into()),
            Field::Tag("".into()),
            Field::Number(Number::TtftMs),
            Field::Dimension(Dimension::Team),
        ];
        for replaced in [false, true] {
            for len in 0..=fields.len() {
                let mut completed = fields[..len].to_vec();
                completed.sort_unstable();
                let mark = Mark { replaced, completed };
                assert_eq!(Mark::parse(mark.names().iter().map(String::as_str)), Some(mark));
            }
        }
        assert_eq!(Mark::parse(["dim.none"]), None);
    }
}
