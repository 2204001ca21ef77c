//! The shapes of bodies, made from the vocabulary wherever there is one.

use quipu::attribution::{ASSIGNABLE, KEYS};
use quipu::{Dimension, Number, OutcomeStatus, OutcomeType, TokenMeter};
use serde_json::{Map, Value as Json, json};

use crate::plan;

pub(super) fn all() -> Map<String, Json> {
    let mut all = plan::schema::schemas("#/components/schemas/");
    if let Json::Object(others) = others() {
        all.extend(others);
    }
    all
}

fn others() -> Json {
    json!({
        "Event": event(),
        "Events": { "description": "one event, an array of them, or one per line",
            "oneOf": [{ "$ref": "#/components/schemas/Event" }, { "type": "array", "items": { "$ref": "#/components/schemas/Event" } }] },
        "Receipt": receipt(),
        "Correction": correction(),
        "Corrections": { "description": "one correction, an array of them, or one per line",
            "oneOf": [{ "$ref": "#/components/schemas/Correction" }, { "type": "array", "items": { "$ref": "#/components/schemas/Correction" } }] },
        "CorrectionReceipt": correction_receipt(),
        "Outcome": outcome(true),
        "Outcomes": { "description": "one outcome, an array of them, or one per line",
            "oneOf": [{ "$ref": "#/components/schemas/Outcome" }, { "type": "array", "items": { "$ref": "#/components/schemas/Outcome" } }] },
        "OutcomeOfJob": outcome(false),
        "OutcomeReceipt": outcome_receipt(),
        "OutcomeStored": { "type": "object", "required": ["status", "job_id", "lsn"], "properties": {
            "status": { "enum": ["stored", "replayed"] }, "job_id": text(), "lsn": count() } },
        "Attribution": attribution(),
        "Undo": { "type": "object", "required": ["why"], "properties": { "why": text() } },
        "Attributed": { "type": "object", "required": ["number", "events"], "properties": {
            "number": count(), "events": count() } },
        "Erasure": erasure(),
        "ErasureReport": erasure_report(),
        "Sheet": sheet(),
        "Document": { "description": "tables by name", "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Sheet" } },
        "Health": { "type": "object", "required": ["status"], "properties": { "status": text(), "lsn": count() } },
        "Problem": problem(),
        "OtlpRequest": { "description": "an export request of OTLP", "type": "object" },
        "OtlpResponse": { "type": "object", "properties": { "partialSuccess": { "type": "object", "properties": {
            "rejectedSpans": text(), "rejectedLogRecords": text(), "errorMessage": text() } } } },
        "OtlpStatus": { "description": "google.rpc.Status", "type": "object", "required": ["code", "message"],
            "properties": { "code": count(), "message": text() } },
        "LangfuseReceipt": { "type": "object", "required": ["successes", "errors"], "properties": {
            "successes": { "type": "array", "items": { "type": "object", "required": ["id", "status"] } },
            "errors": { "type": "array", "items": { "type": "object", "required": ["id", "status", "message"] } } } },
        "Metered": { "type": "object", "required": ["id", "label", "resourceType", "signature"],
            "additionalProperties": text() },
        "ReveniumError": { "type": "object", "required": ["timestamp", "status", "error", "message", "path"], "properties": {
            "timestamp": text(), "status": { "type": "integer" }, "error": text(), "message": text(), "path": text() } },
        "ReveniumPage": { "type": "object", "required": ["content", "page", "totalElements", "totalPages", "number", "size"],
            "properties": { "content": { "type": "array", "items": { "type": "object" } }, "totalElements": count(),
                "totalPages": count(), "number": count(), "size": count() } },
        "ReveniumJob": { "type": "object", "required": ["id", "agenticJobId"] },
        "ReveniumTypes": { "type": "array", "items": { "type": "object", "required": ["type", "count"],
            "properties": { "type": text(), "count": count() } } },
        "ReveniumFunnel": { "type": "object", "required": ["totalJobs", "successfulJobs", "convertedJobs", "stages"],
            "properties": { "totalJobs": count(), "successfulJobs": count(), "convertedJobs": count(), "pendingJobs": count() } },
        "Any": { "type": "object" },
    })
}

fn text() -> Json {
    json!({ "type": "string" })
}

fn count() -> Json {
    json!({ "type": "integer", "minimum": 0 })
}

fn texts() -> Json {
    json!({ "type": "array", "items": text() })
}

/// Money and quotients: exact decimals, for a reader that takes numbers for floats would change them.
fn decimal() -> Json {
    json!({ "type": ["string", "number"], "description": "an exact decimal" })
}

fn event() -> Json {
    let mut properties = Map::new();
    let time = json!({ "type": ["string", "integer"], "description": "when it started: RFC 3339, or microseconds since 1970" });
    properties.extend([("id".to_owned(), text()), ("at".to_owned(), time)]);
    for dimension in Dimension::ALL {
        let schema = json!({ "type": ["string", "null"], "maxLength": dimension.max_bytes() });
        properties.insert(dimension.name().into(), schema);
    }
    for number in Number::ALL {
        let schema = match number {
            Number::ReportedCost => decimal(),
            _ if number.limit() == 1 => json!({ "type": ["boolean", "integer"] }),
            _ => json!({ "type": "integer", "minimum": 0, "maximum": number.limit() }),
        };
        properties.insert(number.name().into(), schema);
    }
    let meters: Map<String, Json> = TokenMeter::ALL.iter().map(|meter| (meter.name().to_owned(), count())).collect();
    let usage = json!({ "type": "object", "description": "disjoint meters: input is uncached, output without reasoning",
                        "properties": meters, "additionalProperties": count() });
    properties.extend([
        ("usage".to_owned(), usage),
        ("tags".to_owned(), json!({ "type": "object", "additionalProperties": text() })),
    ]);
    json!({ "type": "object", "properties": properties })
}

