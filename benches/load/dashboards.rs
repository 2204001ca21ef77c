//! Clients that ask what a dashboard asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::client::Client;
use crate::{Args, latencies, micros};

const QUESTIONS: [&str; 5] = [
    r#"{"measures": ["reported_cost", "requests", "total_tokens", "jobs"]}"#,
    r#"{"measures": ["reported_cost", "requests"], "by": ["team"], "order": ["-reported_cost"], "limit": 12}"#,
    r#"{"measures": ["reported_cost"], "by": ["hour", "model"]}"#,
    r#"{"measures": ["requests"], "where": "project is null"}"#,
    r#"{"measures": ["jobs", "job_cost", "success_rate"], "by": ["job_type"], "cost": "reported"}"#,
];
const PAUSE: Duration = Duration::from_secs(1);

/// Asks a question a second until told to stop; how long each answer took.
pub(crate) fn ask(args: &Args, workspace: &str, number: u64, stop: &AtomicBool) -> Histogram<u64> {
    let mut latencies = latencies();
    // They do not all ask in the same moment.
    thread::sleep(PAUSE * u32::try_from(number).unwrap_or(0) / u32::try_from(args.dashboards.max(1)).unwrap_or(1));
    let mut client = None;
    for question in QUESTIONS.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        let connected = match client.take() {
            Some(client) => Ok(client),
            None => Client::connect(&args.address, workspace),
        };
        let answer = connected.and_then(|mut connected| {
            let answer = connected.post("/v1/query", "application/json", question.as_bytes())?;
            client = Some(connected);
            Ok(answer)
        });
        if answer.is_ok_and(|(status, _)| status == 200) {
            latencies.saturating_record(micros(started.elapsed()).max(1));
        }
        thread::sleep(PAUSE.saturating_sub(started.elapsed()));
    }
    latencies
}
