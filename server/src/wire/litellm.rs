//! LiteLLM: what its generic logger posts (an array, one per line, or one), and rows of `LiteLLM_SpendLogs`.
//!
//! Counts are in OpenAI's convention for every provider. Each try of a request is a call of its own, with its own
//! `litellm_call_id`. What the request says of itself beats what is known of the key it was made with.

use std::borrow::Cow;

use quipu::{Dimension, Event, Number, Timestamp};

use super::call::{Call, Origin, identity};
use super::json::Kind;
use super::object::Object;
use super::usage::{self, Convention, Counts};
use super::{FieldError, Ignored, decimal};

/// Whether an item is one of LiteLLM's.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.get("litellm_call_id").is_some()
        || (item.get("call_type").is_some() && item.has_any(&["spend", "response_cost"]))
}

/// Decodes one call.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let metadata = item.document("metadata")?.unwrap_or(Cow::Borrowed("{}"));
    let metadata = Object::parse("metadata", &metadata)?;
    let mut call = Call::new("litellm", ignored);
    identify(&item, &metadata, &mut call)?;
    timing(&item, &mut call)?;
    answer(&item, &metadata, &mut call)?;
    tokens(&item, &metadata, &mut call)?;
    outcome(&item, &metadata, &mut call)?;
    attribution(&item, &metadata, &mut call)?;
    Ok(call.event)
}

fn identify(item: &Object<'_>, metadata: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let of_row = item.text("request_id")?;
    let answer = of_row.clone().or(item.text("id")?);
    let own = item.text("litellm_call_id")?.or(metadata.text("litellm_call_id")?).or(answer.clone());
    let Some(own) = own else {
        return Err(FieldError::field("litellm_call_id", "is missing, and id too"));
    };
    call.event.id = Some(identity("litellm", &own));
    call.set_some(Dimension::RequestId, answer);
    call.set_some(Dimension::TraceId, item.text("trace_id")?);
    call.set_some(Dimension::SessionId, item.text("session_id")?);
    Ok(())
}

/// Seconds since 1970 with a fraction, or RFC 3339.
fn instant(item: &Object<'_>, name: &str) -> Result<Option<Timestamp>, FieldError> {
    let Some(text) = item.text(name)? else { return Ok(None) };
    match decimal::scaled(&text, 6) {
        Ok(micros) => Ok(Some(Timestamp::from_micros(micros))),
        Err(_) => item.time(name),
    }
}

fn timing(item: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    call.span(instant(item, "startTime")?, instant(item, "endTime")?);
    let streamed = item.flag("stream")?;
    call.flag(
        Number::Streaming,
        streamed.or((item.get("startTime").is_some() && item.get("spend").is_none()).then_some(false)),
    );
    if streamed == Some(true) {
        call.first_token(instant(item, "completionStartTime")?);
    }
    Ok(())
}

fn answer(item: &Object<'_>, metadata: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let provider = item.text("custom_llm_provider")?;
    call.set_some(Dimension::Provider, provider.as_deref());
    if let Some(model) = item.text("model")? {
        let plain = provider.as_deref().and_then(|provider| model.strip_prefix(provider)?.strip_prefix('/'));
        call.set(Dimension::Model, plain.unwrap_or(&model));
    }
    call.set_some(Dimension::RequestedModel, item.text("model_group")?);
    call.set_some(Dimension::Operation, item.text("call_type")?);
    if let Some(response) = item.object_if("response")? {
        let choice = response.objects("choices").unwrap_or_default().into_iter().next();
        let reason = choice.and_then(|choice| choice.text("finish_reason").ok().flatten());
        call.set_some(Dimension::StopReason, reason);
    }
    for holder in [item.object_if("cost_breakdown")?, metadata.object_if("cost_breakdown")?].into_iter().flatten() {
        call.set_some(Dimension::ServiceTier, holder.text("service_tier")?);
    }
    Ok(())
}

