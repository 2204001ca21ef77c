//! An event as native JSON.

use quipu::{Event, Number, PicoUsd, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Serializes an event in the form that [`decode`](super::decode) reads back unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Native<'a>(pub &'a Event);

impl Serialize for Native<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &event.id {
            map.serialize_entry("id", id.as_str())?;
        }
        if let Some(at) = event.at {
            map.serialize_entry("at", &At(at))?;
        }
        for (dimension, value) in event.dimensions.iter() {
            map.serialize_entry(dimension.name(), value.as_str())?;
        }
        for (number, value) in event.numbers.iter() {
            match number {
                // As text, because a reader that takes numbers for floats would change the amount.
                Number::ReportedCost => {
                    map.serialize_entry(number.name(), &PicoUsd::from_pico(i128::from(*value)).to_string())?;
                }
                _ if number.limit() == 1 => map.serialize_entry(number.name(), &(*value != 0))?,
                _ => map.serialize_entry(number.name(), value)?,
            }
        }
        if !event.usage.is_empty() {
            map.serialize_entry("usage", &Pairs(|| event.usage.iter().map(|(meter, n)| (meter.name(), n))))?;
        }
        if !event.tags.is_empty() {
            map.serialize_entry("tags", &Pairs(|| event.tags.iter().map(|(key, v)| (key.as_str(), v.as_str()))))?;
        }
        map.end()
    }
}

/// A time as RFC 3339 text; as microseconds where the calendar ends.
pub(in crate::wire) struct At(pub(in crate::wire) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        match text.ends_with('Z') {
            true => serializer.serialize_str(&text),
            false => serializer.serialize_i64(self.0.micros()),
        }
    }
}

struct Pairs<F>(F);

impl<F, I, K, V> Serialize for Pairs<F>
where
    F: Fn() -> I,
    I: Iterator<Item = (K, V)>,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0)())
    }
}
