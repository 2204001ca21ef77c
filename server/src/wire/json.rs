//! Reading JSON without losing anything: numbers keep their decimal text, repeated keys
//! are seen, and nothing recurses, however deep the input nests.

use std::borrow::Cow;
use std::fmt;

use quipu::{Error, Result};
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{FieldError, Place, excerpt};

/// Reads a JSON document of a known form.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the place, what was found and what is expected there.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    if text.trim_ascii().is_empty() {
        return Err(Error::invalid("there is nothing; expected a JSON object"));
    }
    serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Eof => Error::invalid(format!("line {line} column {column}: it ends before it is complete")),
            _ => Error::invalid(format!("line {line} column {column}: {}", in_words(&message(&error)))),
        }
    })
}

/// What was found and what is expected, in the words of JSON rather than in those of the types it is read into.
pub(crate) fn in_words(message: &str) -> String {
    let kinds = ["invalid type: ", "invalid value: "];
    let told = kinds.iter().find_map(|kind| message.strip_prefix(kind)?.split_once(", expected "));
    let Some((found, expected)) = told else { return message.to_owned() };
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) | Some(("floating", number)) => {
            format!("the number {}", number.trim_start_matches("point ").trim_matches('`'))
        }
        Some(("boolean", value)) => value.trim_matches('`').to_owned(),
        _ => in_json(found).to_owned(),
    };
    format!("{found} where {} is expected", in_json(expected))
}

fn in_json(kind: &str) -> &str {
    match kind {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "sequence" | "a sequence" => "an array",
        "map" | "a map" => "an object",
        "a string" | "a borrowed string" => "a text",
        kind if kind.starts_with("struct ") => "an object",
        kind => kind,
    }
}

/// The members of one JSON object in the order written, values as their JSON text.
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// Takes one object apart.
    ///
    /// # Errors
    /// The column of the first fault, or what was found instead of an object.
    pub fn parse(text: &'a str) -> Result<Self, FieldError> {
        match Kind::of(text.trim_ascii_start()) {
            Kind::Object | Kind::Broken => {}
            kind => return Err(FieldError::item(format!("is {kind}; expected an object `{{…}}`"))),
        }
        serde_json::from_str(text).map_err(|error| FieldError::item(broken(&error, None)))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What a JSON text is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
    /// Nothing that JSON knows.
    Broken,
}

impl Kind {
    /// The kind of a JSON text without leading space.
    pub fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Bool,
            Some(b'-' | b'0'..=b'9') => Self::Number,
            Some(b'"') => Self::Text,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Broken => "not JSON",
        })
    }
}

/// The content of a JSON text value.
///
/// # Errors
/// When the value is of another kind, or holds half a surrogate pair.
pub fn text<'a>(field: &str, raw: &'a str) -> Result<Cow<'a, str>, FieldError> {
    let kind = Kind::of(raw);
    if kind != Kind::Text {
        return Err(FieldError::field(field, format_args!("is {kind}; expected a text")));
    }
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw)
        .map(Cow::Owned)
        .map_err(|error| FieldError::field(field, format_args!("is not a text: {}", broken(&error, None))))
}

/// The text of a scalar: a text's content, a number or boolean as written; `None` for null, arrays and objects.
///
/// # Errors
/// As [`text()`].
pub fn scalar<'a>(field: &str, raw: &'a str) -> Result<Option<Cow<'a, str>>, FieldError> {
    match Kind::of(raw) {
        Kind::Text => text(field, raw).map(Some),
        Kind::Number | Kind::Bool => Ok(Some(Cow::Borrowed(raw))),
        Kind::Null | Kind::Array | Kind::Object | Kind::Broken => Ok(None),
    }
}

/// A number's decimal text.
///
/// # Errors
/// When the value is of another kind.
pub fn number<'a>(field: &str, raw: &'a str) -> Result<&'a str, FieldError> {
    match Kind::of(raw) {
        Kind::Number => Ok(raw),
        Kind::Text => {
            Err(FieldError::field(field, format_args!("is the text {}; expected a number without quotes", short(raw))))
        }
        kind => Err(FieldError::field(field, format_args!("is {kind}; expected a number"))),
    }
}

