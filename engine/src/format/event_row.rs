//! Accepted events and outcomes as the log holds them, with every default applied, so that
//! replaying them decides nothing.
//!
//! ```text
//! events  = name count · (length · name) × count · event count · event × count
//! event   = length · id · start (zig-zag) · field count · (name number · value) × count
//!           · tag count · (length · key · length · value) × count
//! name    = "dim.tenant", "num.duration_ms", "use.input"…; a dimension's value is a text,
//!           any other an integer
//! outcome = length · workspace · length · job · status u8 · type u8 (0 none) · flags u8
//!           · at (zig-zag) · value (zig-zag, flag 1) · metadata (flag 2) · idempotency key (flag 4)
//!           · revision · known at (zig-zag) · reason (flag 8)
//! ```

use std::sync::Arc;

use hashbrown::HashMap;

use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_i64, put_i128, put_len, put_u64};
use crate::event::Event;
use crate::money::PicoUsd;
use crate::outcome::{Outcome, OutcomeStatus, OutcomeType};
use crate::schema::{Dimension, Meter, Number};
use crate::time::Timestamp;

/// The name of a field and thereby the form of its value.
#[derive(Clone)]
enum Field {
    Dimension(Dimension),
    Number(Number),
    Meter(Meter),
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        let (kind, name) = name.split_once('.')?;
        match kind {
            "dim" => Dimension::from_name(name).map(Self::Dimension),
            "num" => Number::from_name(name).map(Self::Number),
            "use" => Meter::parse(name).ok().map(Self::Meter),
            _ => None,
        }
    }
}

/// Collects events into the payload of one log frame.
pub struct EventRows {
    names: Vec<String>,
    dimensions: [Option<u32>; Dimension::COUNT],
    numbers: [Option<u32>; Number::COUNT],
    meters: HashMap<Meter, u32>,
    rows: Vec<u8>,
    count: usize,
}

impl Default for EventRows {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            dimensions: [None; Dimension::COUNT],
            numbers: [None; Number::COUNT],
            meters: HashMap::new(),
            rows: Vec::new(),
            count: 0,
        }
    }
}

impl EventRows {
    /// Appends an event that has an id and a time.
    pub fn push(&mut self, event: &Event) {
        self.count += 1;
        put_bytes(&mut self.rows, event.id.as_deref().unwrap_or_default().as_bytes());
        put_i64(&mut self.rows, event.at.unwrap_or_default().micros());
        put_len(&mut self.rows, event.dimensions.len() + event.numbers.len() + event.usage.len());
        for (dimension, value) in event.dimensions.iter() {
            let slot = &mut self.dimensions[dimension.index()];
            let number = *slot.get_or_insert_with(|| add_name(&mut self.names, format!("dim.{dimension}")));
            put_u64(&mut self.rows, number.into());
            put_bytes(&mut self.rows, value.as_bytes());
        }
        for (field, value) in event.numbers.iter() {
            let slot = &mut self.numbers[field.index()];
            let number = *slot.get_or_insert_with(|| add_name(&mut self.names, format!("num.{field}")));
            put_u64(&mut self.rows, number.into());
            put_u64(&mut self.rows, *value);
        }
        for (meter, quantity) in event.usage.iter() {
            let number = match self.meters.get(meter) {
                Some(number) => *number,
                None => {
                    let number = add_name(&mut self.names, format!("use.{meter}"));
                    self.meters.insert(meter.clone(), number);
                    number
                }
            };
            put_u64(&mut self.rows, number.into());
            put_u64(&mut self.rows, *quantity);
        }
        put_len(&mut self.rows, event.tags.len());
        for (key, value) in event.tags.iter() {
            put_bytes(&mut self.rows, key.as_bytes());
            put_bytes(&mut self.rows, value.as_bytes());
        }
    }

