//! What the headers of a request say of the calls it brings.
//!
//! They fill what a call's own record leaves open. Names are compared without case:
//! `x-tenant-id`, `x-team-id`, `x-workflow-id`, `x-retry-depth`, `x-model-tier` and their like, `x-litellm-tags`,
//! `x-portkey-metadata`, `x-portkey-trace-id`, `helicone-property-*`, `baggage`, `traceparent`. What cannot be read is
//! as good as absent.

use std::borrow::Cow;

use quipu::{Dimension, Event};

use super::Ignored;
use super::alias;
use super::call::{Call, Origin};
use super::object::Object;

/// What the headers of one request say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Keys and values, the best first.
    pairs: Vec<(Origin, String, String)>,
    labels: Vec<String>,
    trace: Option<String>,
    /// The trace and the span that the request was made in.
    parent: Option<(String, String)>,
    provider: Option<String>,
}

impl Headers {
    /// Reads headers.
    pub fn read<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut read = Self::default();
        let mut plain = Vec::new();
        let mut baggage = Vec::new();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "x-litellm-tags" => read.labels.extend(value.split(',').map(|label| label.trim().to_owned())),
                "x-portkey-metadata" => read.metadata(value),
                "x-portkey-trace-id" => read.trace = Some(value.to_owned()),
                "x-portkey-provider" => read.provider = Some(value.trim_start_matches('@').to_owned()),
                "helicone-user-id" | "helicone-session-id" => {
                    read.pairs.push((Origin::Header, name, value.to_owned()));
                }
                "traceparent" => read.parent = traceparent(value),
                "baggage" => baggage.extend(pairs_of_baggage(value)),
                _ => {
                    if let Some(property) = name.strip_prefix("helicone-property-") {
                        read.pairs.push((Origin::Header, property.to_owned(), value.to_owned()));
                    } else if name.starts_with("x-") && name != "x-request-id" && alias::of(&name).is_some() {
                        plain.push((Origin::Header, name, value.to_owned()));
                    }
                }
            }
        }
        read.pairs.append(&mut plain);
        read.pairs.append(&mut baggage);
        read
    }

    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn metadata(&mut self, json: &str) {
        let Ok(object) = Object::parse("x-portkey-metadata", json) else { return };
        for (name, _) in object.members() {
            if let Ok(Some(value)) = object.text(name) {
                self.pairs.push((Origin::Header, name.to_owned(), value.into_owned()));
            }
        }
    }

    /// Fills what an event leaves open.
    pub fn apply(&self, event: Event, ignored: &mut Ignored) -> Event {
        let mut call = Call::resume(event, ignored).from(Origin::Header);
        for label in &self.labels {
            let taken = label.split_once(':').is_some_and(|(key, _)| is_taken(&call, key.trim()));
            if !label.is_empty() && !taken {
                call.label(label);
            }
        }
        for (origin, key, value) in &self.pairs {
            call.origin = *origin;
            if !is_taken(&call, key) {
                call.attribute(key, value);
            }
        }
        call.origin = Origin::Header;
        call.set_some(Dimension::Provider, self.provider.as_deref());
        let of_trace = call.get(Dimension::TraceId).is_none();
        call.set_some(Dimension::TraceId, self.trace.as_deref());
        if let Some((trace, span)) = self.parent.as_ref().filter(|_| of_trace) {
            call.set(Dimension::TraceId, trace);
            call.set(Dimension::ParentId, span);
        }
        call.event
    }
}

/// Whether a better place has said it already, which is no loss.
fn is_taken(call: &Call<'_>, key: &str) -> bool {
    match alias::of(key) {
        Some(alias::Alias::Dimension(dimension)) => call.get(dimension).is_some(),
        Some(alias::Alias::RetryDepth | alias::Alias::Attempt) => {
            call.event.number(quipu::Number::RetryDepth).is_some()
        }
        None => call.event.tags.get(&quipu::Text::from(key)).is_some(),
    }
}

/// Trace and span of W3C's header; ids of zeros are none.
fn traceparent(value: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = value.trim().split('-').collect();
    let [version, trace, span, flags, ..] = parts[..] else { return None };
    let is_hex = |text: &str, digits| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_id = |text: &str, digits| is_hex(text, digits) && text.bytes().any(|byte| byte != b'0');
    let sound = is_hex(version, 2) && version != "ff" && is_hex(flags, 2) && is_id(trace, 32) && is_id(span, 16);
    sound.then(|| (trace.to_owned(), span.to_owned()))
}

/// The pairs of W3C's baggage; properties of a pair are not kept.
fn pairs_of_baggage(value: &str) -> Vec<(Origin, String, String)> {
    let pairs = value.split(',').filter_map(|member| member.split(';').next()?.split_once('='));
    let pairs = pairs.filter(|(key, _)| alias::of(key.trim()).is_some());
    pairs
        .map(|(key, value)| (Origin::Baggage, key.trim().to_owned(), percent_decoded(value.trim()).into_owned()))
        .collect()
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let code = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => bytes.push(*byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(headers: &[(&str, &str)], event: Event) -> Event {
        Headers::read(headers.iter().copied()).apply(event, &mut Ignored::default())
    }

    #[test]
    fn the_body_beats_vendors_headers_and_they_beat_the_rest() {
        let event = filled(
            &[
                ("Baggage", "tenant_id=fromBaggage,feature=chat%20assist;meta=1,other=x"),
                ("X-Tenant-Id", "plain"),
                ("x-portkey-metadata", r#"{"_user":"u1","tenant_id":"globex","retry_depth":"0"}"#),
                ("x-portkey-trace-id", "t-1"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                ("X-Team-Id", "platform"),
                ("Authorization", "Bearer secret"),
            ],
            Event::default().with(Dimension::Team, "own"),
        );
        let got = [Dimension::Tenant, Dimension::SubscriberId, Dimension::Feature, Dimension::TraceId, Dimension::Team];
        let got = got.map(|dimension| event.get(dimension).unwrap_or_default());
        assert_eq!(got, ["globex", "u1", "chat assist", "t-1", "own"]);
        assert_eq!(event.tags.get("from.tenant").map(|origin| origin.as_str()), Some("header"));
        assert_eq!(event.tags.get("from.team"), None);
    }

    #[test]
    fn what_is_too_long_is_left_out_and_said() {
        let long = "x".repeat(400);
        let mut ignored = Ignored::default();
        let headers = Headers::read([("x-tenant-id", long.as_str()), ("x-team-id", &long), ("x-workflow-id", "w")]);
        let event = headers.apply(Event::default(), &mut ignored);
        let got = [Dimension::Tenant, Dimension::Team, Dimension::Workflow].map(|dimension| event.get(dimension));
        assert_eq!(got, [None, None, Some("w")]);
        assert_eq!(ignored.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["team", "tenant"]);
        assert_eq!(event.tags.get("from.tenant"), None);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let event = filled(
            &[
                ("x-retry-depth", "x"),
                ("x-portkey-metadata", "{"),
                ("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
                ("baggage", "%,=,tenant"),
                ("x-litellm-tags", ",,:,beta , tenant:acme"),
            ],
            Event::default(),
        );
        assert_eq!((event.get(Dimension::TraceId), event.get(Dimension::Tenant)), (None, Some("acme")));
        assert_eq!(event.tags.get("beta").map(|beta| beta.as_str()), Some("true"));
        assert!(Headers::read([("content-type", "text/plain")]).is_empty());
    }
}
