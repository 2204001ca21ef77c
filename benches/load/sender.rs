//! One connection that sends events.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::ledger::Ledger;
use crate::{Args, micros};

/// Sends until the time is over; what came of it.
pub(crate) fn send(args: &Args, workspace: &str, number: u64, start: Instant) -> Ledger {
    let mut ledger = Ledger::default();
    let end = start + Duration::from_secs(args.seconds);
    let mut client = None;
    for round in 0.. {
        // The connections take turns, so that together they keep the rate.
        let place = round * args.connections + number;
        let due = args
            .rate
            .map_or_else(Instant::now, |rate| start + Duration::from_nanos(place * 1_000_000_000 / rate.max(1)));
        if due >= end {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let body = events(place, args.batch);
        loop {
            let connected = match client.take() {
                Some(client) => Ok(client),
                None => Client::connect(&args.address, workspace),
            };
            let answer = connected.and_then(|mut connected| {
                let answer = connected.post("/v1/events", body.as_bytes())?;
                client = Some(connected);
                Ok(answer)
            });
            match answer {
                Ok((200, receipt)) => {
                    ledger.acknowledged(args.batch, &receipt);
                    break;
                }
                // Turned away, or cut off: sending the same again is always safe.
                Ok(_) => ledger.turned_away += 1,
                Err(_) => ledger.cut_off += 1,
            }
            if Instant::now() > end + Duration::from_secs(30) {
                ledger.given_up += args.batch;
                return ledger;
            }
            thread::sleep(Duration::from_millis(20));
        }
        ledger.latencies.saturating_record(micros(due.elapsed()).max(1));
    }
    ledger
}

/// The events of a request: 200 teams' jobs of a few calls each, no two alike.
fn events(place: u64, batch: u64) -> String {
    let mut body = String::new();
    for event in 0..batch {
        let (id, seconds) = (place * batch + event, (place * batch + event) / 1000 % 86_400);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let _ = writeln!(
            body,
            "{{\"id\":\"e{id}\",\"at\":\"2026-03-01T{hour:02}:{minute:02}:{second:02}Z\",\"tenant\":\"t{}\",\"team\":\"team {}\",\
             \"job_id\":\"job {}\",\"job_type\":\"type {}\",\"provider\":\"openai\",\"model\":\"model {}\",\"status\":\"ok\",\
             \"duration_ms\":{},\"usage\":{{\"input\":7,\"output\":{}}},\"reported_cost\":\"0.001\"}}",
            id % 50,
            id % 200,
            id / 8,
            id % 12,
            id % 20,
            id % 9000,
            id % 700
        );
    }
    body
}
