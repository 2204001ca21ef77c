//! Wire formats: bytes in, events and outcomes out. One decoder per source, no I/O.
//!
//! Every decoder reads item by item: a bad one is an [`ItemError`] that says where and
//! why, and never harms its neighbours. Input that has no place in an event is counted in
//! [`Ignored`]; nothing is dropped in silence.

mod alias;
pub mod attribution;
#[cfg(test)]
mod bad_input;
mod call;
pub mod claude_code;
pub mod cloud_events;
pub mod codex;
pub mod correction;
pub mod decimal;
mod excerpt;
pub mod gemini_cli;
pub mod headers;
pub mod helicone;
#[cfg(test)]
mod hostile;
pub mod json;
pub mod langfuse;
pub mod litellm;
pub mod looks;
pub mod native;
mod object;
pub mod openrouter;
pub mod otlp;
pub mod outcome;
mod place;
pub mod portkey;
pub mod provider;
pub mod revenium_tool;
#[cfg(test)]
mod samples;
pub mod source;
pub mod tensorzero;
mod usage;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt;

pub(crate) use call::{Origin, origin_tag};
pub use excerpt::{excerpt, printable, shown};
pub use place::Place;

/// What a body held.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The items in the order they were sent.
    pub items: Vec<Result<T, ItemError>>,
    /// What was read but has no place in an item.
    pub ignored: Ignored,
}

/// Reads every item of a JSON body; an item that speaks of no call is passed over.
fn decode_items<T>(
    body: &[u8],
    mut read: impl FnMut(&str, &mut Ignored) -> Result<Option<T>, FieldError>,
) -> quipu::Result<Decoded<T>> {
    let (mut items, mut ignored, mut index) = (Vec::new(), Ignored::default(), 0);
    json::for_each_item(body, |place, item| {
        match item.and_then(|text| read(text, &mut ignored)) {
            Ok(Some(item)) => items.push(Ok(item)),
            Ok(None) => {}
            Err(error) => items.push(Err(error.at(index, place))),
        }
        index += 1;
    })?;
    Ok(Decoded { items, ignored })
}

/// Why one item of a body was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Which item, counted from 0.
    pub index: usize,
    /// Where it stands.
    pub place: Place,
    /// The field at fault, where it is one field.
    pub field: Option<String>,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for ItemError {}

/// Why one item cannot be read, before its place in the body is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field at fault, where it is one field.
    pub field: Option<String>,
    /// What was found and what is allowed.
    pub message: String,
}

impl FieldError {
    /// A fault of the item as a whole.
    pub(crate) fn item(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into() }
    }

    /// A fault of `field`; the message reads `field problem`.
    pub(crate) fn field(field: &str, problem: impl fmt::Display) -> Self {
        let field = shown(field);
        Self { field: Some(field.to_string()), message: format!("{field} {problem}") }
    }

    /// The same fault at its place in a body.
    pub(crate) fn at(self, index: usize, place: Place) -> ItemError {
        ItemError { index, place, field: self.field, message: self.message }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

/// How often each field was read that has no place in an event or outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    fields: BTreeMap<String, u64>,
    beyond: u64,
}

impl Ignored {
    /// Names that are told apart; the rest is only counted, so that hostile input cannot fill the memory.
    const NAMES: usize = 256;

    /// Counts one more occurrence of `field`.
    pub fn count(&mut self, field: &str) {
        self.add(field, 1);
    }

    pub(crate) fn add(&mut self, field: &str, times: u64) {
        let field = shown(field);
        if let Some(count) = self.fields.get_mut(field.as_ref()) {
            *count += times;
        } else if self.fields.len() < Self::NAMES {
            self.fields.insert(field.into_owned(), times);
        } else {
            self.beyond += times;
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (field, times) in &other.fields {
            self.add(field, *times);
        }
        self.beyond += other.beyond;
    }

    /// The fields by name, with how often each occurred.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.fields.iter().map(|(field, times)| (field.as_str(), *times))
    }

    /// All occurrences, those of unlisted fields included.
    pub fn total(&self) -> u64 {
        self.fields.values().sum::<u64>() + self.beyond
    }

    /// Whether nothing was ignored.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}
