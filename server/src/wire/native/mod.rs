//! Quipu's own JSON form of an event, both directions.
//!
//! Texts and numbers stand at the top level under the names of [`Dimension`](quipu::Dimension) and
//! [`Number`](quipu::Number),
//! meters under `usage`, free pairs under `tags`:
//!
//! ```
//! use quipu_server::wire::native;
//! let body = br#"{"id": "call-1", "at": "2026-01-31T08:00:00Z", "tenant": "acme", "model": "gpt-4o",
//!                 "usage": {"input": 220, "output": 60}, "reported_cost": "0.00115", "plan": "gold"}"#;
//! let decoded = native::decode(body).unwrap();
//! let event = decoded.items[0].as_ref().unwrap();
//! assert_eq!(event.total_tokens(), 280);
//! assert_eq!(event.tags.get("plan").map(|plan| plan.as_str()), Some("gold"));
//! ```
//!
//! The camelCase names of Revenium's metering API are accepted as aliases. A field that is
//! not known becomes a tag when it is a scalar that fits into one, else it is counted as
//! ignored.

mod draft;
mod encode;
mod fields;
mod revenium;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use quipu::{Event, Result};

use super::json::Members;
use super::{Decoded, FieldError, Ignored};
use draft::Draft;

pub(super) use draft::time;
pub(super) use encode::At;
pub use encode::Native;
pub(crate) use fields::overlapping_meter;

/// Decodes a body: one event, an array of events, or one event per line (NDJSON).
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty or a single broken document.
/// A broken item among others is an [`ItemError`](super::ItemError) of its own.
pub fn decode(body: &[u8]) -> Result<Decoded<Event>> {
    super::decode_items(body, |text, ignored| decode_one(text, ignored).map(Some))
}

/// Decodes the JSON text of one event.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    from_members(Members::parse(text)?.0, ignored)
}

/// Whether events have a field of that name; what has another name becomes a tag.
pub(super) fn is_field(name: &str) -> bool {
    fields::resolve(name).is_some()
}

/// An event from the members of an object that holds more than an event.
pub(super) fn from_members<'a>(
    members: impl IntoIterator<Item = (Cow<'a, str>, &'a str)>,
    ignored: &mut Ignored,
) -> Result<Event, FieldError> {
    let mut draft = Draft::default();
    for (name, raw) in members {
        draft.set(name, raw, ignored)?;
    }
    draft.finish(ignored)
}

/// The JSON text of one event in the form [`decode`] reads.
///
/// ```
/// use quipu::{Event, Timestamp};
/// use quipu_server::wire::native;
/// let event = Event::new("e1", Timestamp::from_seconds(1_767_225_600));
/// assert_eq!(native::encode(&event), r#"{"id":"e1","at":"2026-01-01T00:00:00Z"}"#);
/// ```
pub fn encode(event: &Event) -> String {
    serde_json::to_string(&Native(event)).expect("texts and integers always have a JSON form")
}
