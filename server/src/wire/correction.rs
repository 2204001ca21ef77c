//! Corrections as JSON.
//!
//! ```
//! use quipu_server::wire::correction;
//! let body = br#"[{"change": "retract", "id": "span-1"},
//!                 {"change": "grow", "event": {"id": "call-1", "at": "2026-01-31T08:00:00Z", "usage": {"output": 90}}},
//!                 {"change": "replace", "revision": 2, "event": {"id": "call-2", "at": "2026-01-31T08:00:00Z"}},
//!                 {"change": "complete", "trace_id": "run-1", "rank": 2, "values": {"tenant": "acme"}}]"#;
//! let decoded = correction::decode(body).unwrap();
//! assert!(decoded.items.iter().all(Result::is_ok));
//! ```
//!
//! `event` and `values` are events in their native form, but for `values` naming no field that events do not have. A version of an event is known by the id in it.

use std::borrow::Cow;

use quipu::correction::{Correction, Target};
use quipu::{Dimension, Event, Number, Result, Text, did_you_mean};

use super::json::{self, Kind, Members};
use super::native;
use super::{Decoded, FieldError, Ignored, decimal, excerpt};

/// What a correction may say.
const CHANGES: &str = "retract, replace, grow and complete";

/// Decodes a body: one correction, an array of them, or one per line (NDJSON).
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty or a single broken document.
/// A broken item among others is an [`ItemError`](super::ItemError) of its own.
pub fn decode(body: &[u8]) -> Result<Decoded<Correction>> {
    super::decode_items(body, |text, ignored| decode_one(text, ignored).map(Some))
}

/// Decodes the JSON text of one correction.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Correction, FieldError> {
    let mut draft = Draft::default();
    for (name, raw) in Members::parse(text)?.0 {
        if Kind::of(raw) != Kind::Null {
            draft.set(&name, raw, ignored)?;
        }
    }
    draft.finish()
}

#[derive(Default)]
struct Draft<'a> {
    change: Option<Cow<'a, str>>,
    workspace: Option<Text>,
    id: Option<Text>,
    trace_id: Option<Text>,
    revision: Option<u64>,
    rank: Option<u64>,
    event: Option<Event>,
    values: Option<Event>,
}

impl<'a> Draft<'a> {
    fn set(&mut self, name: &str, raw: &'a str, ignored: &mut Ignored) -> Result<(), FieldError> {
        let text = || json::text(name, raw).map(|text| Text::from(text.as_ref()));
        let count = || {
            let number = json::number(name, raw)?;
            decimal::count(number).map_err(|problem| FieldError::field(name, problem))
        };
        let repeated = match name {
            "change" => self.change.replace(json::text(name, raw)?).is_some(),
            "workspace" => self.workspace.replace(text()?).is_some(),
            "id" => self.id.replace(text()?).is_some(),
            "trace_id" => self.trace_id.replace(text()?).is_some(),
            "revision" => self.revision.replace(count()?).is_some(),
            "rank" => self.rank.replace(count()?).is_some(),
            "event" => self.event.replace(inner(name, raw, ignored)?).is_some(),
            "values" => {
                refuse_unknown(name, raw)?;
                self.values.replace(inner(name, raw, ignored)?).is_some()
            }
            _ => {
                ignored.count(name);
                false
            }
        };
        if repeated { Err(FieldError::field(name, "is given twice")) } else { Ok(()) }
    }

    fn finish(self) -> Result<Correction, FieldError> {
        let change = self
            .change
            .as_deref()
            .ok_or_else(|| FieldError::field("change", format_args!("is missing; allowed are {CHANGES}")))?;
        self.refuse_strays(change)?;
        let workspace = self.workspace()?;
        let correction = match change {
            "retract" => Correction::retract(self.target()?),
            "replace" => {
                let revision = self.revision.ok_or_else(|| {
                    FieldError::field("revision", "is missing; the highest stands, and what was first sent has 0")
                })?;
                Correction::replace(revision, self.version()?)
            }
            "grow" => Correction::grow(self.version()?),
            "complete" => {
                let rank = u32::try_from(self.rank.unwrap_or_default())
                    .map_err(|_| FieldError::field("rank", format_args!("is above {}", u32::MAX)))?;
                let target = self.target()?;
                let values = self.values.ok_or_else(|| FieldError::field("values", "is missing"))?;
                Correction::complete(target, rank, values)
            }
            other => {
                let found = excerpt(other);
                return Err(FieldError::field("change", format_args!("is {found}; allowed are {CHANGES}")));
            }
        };
        Ok(match workspace {
            Some(workspace) => correction.within(workspace),
            None => correction,
        })
    }

    /// What belongs to another change was meant to do something that this one does not.
    fn refuse_strays(&self, change: &str) -> Result<(), FieldError> {
        let given = [
            ("trace_id", self.trace_id.is_some(), ["retract", "complete"].as_slice()),
            ("revision", self.revision.is_some(), &["replace"]),
            ("event", self.event.is_some(), &["replace", "grow"]),
            ("rank", self.rank.is_some(), &["complete"]),
            ("values", self.values.is_some(), &["complete"]),
        ];
        let stray = given.into_iter().find(|(_, given, of)| *given && !of.contains(&change));
        match stray {
            Some((name, _, of)) if CHANGES.contains(change) => {
                Err(FieldError::field(name, format_args!("belongs to the change {}, not to {change}", of.join(" or "))))
            }
            _ => Ok(()),
        }
    }

