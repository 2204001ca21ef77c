//! JSON inputs that need no map: native events, outcomes, and the session logs of coding agents.

use std::fmt;
use std::io::{BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quipu::{Error, Number};
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::batches::Batches;
use super::identity::Identity;
use super::input::{Input, Unpacked};
use super::lines::Lines;
use super::{Stop, revisions};
use crate::wire::source::Source;
use crate::wire::{FieldError, Place, claude_code, codex, gemini_cli, json, langfuse, outcome};

/// Native events.
pub(super) fn native(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    of_source(Source::Native, input, taken, batches)
}

/// The calls of any source that can be read item by item. One without an id gets one from what it says.
pub(super) fn of_source(
    source: Source,
    input: &Input,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
) -> Result<(), Stop> {
    let mut identity = Identity::new(source.name(), &[]);
    each_document(input, taken, batches, |place, text, batches| {
        let mut event = source.decode_one(text, &mut batches.summary.ignored)?;
        if event.id.is_none() {
            event.id = Some(identity.of([text.as_bytes()]));
            event.numbers.insert(Number::IdDerived, 1);
        }
        batches.event(place, event, None);
        Ok(())
    })
}

/// The calls among Langfuse's observations, which are known only when the whole file is read.
pub(super) fn langfuse(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    let mut observations = langfuse::Observations::default();
    let ended =
        each_document(input, taken, batches, |_, text, batches| observations.take(text, &mut batches.summary.ignored));
    for (number, event) in (1..).zip(observations.into_calls(&mut batches.summary.ignored)) {
        batches.event(Place::Item(number), event, None);
        batches.row_done()?;
    }
    ended
}

/// Outcomes. One without an idempotency key gets one from what it says, so that reading it again is harmless.
pub(super) fn outcomes(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    let mut identity = Identity::new("outcomes", &[]);
    each_document(input, taken, batches, |place, text, batches| {
        let mut outcome = outcome::decode_one(text, None, &mut batches.summary.ignored)?;
        outcome.idempotency_key.get_or_insert_with(|| identity.of([text.as_bytes()]));
        batches.outcome(place, outcome, None);
        Ok(())
    })
}

/// The calls of a session, which are known only when the whole log is read.
pub(super) fn claude_code(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    let mut lines = Lines::new(input.open(taken)?);
    let mut session = claude_code::Session::default();
    let ended = each_line(&mut lines, batches, |number, text, _| session.line(number, text));
    batches.summary.skipped += session.skipped;
    batches.summary.ignored.merge(&session.ignored);
    // A session that went on is written to a further file, with what was still growing in this one.
    for (line, event) in session.into_calls() {
        batches.event(Place::Line(line), event, Some(revisions::FIRST));
        batches.row_done()?;
    }
    ended
}

/// The calls of a session, in the order of its lines.
pub(super) fn codex(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    let mut lines = Lines::new(input.open(taken)?);
    let mut session = codex::Session::default();
    each_line(&mut lines, batches, |number, text, batches| {
        match session.line(text, &mut batches.summary.ignored)? {
            Some(event) => batches.event(Place::Line(number), event, None),
            None => batches.summary.skipped += 1,
        }
        Ok(())
    })
}

/// The calls of a session, which are known only when the whole log is read.
pub(super) fn gemini_cli(input: &Input, taken: &Arc<AtomicU64>, batches: &mut Batches<'_>) -> Result<(), Stop> {
    let mut session = gemini_cli::Session::default();
    let ended = each_document(input, taken, batches, |place, text, batches| {
        session.document(place, text, &mut batches.summary.ignored)
    });
    batches.summary.skipped += session.skipped;
    for (place, event) in session.into_calls() {
        batches.event(place, event, Some(revisions::FIRST));
        batches.row_done()?;
    }
    ended
}

/// Hands over every item with its place.
pub(super) fn each_document(
    input: &Input,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches<'_>,
    mut take: impl FnMut(Place, &str, &mut Batches<'_>) -> Result<(), FieldError>,
) -> Result<(), Stop> {
    let mut opened = input.open(taken)?;
    let layout = layout(&mut opened)?;
    if layout == Layout::Lines {
        let take = |number, text: &str, batches: &mut Batches<'_>| take(Place::Line(number), text, batches);
        return each_line(&mut Lines::new(opened), batches, take);
    }
    let (mut number, mut stopped) = (0, None);
    let mut item = |text: &str| {
        number += 1;
        batches.summary.read += 1;
        if let Err(error) = json::shallow(text).and_then(|text| take(Place::Item(number), text, batches)) {
            batches.reject(Place::Item(number), error.message);
        }
        batches.sighting.look(text);
        batches.row_done().map_err(|stop| stopped = Some(stop)).is_ok()
    };
    let read = match layout {
        Layout::Array => read_array(&mut opened.reader, &mut item),
        _ => read_objects(&mut opened.reader, &mut item),
    };
    match (stopped, read) {
        (Some(stop), _) => Err(stop),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) if error.is_io() => Err(opened.failed(error.line() as u64, error.into()).into()),
        (None, Err(error)) => {
            let (name, before) = (input.name(), if number == 0 { "nothing of it" } else { "what came before" });
            Err(Error::invalid(format!("{name}: broken JSON: {error}; {before} was imported")).into())
        }
    }
}

fn each_line(
    lines: &mut Lines,
    batches: &mut Batches<'_>,
    mut take: impl FnMut(u64, &str, &mut Batches<'_>) -> Result<(), FieldError>,
) -> Result<(), Stop> {
    while let Some(line) = lines.next()? {
        batches.summary.read += 1;
        let number = lines.number();
        let text = lines.text(line);
        if let Ok(text) = text {
            batches.sighting.look(text);
        }
        if let Err(error) = text.and_then(json::shallow).and_then(|text| take(number, text, batches)) {
            batches.reject(Place::Line(number), error.message);
        }
        batches.row_done()?;
    }
    Ok(())
}

/// How the items of a JSON file lie in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One per line.
    Lines,
    /// One array of them.
    Array,
    /// One after the other, over several lines each.
    Objects,
}

/// Looks at the first two lines, which are put back.
fn layout(opened: &mut Unpacked) -> Result<Layout, Error> {
    const HEAD_BYTES: usize = 1 << 20;
    let mut head = Vec::new();
    let mut lines = 0;
    while lines < 2 && head.len() < HEAD_BYTES {
        let start = head.len();
        let limit = (HEAD_BYTES - start) as u64;
        let read = opened.reader.by_ref().take(limit).read_until(b'\n', &mut head);
        if read.map_err(|error| opened.failed(lines, error))? == 0 {
            break;
        }
        lines += u64::from(!head[start..].trim_ascii().is_empty());
    }
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    let layout = match head.trim_ascii_start().first() {
        Some(b'[') => Layout::Array,
        Some(b'{') if lines == 2 && !json::is_lines(&head) => Layout::Objects,
        _ => Layout::Lines,
    };
    opened.put_back(head);
    Ok(layout)
}

/// Reads one array item by item, so that memory holds no more than its largest item.
fn read_array(reader: &mut dyn Read, item: &mut dyn FnMut(&str) -> bool) -> serde_json::Result<()> {
    struct Items<'a>(&'a mut dyn FnMut(&str) -> bool);
    impl<'de> Visitor<'de> for Items<'_> {
        type Value = bool;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
            while let Some(raw) = items.next_element::<Box<RawValue>>()? {
                if !(self.0)(raw.get()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    match deserializer.deserialize_seq(Items(item))? {
        true => deserializer.end(),
        false => Ok(()),
    }
}

fn read_objects(reader: &mut dyn Read, item: &mut dyn FnMut(&str) -> bool) -> serde_json::Result<()> {
    for raw in serde_json::Deserializer::from_reader(reader).into_iter::<Box<RawValue>>() {
        if !item(raw?.get()) {
            break;
        }
    }
    Ok(())
}
