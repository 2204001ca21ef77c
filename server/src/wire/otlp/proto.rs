//! OTLP as protobuf, read in place: texts are borrowed from the body, and a message is taken apart only when
//! its turn comes, so that memory does not grow with what a body claims to hold.

use std::borrow::Cow;

use prost::encoding::{WireType, decode_key, decode_varint};

use super::super::FieldError;
use super::facts::Facts;
use super::record::{Record, Scope};
use super::value::{DEPTH, ITEMS, Value};

/// One field of a message.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => 0,
        }
    }

    fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes())
    }
}

/// Calls `each` for every field of a message.
fn fields<'a>(
    mut message: &'a [u8],
    mut each: impl FnMut(u32, Field<'a>) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    let whole = message.len();
    while !message.is_empty() {
        let at = whole - message.len();
        let broken = |problem: &str| FieldError::item(format!("broken protobuf at byte {at}: {problem}"));
        let (tag, wire) = decode_key(&mut message).map_err(|error| broken(&error.to_string()))?;
        let field = match wire {
            WireType::Varint => Field::Number(decode_varint(&mut message).map_err(|error| broken(&error.to_string()))?),
            WireType::SixtyFourBit => {
                Field::Number(u64::from_le_bytes(taken(&mut message).ok_or_else(|| broken("it ends in a number"))?))
            }
            WireType::ThirtyTwoBit => Field::Number(
                u32::from_le_bytes(taken(&mut message).ok_or_else(|| broken("it ends in a number"))?).into(),
            ),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(|error| broken(&error.to_string()))?;
                let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
                let length = length.ok_or_else(|| broken("a field is longer than its message"))?;
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            WireType::StartGroup | WireType::EndGroup => return Err(broken("groups are not part of OTLP")),
        };
        each(tag, field)?;
    }
    Ok(())
}

fn taken<const N: usize>(message: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = message.split_first_chunk()?;
    *message = rest;
    Some(*bytes)
}

/// Hands over every record of an export request with the resource and scope it stands under: spans of
/// traces (`Signal::Traces`) or log records. A record that is broken inside a sound request is handed over as its error.
///
/// # Errors
/// When the frame of the request itself is broken; what was handed over before stands on its own.
pub(super) fn each_record<'a>(
    body: &'a [u8],
    logs: bool,
    each: &mut dyn FnMut(&Scope<'a>, Result<Record<'a>, FieldError>),
) -> Result<(), FieldError> {
    fields(body, |tag, group| {
        if tag != 1 {
            return Ok(());
        }
        let mut scope = Scope::default();
        // The resource may stand behind what it belongs to.
        fields(group.bytes(), |tag, field| {
            if tag == 1 {
                scope.resource = resource(field.bytes())?;
            }
            Ok(())
        })?;
        fields(
            group.bytes(),
            |tag, field| if tag == 2 { in_scope(field.bytes(), logs, &mut scope, each) } else { Ok(()) },
        )
    })
}

