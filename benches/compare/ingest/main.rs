//! Durable writing beside the peers: the calls of a directory that the yardstick's generator wrote, from rows in
//! memory to the disk, in commits of several sizes. Every peer keeps every column and the indexes without which it
//! could not answer for a job or a trace; Quipu also refuses what it has already, which the peers are not asked to.

mod calls;
mod peers;
mod quipu_store;
mod sqlite;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Parser)]
struct Arguments {
    /// A directory that the yardstick's generator wrote.
    #[arg(long)]
    data: PathBuf,
    /// A Python with duckdb and pyarrow; without it, SQLite is the only peer.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Seconds that a peer may spend on one size.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where the databases are written and removed again.
    #[arg(long, default_value = ".")]
    scratch: PathBuf,
}

/// Commits of one size, at most so many: the slowest peer decides how long a size takes.
const SIZES: [(usize, usize); 4] = [(1, 2_000), (100, 1_000), (1_000, 400), (10_000, 50)];
const BULK: usize = 500_000;

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let calls = calls::read(&arguments.data, BULK)?;
    let budget = Duration::from_secs(arguments.seconds);
    println!("{} calls of {}\n", calls.len(), arguments.data.display());
    println!("{:<12} {:>8} {:>14} {:>12} {:>12} {:>10}", "peer", "commit", "events/s", "p50", "p99", "ratio");
    for (size, commits) in SIZES {
        let part = &calls[..(size * commits).min(calls.len())];
        let own = quipu_store::commits(&arguments.scratch, part, size, budget)?;
        own.print("quipu", size, &own);
        sqlite::commits(&arguments.scratch, part, size, budget)?.print("sqlite", size, &own);
        if let Some(python) = &arguments.python {
            for peer in ["duckdb", "parquet"] {
                peers::commits(python, peer, &arguments, size, part.len())?.print(peer, size, &own);
            }
        }
    }
    println!("\nbulk load, everything durable at the end; Quipu in commits of 10,000 and sealed into segments");
    let own = quipu_store::bulk(&arguments.scratch, &calls)?;
    own.print("quipu", calls.len(), &own);
    sqlite::bulk(&arguments.scratch, &calls)?.print("sqlite", calls.len(), &own);
    if let Some(python) = &arguments.python {
        for peer in ["duckdb", "parquet"] {
            peers::bulk(python, peer, &arguments, calls.len())?.print(peer, calls.len(), &own);
        }
    }
    Ok(())
}

/// What a peer took for a number of commits.
struct Measured {
    events: usize,
    /// Sorted.
    commits: Vec<Duration>,
}

impl Measured {
    fn new(events: usize, mut commits: Vec<Duration>) -> Self {
        commits.sort_unstable();
        Self { events, commits }
    }

    fn micros_per_event(&self) -> f64 {
        let total: Duration = self.commits.iter().sum();
        total.as_secs_f64() * 1e6 / self.events.max(1) as f64
    }

    fn quantile(&self, hundredths: usize) -> Duration {
        let at = (self.commits.len() * hundredths / 100).min(self.commits.len().saturating_sub(1));
        self.commits.get(at).copied().unwrap_or_default()
    }

    /// The ratio is how many times as long the peer takes as Quipu in this run.
    fn print(&self, peer: &str, size: usize, own: &Self) {
        println!(
            "{peer:<12} {size:>8} {:>14.0} {:>9.3} ms {:>9.3} ms {:>9.1}×",
            1e6 / self.micros_per_event(),
            self.quantile(50).as_secs_f64() * 1e3,
            self.quantile(99).as_secs_f64() * 1e3,
            self.micros_per_event() / own.micros_per_event()
        );
    }
}
