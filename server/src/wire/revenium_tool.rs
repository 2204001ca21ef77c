//! Revenium's tool events: one use of a tool, metered by itself. Its other calls are read as [native](super::native).

use quipu::{Dimension, Event, Number};

use super::call::Call;
use super::json::Kind;
use super::object::Object;
use super::{FieldError, Ignored};

/// Whether an item is such an event.
pub(super) fn recognises(item: &Object<'_>) -> bool {
    item.get("toolId").is_some() && item.get("transactionId").is_some()
}

/// Decodes one event.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, ignored: &mut Ignored) -> Result<Event, FieldError> {
    let item = Object::parse("", text)?;
    let required = |name: &str| item.text(name)?.ok_or_else(|| FieldError::field(name, "is missing"));
    let (id, tool) = (required("transactionId")?, required("toolId")?);
    let mut call = Call::new("revenium", ignored);
    call.event.id = Some(id.as_ref().into());
    call.event.at = item.time("timestamp")?;
    call.set(Dimension::Operation, "tool");
    call.set(Dimension::ToolName, &tool);
    call.number_some(Number::DurationMs, item.count("durationMs")?);
    call.outcome(if item.flag("success")?.unwrap_or(true) { "ok" } else { "error" }, None);
    for (name, dimension) in [
        ("operation", Dimension::OperationSubtype),
        ("agenticJobId", Dimension::JobId),
        ("agenticJobType", Dimension::JobType),
        ("agenticJobName", Dimension::JobName),
        ("agenticJobVersion", Dimension::JobVersion),
        ("traceId", Dimension::TraceId),
        ("workflowId", Dimension::Workflow),
        ("organizationName", Dimension::Tenant),
        ("productName", Dimension::Product),
        ("subscriberCredential", Dimension::Credential),
        ("agent", Dimension::Agent),
        ("environment", Dimension::Environment),
    ] {
        call.set_some(dimension, item.text(name)?);
    }
    if let Some(cost) = item.usd("costUsd")? {
        call.cost(&cost.to_string());
    }
    if let Some(message) = item.text("errorMessage")? {
        call.tag("error_message", &message);
    }
    if let Some(metadata) = item.object_if("usageMetadata")? {
        for (name, raw) in metadata.members() {
            match Kind::of(raw) {
                Kind::Object | Kind::Array => call.ignored.count(name),
                _ => call.attribute(name, &metadata.text(name)?.unwrap_or_default()),
            }
        }
    }
    Ok(call.event)
}
