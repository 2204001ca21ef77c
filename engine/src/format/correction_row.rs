//! Accepted corrections as the log holds them, and amendments as correction runs do.
//!
//! ```text
//! corrections = count · correction × count
//! correction  = target u8 (0 event, 1 trace) · length · workspace · length · id or trace · change
//! change      = 0 (retracted) | 1 · version | 2 · values
//! version     = revision · length · events (one, without id)
//! values      = rank · length · events (one, without id and start)
//! amendment   = flags u8 (1 retracted, 2 version) · [version] · value count · values × count
//! ```
//! `events` is as in [`super::event_row`]; the values of an amendment are in the order of their ranks, each of which
//! occurs once.

use std::collections::BTreeMap;

use super::event_row::{EventRows, decode_events};
use crate::codec::bytes::{DecodeError, Reader, put_bytes, put_len, put_u64};
use crate::correction::{Amendment, Change, Correction, Target, Version};
use crate::event::Event;
use crate::schema::Text;

const EVENT: u8 = 0;
const TRACE: u8 = 1;
const RETRACTED: u8 = 0;
const REPLACED: u8 = 1;
const COMPLETED: u8 = 2;

/// The payload of a frame of corrections in their stored form.
pub fn encode_corrections(corrections: &[Correction]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, corrections.len());
    corrections.iter().for_each(|correction| encode_correction(correction, &mut out));
    out
}

fn encode_correction(correction: &Correction, out: &mut Vec<u8>) {
    let (kind, name) = match &correction.target {
        Target::Event(id) => (EVENT, id),
        Target::Trace(trace) => (TRACE, trace),
    };
    out.push(kind);
    put_bytes(out, correction.workspace().as_bytes());
    put_bytes(out, name.as_bytes());
    match &correction.change {
        Change::Retract => out.push(RETRACTED),
        Change::Replace { revision, event } => {
            out.push(REPLACED);
            put_event(out, *revision, event);
        }
        Change::Complete { rank, values } => {
            out.push(COMPLETED);
            put_event(out, (*rank).into(), values);
        }
    }
}

fn put_event(out: &mut Vec<u8>, number: u64, event: &Event) {
    put_u64(out, number);
    let mut rows = EventRows::default();
    rows.push(event);
    put_bytes(out, &rows.finish());
}

