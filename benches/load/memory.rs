//! What a server holds in memory while it is loaded, and how fast it goes on taking calls.
//!
//! A peak says little of a long run: memory that is bounded stays where it is from some moment on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(500);
/// Lines that a run is shown in.
const LINES: usize = 10;

/// The process in one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Duration,
    /// KiB that the process allocated.
    allocated: u64,
    /// KiB of files that are mapped and in memory, which the system takes back when it needs them.
    mapped: u64,
    /// Calls that were acknowledged until then.
    calls: u64,
}

/// Looks at a process until told to stop, or until it is gone.
pub(crate) fn watch(pid: u32, start: Instant, calls: &AtomicU64, stop: &AtomicBool) -> Vec<Sample> {
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { break };
        let (allocated, mapped) = (kib(&status, "RssAnon:"), kib(&status, "RssFile:"));
        samples.push(Sample { at: start.elapsed(), allocated, mapped, calls: calls.load(Ordering::Relaxed) });
        thread::sleep(PAUSE);
    }
    samples
}

fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Shows the most of each tenth of a run.
pub(crate) fn show(samples: &[Sample]) {
    println!("memory of the server at most, and calls taken, in each part of the run:");
    let mut before = Sample { at: Duration::ZERO, allocated: 0, mapped: 0, calls: 0 };
    for part in samples.chunks(samples.len().div_ceil(LINES).max(1)) {
        let most = |of: fn(&Sample) -> u64| part.iter().map(of).max().unwrap_or(0) / 1024;
        let last = part.last().copied().unwrap_or(before);
        let (took, calls) = ((last.at - before.at).as_millis().max(1), u128::from(last.calls - before.calls));
        println!(
            "  until {:>4} s: {:>6} MiB allocated, {:>6} MiB of files mapped, {:>8} calls/s",
            last.at.as_secs(),
            most(|sample| sample.allocated),
            most(|sample| sample.mapped),
            calls * 1000 / took
        );
        before = last;
    }
}
