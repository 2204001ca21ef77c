//! Answers of model providers as they came: OpenAI (chat, responses, embeddings, images), Anthropic, Gemini,
//! Bedrock and the many that look like one of them; a document or the recorded text of a stream.
//!
//! An item is such an answer by itself, or an envelope: a native event whose `response` is the answer, with
//! optional `request` (for the model that was asked for) and `response_headers`. The lines of the batch
//! interfaces of OpenAI and Anthropic are read too.
//!
//! ```
//! use quipu_server::wire::source::Source;
//! let body = br#"{"tenant": "acme", "provider": "anthropic", "response": {"id": "msg_1", "type": "message",
//!     "model": "claude-opus-4-5", "usage": {"input_tokens": 21, "cache_read_input_tokens": 900, "output_tokens": 9}}}"#;
//! assert_eq!(Source::detect(body), Source::Provider);
//! let decoded = Source::Provider.decode(body).unwrap();
//! let event = decoded.items[0].as_ref().unwrap();
//! assert_eq!((event.id.as_deref(), event.input_tokens()), (Some("anthropic:msg_1"), 921));
//! ```

mod answer;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use quipu::{Dimension, Event};

use super::call::{Call, identity};
use super::object::Object;
use super::{FieldError, Ignored, native, vocabulary};

pub(super) use answer::Answer;

/// Decodes one item.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, provider: Option<&str>, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let (answer, rest) = match body_of(&item)? {
        Some((path, body)) => {
            let mut answer = Answer::read(&path, &body)?;
            if let Some(headers) = item.object_if("response_headers")? {
                answer.headers(&headers)?;
            }
            (answer, envelope(&item, ignored)?)
        }
        None => (Answer::read("", text)?, Event::default()),
    };
    let mut call = Call::resume(rest, ignored);
    if call.event.dimensions.get(&Dimension::Provider).is_some() {
        let stated = call.event.dimensions.remove(&Dimension::Provider).unwrap_or_default();
        call.set(Dimension::Provider, &stated);
    }
    call.set_some(Dimension::Provider, answer.provider.filter(|inferred| *inferred == "openrouter").or(provider));
    call.set_some(Dimension::Provider, answer.provider);
    if call.event.id.is_none()
        && let Some(id) = &answer.id
    {
        call.event.id = Some(identity(call.get(Dimension::Provider).unwrap_or("response"), id));
    }
    if let Some(request) = item.object_if("request")? {
        call.set_some(Dimension::RequestedModel, request.text("model")?);
    }
    answer.apply(&mut call);
    if call.get(Dimension::Model).is_none()
        && let Some(asked) = call.get(Dimension::RequestedModel).map(str::to_owned)
    {
        call.set(Dimension::Model, &asked);
    }
    call.set(Dimension::Status, "ok");
    call.set(Dimension::Source, "provider");
    Ok(call.event)
}

/// Whether an item is an answer or an envelope of one, for telling formats apart.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    let has_usage = |object: &Object<'_>| object.has_any(&["usageMetadata", "candidates", "choices"]);
    let looks = |object: &Object<'_>| {
        has_usage(object)
            || matches!(object.get("type"), Some("\"message\""))
            || matches!(object.get("object"), Some("\"response\"" | "\"chat.completion\"" | "\"list\""))
    };
    looks(item) || item.get("response").is_some() || item.get("result").is_some()
}

/// The answer inside an envelope, with its path.
fn body_of<'a>(item: &Object<'a>) -> Result<Option<(String, Cow<'a, str>)>, FieldError> {
    if let Some(response) = item.object_if("response")?
        && response.get("status_code").is_some()
        && let Some(body) = response.document("body")?
    {
        return Ok(Some(("response.body".into(), body)));
    }
    if let Some(result) = item.object_if("result")?
        && let Some(message) = result.document("message")?
    {
        return Ok(Some(("result.message".into(), message)));
    }
    // A streamed event of OpenAI's has a `response` too, but says what it is.
    match item.get("type").is_some_and(|kind| kind.starts_with("\"response.")) {
        true => Ok(None),
        false => Ok(item.document("response")?.map(|body| ("response".into(), body))),
    }
}

/// The native fields around an answer.
fn envelope(item: &Object<'_>, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let batch = item.get("custom_id").is_some();
    let around =
        item.members().filter(|(name, _)| !matches!(*name, "response" | "request" | "response_headers" | "result"));
    // The id of a line of a batch is not the call's.
    let around = around.filter(|(name, _)| !(batch && matches!(*name, "id" | "error")));
    let mut event = native::from_members(around.map(|(name, raw)| (Cow::Owned(name.to_owned()), raw)), ignored)?;
    if batch {
        event.dimensions.insert(Dimension::ServiceTier, "batch".into());
    }
    if let Some(status) = event.get(Dimension::Status)
        && vocabulary::is_nothing(status)
    {
        event.dimensions.remove(&Dimension::Status);
    }
    Ok(event)
}
