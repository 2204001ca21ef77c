//! Attributions as JSON, and their assignments as CSV too.
//!
//! ```
//! use quipu_server::wire::attribution;
//! let json = br#"[{"trace_id": "run-1", "tenant": "acme"}, {"credential": "key-7", "team": "search"}]"#;
//! let csv = b"trace_id,credential,tenant,team\nrun-1,,acme,\n,key-7,,search\n";
//! assert_eq!(attribution::assignments(json).unwrap(), attribution::assignments(csv).unwrap());
//! ```
//!
//! An assignment names one request, trace or credential, and what its usage is assigned to.

use std::borrow::Cow;

use quipu::attribution::{ASSIGNABLE, Assignment, KEYS};
use quipu::{Dimension, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::json::{self, Kind, Members};
use super::{FieldError, ItemError, Place, excerpt};

/// What is sent to assign usage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// What is assigned to whom: an array of assignments.
    pub assignments: Box<RawValue>,
    /// Why.
    pub why: String,
}

/// What is sent to undo an attribution.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Why.
    pub why: String,
}

/// What is answered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Attributed {
    /// The number of the attribution, by which it can be undone.
    pub number: u64,
    /// How many events it changed.
    pub events: u64,
}

/// What is said where assignments are refused.
pub const NOTHING: &str = "nothing was assigned";
/// Refusals that are listed.
const LISTED: usize = 10;

/// Reads assignments that are made together or not at all: JSON objects in an array or one per line, or CSV with a
/// header of the same names.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the lines, what was found and what is allowed.
pub fn assignments(bytes: &[u8]) -> Result<Vec<Assignment>> {
    let items = decode(bytes).map_err(|error| error.hint(NOTHING))?;
    let refused: Vec<String> = items.iter().filter_map(|item| item.as_ref().err().map(ToString::to_string)).collect();
    match refused.as_slice() {
        [] => Ok(items.into_iter().flatten().collect()),
        [one] => Err(Error::invalid(format!("{one}; {NOTHING}"))),
        all => {
            let mut lines =
                vec![format!("{NOTHING}, for {} of {} assignments cannot be made:", all.len(), items.len())];
            lines.extend(all.iter().take(LISTED).cloned());
            lines.extend((all.len() > LISTED).then(|| format!("and {} more", all.len() - LISTED)));
            Err(Error::invalid(lines.join("\n")))
        }
    }
}

/// The JSON of these assignments.
pub fn encode(assignments: &[Assignment]) -> String {
    let object = |Assignment { by, key, values }: &Assignment| {
        let values = values.iter().map(|(dimension, value)| (dimension.name().to_owned(), value.as_str().into()));
        Json::Object(std::iter::once((by.name().to_owned(), key.as_str().into())).chain(values).collect())
    };
    Json::Array(assignments.iter().map(object).collect()).to_string()
}

fn decode(bytes: &[u8]) -> Result<Vec<Result<Assignment, ItemError>>> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[' | b'{') => Ok(super::decode_items(bytes, |text, _| object(text).map(Some))?.items),
        _ => records(bytes),
    }
}

fn object(text: &str) -> Result<Assignment, FieldError> {
    let members = Members::parse(text)?.0;
    let given = members.iter().filter(|(_, raw)| Kind::of(raw) != Kind::Null);
    let fields = given.map(|(name, raw)| Ok((name.as_ref(), json::text(name, raw)?)));
    assignment(fields.collect::<Result<Vec<_>, FieldError>>()?)
}

fn records(bytes: &[u8]) -> Result<Vec<Result<Assignment, ItemError>>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let names = reader.byte_headers().map_err(|error| Error::invalid(format!("not CSV: {error}")))?.clone();
    let mut items = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| Error::invalid(format!("not CSV: {error}")))?;
        let place = Place::Line(record.position().map_or(0, |at| line_of(bytes, at)));
        items.push(row(&names, &record).map_err(|error| error.at(items.len(), place)));
    }
    Ok(items)
}

