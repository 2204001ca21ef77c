//! What became of a price list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quipu::{PriceBook, Timestamp};

use super::Format;

/// What a reader took from a list and what it could not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The format that the list was read as.
    pub format: Format,
    /// From when prices hold that name no start themselves.
    pub from: Timestamp,
    /// How many rates the book has.
    pub rules: usize,
    /// How many pairs of provider and model have one.
    pub models: usize,
    /// What could not be used, or not as it stands, by field and reason.
    pub notes: Vec<Note>,
    noted_at: BTreeMap<(String, String), usize>,
}

/// Something in a list that could not be used, or not as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The field.
    pub what: String,
    /// Why it could not, or what was done to it.
    pub why: String,
    /// Whether it was used all the same.
    pub is_used: bool,
    /// How often it occurs.
    pub times: u64,
    /// The model of its first occurrence.
    pub first: String,
}

impl Report {
    pub(super) fn new(format: Format, from: Timestamp) -> Self {
        Self { format, from, rules: 0, models: 0, notes: Vec::new(), noted_at: BTreeMap::new() }
    }

    /// A report of what another one has told already.
    pub(super) fn unheard() -> Self {
        Self::new(Format::Genai, Timestamp::MIN)
    }

    /// Notes that `what` of `model` was not used.
    pub(super) fn skip(&mut self, model: &str, what: &str, why: &str) {
        self.note(model, what, why, false);
    }

    /// Notes that the price `what` of `model` was rounded.
    pub(super) fn round(&mut self, model: &str, what: &str) {
        self.note(model, what, "rounded half-even to whole pico-USD (10⁻¹² USD) per unit", true);
    }

    fn note(&mut self, model: &str, what: &str, why: &str, is_used: bool) {
        let at = *self.noted_at.entry((what.to_owned(), why.to_owned())).or_insert(self.notes.len());
        match self.notes.get_mut(at) {
            Some(note) => note.times += 1,
            None => {
                self.notes.push(Note { what: what.into(), why: why.into(), is_used, times: 1, first: model.into() });
            }
        }
    }

    /// What is wrong with a list that makes no rate at all.
    pub(super) fn nothing(&self) -> String {
        const LISTED: usize = 3;
        let mut what = format!("no price in it can be used, read as {}", self.format.name());
        for note in self.notes.iter().take(LISTED) {
            what.push_str(&format!("; {note}"));
        }
        what
    }

    pub(super) fn count(&mut self, book: &PriceBook) {
        let models: BTreeSet<_> = book.rules().iter().map(|rule| (&rule.model, &rule.provider)).collect();
        (self.rules, self.models) = (book.rules().len(), models.len());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rates of {} models, read as {}", self.rules, self.models, self.format.name())?;
        if self.from == Timestamp::MIN {
            f.write_str("; prices without a date of their own hold since ever")?;
        } else {
            write!(f, "; prices without a date of their own hold from {}", self.from)?;
        }
        for note in &self.notes {
            write!(f, "\n{note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, why, is_used, times, first } = self;
        write!(f, "{}{what}, {times}×, first for {first}: {why}", if *is_used { "" } else { "not used: " })
    }
}
