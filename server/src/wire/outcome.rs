//! Outcomes as JSON, both directions.
//!
//! ```
//! use quipu_server::wire::outcome;
//! let body = br#"{"job_id": "ticket-7", "status": "SUCCESS", "type": "CONVERTED", "value": "12.50"}"#;
//! let decoded = outcome::decode(body).unwrap();
//! assert_eq!(decoded.items[0].as_ref().unwrap().value.unwrap().to_string(), "12.5");
//! ```
//!
//! Revenium's names (`executionStatus`, `outcomeType`, `outcomeValue`…) are accepted as aliases.

use quipu::{Error, Outcome, OutcomeStatus, OutcomeType, PicoUsd, Result, Text, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::decimal;
use super::json::{self, Kind, Members};
use super::native::{At, time};
use super::{Decoded, FieldError, Ignored};

/// How deep metadata may nest: what is stored can be sent again as a member of an outcome.
const METADATA_DEPTH: usize = json::DEPTH - 1;

/// Decodes a body: one outcome, an array of outcomes, or one outcome per line (NDJSON).
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when the body is empty or a single broken document.
/// A broken item among others is an [`ItemError`](super::ItemError) of its own.
pub fn decode(body: &[u8]) -> Result<Decoded<Outcome>> {
    let (mut items, mut ignored) = (Vec::new(), Ignored::default());
    json::for_each_item(body, |place, item| {
        let outcome = item.and_then(|text| decode_one(text, None, &mut ignored));
        items.push(outcome.map_err(|error| error.at(items.len(), place)));
    })?;
    Ok(Decoded { items, ignored })
}

/// Decodes a body that holds the outcome of one job, which the address names already.
///
/// # Errors
/// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the field, what was found and what is allowed.
pub fn decode_for(job_id: &str, body: &[u8], ignored: &mut Ignored) -> Result<Outcome> {
    let mut outcomes = Vec::new();
    json::for_each_item(body, |_, item| {
        outcomes.push(item.and_then(|text| decode_one(text, Some(job_id), ignored)));
    })?;
    match <[_; 1]>::try_from(outcomes) {
        Ok([outcome]) => outcome.map_err(|error| Error::invalid(error.message)),
        Err(outcomes) => {
            Err(Error::invalid(format!("the body holds {} objects; expected the outcome of one job", outcomes.len())))
        }
    }
}

/// Decodes the JSON text of one outcome; `job_id` stands in when the text names no job.
///
/// # Errors
/// Names the field, what was found and what is allowed.
pub fn decode_one(text: &str, job_id: Option<&str>, ignored: &mut Ignored) -> Result<Outcome, FieldError> {
    let mut draft = Draft::default();
    for (name, raw) in Members::parse(text)?.0 {
        if Kind::of(raw) != Kind::Null {
            draft.set(&name, raw, ignored)?;
        }
    }
    draft.finish(job_id)
}

#[derive(Default)]
struct Draft {
    workspace: Option<Text>,
    job_id: Option<Text>,
    status: Option<OutcomeStatus>,
    kind: Option<OutcomeType>,
    value: Option<PicoUsd>,
    currency: Option<Text>,
    at: Option<Timestamp>,
    metadata: Option<String>,
    idempotency_key: Option<Text>,
    reason: Option<String>,
    create_job: Option<bool>,
}

impl Draft {
    fn set(&mut self, name: &str, raw: &str, ignored: &mut Ignored) -> Result<(), FieldError> {
        let text = || json::text(name, raw).map(|text| Text::from(text.as_ref()));
        let invalid = |error: Error| FieldError { field: Some(name.to_owned()), message: error.to_string() };
        let repeated = match name {
            "job_id" | "jobId" | "agenticJobId" => self.job_id.replace(text()?).is_some(),
            "status" | "executionStatus" => {
                self.status.replace(OutcomeStatus::parse(&text()?).map_err(invalid)?).is_some()
            }
            "type" | "outcomeType" => self.kind.replace(OutcomeType::parse(&text()?).map_err(invalid)?).is_some(),
            "value" | "outcomeValue" => self.value.replace(amount(name, raw)?).is_some(),
            "currency" | "outcomeCurrency" => self.currency.replace(currency(name, text()?)?).is_some(),
            "at" => self.at.replace(time(name, raw)?).is_some(),
            "metadata" => self.metadata.replace(metadata(name, raw)?).is_some(),
            "idempotency_key" | "idempotencyKey" => self.idempotency_key.replace(text()?).is_some(),
            "reason" | "amend" => self.reason.replace(text()?.into()).is_some(),
            "create_job" => self.create_job.replace(json::boolean(name, raw)?).is_some(),
            "workspace" => self.workspace.replace(text()?).is_some(),
            // What the store assigned, as it says in what it answers.
            "revision" | "known_at" => false,
            _ => {
                ignored.count(name);
                false
            }
        };
        if repeated { Err(FieldError::field(name, "is given twice")) } else { Ok(()) }
    }

    fn finish(self, job_id: Option<&str>) -> Result<Outcome, FieldError> {
        if let (Some(named), Some(job_id)) = (&self.job_id, job_id)
            && named != job_id
        {
            let problem = format!("is {named:?}, but the address names {job_id:?}");
            return Err(FieldError::field("job_id", problem));
        }
        let job_id = self.job_id.or(job_id.map(Text::from));
        let job_id = job_id.ok_or_else(|| FieldError::field("job_id", "is missing"))?;
        let status = self
            .status
            .ok_or_else(|| FieldError::field("status", "is missing; allowed are SUCCESS, FAILED and CANCELLED"))?;
        Ok(Outcome {
            workspace: self.workspace,
            job_id,
            status,
            kind: self.kind,
            value: self.value,
            at: self.at,
            metadata: self.metadata,
            idempotency_key: self.idempotency_key,
            reason: self.reason,
            create_job: self.create_job.unwrap_or_default(),
            ..Outcome::new("", status)
        })
    }
}

fn amount(name: &str, raw: &str) -> Result<PicoUsd, FieldError> {
    let text = match Kind::of(raw) {
        Kind::Text => json::text(name, raw)?,
        _ => json::number(name, raw)?.into(),
    };
    decimal::usd(&text, quipu::money::PICO_DIGITS).map_err(|problem| FieldError::field(name, problem))
}

fn currency(name: &str, currency: Text) -> Result<Text, FieldError> {
    if currency.eq_ignore_ascii_case("USD") {
        return Ok(currency);
    }
    let problem = format!("is {}; only USD is known, currencies are never added", crate::wire::excerpt(&currency));
    Err(FieldError::field(name, problem))
}

/// The metadata's JSON text; a text that holds a JSON object stands for that object.
fn metadata(name: &str, raw: &str) -> Result<String, FieldError> {
    let mut metadata = raw.to_owned();
    if Kind::of(raw) == Kind::Text {
        let inner = json::text(name, raw)?;
        if Kind::of(inner.trim_start()) == Kind::Object && serde_json::from_str::<&RawValue>(&inner).is_ok() {
            metadata = inner.trim().to_owned();
        }
    }
    if json::deeper_than(&metadata, METADATA_DEPTH) {
        return Err(FieldError::field(name, format_args!("nests deeper than {METADATA_DEPTH} levels")));
    }
    Ok(metadata)
}

/// Serializes an outcome in the form that [`decode`] reads back.
#[derive(Clone, Copy, Debug)]
pub struct Native<'a>(pub &'a Outcome);