    /// How many events were pushed.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the events so far.
    pub fn bytes(&self) -> usize {
        self.rows.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The payload.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rows.len() + 512);
        put_len(&mut out, self.names.len());
        self.names.iter().for_each(|name| put_bytes(&mut out, name.as_bytes()));
        put_len(&mut out, self.count);
        out.extend_from_slice(&self.rows);
        out
    }
}

fn add_name(names: &mut Vec<String>, name: String) -> u32 {
    names.push(name);
    u32::try_from(names.len() - 1).expect("a frame names far fewer than 2³² fields")
}

/// Reads the events of a frame.
///
/// # Errors
/// When the bytes are not such a payload.
pub fn decode_events(payload: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut fields = Vec::new();
    for _ in 0..reader.count(1)? {
        let name = reader.text()?;
        let field = Field::parse(name)
            .ok_or_else(|| reader.error(format!("a field this build knows expected, {name:?} found")))?;
        fields.push(field);
    }
    let count = reader.count(4)?;
    let events = (0..count).map(|_| decode_event(&mut reader, &fields)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(events)
}

fn decode_event(reader: &mut Reader<'_>, fields: &[Field]) -> Result<Event, DecodeError> {
    let mut event = Event::new(reader.text()?, Timestamp::from_micros(reader.i64()?));
    for _ in 0..reader.count(2)? {
        let field = fields.get(reader.u32()? as usize).ok_or_else(|| reader.error("the number of a field expected"))?;
        match field {
            Field::Dimension(dimension) => drop(event.dimensions.insert(*dimension, reader.text()?.into())),
            Field::Number(number) => drop(event.numbers.insert(*number, bounded(reader, number.limit())?)),
            Field::Meter(meter) => drop(event.usage.insert(meter.clone(), bounded(reader, crate::limits::METER_MAX)?)),
        }
    }
    for _ in 0..reader.count(2)? {
        let (key, value) = (reader.text()?, reader.text()?);
        event.tags.insert(key.into(), value.into());
    }
    Ok(event)
}

fn bounded(reader: &mut Reader<'_>, limit: u64) -> Result<u64, DecodeError> {
    let value = reader.u64()?;
    if value <= limit {
        Ok(value)
    } else {
        Err(reader.error(format!("a number up to {limit} expected, {value} found")))
    }
}

const HAS_VALUE: u8 = 1;
const HAS_METADATA: u8 = 2;
const HAS_KEY: u8 = 4;
const HAS_REASON: u8 = 8;

/// Appends an outcome that has a time.
pub fn encode_outcome(outcome: &Outcome, out: &mut Vec<u8>) {
    put_bytes(out, outcome.workspace().as_bytes());
    put_bytes(out, outcome.job_id.as_bytes());
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = flag(outcome.value.is_some(), HAS_VALUE)
        | flag(outcome.metadata.is_some(), HAS_METADATA)
        | flag(outcome.idempotency_key.is_some(), HAS_KEY)
        | flag(outcome.reason.is_some(), HAS_REASON);
    out.extend_from_slice(&[outcome.status as u8, outcome.kind.map_or(0, |kind| kind as u8), flags]);
    put_i64(out, outcome.at.unwrap_or_default().micros());
    if let Some(value) = outcome.value {
        put_i128(out, value.pico());
    }
    if let Some(metadata) = &outcome.metadata {
        put_bytes(out, metadata.as_bytes());
    }
    if let Some(key) = &outcome.idempotency_key {
        put_bytes(out, key.as_bytes());
    }
    put_u64(out, outcome.revision.into());
    put_i64(out, outcome.known_at.unwrap_or_default().micros());
    if let Some(reason) = &outcome.reason {
        put_bytes(out, reason.as_bytes());
    }
}

/// Reads one outcome.
///
/// # Errors
/// When the bytes are not one.
pub fn decode_outcome(reader: &mut Reader<'_>) -> Result<Outcome, DecodeError> {
    let workspace = reader.text()?.into();
    let job_id = reader.text()?.into();
    let [status, kind, flags] = reader.array()?;
    let status = OutcomeStatus::ALL.into_iter().find(|known| *known as u8 == status);
    let status = status.ok_or_else(|| reader.error("the status of an outcome expected"))?;
    let known = OutcomeType::ALL.into_iter().find(|known| *known as u8 == kind);
    if kind != 0 && known.is_none() || flags & !(HAS_VALUE | HAS_METADATA | HAS_KEY | HAS_REASON) != 0 {
        return Err(reader.error("the type and the flags of an outcome expected"));
    }
    let at = Timestamp::from_micros(reader.i64()?);
    let value = if flags & HAS_VALUE == 0 { None } else { Some(PicoUsd::from_pico(reader.i128()?)) };
    let metadata = if flags & HAS_METADATA == 0 { None } else { Some(reader.text()?.to_owned()) };
    let idempotency_key = if flags & HAS_KEY == 0 { None } else { Some(reader.text()?.into()) };
    let revision = reader.u32()?;
    let known_at = Some(Timestamp::from_micros(reader.i64()?));
    let reason = if flags & HAS_REASON == 0 { None } else { Some(reader.text()?.to_owned()) };
    Ok(Outcome {
        workspace: Some(workspace),
        job_id,
        status,
        kind: known,
        value,
        at: Some(at),
        metadata,
        idempotency_key,
        reason,
        create_job: false,
        revision,
        known_at,
    })
}

/// Reads the outcomes of a frame: a count, then so many outcomes.
///
/// # Errors
/// When the bytes are not such a payload.
pub fn decode_outcomes(payload: &[u8]) -> Result<Vec<Outcome>, DecodeError> {
    let mut reader = Reader::new(payload);
    let outcomes = (0..reader.count(6)?).map(|_| decode_outcome(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(outcomes)
}

/// The payload of a frame of outcomes.
pub fn encode_outcomes(outcomes: &[Arc<Outcome>]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, outcomes.len());
    outcomes.iter().for_each(|outcome| encode_outcome(outcome, &mut out));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TokenMeter;
    use proptest::prelude::*;

    #[test]
    fn events_come_back() {
        let at = Timestamp::from_seconds(1_767_225_600);
        let events = [
            Event::new("a", at).with(Dimension::Tenant, "acme").used(TokenMeter::Input, 0).tagged("k", "v"),
            Event::new("b", at).used(Meter::Named("pages".into()), 7).with_number(Number::ReportedCost, 1),
            Event::new("c", at),
        ];
        let mut rows = EventRows::default();
        events.iter().for_each(|event| rows.push(event));
        let payload = rows.finish();
        assert_eq!(decode_events(&payload).expect("sound"), events);
        for len in 0..payload.len() {
            assert!(decode_events(&payload[..len]).is_err(), "cut to {len} bytes");
        }
    }

    #[test]
    fn outcomes_come_back() {
        let mut full = Outcome::new("job", OutcomeStatus::Success);
        full.workspace = Some("w".into());
        full.kind = Some(OutcomeType::Deflected);
        full.value = Some(PicoUsd::from_pico(-5));
        full.at = Some(Timestamp::from_seconds(1));
        full.metadata = Some("{\"a\":1}".into());
        full.idempotency_key = Some("key".into());
        full = full.amending("a refund");
        (full.revision, full.known_at) = (3, Some(Timestamp::from_seconds(3)));
        let mut bare = Outcome::new("job2", OutcomeStatus::Cancelled);
        bare.workspace = Some("default".into());
        bare.at = Some(Timestamp::from_seconds(2));
        (bare.revision, bare.known_at) = (1, bare.at);
        let outcomes = [Arc::new(full), Arc::new(bare)];
        let payload = encode_outcomes(&outcomes);
        let back = decode_outcomes(&payload).expect("sound");
        assert!(back.iter().eq(outcomes.iter().map(|outcome| &**outcome)));
        for len in 0..payload.len() {
            assert!(decode_outcomes(&payload[..len]).is_err(), "cut to {len} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (decode_events(&bytes), decode_outcomes(&bytes));
        }
    }
}
