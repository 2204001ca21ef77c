//! The plan as written: names, expressions and times, not yet understood.

use std::collections::BTreeMap;

use quipu::{Bucket, Error, Result, did_you_mean};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::filter;
use crate::wire::json;

/// A plan as it is written in JSON:
///
/// ```json
/// { "measures": ["cost", "jobs"], "by": ["team", "month"],
///   "where": ["environment = prod", {"field": "model", "prefix": "gpt-"}],
///   "since": "2026-01-01", "until": "2026-04-01", "tz": "Europe/Berlin",
///   "having": "cost > 10", "compare": "previous", "order": ["-cost"], "limit": 10,
///   "prices": "current", "cost": "computed", "assume_value": {"CONVERTED": "25"}, "explain": true }
/// ```
///
/// Everything may be left out. Flags and query parameters have the same names; docs/query.md has them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanText {
    /// Which report; a plain query by default.
    #[serde(skip_serializing_if = "Report::is_query")]
    pub report: Report,
    /// What to measure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// What to group by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Conditions that must all hold: an expression, an object, or an array of these.
    #[serde(rename = "where", skip_serializing_if = "Json::is_null")]
    pub filter: Json,
    /// Events that start before this are left out: RFC 3339, a date, or `7d` (that long ago).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Events that start at this or later are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How values begin, where the report lists values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The time zone of dates and time buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// `event`, `job_start` or `outcome`: what puts a job into the time range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Which groups to return, such as `cost > 10 and requests >= 5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub having: Option<String>,
    /// `previous`, `SINCE..UNTIL`, `{"since": …, "until": …}` or `{"where": …}`.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub compare: Json,
    /// Whether time buckets without an event are returned too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<bool>,
    /// Columns to order by; `-` in front means largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// How many rows to return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Which columns to return, in that order; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// `current`, `default`, the number of a version of the price book, or `known:TIME`: the version
    /// that was the newest then.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub prices: Json,
    /// Outcomes as they were known then; now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Assumptions: `model=NAME`, `tier=NAME`, `batch`, `no-cache`, `no-retries`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<String>,
    /// `computed` or `reported`: which cost ROI and costs per job are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// USD per outcome of a type that states no value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assume_value: BTreeMap<String, Json>,
    /// `auto`, or `exact` for exact percentiles in groups of any size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// What the query may take: bytes, or a number with KB, MB or GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// `auto`, `counters`, `index` or `scan`: which rows to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether to say how the answer was found.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
}

/// A question with a shape of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Measures per group.
    #[default]
    Query,
    /// One row per job.
    Jobs,
    /// From all jobs to the converted ones.
    Funnel,
    /// Value against cost.
    Roi,
    /// Computed beside reported cost.
    Reconcile,
    /// Where fields were found, and where they were dropped.
    Gaps,
    /// One row per workflow run.
    Traces,
    /// The same, those that took most time first.
    #[serde(rename = "longest_traces")]
    LongestTraces,
    /// How jobs ended.
    Rates,
    /// One row per job type.
    JobTypes,
    /// One row per dimension and tag.
    Dimensions,
    /// The values of the one key of `by`.
    Values,
}

impl Report {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Query,
        Self::Jobs,
        Self::Funnel,
        Self::Roi,
        Self::Reconcile,
        Self::Gaps,
        Self::Traces,
        Self::LongestTraces,
        Self::Rates,
        Self::JobTypes,
        Self::Dimensions,
        Self::Values,
    ];

    fn is_query(&self) -> bool {
        *self == Self::Query
    }
}

