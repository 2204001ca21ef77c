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

use quipu::attribution::{ASSIGNABLE, Assignment, KEYS};
use quipu::{Dimension, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// What is sent to assign usage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// What is assigned to whom.
    pub assignments: Vec<Map<String, Json>>,
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

/// Reads assignments: JSON objects in an array or one per line, or CSV with a header of the same names.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the item, the field and what is allowed.
pub fn assignments(bytes: &[u8]) -> Result<Vec<Assignment>> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let objects = match first {
        Some(b'[') => serde_json::from_slice(bytes).map_err(|error| Error::invalid(format!("not JSON: {error}")))?,
        Some(b'{') => lines(bytes)?,
        _ => records(bytes)?,
    };
    of_objects(&objects)
}

/// The assignments that JSON objects say.
///
/// # Errors
/// As [`assignments`].
pub fn of_objects(objects: &[Map<String, Json>]) -> Result<Vec<Assignment>> {
    let of = |(place, object)| assignment(object).map_err(|error| error.context(format!("assignment {place}")));
    (1..).zip(objects).map(of).collect()
}

/// The JSON objects that say these assignments.
pub fn to_objects(assignments: &[Assignment]) -> Vec<Map<String, Json>> {
    let object = |Assignment { by, key, values }: &Assignment| {
        let values = values.iter().map(|(dimension, value)| (dimension.name().to_owned(), value.as_str().into()));
        std::iter::once((by.name().to_owned(), key.as_str().into())).chain(values).collect()
    };
    assignments.iter().map(object).collect()
}

fn lines(bytes: &[u8]) -> Result<Vec<Map<String, Json>>> {
    let objects = serde_json::Deserializer::from_slice(bytes).into_iter();
    let broken = |(place, error)| Error::invalid(format!("assignment {place}: not JSON: {error}"));
    (1..).zip(objects).map(|(place, object)| object.map_err(|error| broken((place, error)))).collect()
}

fn records(bytes: &[u8]) -> Result<Vec<Map<String, Json>>> {
    let broken = |error: csv::Error| Error::invalid(format!("not CSV: {error}"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let names = reader.headers().map_err(broken)?.clone();
    let object = |record: &csv::StringRecord| {
        let cells = names.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(name, cell)| (name.to_owned(), cell.into())).collect()
    };
    reader.records().map(|record| Ok(object(&record.map_err(broken)?))).collect()
}

fn assignment(object: &Map<String, Json>) -> Result<Assignment> {
    let (mut told_by, mut values) = (None, Vec::new());
    for (name, value) in object {
        let dimension = Dimension::from_name(name).filter(|it| KEYS.contains(it) || ASSIGNABLE.contains(it));
        let dimension =
            dimension.ok_or_else(|| Error::invalid(format!("there is no field {name:?}; {}", allowed())))?;
        let text = value.as_str().ok_or_else(|| Error::invalid(format!("{name} is {value}; a text is expected")))?;
        match KEYS.contains(&dimension) {
            false => values.push((dimension, text)),
            true if told_by.is_none() => told_by = Some((dimension, text)),
            true => return Err(Error::invalid("several of request_id, trace_id and credential are given; name one")),
        }
    }
    let (by, key) = told_by.ok_or_else(|| Error::invalid(format!("whose usage it is of is missing; {}", allowed())))?;
    Ok(values.into_iter().fold(Assignment::of(by, key), |assignment, (dimension, text)| assignment.to(dimension, text)))
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
                prop_assert_eq!(of_objects(&to_objects(&read)).expect("valid"), read);
            }
        }
    }

    fn refused(text: &str) -> String {
        assignments(text.as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(
            refused("{\"trace_id\": \"t\", \"team\": \"a\"}\n{\"team\": \"a\"}").contains("assignment 2: whose usage")
        );
        assert!(refused("[{\"trace_id\": \"t\", \"tenat\": \"a\"}]").contains("there is no field \"tenat\""));
        assert!(refused("[{\"trace_id\": 7}]").contains("trace_id is 7"));
        assert!(refused("[{\"trace_id\": \"t\", \"credential\": \"c\"}]").contains("name one"));
        assert!(refused("trace_id,team\nt,a,b\n").contains("not CSV"));
        assert!(refused("{\"trace_id\": \"t\", \"team\": \"a\"}\n{").contains("assignment 2: not JSON"));
    }

    #[test]
    fn assignments_come_back_from_their_objects() {
        let read = assignments(b"credential,team,tenant\nkey,a,\nother,,acme\n").expect("valid");
        assert_eq!(of_objects(&to_objects(&read)).expect("valid"), read);
    }
}
