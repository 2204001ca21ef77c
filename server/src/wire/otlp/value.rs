//! Values of attributes, whichever encoding they came in.

use std::borrow::Cow;

use super::super::{decimal, object, vocabulary};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(Vec<Value<'a>>),
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Items of a list or map that are read; more would be content, not attribution.
pub(super) const ITEMS: usize = 64;
/// How deep values may nest.
pub(super) const DEPTH: usize = 8;

impl<'a> Value<'a> {
    /// The text of a scalar; `None` for lists and maps, and for what stands for nothing.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Self::Int(number) => Cow::Owned(number.to_string()),
            // The shortest decimal that is this number: what the sender's own text of it was.
            Self::Double(number) => Cow::Owned(number.to_string()),
            Self::List(_) | Self::Map(_) => return None,
        };
        (!vocabulary::is_nothing(&text)).then_some(text)
    }

    /// A whole number from 0.
    pub(super) fn count(&self) -> Result<Option<u64>, String> {
        match self {
            Self::Int(number) => u64::try_from(*number).map(Some).map_err(|_| "is negative".to_owned()),
            Self::List(_) | Self::Map(_) => Err("is no number".to_owned()),
            _ => self.text().map(|text| decimal::count(text.trim())).transpose(),
        }
    }

    /// A decimal number in units of 10⁻ᵈⁱᵍⁱᵗˢ that is not negative.
    pub(super) fn scaled(&self, digits: u32) -> Option<u64> {
        decimal::scaled(self.text()?.trim(), digits).ok().and_then(|scaled| u64::try_from(scaled).ok())
    }

    pub(super) fn flag(&self) -> Option<bool> {
        object::flag(self.text()?.trim())
    }

    /// The texts of a list, of a JSON array in a text, or of the scalar itself.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::List(items) => items.iter().filter_map(|item| item.text().map(Cow::into_owned)).collect(),
            Self::Text(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str::<Vec<serde_json::Value>>(text)
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|item| item.as_str().map(str::to_owned))
                    .collect()
            }
            _ => self.text().map(Cow::into_owned).into_iter().collect(),
        }
    }

    /// Every scalar inside, with its path joined by dots; lists have no names and are left out.
    pub(super) fn flatten(&self, path: &str, each: &mut dyn FnMut(&str, &str)) {
        if let Self::Map(entries) = self {
            for (key, value) in entries {
                let inner = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
                value.flatten(&inner, each);
            }
        } else if let Some(text) = self.text() {
            each(path, &text);
        }
    }
}

/// Every scalar of a JSON object in a text, with its path joined by dots; `false` when it is none.
pub(super) fn flatten_json(text: &str, each: &mut dyn FnMut(&str, &str)) -> bool {
    fn walk(path: &str, value: &serde_json::Value, each: &mut dyn FnMut(&str, &str)) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(&inner, value, each);
                }
            }
            serde_json::Value::String(text) => each(path, text),
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => each(path, &value.to_string()),
            serde_json::Value::Null | serde_json::Value::Array(_) => {}
        }
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value @ serde_json::Value::Object(_)) => {
            walk("", &value, each);
            true
        }
        _ => false,
    }
}