fn in_scope<'a>(
    group: &'a [u8],
    logs: bool,
    scope: &mut Scope<'a>,
    each: &mut dyn FnMut(&Scope<'a>, Result<Record<'a>, FieldError>),
) -> Result<(), FieldError> {
    scope.name = Cow::Borrowed("");
    fields(group, |tag, field| {
        if tag == 1 {
            fields(field.bytes(), |tag, field| {
                if tag == 1 {
                    scope.name = field.text();
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    fields(group, |tag, field| {
        if tag == 2 {
            each(scope, if logs { log_record(field.bytes()) } else { span(field.bytes()) });
        }
        Ok(())
    })
}

/// How many items a metrics request holds.
///
/// # Errors
/// Where it is broken.
pub(super) fn count_metrics(body: &[u8]) -> Result<u64, FieldError> {
    let mut count = 0;
    fields(body, |tag, group| {
        if tag != 1 {
            return Ok(());
        }
        fields(group.bytes(), |tag, scope| {
            if tag != 2 {
                return Ok(());
            }
            fields(scope.bytes(), |tag, _| {
                count += u64::from(tag == 2);
                Ok(())
            })
        })
    })?;
    Ok(count)
}

fn resource(message: &[u8]) -> Result<Facts<'_>, FieldError> {
    let mut facts = Facts::default();
    fields(message, |tag, field| if tag == 1 { attribute(field.bytes(), &mut facts) } else { Ok(()) })?;
    Ok(facts)
}

fn span(message: &[u8]) -> Result<Record<'_>, FieldError> {
    let mut span = Record::default();
    fields(message, |tag, field| {
        match tag {
            1 => span.trace_id = id(field.bytes(), "trace_id")?,
            2 => span.span_id = id(field.bytes(), "span_id")?,
            4 => span.parent_id = id(field.bytes(), "parent_span_id")?,
            5 => span.name = field.text(),
            7 => span.start_nanos = field.number(),
            8 => span.end_nanos = field.number(),
            9 => attribute(field.bytes(), &mut span.facts)?,
            11 => event(field.bytes(), &mut span)?,
            15 => fields(field.bytes(), |tag, field| {
                match tag {
                    2 => span.status_message = field.text(),
                    3 => span.status_code = field.number(),
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(span)
}

fn event<'a>(message: &'a [u8], span: &mut Record<'a>) -> Result<(), FieldError> {
    let (mut at, mut name) = (0, Cow::Borrowed(""));
    fields(message, |tag, field| {
        match tag {
            1 => at = field.number(),
            2 => name = field.text(),
            _ => {}
        }
        Ok(())
    })?;
    span.event(&name, at);
    Ok(())
}

fn log_record(message: &[u8]) -> Result<Record<'_>, FieldError> {
    let mut record = Record::default();
    let mut observed = 0;
    fields(message, |tag, field| {
        match tag {
            1 => record.start_nanos = field.number(),
            5 => {
                if let Some(Value::Text(text)) = value(field.bytes(), 0)? {
                    record.name = text;
                }
            }
            6 => attribute(field.bytes(), &mut record.facts)?,
            9 => record.trace_id = id(field.bytes(), "trace_id")?,
            10 => record.span_id = id(field.bytes(), "span_id")?,
            11 => observed = field.number(),
            12 => record.facts.take(Cow::Borrowed("event.name"), Value::Text(field.text())),
            _ => {}
        }
        Ok(())
    })?;
    if record.start_nanos == 0 {
        record.start_nanos = observed;
    }
    Ok(record)
}

/// An id of up to 16 bytes, big-endian; 0 stands for none.
fn id(bytes: &[u8], field: &str) -> Result<u128, FieldError> {
    if bytes.len() > 16 {
        return Err(FieldError::field(field, format_args!("has {} bytes; allowed are 16", bytes.len())));
    }
    Ok(bytes.iter().fold(0, |id, byte| id << 8 | u128::from(*byte)))
}

fn attribute<'a>(message: &'a [u8], facts: &mut Facts<'a>) -> Result<(), FieldError> {
    if let Some((key, value)) = pair(message, 0)? {
        facts.take(key, value);
    }
    Ok(())
}

fn pair(message: &[u8], depth: usize) -> Result<Option<(Cow<'_, str>, Value<'_>)>, FieldError> {
    let (mut key, mut found) = (Cow::Borrowed(""), None);
    fields(message, |tag, field| {
        match tag {
            1 => key = field.text(),
            2 => found = value(field.bytes(), depth)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(found.map(|value| (key, value)))
}

/// A value; `None` for an empty one, and for what nests too deep to be attribution.
fn value(message: &[u8], depth: usize) -> Result<Option<Value<'_>>, FieldError> {
    let mut found = None;
    if depth > DEPTH {
        return Ok(None);
    }
    fields(message, |tag, field| {
        found = match tag {
            1 => Some(Value::Text(field.text())),
            2 => Some(Value::Bool(field.number() != 0)),
            3 => Some(Value::Int(field.number().cast_signed())),
            4 => Some(Value::Double(f64::from_bits(field.number()))),
            5 => {
                let mut items = Vec::new();
                fields(field.bytes(), |_, item| {
                    if items.len() < ITEMS {
                        items.extend(value(item.bytes(), depth + 1)?);
                    }
                    Ok(())
                })?;
                Some(Value::List(items))
            }
            6 => {
                let mut entries = Vec::new();
                fields(field.bytes(), |_, entry| {
                    if entries.len() < ITEMS {
                        entries.extend(pair(entry.bytes(), depth + 1)?);
                    }
                    Ok(())
                })?;
                Some(Value::Map(entries))
            }
            _ => return Ok(()),
        };
        Ok(())
    })?;
    Ok(found)
}
