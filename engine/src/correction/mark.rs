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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// The mark as names, ascending: how rows hold it.
    pub fn names(&self) -> Vec<(Text, Text)> {
        let replaced = self.replaced.then(|| Text::from(REPLACED));
        let fields = self.completed.iter().map(|field| Text::from(field.to_string()));
        let mut names: Vec<(Text, Text)> =
            replaced.into_iter().chain(fields).map(|name| (name, Text::default())).collect();
        names.sort_unstable();
        names
    }

    /// The mark of those names; `None` when one is no field of this build.
    pub fn parse(names: &[(Text, Text)]) -> Option<Self> {
        let mut mark = Self::default();
        for (name, _) in names {
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
                assert!(mark.names().is_sorted());
                assert_eq!(Mark::parse(&mark.names()), Some(mark));
            }
        }
        assert_eq!(Mark::parse(&[("dim.none".into(), "".into())]), None);
    }
}