impl Serialize for Native<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outcome = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(workspace) = &outcome.workspace {
            map.serialize_entry("workspace", workspace.as_str())?;
        }
        map.serialize_entry("job_id", outcome.job_id.as_str())?;
        map.serialize_entry("status", outcome.status.name())?;
        if let Some(kind) = outcome.kind {
            map.serialize_entry("type", kind.name())?;
        }
        if let Some(value) = outcome.value {
            map.serialize_entry("value", &value.to_string())?;
            map.serialize_entry("currency", "USD")?;
        }
        if let Some(at) = outcome.at {
            map.serialize_entry("at", &At(at))?;
        }
        if let Some(metadata) = &outcome.metadata {
            // Whatever reached the store by another way than this decoder may not be JSON: then it is a text.
            match serde_json::from_str::<&RawValue>(metadata) {
                Ok(json) => map.serialize_entry("metadata", json)?,
                Err(_) => map.serialize_entry("metadata", metadata)?,
            }
        }
        if let Some(key) = &outcome.idempotency_key {
            map.serialize_entry("idempotency_key", key.as_str())?;
        }
        if let Some(reason) = &outcome.reason {
            map.serialize_entry("reason", reason)?;
        }
        if outcome.revision > 0 {
            map.serialize_entry("revision", &outcome.revision)?;
        }
        if let Some(known_at) = outcome.known_at {
            map.serialize_entry("known_at", &At(known_at))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        decode(body.as_bytes()).expect("a body").items.remove(0).expect_err(body).message
    }

    #[test]
    fn both_vocabularies_say_the_same() {
        let own = br#"{"job_id":"j","status":"success","type":"CONVERTED","value":12.5,"metadata":{"a":[1]}}"#;
        let aliases = br#"{"jobId":"j","executionStatus":"SUCCESS","outcomeType":"converted","outcomeValue":"12.50",
                           "outcomeCurrency":"USD","metadata":"{\"a\":[1]}"}"#;
        let read = |body: &[u8]| decode(body).expect("a body").items.remove(0).expect("an outcome");
        assert_eq!(read(own), read(aliases));
    }

    #[test]
    fn refusals_name_what_is_allowed() {
        for (body, found) in [
            (r#"{"status":"SUCCESS"}"#, "job_id is missing"),
            (r#"{"job_id":"j"}"#, "status is missing"),
            (r#"{"job_id":"j","status":"PENDING"}"#, "allowed are SUCCESS, FAILED and CANCELLED"),
            (r#"{"job_id":"j","status":"SUCCESS","type":"WON"}"#, "allowed are CONVERTED"),
            (r#"{"job_id":"j","status":"SUCCESS","currency":"EUR"}"#, "only USD is known"),
            (r#"{"job_id":"j","status":"SUCCESS","value":"much"}"#, "is not a decimal number"),
            (r#"{"job_id":"j","job_id":"k","status":"SUCCESS"}"#, "job_id is given twice"),
        ] {
            assert!(refused(body).contains(found), "{body}: {}", refused(body));
        }
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let metadata = |metadata: &str| format!(r#"{{"job_id":"j","status":"SUCCESS","metadata":{metadata}}}"#);
        assert!(decode(metadata(&nested(31)).as_bytes()).expect("a body").items[0].is_ok());
        for levels in [32, 200_000] {
            assert!(refused(&metadata(&nested(levels))).contains("in more than 32 levels"));
        }
        let in_a_text = metadata(&format!("{:?}", format!(r#"{{"x":{}}}"#, nested(31))));
        assert!(refused(&in_a_text).contains("nests deeper than 31 levels"));
    }

    #[test]
    fn the_address_names_the_job() {
        let mut ignored = Ignored::default();
        let body = br#"{"status":"FAILED","reportedBy":"me"}"#;
        assert_eq!(decode_for("j", body, &mut ignored).map(|outcome| outcome.job_id).ok().as_deref(), Some("j"));
        assert_eq!(ignored.fields().collect::<Vec<_>>(), [("reportedBy", 1)]);
        let other = decode_for("j", br#"{"job_id":"k","status":"FAILED"}"#, &mut ignored).expect_err("another job");
        assert_eq!(other.to_string(), "job_id is \"k\", but the address names \"j\"");
    }

    #[test]
    fn an_encoded_outcome_decodes_to_itself() {
        let mut outcome = Outcome::new("j", OutcomeStatus::Cancelled);
        outcome.workspace = Some("w".into());
        outcome.kind = Some(OutcomeType::Custom);
        outcome.value = Some(PicoUsd::from_pico(-1));
        outcome.at = Some(Timestamp::from_micros(1_767_225_600_000_001));
        outcome.metadata = Some(r#"{"note": "\u00e4 \"quoted\"", "n": 1.10}"#.into());
        outcome.idempotency_key = Some("k".into());
        outcome.reason = Some("a refund".into());
        let json = serde_json::to_string(&Native(&outcome)).expect("JSON");
        assert_eq!(decode(json.as_bytes()).expect("a body").items.remove(0), Ok(outcome));
    }
}
