//! One connection that sends events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::ledger::Ledger;
use crate::{Args, micros};

/// Sends until the time is over; what came of it. What is acknowledged counts at once.
pub(crate) fn send(args: &Args, workspace: &str, number: u64, start: Instant, calls: &AtomicU64) -> Ledger {
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
        let body = args.shape.body(place, args.batch);
        loop {
            let connected = match client.take() {
                Some(client) => Ok(client),
                None => Client::connect(&args.address, workspace),
            };
            let answer = connected.and_then(|mut connected| {
                let answer = connected.post(args.shape.path(), args.shape.content_type(), &body)?;
                client = Some(connected);
                Ok(answer)
            });
            match answer {
                Ok((200, receipt)) => {
                    ledger.acknowledged(args, &receipt);
                    calls.fetch_add(args.shape.calls(args.batch), Ordering::Relaxed);
                    break;
                }
                // Turned away, or cut off: sending the same again is always safe.
                Ok(_) => ledger.turned_away += 1,
                Err(_) => ledger.cut_off += 1,
            }
            if Instant::now() > end + Duration::from_secs(30) {
                ledger.given_up += args.shape.calls(args.batch);
                return ledger;
            }
            thread::sleep(Duration::from_millis(20));
        }
        ledger.latencies.saturating_record(micros(due.elapsed()).max(1));
    }
    ledger
}
