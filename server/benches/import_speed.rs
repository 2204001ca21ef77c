//! How many rows per second are read — unpacked, parsed, mapped — and dropped, or stored durably.
//!
//! `cargo bench -p quipu-server`. Takes the ServeGen series from the folder of large data
//! sets (`QUIPU_SHARED`) where it is there, else a generated one of the same shape.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use quipu::store::{Item, OutcomeItem};
use quipu::{Event, Outcome, Result, Store};
use quipu_server::import::{Input, Map, Options, Sink, import};
use quipu_server::wire::native;

/// Drops what it gets, so that decoding alone is measured.
struct Nowhere;

impl Sink for Nowhere {
    fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
        Ok(events.into_iter().map(|event| Item::Stored { id: event.id.unwrap_or_default() }).collect())
    }

    fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
        Ok(outcomes.into_iter().map(|_| OutcomeItem::Stored).collect())
    }
}

fn measure(what: &str, file: &Path, options: &Options, sink: &mut dyn Sink) {
    let start = Instant::now();
    let summary = import(&[Input::File(file.into())], options, sink, |_| {});
    let elapsed = start.elapsed();
    assert!(summary.is_clean(), "{summary:?}");
    let per_second = u128::from(summary.stored) * 1_000_000 / elapsed.as_micros().max(1);
    println!("{what}: {} events in {} ms, {per_second} events/s", summary.stored, elapsed.as_millis());
}

fn generated(folder: &Path, rows: u64) -> PathBuf {
    let mut csv = String::from("ts_ms,client,input_tokens,output_tokens,reasoning_tokens\n");
    let mut seed = 1_u64;
    for row in 0..rows {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (input, reasoning) = (4 + seed % 5_000, (seed >> 20) % 3_000);
        let output = reasoning + 9 + (seed >> 40) % 1_000;
        writeln!(csv, "{},{},{input},{output},{reasoning}", row * 62, (seed >> 50) % 73).expect("memory");
    }
    let path = folder.join("series.csv");
    std::fs::write(&path, csv).expect("a file");
    path
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("QUIPU_SHARED").map_or(beside, PathBuf::from);
    let real = shared.join("data/requests/servegen_r1_expanded.csv.gz");
    let csv = if real.is_file() { real } else { generated(folder.path(), 1_000_000) };
    let map = Map::load("servegen").expect("a built-in map");
    let options = Options { map: Some(Arc::new(map)), ..Options::default() };
    measure(&format!("csv with a map ({})", csv.display()), &csv, &options, &mut Nowhere);
    let store = Store::open(folder.path().join("store"), quipu::Options::default()).expect("a store");
    measure("the same into a store, durably", &csv, &options, &mut &store);
    drop(store);

    let lines = folder.path().join("events.jsonl");
    write_native(&csv, &options, &lines);
    measure("native JSON lines", &lines, &Options::default(), &mut Nowhere);
}

/// The same events as native JSON.
fn write_native(csv: &Path, options: &Options, lines: &Path) {
    struct Lines(String);
    impl Sink for Lines {
        fn events(&mut self, events: Vec<Event>) -> Result<Vec<Item>> {
            for event in &events {
                self.0.push_str(&native::encode(event));
                self.0.push('\n');
            }
            Ok(events.into_iter().map(|event| Item::Stored { id: event.id.unwrap_or_default() }).collect())
        }
        fn outcomes(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<OutcomeItem>> {
            Ok(outcomes.into_iter().map(|_| OutcomeItem::Stored).collect())
        }
    }
    let mut sink = Lines(String::new());
    import(&[Input::File(csv.into())], options, &mut sink, |_| {});
    std::fs::write(lines, sink.0).expect("a file");
}