    /// The workspace that is named, beside the event or in it.
    fn workspace(&self) -> Result<Option<Text>, FieldError> {
        let inner = self.event.as_ref().and_then(|event| event.get(Dimension::Workspace)).map(Text::from);
        match (&self.workspace, inner) {
            (Some(outer), Some(inner)) if *outer != inner => {
                Err(FieldError::field("workspace", "differs from the workspace of the event"))
            }
            (outer, inner) => Ok(outer.clone().or(inner)),
        }
    }

    fn target(&self) -> Result<Target, FieldError> {
        match (&self.id, &self.trace_id) {
            (Some(id), None) => Ok(Target::Event(id.clone())),
            (None, Some(trace)) => Ok(Target::Trace(trace.clone())),
            _ => Err(FieldError::item("name what is corrected by its id or by its trace_id, and by one of them only")),
        }
    }

    fn version(&self) -> Result<Event, FieldError> {
        let mut event = self.event.clone().ok_or_else(|| FieldError::field("event", "is missing"))?;
        match (&event.id, &self.id) {
            (None, None) => return Err(FieldError::field("event.id", "is missing")),
            (Some(inner), Some(outer)) if inner != outer => {
                return Err(FieldError::field("id", "differs from the id of the event"));
            }
            (None, Some(outer)) => event.id = Some(outer.clone()),
            _ => {}
        }
        Ok(event)
    }
}

/// That no event has a field of that name, as an object of a sentence; `None` where there is one.
pub fn unknown_value(name: &str) -> Option<String> {
    if native::is_field(name) {
        return None;
    }
    let dimensions = Dimension::ALL.iter().map(|dimension| dimension.name());
    let known = dimensions.chain(Number::ALL.iter().map(|number| number.name()));
    Some(format!("{}, which is no field of an event{}", excerpt(name), did_you_mean(name, known)))
}

/// What an event leaves out is filled in by name: a misspelt one would be a tag that nobody meant.
fn refuse_unknown(name: &str, raw: &str) -> Result<(), FieldError> {
    let members = if Kind::of(raw) == Kind::Object { Members::parse(raw)?.0 } else { Vec::new() };
    match members.iter().find_map(|(member, _)| unknown_value(member)) {
        Some(unknown) => Err(FieldError::field(name, format_args!("has {unknown}; a tag goes under \"tags\""))),
        None => Ok(()),
    }
}

fn inner(name: &str, raw: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    native::decode_one(raw, ignored).map_err(|error| FieldError {
        field: error.field.map(|field| format!("{name}.{field}")),
        message: format!("{name}.{}", error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        decode(body.as_bytes()).expect("a body").items.remove(0).expect_err(body).message
    }

    #[test]
    fn refusals_name_what_is_allowed() {
        for (body, found) in [
            (r#"{"id":"e"}"#, "change is missing; allowed are retract"),
            (r#"{"change":"undo","id":"e"}"#, "change is \"undo\"; allowed are retract"),
            (r#"{"change":"retract"}"#, "by its id or by its trace_id"),
            (r#"{"change":"retract","id":"e","trace_id":"t"}"#, "by one of them only"),
            (r#"{"change":"retract","id":"e","values":{}}"#, "values belongs to the change complete, not to retract"),
            (r#"{"change":"replace","event":{"id":"e"}}"#, "revision is missing"),
            (r#"{"change":"grow","event":{"usage":{"input":1}}}"#, "event.id is missing"),
            (r#"{"change":"grow","event":{"id":"e","usage":{"input":-1}}}"#, "event.usage"),
            (r#"{"change":"grow","id":"f","event":{"id":"e"}}"#, "differs from the id of the event"),
            (r#"{"change":"complete","id":"e"}"#, "values is missing"),
            (
                r#"{"change":"complete","id":"e","values":{"tema":"a"}}"#,
                "values has \"tema\", which is no field of an event; did you mean `team`?; a tag goes under \"tags\"",
            ),
            (r#"{"change":"complete","id":"e","rank":4294967296,"values":{}}"#, "rank is above"),
            (r#"{"change":"grow","workspace":"v","event":{"id":"e","workspace":"w"}}"#, "differs from the workspace"),
            (r#"{"change":"retract","id":"e","id":"f"}"#, "id is given twice"),
        ] {
            assert!(refused(body).contains(found), "{body}: {}", refused(body));
        }
    }

    #[test]
    fn what_is_said_arrives() {
        let body =
            r#"{"change":"complete","trace_id":"t","workspace":"w","rank":3,"values":{"team":"a","tags":{"k":"v"}}}"#;
        let correction = decode_one(body, &mut Ignored::default()).expect("a correction");
        let values = Event::default().with(Dimension::Team, "a").tagged("k", "v");
        assert_eq!(correction, Correction::complete(Target::Trace("t".into()), 3, values).within("w"));
        let looked_up = r#"{"change":"grow","event":{"id":"e","at":"2026-01-31T08:00:00Z","workspace":"w"}}"#;
        let grown = decode_one(looked_up, &mut Ignored::default()).expect("a correction");
        assert_eq!((grown.workspace(), &grown.target), ("w", &Target::Event("e".into())));
    }
}
