//! The documents of a recorded answer: one JSON document, server-sent events, one document per line,
//! or the binary event stream of AWS (as base64, since it travels in a text).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;

/// The JSON documents of an answer, in order. What is no document — comments, `[DONE]`, a line that
/// was cut off — is passed over: usage stands in documents.
pub(super) fn documents(body: &str) -> Vec<Cow<'_, str>> {
    let body = body.trim();
    if let Some(items) = body.starts_with('[').then(|| serde_json::from_str::<Vec<&RawValue>>(body).ok()).flatten() {
        return items.into_iter().map(|item| Cow::Borrowed(item.get())).collect();
    }
    if body.starts_with('{') && serde_json::from_str::<&RawValue>(body).is_ok() {
        return vec![Cow::Borrowed(body)];
    }
    let lines: Vec<Cow<'_, str>> = body
        .lines()
        .map(|line| line.strip_prefix("data:").unwrap_or(line).trim())
        .filter(|line| line.starts_with('{'))
        .map(Cow::Borrowed)
        .collect();
    if !lines.is_empty() {
        return lines;
    }
    BASE64.decode(body).map(|frames| aws_events(&frames)).unwrap_or_default()
}

/// The payloads of AWS's event stream, up to the first frame that is damaged.
///
/// A frame is its length, the length of its headers, a checksum, headers, payload, a checksum; numbers
/// are big-endian. The payload of an invocation wraps the model's own document in base64.
fn aws_events(mut frames: &[u8]) -> Vec<Cow<'static, str>> {
    const PRELUDE: usize = 12;
    const CHECKSUM: usize = 4;
    let number = |bytes: &[u8], at: usize| -> Option<usize> {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    let mut events = Vec::new();
    while let (Some(length), Some(headers)) = (number(frames, 0), number(frames, 4)) {
        let payload = headers.checked_add(PRELUDE).zip(length.checked_sub(CHECKSUM));
        let Some(payload) = payload.and_then(|(start, end)| frames.get(start..end)) else { break };
        if let Ok(text) = std::str::from_utf8(payload) {
            events.push(Cow::Owned(unwrapped(text)));
        }
        frames = frames.get(length..).unwrap_or_default();
    }
    events
}

fn unwrapped(payload: &str) -> String {
    let wrapped = payload.split_once(r#""bytes":""#).and_then(|(_, rest)| rest.split_once('"'));
    let inner =
        wrapped.and_then(|(packed, _)| BASE64.decode(packed).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    inner.unwrap_or_else(|| payload.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_record_an_answer_gives_its_documents() {
        let documents = |body| documents(body).into_iter().map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(documents("{\n \"a\": 1\n}"), ["{\n \"a\": 1\n}"]);
        assert_eq!(documents("[{\"a\":1}, {\"b\":2}]"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(documents(": hello\nevent: x\ndata: {\"a\":1}\n\ndata: [DONE]\n"), ["{\"a\":1}"]);
        assert_eq!(documents("{\"a\":1}\n{\"b\":"), ["{\"a\":1}", "{\"b\":"]);
        assert!(documents("A sentence, for the body was too long.").is_empty());
    }

    #[test]
    fn frames_of_aws_are_taken_apart_and_damage_ends_them() {
        let frame = |payload: &[u8]| {
            let length = u32::try_from(12 + 3 + payload.len() + 4).expect("small");
            let mut frame = length.to_be_bytes().to_vec();
            frame.extend(3_u32.to_be_bytes());
            frame.extend([0; 4]);
            frame.extend(b"hdr");
            frame.extend(payload);
            frame.extend([0; 4]);
            frame
        };
        let mut bytes = frame(br#"{"usage":{"inputTokens":1}}"#);
        bytes.extend(frame(format!(r#"{{"bytes":"{}"}}"#, BASE64.encode(r#"{"type":"x"}"#)).as_bytes()));
        let read = |bytes: &[u8]| documents(&BASE64.encode(bytes)).len();
        assert_eq!(aws_events(&bytes), [r#"{"usage":{"inputTokens":1}}"#, r#"{"type":"x"}"#]);
        assert_eq!((read(&bytes), read(&bytes[..bytes.len() - 9])), (2, 1));
        bytes[0] = 0xff;
        assert_eq!(read(&bytes), 0);
    }
}
