//! The JSON Schema of plans, made from the vocabulary: what `docs/query.schema.json` and the OpenAPI document hold.
//!
//! Texts with a grammar of their own (conditions, times, zones) are texts here; what is wrong in one is said when it is
//! read.

use quipu::{
    Bucket, Cohort, CostBasis, CostOf, Dimension, Measure, Number, OutcomeType, PathChoice, Precision, TokenMeter,
};
use serde_json::{Map, Value as Json, json};

use super::Report;

#[cfg(test)]
mod tests;

/// A meter of one's own.
const METER: &str = "meter\\.[a-zA-Z0-9_.:/-]+";

/// The schemas by name; references to one another begin with `within`, such as `#/$defs/`.
pub fn schemas(within: &str) -> Map<String, Json> {
    let all = [
        ("Plan", plan(within)),
        ("Measure", measure()),
        ("Pivot", pivot()),
        ("Filter", filter(within)),
        ("Comparison", comparison(within)),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The schema as a document of its own.
pub fn document() -> Json {
    let mut defs = schemas("#/$defs/");
    let mut document = defs.remove("Plan").unwrap_or_default();
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    document["title"] = "A query of Quipu".into();
    document["$defs"] = defs.into();
    document
}

fn plan(within: &str) -> Json {
    let of = |name: &str| reference(within, name);
    let list = |name: &str| json!({ "type": "array", "items": of(name) });
    let text = |about: &str| json!({ "type": "string", "description": about });
    let time =
        |about: &str| text(&format!("{about}: RFC 3339, a date, `now`, or `7d`, `24h`, `15m` for that long ago"));
    let assumption = "model=NAME, tier=NAME, batch, no-cache or no-retries";
    let kinds =
        any(OutcomeType::ALL.iter().flat_map(|kind| [kind.name().to_owned(), kind.name().to_ascii_lowercase()]));
    let decimal = json!({ "type": ["string", "number"], "description": "USD, exactly" });
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "report": { "enum": Report::ALL, "description": "`query`, or a report with columns of its own" },
            "measures": list("Measure"),
            "by": list("Pivot"),
            "where": of("Filter"),
            "since": time("only events that start at this or later"),
            "until": time("only events that start before this"),
            "prefix": text("how values begin, where the report lists values"),
            "tz": text("the time zone of dates and time buckets, by its IANA name; UTC when absent"),
            "cohort": { "enum": Vec::from_iter(Cohort::ALL.iter().map(|one| one.name())),
                        "description": "what puts a job into the time range" },
            "having": text("which groups to return, such as `cost > 10 and growth(cost) >= 0.5`"),
            "compare": of("Comparison"),
            "fill": { "type": "boolean", "description": "whether time buckets without an event are returned too" },
            "order": { "type": "array", "items": text("a column; `-` in front: largest first") },
            "limit": { "type": "integer", "minimum": 0, "description": "how many rows to return; totals cover all" },
            "after": text("the `next` of the page before"),
            "columns": { "type": "array", "items": text("a column of the answer") },
            "prices": { "type": ["string", "integer", "null"],
                        "description": "`current`, `default`, the number of a version, or `known:TIME`" },
            "as_of": time("outcomes as they were known then"),
            "what_if": { "type": "array", "items": { "type": "string", "description": assumption,
                         "pattern": "^((model|tier)=.*\\S.*|batch|no-cache|no-retries)$" } },
            "cost": { "enum": Vec::from_iter(CostBasis::ALL.iter().map(|one| one.name())),
                      "description": "which cost ROI and costs per job are made of" },
            "assume_value": { "type": "object", "additionalProperties": decimal,
                              "propertyNames": { "pattern": format!("^{kinds}$") },
                              "description": "USD per outcome of a type that states no value" },
            "precision": { "enum": Vec::from_iter(Precision::ALL.iter().map(|one| one.name())) },
            "memory": { "type": "string", "pattern": "^[0-9]+ *(KB|MB|GB)?$",
                        "description": "what the query may take: bytes, or a number with KB, MB or GB" },
            "path": { "enum": Vec::from_iter(PathChoice::ALL.iter().map(|one| one.name())),
                      "description": "which rows to read; every path gives the same answer" },
            "explain": { "type": "boolean", "description": "whether to say how the answer was found" },
        },
    })
}