/// Reads the corrections of a frame.
///
/// # Errors
/// When the bytes are not such a payload.
pub fn decode_corrections(payload: &[u8]) -> Result<Vec<Correction>, DecodeError> {
    let mut reader = Reader::new(payload);
    let corrections = (0..reader.count(4)?).map(|_| decode_correction(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(corrections)
}

fn decode_correction(reader: &mut Reader<'_>) -> Result<Correction, DecodeError> {
    let kind = reader.u8()?;
    let (workspace, name) = (Text::from(reader.text()?), Text::from(reader.text()?));
    let target = match kind {
        EVENT => Target::Event(name),
        TRACE => Target::Trace(name),
        _ => return Err(reader.error("what a correction is about expected")),
    };
    let change = match reader.u8()? {
        RETRACTED => Change::Retract,
        REPLACED => {
            let (revision, event) = get_version(reader)?;
            Change::Replace { revision, event: Box::new(event) }
        }
        COMPLETED => {
            let (rank, values) = get_values(reader)?;
            Change::Complete { rank, values: Box::new(values) }
        }
        _ => return Err(reader.error("what a correction says expected")),
    };
    Ok(Correction { workspace: Some(workspace), target, change })
}

fn get_version(reader: &mut Reader<'_>) -> Result<(u64, Event), DecodeError> {
    let revision = reader.u64()?;
    Ok((revision, Event { id: None, ..get_event(reader)? }))
}

fn get_values(reader: &mut Reader<'_>) -> Result<(u32, Event), DecodeError> {
    let rank = reader.u32()?;
    Ok((rank, Event { id: None, at: None, ..get_event(reader)? }))
}

fn get_event(reader: &mut Reader<'_>) -> Result<Event, DecodeError> {
    let error = reader.error("one event expected");
    let [event] = <[Event; 1]>::try_from(decode_events(reader.bytes()?)?).map_err(|_| error)?;
    Ok(event)
}

const HAS_RETRACTION: u8 = 1;
const HAS_VERSION: u8 = 2;

/// Appends an amendment.
pub fn encode_amendment(amendment: &Amendment, out: &mut Vec<u8>) {
    put_bytes(out, amendment.workspace.as_bytes());
    let retracted = if amendment.retracted { HAS_RETRACTION } else { 0 };
    out.push(retracted | if amendment.version.is_some() { HAS_VERSION } else { 0 });
    if let Some(version) = &amendment.version {
        put_event(out, version.revision, &version.event);
    }
    let mut values: BTreeMap<u32, Event> = BTreeMap::new();
    for (dimension, ranked) in amendment.dimensions.iter() {
        values.entry(ranked.rank).or_default().dimensions.insert(*dimension, ranked.value.clone());
    }
    for (number, ranked) in amendment.numbers.iter() {
        values.entry(ranked.rank).or_default().numbers.insert(*number, ranked.value);
    }
    for (key, ranked) in amendment.tags.iter() {
        values.entry(ranked.rank).or_default().tags.insert(key.clone(), ranked.value.clone());
    }
    put_len(out, values.len());
    values.iter().for_each(|(rank, values)| put_event(out, (*rank).into(), values));
}

/// Reads one amendment.
///
/// # Errors
/// When the bytes are not one.
pub fn decode_amendment(reader: &mut Reader<'_>) -> Result<Amendment, DecodeError> {
    let workspace = reader.text()?.into();
    let flags = reader.u8()?;
    if flags & !(HAS_RETRACTION | HAS_VERSION) != 0 {
        return Err(reader.error("the flags of an amendment expected"));
    }
    let mut amendment = Amendment { workspace, retracted: flags & HAS_RETRACTION != 0, ..Amendment::default() };
    if flags & HAS_VERSION != 0 {
        let (revision, event) = get_version(reader)?;
        amendment.version = Some(Box::new(Version { revision, event }));
    }
    for _ in 0..reader.count(7)? {
        let (rank, values) = get_values(reader)?;
        amendment.offer(rank, &values);
    }
    Ok(amendment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Number, TokenMeter};
    use crate::time::Timestamp;
    use proptest::prelude::*;

    fn corrections() -> Vec<Correction> {
        let at = Timestamp::from_seconds(1_767_225_600);
        let values = Event::default().with(Dimension::Tenant, "acme").with_number(Number::TtftMs, 5).tagged("k", "v");
        let trace = || Target::Trace("t".into());
        let mut all = vec![
            Correction::retract(Target::Event("a".into())),
            Correction::retract(trace()).within("w"),
            Correction::replace(7, Event::new("a", at).used(TokenMeter::Output, 9)),
            Correction::complete(trace(), 3, values),
            Correction::complete(trace(), 0, Event::default().with(Dimension::Team, "red")),
        ];
        all.iter_mut().for_each(|correction| correction.normalise(at).expect("valid"));
        all
    }

    #[test]
    fn corrections_come_back() {
        let payload = encode_corrections(&corrections());
        assert_eq!(decode_corrections(&payload), Ok(corrections()));
        for len in 0..payload.len() {
            assert!(decode_corrections(&payload[..len]).is_err(), "cut to {len} bytes");
        }
    }

    #[test]
    fn amendments_come_back() {
        let mut all = Amendment::default();
        for correction in corrections() {
            all.join(&Amendment::from(&correction));
            let mut bytes = Vec::new();
            encode_amendment(&all, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(decode_amendment(&mut reader), Ok(all.clone()));
            assert_eq!(reader.remaining(), 0);
            for len in 0..bytes.len() {
                assert!(decode_amendment(&mut Reader::new(&bytes[..len])).is_err(), "cut to {len} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (decode_corrections(&bytes), decode_amendment(&mut Reader::new(&bytes)));
        }
    }
}
