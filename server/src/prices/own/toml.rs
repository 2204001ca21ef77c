//! The entries of a list in TOML, with the place of each in the text.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::entry::{Entry, Field, Value};
use super::{Fault, List, check_currency, unknown_list_field};

pub(super) fn list(text: &str) -> Result<List<'_>, Fault> {
    let broken = |error: ::toml::de::Error| Fault {
        at: error.span().map_or(0, |span| span.start),
        what: format!("broken TOML: {}", error.message()),
    };
    let table = DeTable::parse(text).map_err(broken)?.into_inner();
    let mut list = List::default();
    for (name, value) in table {
        let at = name.span().start;
        match (name.get_ref().as_ref(), value.into_inner()) {
            ("currency", DeValue::String(currency)) => check_currency(&currency, at)?,
            ("currency", _) => return Err(Fault { at, what: "currency is not a text".into() }),
            (name @ ("price" | "alias"), DeValue::Array(items)) => {
                let entries = items.into_iter().map(|item| entry(name, item)).collect::<Result<Vec<_>, _>>()?;
                if name == "price" { list.prices.extend(entries) } else { list.aliases.extend(entries) }
            }
            (name @ ("price" | "alias"), _) => {
                return Err(Fault { at, what: format!("{name} is not an array; write [[{name}]]") });
            }
            (name, _) => return Err(unknown_list_field(name, at)),
        }
    }
    Ok(list)
}

fn entry<'a>(name: &str, price: Spanned<DeValue<'a>>) -> Result<Entry<'a>, Fault> {
    let at = price.span().start;
    match price.into_inner() {
        DeValue::Table(table) => Ok(Entry { at, fields: fields(table) }),
        _ => Err(Fault { at, what: format!("{name} is not a table; write [[{name}]]") }),
    }
}

fn fields(table: DeTable<'_>) -> Vec<Field<'_>> {
    table
        .into_iter()
        .map(|(name, value)| Field {
            at: name.span().start,
            name: name.into_inner(),
            value: self::value(value.into_inner()),
        })
        .collect()
}

/// The parser bounds how deep tables nest.
fn value(value: DeValue<'_>) -> Value<'_> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Datetime(instant) => Value::Text(instant.to_string().into()),
        DeValue::Integer(number) if number.radix() == 10 => Value::Number(number.as_str().to_owned().into()),
        DeValue::Integer(_) => Value::Other("a number that is not decimal"),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned().into()),
        DeValue::Table(table) => Value::Table(fields(table)),
        DeValue::Boolean(_) => Value::Other("a boolean"),
        DeValue::Array(_) => Value::Other("an array"),
    }
}