fn receipt() -> Json {
    let item = json!({ "type": "object", "required": ["index", "status"], "properties": {
        "index": count(), "status": { "enum": ["stored", "duplicate", "conflict", "rejected"] }, "id": text(), "error": text() } });
    json!({ "type": "object", "required": ["stored", "duplicates", "conflicts", "rejected", "lsn", "items"], "properties": {
        "stored": count(), "duplicates": count(), "conflicts": count(), "rejected": count(), "lsn": count(),
        "ignored": { "type": "object", "additionalProperties": count() }, "coarsened": coarsened(),
        "items": { "type": "array", "items": item } } })
}

fn coarsened() -> Json {
    json!({ "description": "how many values were put under `__overflow__`: by dimension, `tag` or `tag_key`",
            "type": "object", "additionalProperties": count() })
}

fn correction() -> Json {
    let event = json!({ "$ref": "#/components/schemas/Event" });
    json!({ "type": "object", "required": ["change"], "properties": {
        "change": { "enum": ["retract", "replace", "grow", "complete"] }, "workspace": text(),
        "id": text(), "trace_id": text(), "revision": count(), "event": event, "rank": count(), "values": event } })
}

fn correction_receipt() -> Json {
    let item = json!({ "type": "object", "required": ["index", "status", "events"], "properties": {
        "index": count(), "status": { "enum": ["applied", "pending", "unchanged", "rejected"] }, "events": count(), "error": text(), "note": text() } });
    json!({ "type": "object", "required": ["accepted", "rejected", "lsn", "items"], "properties": {
        "accepted": count(), "rejected": count(), "lsn": count(),
        "ignored": { "type": "object", "additionalProperties": count() },
        "coarsened": coarsened(), "items": { "type": "array", "items": item } } })
}

fn outcome(names_job: bool) -> Json {
    let names = |names: Vec<&'static str>| json!({ "enum": names });
    let statuses = names(OutcomeStatus::ALL.iter().map(|status| status.name()).collect());
    let kinds = names(OutcomeType::ALL.iter().map(|kind| kind.name()).collect());
    let mut schema = json!({ "type": "object", "required": ["status"], "properties": {
        "status": statuses, "type": kinds, "value": decimal(), "metadata": {}, "at": { "type": ["string", "integer"] }, "idempotency_key": text(), "reason": text(), "create_job": { "type": "boolean" } } });
    if names_job {
        schema["properties"]["job_id"] = text();
        schema["required"] = json!(["job_id", "status"]);
    }
    schema
}

fn outcome_receipt() -> Json {
    let item = json!({ "type": "object", "required": ["index", "status"], "properties": {
        "index": count(), "status": { "enum": ["stored", "replayed", "already_reported", "unknown_job", "rejected"] },
        "job_id": text(), "error": text() } });
    json!({ "type": "object", "required": ["accepted", "lsn", "items"], "properties": {
        "accepted": count(), "lsn": count(), "ignored": { "type": "object", "additionalProperties": count() },
        "items": { "type": "array", "items": item } } })
}

fn attribution() -> Json {
    let names = KEYS.iter().chain(&ASSIGNABLE).map(|dimension| (dimension.name().to_owned(), text()));
    let assignment = json!({ "type": "object", "properties": names.collect::<Map<_, _>>(),
        "description": "one of request_id, trace_id and credential, and what its usage is assigned to" });
    json!({ "type": "object", "required": ["assignments", "why"], "properties": {
        "assignments": { "type": "array", "items": assignment }, "why": text() } })
}

fn erasure_mode() -> Json {
    json!({ "enum": ["anonymise", "delete"] })
}

fn erasure() -> Json {
    json!({ "type": "object", "required": ["subscriber"], "properties": {
        "subscriber": { "type": "string", "description": "an id or an e-mail" }, "mode": erasure_mode(),
        "verify": { "type": "boolean", "description": "search every file for what is left" } } })
}

fn erasure_report() -> Json {
    let receipt = json!({ "type": "object", "required": ["person", "mode", "events"], "properties": {
        "at": { "type": ["string", "null"] }, "person": text(), "mode": erasure_mode(), "events": count(),
        "mentions": count(), "outcomes": count(), "corrections": count(), "replaced": texts(), "lingering": texts() } });
    let place = json!({ "type": "object", "required": ["file", "place", "times"],
        "properties": { "file": text(), "place": text(), "times": count() } });
    json!({ "type": "object", "properties": {
        "receipt": receipt, "found": { "type": "array", "items": place }, "notes": texts() } })
}

fn sheet() -> Json {
    let column = json!({ "type": "object", "required": ["name", "unit", "key"], "properties": {
        "name": text(), "unit": text(), "key": { "type": "boolean" } } });
    let row = json!({ "type": "object", "description": "by column: counts are numbers, money and quotients exact decimal texts, absence null",
                      "additionalProperties": { "type": ["string", "integer", "null"] } });
    json!({ "type": "object", "required": ["columns", "rows"], "properties": {
        "columns": { "type": "array", "items": column }, "rows": { "type": "array", "items": row }, "totals": row,
        "groups": count(), "lsn": count(), "price_book_version": { "type": ["integer", "null"] }, "zone": { "type": ["string", "null"] },
        "unpriced": { "type": ["array", "null"], "items": { "type": "object" } } } })
}

fn problem() -> Json {
    json!({ "type": "object", "required": ["type", "title", "status", "detail"], "properties": {
        "type": text(), "title": text(), "status": { "type": "integer" }, "detail": text() } })
}
