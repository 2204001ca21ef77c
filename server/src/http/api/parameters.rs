//! What requests say beside their bodies.

use serde_json::{Value as Json, json};

use crate::http::fresh::MIN_LSN_HEADER;
use crate::plan::{PARAMETERS, schema};

/// What is to say about the parameters of plans, by name.
const ABOUT: [(&str, &str); 26] = [
    ("measure", "what to measure, as a list with commas: cost,requests"),
    (
        "by",
        "what to group by, as a list with commas: dimensions, numbers, tag.KEY, 15m, 30m, hour, day, week, month, quarter, year",
    ),
    ("where", "a condition such as: team = support and model ^= gpt-; several must all hold"),
    ("since", "only events that start at this or later: 2026-01-31, RFC 3339, or 7d for that long ago"),
    ("until", "only events that start before this"),
    ("every", "group by time first: 15m, 30m, 1h, 1d, 1w, 1mo, quarter or year"),
    ("tz", "the time zone of dates and time buckets, such as Europe/Berlin"),
    ("prefix", "how values begin, where values are listed"),
    ("cohort", "what puts a job into the time range: event, job_start or outcome"),
    ("having", "which groups to return, such as: cost > 10 and growth(cost) >= 0.5; several must all hold"),
    ("compare", "previous (the period before), or SINCE..UNTIL"),
    ("compare_where", "compare with the events that pass this condition instead"),
    ("fill", "true returns time buckets without an event too, false does not"),
    ("after", "the next of the page before"),
    ("column", "which columns to return, in that order"),
    ("precision", "auto, or exact for exact percentiles in large groups too"),
    ("memory", "what the query may take, such as 512MB"),
    ("order", "columns to order by; - in front means largest first"),
    ("limit", "how many rows to return; totals cover all"),
    ("prices", "current, default, the number of a version of the price book, or known:TIME"),
    ("as_of", "outcomes as they were known then, without what was reported or amended later"),
    ("what_if", "an assumption: model=NAME, tier=NAME, batch, no-cache or no-retries; several all hold"),
    ("cost", "which cost ROI and costs per job are made of: computed or reported"),
    ("assume_value", "USD per outcome of a type that states no value, such as CONVERTED=25"),
    ("path", "the rows to read: auto, rollup, counters, index or scan; every path gives the same answer"),
    ("explain", "true says how the answer was found; needs the scope admin"),
];

pub(super) fn in_path(name: &str) -> Json {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

pub(super) fn in_query(name: &str) -> Json {
    json!({ "name": name, "in": "query", "schema": { "type": "string" } })
}

/// The same with what is to say about it.
pub(super) fn described(name: &str, about: &str) -> Json {
    json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } })
}

pub(super) fn of_plan() -> impl Iterator<Item = Json> {
    PARAMETERS.iter().map(|name| {
        let about = ABOUT.iter().find(|(known, _)| known == name).map_or("as on the command line", |(_, about)| about);
        in_plan(name, about)
    })
}

/// A parameter of a plan. What has no grammar of its own is written as in the plan's JSON.
fn in_plan(name: &str, about: &str) -> Json {
    let schemas = schema::schemas("");
    let stated = &schemas["Plan"]["properties"][name];
    let mut parameter = described(name, about);
    match (&stated["enum"], stated["type"].as_str()) {
        (Json::Array(allowed), _) => parameter["schema"] = json!({ "type": "string", "enum": allowed }),
        (_, Some(kind @ ("boolean" | "integer"))) => parameter["schema"]["type"] = kind.into(),
        _ => {}
    }
    parameter
}

/// Those that say which events, and at what prices.
pub(super) fn of_filters() -> impl Iterator<Item = Json> {
    const FILTERS: [&str; 11] =
        ["where", "since", "until", "tz", "prices", "as_of", "what_if", "cost", "assume_value", "path", "explain"];
    ABOUT.iter().filter(|(name, _)| FILTERS.contains(name)).map(|(name, about)| in_plan(name, about))
}

pub(super) fn min_lsn() -> Json {
    json!({ "name": MIN_LSN_HEADER, "in": "header", "schema": { "type": "integer", "minimum": 0 },
            "description": "answer only from a state that holds this LSN, as a receipt names it: one's own writes are then read" })
}

pub(super) fn if_none_match() -> Json {
    json!({ "name": "if-none-match", "in": "header", "schema": { "type": "string" },
            "description": "the ETag of the answer that the client has" })
}

pub(super) fn idempotency_key() -> Json {
    json!({ "name": "idempotency-key", "in": "header", "schema": { "type": "string" },
            "description": "a key that makes a retry of this very report harmless" })
}

#[cfg(test)]
mod tests {
    use super::ABOUT;
    use crate::plan::{PARAMETERS, PlanText};

    #[test]
    fn what_is_described_exists() {
        for (name, _) in ABOUT {
            assert!(PARAMETERS.contains(&name), "{name}");
        }
        for name in PARAMETERS {
            let unknown =
                PlanText::default().set(name, "1").is_err_and(|error| error.to_string().contains("no parameter"));
            assert!(!unknown, "{name}");
        }
    }
}
