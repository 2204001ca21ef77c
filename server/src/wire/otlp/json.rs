//! OTLP as JSON: ids in hex of any case, 64-bit numbers as numbers or texts, unknown members passed over.

use std::borrow::Cow;

use super::super::object::Object;
use super::super::{FieldError, json};
use super::facts::Facts;
use super::record::{Record, Scope};
use super::value::{DEPTH, ITEMS, Value};

/// Hands over every record of an export request; a record that is broken inside a sound request is
/// handed over as its error.
///
/// # Errors
/// When the request itself is broken.
pub(super) fn each_record<'a>(
    body: &'a str,
    logs: bool,
    each: &mut dyn FnMut(&Scope<'a>, Result<Record<'a>, FieldError>),
) -> Result<(), FieldError> {
    let (groups, scopes, records) = match logs {
        true => ("resourceLogs", "scopeLogs", "logRecords"),
        false => ("resourceSpans", "scopeSpans", "spans"),
    };
    for group in Object::parse("", body)?.objects(groups)? {
        let mut scope = Scope::default();
        if let Some(resource) = group.object("resource")? {
            attributes(&resource, &mut scope.resource)?;
        }
        for in_scope in group.objects(scopes)? {
            scope.name = match in_scope.object("scope")? {
                Some(named) => named.text("name")?.unwrap_or_default(),
                None => Cow::Borrowed(""),
            };
            for (at, raw) in in_scope.array(records)?.into_iter().enumerate() {
                let path = format!("{}[{at}]", in_scope.path(records));
                let record =
                    Object::parse(path, raw).and_then(|object| if logs { log_record(&object) } else { span(&object) });
                each(&scope, record);
            }
        }
    }
    Ok(())
}

/// How many items a metrics request holds.
///
/// # Errors
/// Where it is broken.
pub(super) fn count_metrics(body: &str) -> Result<u64, FieldError> {
    let mut count = 0;
    for group in Object::parse("", body)?.objects("resourceMetrics")? {
        for scope in group.objects("scopeMetrics")? {
            count += scope.array("metrics")?.len() as u64;
        }
    }
    Ok(count)
}

fn span<'a>(object: &Object<'a>) -> Result<Record<'a>, FieldError> {
    let mut span = Record {
        trace_id: id(object, "traceId", 32)?,
        span_id: id(object, "spanId", 16)?,
        parent_id: id(object, "parentSpanId", 16)?,
        name: object.text("name")?.unwrap_or_default(),
        start_nanos: object.count("startTimeUnixNano")?.unwrap_or(0),
        end_nanos: object.count("endTimeUnixNano")?.unwrap_or(0),
        ..Record::default()
    };
    attributes(object, &mut span.facts)?;
    for event in object.objects("events")? {
        span.event(&event.text("name")?.unwrap_or_default(), event.count("timeUnixNano")?.unwrap_or(0));
    }
    if let Some(status) = object.object("status")? {
        span.status_message = status.text("message")?.unwrap_or_default();
        span.status_code = match status.text("code")?.as_deref() {
            Some("STATUS_CODE_OK") => 1,
            Some("STATUS_CODE_ERROR") => 2,
            Some("STATUS_CODE_UNSET") | None => 0,
            Some(_) => status.count("code")?.unwrap_or(0),
        };
    }
    Ok(span)
}

fn log_record<'a>(object: &Object<'a>) -> Result<Record<'a>, FieldError> {
    let at = object.count("timeUnixNano")?.filter(|nanos| *nanos > 0);
    let mut record = Record {
        trace_id: id(object, "traceId", 32)?,
        span_id: id(object, "spanId", 16)?,
        start_nanos: at.or(object.count("observedTimeUnixNano")?).unwrap_or(0),
        ..Record::default()
    };
    if let Some(body) = object.object_if("body")?
        && let Some(text) = body.text("stringValue")?
    {
        record.name = text;
    }
    attributes(object, &mut record.facts)?;
    if let Some(name) = object.text("eventName")? {
        record.facts.take(Cow::Borrowed("event.name"), Value::Text(name));
    }
    Ok(record)
}

fn id(object: &Object<'_>, name: &str, digits: usize) -> Result<u128, FieldError> {
    let Some(text) = object.text(name)? else { return Ok(0) };
    let hex = text.trim();
    if hex.len() <= digits
        && let Ok(id) = u128::from_str_radix(hex, 16)
    {
        return Ok(id);
    }
    let found = crate::wire::excerpt(hex);
    Err(FieldError::field(&object.path(name), format_args!("is {found}; expected {digits} hexadecimal digits")))
}

fn attributes<'a>(object: &Object<'a>, facts: &mut Facts<'a>) -> Result<(), FieldError> {
    for attribute in object.objects("attributes")? {
        if let Some((key, value)) = pair(&attribute, 0)? {
            facts.take(key, value);
        }
    }
    Ok(())
}

fn pair<'a>(attribute: &Object<'a>, depth: usize) -> Result<Option<(Cow<'a, str>, Value<'a>)>, FieldError> {
    let Some(key) = attribute.text("key")? else { return Ok(None) };
    let Some(value) = attribute.object_if("value")? else { return Ok(None) };
    Ok(self::value(&value, depth)?.map(|value| (key, value)))
}

fn value<'a>(object: &Object<'a>, depth: usize) -> Result<Option<Value<'a>>, FieldError> {
    let Some((kind, raw)) = object.members().last() else { return Ok(None) };
    let path = object.path(kind);
    if depth > DEPTH {
        return Ok(None);
    }
    Ok(match kind {
        "stringValue" => object.text(kind)?.map(Value::Text),
        "boolValue" => object.flag(kind)?.map(Value::Bool),
        "intValue" => object.scaled(kind, 0)?.map(Value::Int),
        // Kept as it was written, for a number is a decimal text here.
        "doubleValue" => json::scalar(&path, raw)?.map(Value::Text),
        "arrayValue" => {
            let Some(list) = object.object_if(kind)? else { return Ok(None) };
            let mut items = Vec::new();
            for item in list.objects("values")?.iter().take(ITEMS) {
                items.extend(value(item, depth + 1)?);
            }
            Some(Value::List(items))
        }
        "kvlistValue" => {
            let Some(list) = object.object_if(kind)? else { return Ok(None) };
            let mut entries = Vec::new();
            for entry in list.objects("values")?.iter().take(ITEMS) {
                entries.extend(pair(entry, depth + 1)?);
            }
            Some(Value::Map(entries))
        }
        _ => None,
    })
}
