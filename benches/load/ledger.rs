//! What was sent, what was acknowledged, and whether the server holds just that.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::shape::{INPUT, Shape};
use crate::{Args, latencies, micros};

/// What came of requests.
pub(crate) struct Ledger {
    requests: u64,
    sent: u64,
    acknowledged: u64,
    lost: u64,
    pub(crate) given_up: u64,
    pub(crate) turned_away: u64,
    pub(crate) cut_off: u64,
    /// Microseconds from when a request was due to its answer.
    pub(crate) latencies: Histogram<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            requests: 0,
            sent: 0,
            acknowledged: 0,
            lost: 0,
            given_up: 0,
            turned_away: 0,
            cut_off: 0,
            latencies: latencies(),
        }
    }
}

impl Ledger {
    /// A receipt for a batch: each of its calls is stored now, or was by an attempt before.
    pub(crate) fn acknowledged(&mut self, args: &Args, receipt: &Json) {
        let calls = args.shape.calls(args.batch);
        let count = |name: &str| receipt[name].as_u64().unwrap_or(0);
        let kept = match args.shape {
            Shape::Ndjson => count("stored") + count("duplicates"),
            // An empty answer says that nothing is refused.
            Shape::Otlp if receipt.is_null() => calls,
            Shape::Otlp => 0,
        };
        self.requests += 1;
        self.sent += args.batch;
        self.acknowledged += kept;
        self.lost += calls.saturating_sub(kept);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.given_up += other.given_up;
        self.turned_away += other.turned_away;
        self.cut_off += other.cut_off;
        self.latencies += &other.latencies;
    }

    pub(crate) fn show(&self, took: Duration) {
        let per_second = |count: u64| u128::from(count) * 1_000_000 / u128::from(micros(took).max(1));
        println!(
            "{} calls in {} requests in {} s: {} items/s, {} requests/s; {} turned away and {} cut off, sent again",
            self.acknowledged,
            self.requests,
            took.as_secs(),
            per_second(self.sent),
            per_second(self.requests),
            self.turned_away,
            self.cut_off
        );
    }

    /// # Errors
    /// How what the server holds differs from what it acknowledged.
    pub(crate) fn balance(&self, args: &Args, workspace: &str) -> Result<(), String> {
        let plan = json!({ "measures": ["requests", "input_tokens"] }).to_string();
        let answer = Client::connect(&args.address, workspace)
            .and_then(|mut client| client.post("/v1/query", "application/json", plan.as_bytes()));
        let (_, answer) = answer.map_err(|error| format!("the ledger cannot be balanced: {error}"))?;
        let held = |name: &str| answer["rows"][0][name].as_u64().unwrap_or(0);
        let (requests, tokens) = (held("requests"), held("input_tokens"));
        // What was given up on may be there or not.
        let range = self.acknowledged..=self.acknowledged + self.given_up;
        match range.contains(&requests) && tokens == requests * INPUT && self.lost == 0 {
            true => Ok(()),
            false => Err(format!(
                "{} calls were acknowledged and {} refused; the server holds {requests} with {tokens} input tokens",
                self.acknowledged, self.lost
            )),
        }
    }
}