/// The line on which a record begins, behind the blank ones that belong to it for the reader.
fn line_of(bytes: &[u8], at: &csv::Position) -> u64 {
    let rest = usize::try_from(at.byte()).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn row(names: &csv::ByteRecord, record: &csv::ByteRecord) -> Result<Assignment, FieldError> {
    if record.len() != names.len() {
        let (found, expected) = (record.len(), names.len());
        return Err(FieldError::item(format!("has {found} fields, where the header has {expected}")));
    }
    let cells = names.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
    let fields = cells.map(|(name, cell)| Ok((json::utf8(name)?, json::utf8(cell)?.into())));
    assignment(fields.collect::<Result<Vec<_>, FieldError>>()?)
}

fn assignment(fields: Vec<(&str, Cow<'_, str>)>) -> Result<Assignment, FieldError> {
    let (mut told_by, mut values) = (None, Vec::new());
    for (name, text) in fields {
        let dimension = Dimension::from_name(name).filter(|it| KEYS.contains(it) || ASSIGNABLE.contains(it));
        let unknown = || FieldError::item(format!("there is no field {}; {}", excerpt(name), allowed()));
        let dimension = dimension.ok_or_else(unknown)?;
        match KEYS.contains(&dimension) {
            false if values.iter().any(|(known, _)| *known == dimension) => {
                return Err(FieldError::field(name, "is given twice"));
            }
            false => values.push((dimension, text)),
            true if told_by.is_none() => told_by = Some((dimension, text)),
            true => {
                return Err(FieldError::item("several of request_id, trace_id and credential are given; name one"));
            }
        }
    }
    let missing = || FieldError::item(format!("whose usage it is of is missing; {}", allowed()));
    let (by, key) = told_by.ok_or_else(missing)?;
    let whole = Assignment::of(by, key.as_ref());
    let whole = values.into_iter().fold(whole, |whole, (dimension, text)| whole.to(dimension, text.as_ref()));
    whole.check().map_err(|error| FieldError::item(error.to_string()))?;
    Ok(whole)
}

fn allowed() -> String {
    let names = |dimensions: &[Dimension]| dimensions.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
    format!("an assignment has one of {} and any of {}", names(&KEYS), names(&ASSIGNABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(bytes in "[\\[{]?[\\[\\]{}:,\"a-z_\\n]{0,60}") {
            if let Ok(read) = assignments(bytes.as_bytes()) {
                prop_assert_eq!(assignments(encode(&read).as_bytes()).expect("valid"), read);
            }
        }
    }

    fn refused(text: &str) -> String {
        assignments(text.as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_nothing_is_assigned() {
        for (text, says) in [
            ("{\"trace_id\": \"t\", \"team\": \"a\"}\n{\"team\": \"a\"}", "line 2: whose usage it is of is missing"),
            ("[{\"trace_id\": \"t\", \"tenat\": \"a\"}]", "item 1: there is no field \"tenat\""),
            ("[{\"trace_id\": 7}]", "trace_id is a number"),
            ("[{\"trace_id\": \"t\", \"credential\": \"c\"}]", "name one"),
            ("[{\"trace_id\": \"t\", \"team\": \"a\", \"team\": \"b\"}]", "team is given twice"),
            ("trace_id,team\nt,a\n\nt,a,b\n", "line 4: has 3 fields, where the header has 2"),
            ("trace_id,model\nt,m\n", "line 2: there is no field \"model\""),
            ("trace_id,team\nt,\n", "line 2: trace_id \"t\" is assigned to nothing"),
            ("{\"trace_id\": \"t\", \"team\": \"a\"}\n{", "line 2: broken JSON"),
            ("{", "broken JSON"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(says) && refused.contains(NOTHING), "{text:?}: {refused}");
        }
        let many = "trace_id,team\n".to_owned() + &"t,\n".repeat(12);
        let refused = refused(&many);
        assert!(
            refused.starts_with("nothing was assigned, for 12 of 12 assignments cannot be made:\nline 2: "),
            "{refused}"
        );
        assert!(refused.ends_with("\nand 2 more"), "{refused}");
    }

    #[test]
    fn assignments_come_back_from_their_json() {
        let read = assignments(b"credential,team,tenant\nkey,a,\nother,,acme\n").expect("valid");
        assert_eq!(assignments(encode(&read).as_bytes()).expect("valid"), read);
    }
}
