//! A store through its life: loaded, sent everything again in another order, merged, closed, killed and opened.
//!
//! `QUIPU_BENCH_EVENTS=50000000 cargo bench --bench storage` does it with so many events; a million by default.

#![expect(clippy::float_arithmetic, reason = "rates and ratios to be looked at, not money")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use quipu::store::{Options, Stat, Store, read_only};
use quipu::{Dimension, Event, Result, Timestamp, TokenMeter};
use quipu_benches::store::peak_memory_bytes;

const COMMIT: u64 = 10_000;
const DAYS_MICROS: u64 = 90 * 86_400_000_000;
const START_MICROS: u64 = 1_767_225_600_000_000;
/// What the child process does: fills the log of a store and dies.
const CHILD: &str = "QUIPU_BENCH_FILL_AND_DIE";
/// Just below what a head takes before it is sealed.
const FULL_LOG: u64 = 260_000;

fn main() {
    if let Some(dir) = std::env::var_os(CHILD) {
        fill_and_die(Path::new(&dir));
    }
    let events = std::env::var("QUIPU_BENCH_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    live(events).expect("a store");
    many_segments().expect("a store");
    killed().expect("a store");
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Event `n` of `of`, which spread over 90 days; its id is a UUID of version 7.
fn event(n: u64, of: u64) -> Event {
    let at = START_MICROS + u64::try_from(u128::from(DAYS_MICROS) * u128::from(n) / u128::from(of)).unwrap_or(0);
    let (job, random) = (n / 8, mix(n));
    let tenant = mix(job) % 200 * (mix(job + 1) % 200) / 200;
    let millis = at / 1_000;
    let id = format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        millis >> 16,
        millis & 0xFFFF,
        random & 0xFFF,
        random >> 12 & 0xFFF,
        random >> 16
    );
    let event = Event::new(id, Timestamp::from_micros(at.cast_signed()))
        .with(Dimension::Tenant, format!("tenant-{tenant}"))
        .with(Dimension::JobType, ["support", "review", "draft", "search"][(mix(job) % 4) as usize])
        .with(Dimension::JobId, format!("job-{job}"))
        .with(Dimension::Team, format!("team-{}", tenant % 12))
        .with(Dimension::Provider, "openai")
        .with(Dimension::Model, ["gpt-4o", "gpt-4o-mini", "o3"][(random % 3) as usize])
        .used(TokenMeter::Input, random % 5_000)
        .used(TokenMeter::CacheRead, random / 7 % 3_000)
        .used(TokenMeter::Output, random / 11 % 700);
    if n.is_multiple_of(3) { event.tagged("plan", ["free", "pro", "team"][(mix(job) % 3) as usize]) } else { event }
}

fn batches(events: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..events).step_by(COMMIT as usize).map(move |start| start..(start + COMMIT).min(events))
}

fn live(events: u64) -> Result<()> {
    println!("{events} events over 90 days, commits of {COMMIT}");
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), Options::default())?;
    // Making the events is no part of what is measured.
    let (mut busy, mut stored) = (Duration::ZERO, 0);
    for batch in batches(events) {
        let batch: Vec<Event> = batch.map(|n| event(n, events)).collect();
        let start = Instant::now();
        stored += store.append(batch)?.stored();
        busy += start.elapsed();
    }
    let load = busy;
    report("loaded, durable", events, load);
    assert_eq!(stored as u64, events, "every event is new");
    written(&store.stat()?);

    // A stride that is prime to the number of events visits each once, far from the one before.
    let stride = (1..).map(|n| events / 5 * 2 + n).find(|stride| gcd(*stride, events) == 1).unwrap_or(1);
    let (mut busy, mut stored) = (Duration::ZERO, 0);
    for batch in batches(events) {
        let place = |n: u64| u64::try_from(u128::from(n) * u128::from(stride) % u128::from(events)).unwrap_or(0);
        let batch: Vec<Event> = batch.map(|n| event(place(n), events)).collect();
        let start = Instant::now();
        stored += store.append(batch)?.stored();
        busy += start.elapsed();
    }
    report("sent again in another order", events, busy);
    assert_eq!(stored, 0, "nothing is stored twice");
    println!("  {:.2} times the speed of the first load", load.as_secs_f64() / busy.as_secs_f64());

    store.seal()?;
    let start = Instant::now();
    let done = store.compact()?;
    report("merged all there is", done.rows, start.elapsed());
    println!("  {} bytes read, {} written, {} merges", done.read_bytes, done.written_bytes, done.merges);
    written(&store.stat()?);
    drop(store);
    let start = Instant::now();
    let store = Store::open(dir.path(), Options::default())?;
    println!("opened after closing: {:?}", start.elapsed());
    drop(store);
    let start = Instant::now();
    let snapshot = read_only(dir.path())?;
    println!("opened for reading only: {:?}, {} parts", start.elapsed(), snapshot.parts().len());
    let peak = peak_memory_bytes().unwrap_or(0) >> 20;
    println!("most memory resident so far: {peak} MiB, mapped files included");
    Ok(())
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn report(what: &str, events: u64, took: Duration) {
    let rate = events as f64 / took.as_secs_f64().max(1e-9);
    println!("{what}: {events} events in {took:.2?}, {rate:.0} events/s");
}

fn written(stat: &Stat) {
    let all = (stat.sealed_bytes + stat.merged_bytes) as f64 / stat.sealed_bytes.max(1) as f64;
    let bytes = stat.bytes() as f64 / stat.events.max(1) as f64;
    println!("  {} segments, {bytes:.1} bytes an event, write amplification {all:.2}", stat.segments);
}

/// A thousand segments, and nobody merges them.
fn many_segments() -> Result<()> {
    let dir = tempfile::tempdir().expect("a directory");
    let options = || Options::default().background(false).seal_events(500);
    let store = Store::open(dir.path(), options())?;
    let events = 500_000;
    for batch in (0..events).step_by(500) {
        store.append((batch..batch + 500).map(|n| event(n, events)).collect())?;
    }
    let segments = store.stat()?.segments;
    drop(store);
    for round in 1..=3 {
        let start = Instant::now();
        let store = Store::open(dir.path(), options())?;
        println!("opened with {segments} segments, round {round}: {:?}", start.elapsed());
        drop(store);
    }
    Ok(())
}

/// A process that is killed with a full log leaves it to the next opening.
fn killed() -> Result<()> {
    let dir = tempfile::tempdir().expect("a directory");
    let program = std::env::current_exe().expect("this program");
    let status = Command::new(program).env(CHILD, dir.path()).status().expect("a child");
    assert!(!status.success(), "the child dies");
    let start = Instant::now();
    let store = Store::open(dir.path(), Options::default())?;
    println!("opened after a kill with {FULL_LOG} events in the log: {:?}", start.elapsed());
    assert_eq!(store.stat()?.events, FULL_LOG);
    Ok(())
}

fn fill_and_die(dir: &Path) {
    let store = Store::open(dir, Options::default()).expect("a store");
    for batch in batches(FULL_LOG) {
        store.append(batch.map(|n| event(n, FULL_LOG)).collect()).expect("stored");
    }
    std::process::abort();
}