/// A boolean, also written 0 or 1.
///
/// # Errors
/// When the value is anything else.
pub fn boolean(field: &str, raw: &str) -> Result<bool, FieldError> {
    match raw {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(FieldError::field(field, format_args!("is {}; expected true or false", short(raw)))),
    }
}

fn short(raw: &str) -> String {
    excerpt(raw.trim_matches('"'))
}

/// Levels of arrays and objects that an item may have.
pub const DEPTH: usize = 32;

/// The text of an item that nests no deeper than is allowed.
///
/// # Errors
/// When it does.
pub fn shallow(item: &str) -> Result<&str, FieldError> {
    // Counting is much faster than following, and what opens few levels cannot nest many.
    let opened = item.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if opened > DEPTH && deeper_than(item, DEPTH) {
        return Err(FieldError::item(format!("nests arrays and objects in more than {DEPTH} levels")));
    }
    Ok(item)
}

/// Whether arrays and objects nest deeper than `limit` in a well-formed JSON text.
pub fn deeper_than(raw: &str, limit: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in raw.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

/// Hands over every item of a body — one object, an array, or one object per line — with its place.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty, or is a single document that is broken;
/// the message names line and column.
pub fn for_each_item<'a>(
    body: &'a [u8],
    mut item: impl FnMut(Place, Result<&'a str, FieldError>),
) -> quipu::Result<()> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err(Error::invalid(
            "the body is empty; expected one object, an array of objects, or one object per line",
        ));
    };
    if *first != b'[' && is_lines(body) {
        for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if !line.is_empty() {
                item(Place::Line(number), utf8(line).and_then(shallow));
            }
        }
        return Ok(());
    }
    let document = std::str::from_utf8(body).map_err(|error| {
        let line = line_of(body, error.valid_up_to());
        Error::invalid(format!("line {line} is not UTF-8 (byte {} of the body)", error.valid_up_to()))
    })?;
    if *first == b'[' {
        let items: Vec<&RawValue> = serde_json::from_str(document).map_err(|error| document_error(&error))?;
        for (number, raw) in (1..).zip(items) {
            item(Place::Item(number), shallow(raw.get()));
        }
        return Ok(());
    }
    let single: &RawValue = serde_json::from_str(document).map_err(|error| document_error(&error))?;
    item(Place::Item(1), shallow(single.get()));
    Ok(())
}

/// The text of a body's first item, as far as it can be read.
pub fn first_item(body: &[u8]) -> Option<&str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    let body = body.strip_prefix(b"[").unwrap_or(body);
    let first = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>().next()?;
    first.ok().map(RawValue::get)
}

/// One line's bytes as text.
///
/// # Errors
/// Where the bytes stop being UTF-8.
pub fn utf8(line: &[u8]) -> Result<&str, FieldError> {
    std::str::from_utf8(line)
        .map_err(|error| FieldError::item(format!("is not UTF-8 from byte {} of the line on", error.valid_up_to() + 1)))
}

/// Whether the body holds one document per line rather than one document.
///
/// Lines of a pretty-printed object start with a key or a brace that closes, never with one that
/// opens; so a second line that opens an object says that lines are documents, even when
/// the first is broken. A body of one line is one document.
pub(crate) fn is_lines(body: &[u8]) -> bool {
    let mut lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next();
    match lines.next() {
        None => false,
        Some(second) if second.starts_with(b"{") => true,
        Some(_) => first.is_some_and(|line| serde_json::from_slice::<&RawValue>(line).is_ok()),
    }
}

fn line_of(body: &[u8], at: usize) -> u64 {
    1 + body[..at].iter().filter(|byte| **byte == b'\n').count() as u64
}

fn document_error(error: &serde_json::Error) -> Error {
    Error::invalid(broken(error, Some(error.line())))
}

/// What serde_json found, without the place.
fn message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned()
}

/// What serde_json found, with the place put first.
fn broken(error: &serde_json::Error, line: Option<usize>) -> String {
    let what = message(error);
    match line {
        Some(line) => format!("broken JSON at line {line} column {}: {what}", error.column()),
        None => format!("broken JSON at column {}: {what}", error.column()),
    }
}
