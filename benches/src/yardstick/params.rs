//! What the generator says its questions are to be asked with.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use quipu::{PriceBook, Timestamp};
use quipu_server::import::{Input, Map};
use quipu_server::prices::{ReadOptions, read_table};
use serde_json::Value as Json;

use super::Outcome;

/// The content of `params.json`, and the price book of the questions that re-price.
#[derive(Clone, Debug)]
pub struct Params {
    /// The end of the data.
    pub end: Timestamp,
    /// 30 days before the end.
    pub d30: Timestamp,
    /// A week before the end.
    pub w1: Timestamp,
    /// The day whose traces are asked for.
    pub day: Timestamp,
    /// Its end.
    pub day_end: Timestamp,
    /// A large tenant.
    pub tenant: String,
    /// That tenant's most frequent job type.
    pub job_type: String,
    /// A large team.
    pub team: String,
    /// A feature.
    pub feature: String,
    /// Jobs to look up one by one.
    pub jobs: Vec<String>,
    /// Traces to look up one by one.
    pub traces: Vec<String>,
    /// The price book of the question that prices everything anew.
    pub new_prices: Arc<PriceBook>,
}

/// As many traces as the peers look up.
const TRACES: usize = 300;

impl Params {
    /// The parameters of a directory that the generator wrote.
    ///
    /// # Errors
    /// When a file is not there or does not say what it should.
    pub fn read(dir: &Path) -> Outcome<Self> {
        let json: Json = serde_json::from_slice(&fs::read(dir.join("params.json"))?)?;
        let text = |key: &str| json[key].as_str().ok_or_else(|| format!("params.json has no text {key:?}"));
        let owned = |key: &str| text(key).map(String::from);
        let time = |key: &str| -> Outcome<Timestamp> {
            Ok(Timestamp::parse_rfc3339(&format!("{}Z", text(key)?.replacen(' ', "T", 1)))?)
        };
        let list = |key: &str| -> Outcome<Vec<String>> {
            let list = json[key].as_array().ok_or_else(|| format!("params.json has no list {key:?}"))?;
            Ok(list.iter().filter_map(|item| item.as_str().map(String::from)).collect())
        };
        let options = ReadOptions { source: "prices_new.parquet".into(), ..ReadOptions::default() };
        let prices = Input::File(dir.join("prices_new.parquet"));
        let (new_prices, _) = read_table(&prices, &Map::load("yardstick-prices")?, &options)?;
        let mut traces = list("trace_ids")?;
        traces.truncate(TRACES);
        Ok(Self {
            end: time("end")?,
            d30: time("d30")?,
            w1: time("w1")?,
            day: time("day")?,
            day_end: time("day_end")?,
            tenant: owned("org")?,
            job_type: owned("job_type")?,
            team: owned("team")?,
            feature: owned("feature")?,
            jobs: list("job_ids")?,
            traces,
            new_prices: Arc::new(new_prices),
        })
    }
}
