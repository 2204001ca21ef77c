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
const ERASED: &str = "erased";

/// What corrections gave to a row; empty for the row of an event as it was first sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The row is a version that a correction brought.
    pub replaced: bool,
    /// Whoever the event was for was erased: no correction replaces it any more, or says who it was for.
    pub erased: bool,
    /// The fields that were completed, ascending.
    pub completed: Vec<Field>,
}

impl Mark {
    /// Whether the row is as it was first sent.
    pub fn is_empty(&self) -> bool {
        !self.replaced && !self.erased && self.completed.is_empty()
    }

    /// The mark as names: how files hold it.
    pub fn names(&self) -> Vec<String> {
        let flags = [(self.replaced, REPLACED), (self.erased, ERASED)];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
        flags.chain(self.completed.iter().map(Field::to_string)).collect()
    }

    /// The mark of those names; `None` when one is no field of this build.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut mark = Self::default();
        for name in names {
            match name {
                REPLACED => mark.replaced = true,
                ERASED => mark.erased = true,
                name => mark.completed.push(Field::parse(name)?),
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
        for (replaced, erased) in [(false, false), (true, false), (false, true), (true, true)] {
            for len in 0..=fields.len() {
                let mut completed = fields[..len].to_vec();
                completed.sort_unstable();
                let mark = Mark { replaced, erased, completed };
                assert_eq!(Mark::parse(mark.names().iter().map(String::as_str)), Some(mark));
            }
        }
        assert_eq!(Mark::parse(["dim.none"]), None);
    }
}