fn tokens(item: &Object<'_>, metadata: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let hit = item.flag("cache_hit")?;
    call.flag(Number::GatewayCacheHit, hit);
    for name in ["response_cost", "spend"] {
        if let Some(cost) = item.text(name)? {
            call.cost(&cost);
        }
    }
    if hit == Some(true) {
        // Counted by the gateway, but no provider was asked: there is nothing to bill.
        return Ok(());
    }
    let mut counts = Counts {
        input: item.count("prompt_tokens")?,
        output: item.count("completion_tokens")?,
        total: item.count("total_tokens")?,
        ..Counts::default()
    };
    for name in ["usage_object", "additional_usage_values"] {
        if let Some(usage) = metadata.object_if(name)? {
            if let Some((detailed, _)) = usage::read(&usage)? {
                counts = Counts { total: counts.total, ..detailed }.or(counts);
            }
            call.set_some(Dimension::ServiceTier, usage.text("service_tier")?);
            call.set_some(Dimension::Region, usage.text("inference_geo")?.filter(|geo| geo != "not_available"));
            if let Some(speed) = usage.text("speed")? {
                call.tag("speed", &speed);
            }
            break;
        }
    }
    let convention = Convention::OPENAI.at(call.get(Dimension::Provider));
    counts.apply(convention, &mut call.event);
    call.set(Dimension::UsageSource, "provider");
    Ok(())
}

fn outcome(item: &Object<'_>, metadata: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    let failed = item.text("status")?.is_some_and(|status| status != "success");
    let about = [item.object_if("error_information")?, metadata.object_if("error_information")?];
    let code = about.iter().flatten().find_map(|error| error.count("error_code").ok().flatten());
    call.outcome(if failed { "error" } else { "ok" }, code.filter(|_| failed));
    if failed && call.event.usage.iter().all(|(_, quantity)| *quantity == 0) {
        call.number(Number::UsageMissing, 1);
    }
    Ok(())
}

fn attribution(item: &Object<'_>, metadata: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    call.set_some(Dimension::SubscriberId, item.text("end_user")?);
    let labels = item.document("request_tags")?.unwrap_or(Cow::Borrowed("[]"));
    for label in serde_json::from_str::<Vec<String>>(&labels).unwrap_or_default() {
        if !label.starts_with("User-Agent:") {
            call.label(&label);
        }
    }
    if let Some(own) = metadata.object_if("spend_logs_metadata")? {
        pairs(&own, call)?;
    }
    call.origin = Origin::Header;
    if let Some(headers) = metadata.object_if("requester_custom_headers")? {
        for (name, raw) in headers.members() {
            // The one is tags again, the others the gateway's own.
            if !name.starts_with("x-litellm-") && Kind::of(raw) == Kind::Text {
                call.attribute(name, &headers.text(name)?.unwrap_or_default());
            }
        }
    }
    call.origin = Origin::Key;
    let known = call.get(Dimension::SubscriberId).is_some();
    for (name, raw) in metadata.members() {
        let of_someone_else = known && name == "user_api_key_user_email";
        if name.starts_with("user_api_key_") && Kind::of(raw) == Kind::Text && !of_someone_else {
            key_attribute(call, name, &metadata.text(name)?.unwrap_or_default());
        }
    }
    for (name, dimension) in [("team_id", Dimension::Team), ("organization_id", Dimension::Tenant)] {
        call.set_some(dimension, item.text(name)?);
    }
    if let Some(id) = item.text("model_id")? {
        call.tag("model_id", &id);
    }
    Ok(())
}

fn pairs(object: &Object<'_>, call: &mut Call<'_>) -> Result<(), FieldError> {
    for (name, raw) in object.members() {
        match Kind::of(raw) {
            Kind::Object | Kind::Array => call.ignored.count(name),
            _ => call.attribute(name, &object.text(name)?.unwrap_or_default()),
        }
    }
    Ok(())
}

/// What is known of the key a call was made with; it yields to what the request says.
pub(super) fn key_attribute(call: &mut Call<'_>, name: &str, value: &str) {
    let origin = std::mem::replace(&mut call.origin, Origin::Key);
    match name {
        "user_api_key_alias" => call.set(Dimension::Credential, value),
        "user_api_key_team_id" => call.set(Dimension::Team, value),
        "user_api_key_org_id" => call.set(Dimension::Tenant, value),
        "user_api_key_project_id" => call.set(Dimension::Project, value),
        "user_api_key_end_user_id" => call.set(Dimension::SubscriberId, value),
        "user_api_key_user_id" => call.set(Dimension::SubscriberId, value),
        "user_api_key_user_email" => call.set(Dimension::SubscriberEmail, value),
        _ => {}
    }
    call.origin = origin;
}
