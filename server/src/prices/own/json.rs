//! The entries of a list in JSON, with the place of each in the text.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::entry::{Entry, Field, Value};
use super::{Fault, List, check_currency, unknown_list_field};
use crate::wire::json::{self, Kind, Members};

pub(super) fn list(text: &str) -> Result<List<'_>, Fault> {
    // Whatever is broken is found here, with its line; the parts below are well-formed.
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        let start_of_line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        return Err(Fault { at: start_of_line, what: format!("broken JSON: {error}") });
    }
    let mut list = List::default();
    for (name, raw) in members(text, text)? {
        let at = place(text, raw);
        match name.as_ref() {
            "currency" => {
                let currency = json::text("currency", raw).map_err(|error| Fault { at, what: error.to_string() })?;
                check_currency(&currency, at)?;
            }
            "price" => list.prices.extend(entries(text, &name, raw)?),
            "alias" => list.aliases.extend(entries(text, &name, raw)?),
            name => return Err(unknown_list_field(name, at)),
        }
    }
    Ok(list)
}

/// The entries of an array that is part of `text`.
fn entries<'a>(text: &'a str, name: &str, array: &'a str) -> Result<Vec<Entry<'a>>, Fault> {
    let items: Vec<&RawValue> = serde_json::from_str(array)
        .map_err(|_| Fault { at: place(text, array), what: format!("{name} is not an array of objects") })?;
    let entry =
        |item: &'a RawValue| Ok(Entry { at: place(text, item.get()), fields: fields(text, item.get(), Kind::Object)? });
    items.into_iter().map(entry).collect()
}

/// The members of an object that is part of `text`. Values of the kind `table` become tables,
/// which hold no tables themselves.
fn fields<'a>(text: &'a str, object: &'a str, table: Kind) -> Result<Vec<Field<'a>>, Fault> {
    let field = |(name, raw): (Cow<'a, str>, &'a str)| {
        let at = place(text, raw);
        let value = match Kind::of(raw) {
            Kind::Text => Value::Text(json::text(&name, raw).map_err(|error| Fault { at, what: error.to_string() })?),
            Kind::Number => Value::Number(raw.into()),
            kind if kind == table => Value::Table(fields(text, raw, Kind::Broken)?),
            Kind::Object => Value::Other("an object"),
            Kind::Array => Value::Other("an array"),
            Kind::Bool => Value::Other("a boolean"),
            Kind::Null | Kind::Broken => Value::Other("null"),
        };
        Ok(Field { name, at, value })
    };
    members(text, object)?.into_iter().map(field).collect()
}

fn members<'a>(text: &'a str, object: &'a str) -> Result<Vec<(Cow<'a, str>, &'a str)>, Fault> {
    let parsed = Members::parse(object).map_err(|error| Fault { at: place(text, object), what: error.to_string() });
    parsed.map(|members| members.0)
}

/// Where a part of a text starts in it.
fn place(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}
