//! How long things take, and what else the machine does meanwhile.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

/// The kernel counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// A running measurement.
pub(crate) struct Clock {
    start: Instant,
    own: Duration,
    all: Duration,
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    /// Processor time of this process.
    own: Duration,
    /// Processor time of everybody.
    all: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { own: own_cpu(), all: all_cpu(), start: Instant::now() }
    }

    pub(crate) fn stop(self) -> Took {
        let wall = self.start.elapsed();
        Took { wall, own: own_cpu().saturating_sub(self.own), all: all_cpu().saturating_sub(self.all) }
    }
}

/// `cpu_ms` per run, and as `other_cpu` the part of the machine that others used meanwhile.
pub(crate) fn add_cpu(runs: &[Took], line: &mut Map<String, Json>) {
    let sum = |of: fn(&Took) -> Duration| runs.iter().map(of).sum::<Duration>();
    let (wall, own, all) = (sum(|run| run.wall), sum(|run| run.own), sum(|run| run.all));
    line.insert("cpu_ms".into(), millis(own / u32::try_from(runs.len().max(1)).unwrap_or(u32::MAX)));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u128);
    let others = all.saturating_sub(own).as_micros() * 1_000 / (wall.as_micros() * cores).max(1);
    line.insert("other_cpu".into(), decimal(others, 3));
}

/// User and system time of all threads of this process.
fn own_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    ticks(fields.split_whitespace().skip(11).take(2))
}

/// What all processes and the system used: everything but idle, waiting for disks and stolen.
fn all_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    ticks(all.enumerate().filter(|(at, _)| [0, 1, 2, 5, 6].contains(at)).map(|(_, field)| field))
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    fields.map(|field| TICK * field.parse().unwrap_or(0)).sum()
}

/// The value below which so many percent of `times` lie, the nearest rank; zero when there are none.
pub(crate) fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).copied().unwrap_or_default()
}

/// Milliseconds with three decimals.
pub(crate) fn millis(time: Duration) -> Json {
    decimal(time.as_micros(), 3)
}

/// `value / 10^digits` as a number.
fn decimal(value: u128, digits: usize) -> Json {
    let text = format!("{value:0>width$}", width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    format!("{whole}.{part}").parse().map_or(Json::Null, Json::Number)
}

/// Empties the page cache, for runs that find nothing in memory.
pub(crate) fn drop_caches() -> io::Result<()> {
    fs::write("/proc/sys/vm/drop_caches", "1\n")
}
