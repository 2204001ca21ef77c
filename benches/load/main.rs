//! Load on a running server: at a rate that does not wait for answers, or as fast as it takes it.
//!
//! ```sh
//! cargo run --release -p quipu-benches --bin load -- --address 127.0.0.1:8080 --batch 1000 --seconds 30
//! cargo run --release -p quipu-benches --bin load -- --shape otlp --batch 512
//! cargo run --release -p quipu-benches --bin load -- --batch 1 --rate 1500 --connections 64 --dashboards 50
//! ```
//!
//! With a rate, a request that should have been sent earlier counts from when it should have been:
//! a server that stalls is charged for everybody who would have come meanwhile. At the end the ledger
//! is balanced: what was acknowledged is there once, and nothing else is. With the server's `--pid`, a run of
//! `--seconds 600` shows whether its memory is bounded.

mod client;
mod dashboards;
mod ledger;
mod memory;
mod sender;
mod shape;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;

/// What to send where.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// The address of the server.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// What requests look like.
    #[arg(long, value_enum, default_value = "ndjson")]
    shape: shape::Shape,
    /// Events or spans per request; spans come in eights.
    #[arg(long, default_value_t = 1000)]
    batch: u64,
    /// Requests per second in all; as many as the server takes when absent.
    #[arg(long)]
    rate: Option<u64>,
    /// Connections that send.
    #[arg(long, default_value_t = 8)]
    connections: u64,
    /// How long to send.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Clients that ask what a dashboard asks, each a question a second.
    #[arg(long, default_value_t = 0)]
    dashboards: u64,
    /// The process of the server, whose memory over the run is then shown.
    #[arg(long)]
    pid: Option<u32>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.shape == shape::Shape::Otlp && args.batch % shape::TRACE != 0 {
        eprintln!(
            "error: --batch is {}; traces are of {} spans, so it must be a multiple of that",
            args.batch,
            shape::TRACE
        );
        return ExitCode::from(2);
    }
    let workspace = format!("load-{}", std::process::id());
    let (start, stop, calls) = (Instant::now(), AtomicBool::new(false), AtomicU64::new(0));
    let (sent, asked, held) = thread::scope(|scope| {
        let asking: Vec<_> = (0..args.dashboards)
            .map(|number| {
                scope.spawn({
                    let (args, workspace, stop) = (&args, &workspace, &stop);
                    move || dashboards::ask(args, workspace, number, stop)
                })
            })
            .collect();
        let watching = args.pid.map(|pid| {
            let (calls, stop) = (&calls, &stop);
            scope.spawn(move || memory::watch(pid, start, calls, stop))
        });
        let sending: Vec<_> = (0..args.connections)
            .map(|number| {
                scope.spawn({
                    let (args, workspace, calls) = (&args, &workspace, &calls);
                    move || sender::send(args, workspace, number, start, calls)
                })
            })
            .collect();
        let mut sent = ledger::Ledger::default();
        sending.into_iter().for_each(|sender| sent.add(&sender.join().expect("a sender that does not panic")));
        stop.store(true, Ordering::Relaxed);
        let mut asked = latencies();
        asking.into_iter().for_each(|asker| asked += &asker.join().expect("an asker that does not panic"));
        let held = watching.map(|watching| watching.join().expect("a watcher that does not panic"));
        (sent, asked, held.unwrap_or_default())
    });
    let took = start.elapsed();
    sent.show(took);
    show("sending", &sent.latencies);
    if args.dashboards > 0 {
        show("asking", &asked);
    }
    if !held.is_empty() {
        memory::show(&held);
    }
    match sent.balance(&args, &workspace) {
        Ok(()) => {
            println!("the ledger is balanced: what was acknowledged is there once, and nothing else");
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("error: {difference}");
            ExitCode::FAILURE
        }
    }
}

/// Microseconds up to two minutes, to three digits.
fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000, 3).expect("bounds that make sense")
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn show(what: &str, latencies: &Histogram<u64>) {
    let at = |percent: f64| {
        let micros = latencies.value_at_percentile(percent);
        format!("{}.{:03} ms", micros / 1000, micros % 1000)
    };
    println!(
        "{what}: {} answers, p50 {}, p90 {}, p99 {}, p99.9 {}, at most {}",
        latencies.len(),
        at(50.0),
        at(90.0),
        at(99.0),
        at(99.9),
        at(100.0)
    );
}