/// A measure by its name; what there is a share or a difference of is the measure's own affair.
fn measure() -> Json {
    let statistics = "(total|avg|min|max|p[0-9]{1,2}(\\.[0-9])?)";
    let (dimension, number, token) = (dimension(), any(Number::ALL.iter().map(|one| one.name().to_owned())), token());
    let cost_of = any(CostOf::NAMED.iter().map(ToString::to_string));
    let named = any(Measure::NAMED.iter().map(ToString::to_string));
    let single = [
        named,
        token.clone(),
        METER.to_owned(),
        format!("(duration|ttft)_{statistics}"),
        call("cost", &[cost_of, token, METER.to_owned()].join("|")),
        call("count", &format!("{dimension}|{number}")),
        call("distinct|approx_distinct", &dimension),
    ];
    let single = single.join("|");
    let pattern = format!("^({single}|{})$", call("share|before|change|growth", &single));
    json!({ "type": "string", "pattern": pattern,
            "description": "`cost`, `input`, `meter.NAME`, `duration_p95`, `count(F)`, `distinct(D)`, `cost(tools)`, `share(M)`…" })
}

fn pivot() -> Json {
    let (dimension, number) = (dimension(), any(Number::ALL.iter().map(|one| one.name().to_owned())));
    let bucket = any(Bucket::ALL.iter().map(|one| one.name().to_owned()));
    let widths = "quarter_hour|1h|1d|1w|1mo|3mo|1q|1y";
    json!({ "type": "string", "pattern": format!("^({bucket}|{widths}|{dimension}|{number}|lacking|tag\\.[\\s\\S]*)$"),
            "description": "a dimension, a number, `tag.KEY`, a width of time, or `lacking`" })
}

/// An expression, an object with one test, a combination, or an array of filters that must all hold.
fn filter(within: &str) -> Json {
    let one = reference(within, "Filter");
    let many = json!({ "type": "array", "items": one });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let count = json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX });
    let usd = json!({ "type": ["string", "number"] });
    let (dimension, token) = (dimension(), token());
    let counted = Number::ALL.iter().filter(|one| **one != Number::ReportedCost);
    let counted = any(counted.map(|one| one.name().to_owned()));
    let text_tests = [("in", &texts), ("not_in", &texts), ("prefix", &json!({ "type": "string" }))];
    let mut kinds = vec![
        json!({ "type": "string", "description": "an expression such as `team = support and model ^= gpt-`" }),
        many.clone(),
        object(&[("and", &many)], &["and"]),
        object(&[("or", &many)], &["or"]),
        object(&[("not", &one)], &["not"]),
        object(&[("field", &json!({ "const": "at" })), ("since", &text()), ("until", &text())], &["field"]),
    ];
    kinds.extend(tests(&format!("^({dimension}|tag\\.[\\s\\S]*)$"), &text_tests));
    for (field, value) in [(format!("^({counted}|{token}|{METER})$"), count), ("^reported_cost$".to_owned(), usd)] {
        let list = json!({ "type": "array", "items": value });
        let bounds = json!({ "type": "array", "items": value, "minItems": 2, "maxItems": 2 });
        kinds.extend(tests(&field, &[("in", &list), ("not_in", &list), ("between", &bounds)]));
    }
    json!({ "anyOf": kinds })
}

fn comparison(within: &str) -> Json {
    json!({ "description": "another slice: the period before, another period, or the events of another filter",
            "anyOf": [
        { "type": "null" },
        { "type": "string", "pattern": "^(previous|[\\s\\S]*\\.\\.[\\s\\S]*)$" },
        object(&[("since", &text()), ("until", &text())], &["since", "until"]),
        object(&[("where", &reference(within, "Filter"))], &["where"]),
    ] })
}

/// One object per test, and one for absence.
fn tests<'a>(field: &'a str, tests: &'a [(&'a str, &'a Json)]) -> impl Iterator<Item = Json> + 'a {
    let field = json!({ "type": "string", "pattern": field });
    let null = json!({ "type": "boolean" });
    let test = move |name: &str, value: &Json| object(&[("field", &field), (name, value)], &["field", name]);
    let last = test("null", &null);
    tests.iter().map(move |(name, value)| test(name, value)).chain([last])
}

/// An object with these members and no others.
fn object(members: &[(&str, &Json)], required: &[&str]) -> Json {
    let properties: Map<String, Json> =
        members.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A pattern for the names and aliases of dimensions.
fn dimension() -> String {
    let names = Dimension::ALL.iter().map(|one| one.name());
    any(names.chain(Dimension::ALIASES.map(|(alias, _)| alias)).map(str::to_owned))
}

fn token() -> String {
    any(TokenMeter::ALL.iter().map(|one| one.name().to_owned()))
}

fn text() -> Json {
    json!({ "type": "string" })
}

fn reference(within: &str, name: &str) -> Json {
    json!({ "$ref": format!("{within}{name}") })
}

/// A pattern for one of some names, none of which has a character that means something in a pattern.
fn any(names: impl IntoIterator<Item = String>) -> String {
    format!("({})", names.into_iter().collect::<Vec<_>>().join("|"))
}

fn call(function: &str, argument: &str) -> String {
    format!("({function}) *\\( *({argument}) *\\)")
}
