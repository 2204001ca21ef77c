//! The plan as written: names, expressions and times, not yet understood.

use std::collections::BTreeMap;

use quipu::{Bucket, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The names of flags and query parameters.
pub const PARAMETERS: [&str; 16] = [
    "measure",
    "by",
    "where",
    "since",
    "until",
    "every",
    "tz",
    "order",
    "limit",
    "prices",
    "as_of",
    "what_if",
    "cost",
    "assume_value",
    "path",
    "explain",
];

/// A plan as it is written in JSON:
///
/// ```json
/// { "measures": ["cost", "jobs"], "by": ["team", "month"],
///   "where": ["environment = prod", {"field": "model", "prefix": "gpt-"}],
///   "since": "2026-01-01", "until": "2026-04-01", "tz": "Europe/Berlin",
///   "order": ["-cost"], "limit": 10, "prices": "current", "cost": "computed",
///   "assume_value": {"CONVERTED": "25"}, "explain": true }
/// ```
///
/// Everything may be left out. Flags and query parameters have the same names.
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
    /// The time zone of dates and time buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// Columns to order by; `-` in front means largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// How many rows to return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
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
    /// `auto`, `scan` or `counters`: which rows to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether to say how the answer was found.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
}

/// A question with a shape of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// One row per workflow run.
    Traces,
    /// The same, those that took most time first.
    #[serde(rename = "longest_traces")]
    LongestTraces,
}

impl Report {
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
        serde_json::from_slice(text).map_err(|error| Error::invalid(format!("query plan: {error}")))
    }

    /// Adds a flag or query parameter by its name in JSON; `measure`, `assume_value` and `every` are
    /// written once per value or, but for the latter, as a list with commas.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when there is no such parameter.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let list = || value.split(',').map(|item| item.trim().to_owned());
        match name {
            "measure" => self.measures.extend(commas(value)),
            "by" => self.by.extend(list()),
            "every" => {
                if Bucket::parse(value).is_none() {
                    return Err(Error::invalid(format!("every is {value:?}; expected 15m, 1h, 1d, 1w or 1mo")));
                }
                self.by.insert(0, value.to_owned());
            }
            "where" => self.and_where(value),
            "since" => self.since = Some(value.into()),
            "until" => self.until = Some(value.into()),
            "tz" => self.tz = Some(value.into()),
            "order" => self.order.extend(commas(value)),
            "limit" => {
                let limit = value.parse();
                let wrong = |_| Error::invalid(format!("limit is {value:?}; expected a whole number from 0"));
                self.limit = Some(limit.map_err(wrong)?);
            }
            "prices" => self.prices = value.into(),
            "as_of" => self.as_of = Some(value.into()),
            "what_if" => self.what_if.push(value.into()),
            "cost" => self.cost = Some(value.into()),
            "assume_value" => {
                for pair in list() {
                    let (kind, amount) = pair.split_once('=').ok_or_else(|| {
                        Error::invalid(format!("assume_value is {pair:?}; expected TYPE=USD such as CONVERTED=25"))
                    })?;
                    self.assume_value.insert(kind.trim().into(), amount.trim().into());
                }
            }
            "path" => self.path = Some(value.into()),
            "explain" => self.explain = !matches!(value, "false" | "0"),
            _ => {
                let known = PARAMETERS.join(", ");
                return Err(Error::invalid(format!("there is no parameter {name:?}; allowed are {known}")));
            }
        }
        Ok(())
    }

    /// The filters and prices as query parameters, such as [`Self::set`] reads.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](quipu::ErrorKind::Invalid) when a filter is not an expression.
    pub fn pairs(&self) -> Result<Vec<(&'static str, String)>> {
        let mut pairs = Vec::new();
        for filter in self.filter.as_array().into_iter().flatten() {
            let expression = filter.as_str().ok_or_else(|| Error::invalid("only expressions fit into an address"))?;
            pairs.push(("where", expression.to_owned()));
        }
        let options = [("since", &self.since), ("until", &self.until), ("tz", &self.tz), ("as_of", &self.as_of)];
        let options = options.into_iter().chain([("cost", &self.cost), ("path", &self.path)]);
        pairs.extend(options.filter_map(|(name, value)| Some((name, value.clone()?))));
        pairs.extend(self.prices.as_str().map(|prices| ("prices", prices.to_owned())));
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

/// The items of a list with commas; those inside parentheses belong to their item.
fn commas(list: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let separates = |c: char| {
        depth = match c {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        c == ',' && depth == 0
    };
    list.split(separates).map(|item| item.trim().to_owned()).collect()
}
