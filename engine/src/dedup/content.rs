//! What an event says, as bytes: equal for a retry, different for another event under the same id.

use crate::codec::bytes::{put_bytes, put_i64, put_u64};
use crate::event::Event;
use crate::outcome::DEFAULT_WORKSPACE;
use crate::schema::{Dimension, Number, Text};

/// The hash of all that an event says, by which a retry is told from a conflict where what was first sent can no longer
/// be read: the first 16 bytes of its BLAKE3 hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; Self::BYTES]);

impl ContentHash {
    /// Bytes of a hash.
    pub const BYTES: usize = 16;

    /// The hash of an event in its stored form.
    pub fn of(event: &Event, scratch: &mut Vec<u8>) -> Self {
        write(event, scratch);
        Self(*blake3::hash(scratch).as_bytes().first_chunk().expect("32 bytes hold 16"))
    }

    /// The hash as files hold it.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }

    /// The hash that files hold.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

/// Replaces `out` by all that an event says. What the store itself assigned is left out, for a
/// retry of the same event would be given something else; the default workspace is left out, so
/// naming it changes nothing.
pub(crate) fn write(event: &Event, out: &mut Vec<u8>) {
    out.clear();
    if event.number(Number::IdDerived) != Some(1) {
        put_bytes(out, event.id.as_deref().unwrap_or_default().as_bytes());
    }
    if event.number(Number::AtAssigned) != Some(1) {
        put_i64(out, event.at.unwrap_or_default().micros());
    }
    for (dimension, value) in event.dimensions.iter() {
        if *dimension != Dimension::Workspace || value != DEFAULT_WORKSPACE {
            put_bytes(out, dimension.name().as_bytes());
            put_bytes(out, value.as_bytes());
        }
    }
    for (number, value) in event.numbers.iter() {
        put_bytes(out, number.name().as_bytes());
        put_u64(out, *value);
    }
    for (meter, quantity) in event.usage.iter() {
        put_bytes(out, meter.name().as_bytes());
        put_u64(out, *quantity);
    }
    for (key, value) in event.tags.iter() {
        put_bytes(out, b"tag");
        put_bytes(out, Text::as_bytes(key));
        put_bytes(out, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TokenMeter;
    use crate::time::Timestamp;

    #[test]
    fn only_what_the_caller_said_counts() {
        let mut scratch = Vec::new();
        let mut check = |event: &Event| ContentHash::of(event, &mut scratch);
        let event = Event::new("a", Timestamp::from_seconds(5)).used(TokenMeter::Input, 3);
        assert_eq!(check(&event), check(&event.clone().with(Dimension::Workspace, DEFAULT_WORKSPACE)));
        assert_ne!(check(&event), check(&event.clone().with(Dimension::Workspace, "other")));
        assert_ne!(check(&event), check(&event.clone().used(TokenMeter::Input, 4)));
        assert_ne!(check(&event), check(&event.clone().used(TokenMeter::Output, 0)));
        let assigned = |seconds| Event::new("a", Timestamp::from_seconds(seconds)).with_number(Number::AtAssigned, 1);
        assert_eq!(check(&assigned(1)), check(&assigned(2)));
    }
}
