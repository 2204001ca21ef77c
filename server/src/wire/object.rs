//! A JSON object whose members are looked up by name, for the formats of others.
//!
//! Members keep their JSON text, so what nobody asks for is never taken apart. Numbers may be
//! written as texts, and what the ecosystem writes for "nothing" is nothing: null, an empty
//! text, `None`, `null`. Of a repeated key the last one that is something counts.

use std::borrow::Cow;

use quipu::{PicoUsd, Timestamp};
use serde_json::value::RawValue;

use super::json::{self, Kind, Members};
use super::{FieldError, decimal, native};

/// One JSON object; messages name its members by their path.
pub(super) struct Object<'a> {
    path: Cow<'a, str>,
    members: Members<'a>,
}

impl<'a> Object<'a> {
    /// Takes an object apart that stands at `path`; empty for the item itself.
    ///
    /// # Errors
    /// Where the text is broken, or what it is instead.
    pub(super) fn parse(path: impl Into<Cow<'a, str>>, text: &'a str) -> Result<Self, FieldError> {
        let path = path.into();
        match Members::parse(text) {
            Ok(members) => Ok(Self { path, members }),
            Err(error) if path.is_empty() => Err(error),
            Err(error) => Err(FieldError::field(&path, error.message)),
        }
    }

    /// The path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The names and JSON texts of all members that are something.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.0.iter().filter(|(_, raw)| is_something(raw)).map(|(name, raw)| (name.as_ref(), *raw))
    }

    /// The JSON text of a member that is something.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut named = self.members.0.iter().rev().filter(|(key, _)| key == name).map(|(_, raw)| *raw);
        named.find(|raw| is_something(raw))
    }

    /// Whether any of these members is something.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }

    /// A text, or a number or boolean as it is written.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let path = self.path(name);
        match json::scalar(&path, raw)? {
            Some(text) => Ok(Some(text)),
            None => Err(FieldError::field(&path, format_args!("is {}; expected a text", Kind::of(raw)))),
        }
    }

    /// The first of these members that is something, as [`text`](Self::text).
    pub(super) fn first_text(&self, names: &[&str]) -> Result<Option<Cow<'a, str>>, FieldError> {
        names.iter().find(|name| self.get(name).is_some()).map_or(Ok(None), |name| self.text(name))
    }

    /// A whole number from 0, also as a text.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, FieldError> {
        self.decimal(name, decimal::count)
    }

    /// The first of these members that is something, as [`count`](Self::count).
    pub(super) fn first_count(&self, names: &[&str]) -> Result<Option<u64>, FieldError> {
        names.iter().find(|name| self.get(name).is_some()).map_or(Ok(None), |name| self.count(name))
    }

    /// A decimal number in units of 10⁻ᵈⁱᵍⁱᵗˢ, rounded half-even; also as a text.
    pub(super) fn scaled(&self, name: &str, digits: u32) -> Result<Option<i64>, FieldError> {
        self.decimal(name, |text| decimal::scaled(text, digits))
    }

    /// An amount of USD, also as a text.
    pub(super) fn usd(&self, name: &str) -> Result<Option<PicoUsd>, FieldError> {
        self.decimal(name, |text| decimal::usd(text, quipu::money::PICO_DIGITS))
    }

    fn decimal<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, FieldError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        read(&text).map(Some).map_err(|problem| FieldError::field(&self.path(name), problem))
    }

    /// A boolean, also as 0 or 1 or as a text in any case.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, FieldError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        flag(&text).map(Some).ok_or_else(|| {
            let found = crate::wire::excerpt(&text);
            FieldError::field(&self.path(name), format_args!("is {found}; expected true or false"))
        })
    }

    /// RFC 3339 text, or whole microseconds since 1970.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, FieldError> {
        self.get(name).map(|raw| native::time(&self.path(name), raw)).transpose()
    }

    /// A member that is an object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        match Kind::of(raw) {
            Kind::Object => Self::parse(self.path(name), raw).map(Some),
            kind => Err(FieldError::field(&self.path(name), format_args!("is {kind}; expected an object"))),
        }
    }

    /// A member if it is an object, for places where a source also writes something else.
    pub(super) fn object_if(&self, name: &str) -> Result<Option<Self>, FieldError> {
        match self.get(name) {
            Some(raw) if Kind::of(raw) == Kind::Object => Self::parse(self.path(name), raw).map(Some),
            _ => Ok(None),
        }
    }

    /// The items of an array as JSON texts; empty when there is none.
    pub(super) fn array(&self, name: &str) -> Result<Vec<&'a str>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(Vec::new()) };
        let items: Vec<&RawValue> = match Kind::of(raw) {
            Kind::Array => serde_json::from_str(raw)
                .map_err(|error| FieldError::field(&self.path(name), format_args!("is broken: {error}")))?,
            kind => return Err(FieldError::field(&self.path(name), format_args!("is {kind}; expected an array"))),
        };
        Ok(items.into_iter().map(RawValue::get).collect())
    }

    /// The items of an array of objects.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, FieldError> {
        let items = self.array(name)?;
        items.into_iter().enumerate().map(|(at, raw)| Self::parse(format!("{}[{at}]", self.path(name)), raw)).collect()
    }

    /// The JSON text of a member that is either a document itself, or a text that holds one.
    pub(super) fn document(&self, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        match Kind::of(raw) {
            Kind::Object | Kind::Array => Ok(Some(Cow::Borrowed(raw))),
            _ => self.text(name),
        }
    }
}

/// A boolean as the ecosystem writes it.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" | "1.0" => Some(true),
        "false" | "False" | "FALSE" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

fn is_something(raw: &str) -> bool {
    !matches!(raw, "null" | "\"\"" | "\"None\"" | "\"null\"")
}