impl PlanText {
    /// Reads a plan from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid), naming the place and what is allowed there.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        // Members without their names would be taken in the order they are declared in.
        if text.trim_ascii_start().first() == Some(&b'[') {
            return Err(Error::invalid(
                "query plan: expected an object such as {\"measures\": [\"cost\"]}, not an array",
            ));
        }
        json::read(text).map_err(|error| error.context("query plan"))
    }

    /// Adds a flag or query parameter by its name in JSON; `measure`, `by`, `order`, `column` and
    /// `assume_value` take lists with commas and may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when there is no such parameter.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let own = || Some(value.to_owned());
        match name {
            "measure" => self.measures.extend(list(value)),
            "by" => self.by.extend(list(value)),
            "every" => {
                if Bucket::parse(value).is_none() {
                    let widths = "15m, 30m, 1h, 1d, 1w, 1mo, quarter or year";
                    return Err(Error::invalid(format!("every is {value:?}; expected {widths}")));
                }
                self.by.insert(0, value.to_owned());
            }
            "where" => self.and_where(value),
            "since" => self.since = own(),
            "until" => self.until = own(),
            "prefix" => self.prefix = own(),
            "tz" => self.tz = own(),
            "cohort" => self.cohort = own(),
            "having" => {
                self.having = Some(match self.having.take() {
                    Some(before) => format!("({before}) and ({value})"),
                    None => value.to_owned(),
                });
            }
            "compare" => self.compare = value.into(),
            "compare_where" => self.compare = serde_json::json!({ "where": value }),
            "fill" => self.fill = Some(truth(name, value)?),
            "order" => self.order.extend(list(value)),
            "limit" => {
                let limit = value.parse();
                let wrong = |_| Error::invalid(format!("limit is {value:?}; expected a whole number from 0"));
                self.limit = Some(limit.map_err(wrong)?);
            }
            "after" => self.after = own(),
            "column" => self.columns.extend(list(value)),
            "prices" => self.prices = value.into(),
            "as_of" => self.as_of = Some(value.into()),
            "what_if" => self.what_if.push(value.into()),
            "cost" => self.cost = own(),
            "assume_value" => {
                for pair in list(value) {
                    let (kind, amount) = pair.split_once('=').ok_or_else(|| {
                        Error::invalid(format!("assume_value is {pair:?}; expected TYPE=USD such as CONVERTED=25"))
                    })?;
                    self.assume_value.insert(kind.trim().into(), amount.trim().into());
                }
            }
            "precision" => self.precision = own(),
            "memory" => self.memory = own(),
            "path" => self.path = own(),
            "explain" => self.explain = truth(name, value)?,
            _ => {
                let hint = did_you_mean(name, PARAMETERS);
                let known = PARAMETERS.join(", ");
                return Err(Error::invalid(format!("there is no parameter {name:?}{hint}; allowed are {known}")));
            }
        }
        Ok(())
    }

    /// The plan as parameters such as [`Self::set`] reads, all but the report.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when a filter is none.
    pub fn pairs(&self) -> Result<Vec<(&'static str, String)>> {
        let mut pairs = Vec::new();
        let lists = [("measure", &self.measures), ("by", &self.by), ("order", &self.order), ("column", &self.columns)];
        for (name, items) in lists {
            pairs.extend(items.iter().map(|item| (name, as_item(item))));
        }
        pairs.extend(filter::expressions(&self.filter)?.into_iter().map(|expression| ("where", expression)));
        match &self.compare {
            Json::Null => {}
            Json::String(text) => pairs.push(("compare", text.clone())),
            Json::Object(object) if object.contains_key("where") => {
                let filters = filter::expressions(&object["where"])?;
                let all: Vec<String> = filters.into_iter().map(|one| format!("({one})")).collect();
                pairs.push(("compare_where", if all.is_empty() { "true".into() } else { all.join(" and ") }));
            }
            range => {
                let end = |name: &str| range.get(name).and_then(Json::as_str).unwrap_or_default();
                pairs.push(("compare", format!("{}..{}", end("since"), end("until"))));
            }
        }
        let options = [
            ("since", &self.since),
            ("until", &self.until),
            ("prefix", &self.prefix),
            ("tz", &self.tz),
            ("as_of", &self.as_of),
            ("cohort", &self.cohort),
            ("having", &self.having),
            ("after", &self.after),
            ("cost", &self.cost),
            ("precision", &self.precision),
            ("memory", &self.memory),
            ("path", &self.path),
        ];
        pairs.extend(options.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        pairs.extend(self.fill.map(|fill| ("fill", fill.to_string())));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        match &self.prices {
            Json::Null => {}
            Json::String(prices) => pairs.push(("prices", prices.clone())),
            version => pairs.push(("prices", version.to_string())),
        }
        pairs.extend(self.what_if.iter().map(|what_if| ("what_if", what_if.clone())));
        for (kind, value) in &self.assume_value {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            pairs.push(("assume_value", format!("{kind}={value}")));
        }
        if self.explain {
            pairs.push(("explain", "true".to_owned()));
        }
        Ok(pairs)
    }

    fn and_where(&mut self, expression: &str) {
        match &mut self.filter {
            Json::Array(all) => all.push(expression.into()),
            none @ Json::Null => *none = Json::Array(vec![expression.into()]),
            before => *before = Json::Array(vec![before.take(), expression.into()]),
        }
    }
}

/// The names of flags and query parameters.
pub const PARAMETERS: [&str; 26] = [
    "measure",
    "by",
    "every",
    "where",
    "since",
    "until",
    "prefix",
    "tz",
    "cohort",
    "having",
    "compare",
    "compare_where",
    "fill",
    "order",
    "limit",
    "after",
    "column",
    "prices",
    "as_of",
    "what_if",
    "cost",
    "assume_value",
    "precision",
    "memory",
    "path",
    "explain",
];

fn truth(name: &str, value: &str) -> Result<bool> {
    match value {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::invalid(format!("{name} is {value:?}; expected true or false"))),
    }
}

/// The items of a list with commas; those inside parentheses belong to their item, and so does all
/// of an item in quotes, where a backslash stands before quotes and backslashes.
fn list(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    // An item ends where its last character that counts does.
    let mut ends = vec![0];
    let (mut depth, mut quoted) = (0_usize, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let (Some(item), Some(end)) = (items.last_mut(), ends.last_mut()) else { break };
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => {
                item.extend(chars.next());
                *end = item.len();
            }
            ',' if depth == 0 && !quoted => {
                items.push(String::new());
                ends.push(0);
            }
            c if c.is_whitespace() && !quoted => {
                if !item.is_empty() {
                    item.push(c);
                }
            }
            c => {
                match c {
                    '(' if !quoted => depth += 1,
                    ')' if !quoted => depth = depth.saturating_sub(1),
                    _ => {}
                }
                item.push(c);
                *end = item.len();
            }
        }
    }
    items.iter().zip(ends).map(|(item, end)| item[..end].to_owned()).collect()
}

/// An item as [`list`] reads it back.
fn as_item(item: &str) -> String {
    let balanced = item.matches('(').count() == item.matches(')').count();
    if item.trim() == item && balanced && !item.contains([',', '"', '\\']) {
        return item.to_owned();
    }
    format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
}
