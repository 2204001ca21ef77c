//! Durable bulk import of 1.38 million rows: events/s, bytes per event, peak memory.
//! Goals: at least 200,000 events/s on two cores, at most 1 GiB resident.

use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quipu_benches::series::{ROWS, series};
use quipu_benches::store::{load, peak_memory_bytes};

fn import(criterion: &mut Criterion) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let series = series(scratch.path()).expect("the series");
    let mut group = criterion.benchmark_group("import");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    let mut stat = None;
    group.bench_function("durable", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| {
                    let dir = tempfile::tempdir().expect("a temporary directory");
                    let start = Instant::now();
                    let (store, summary) = load(dir.path(), &series).expect("imported");
                    let took = start.elapsed();
                    assert_eq!(summary.stored, ROWS, "every row is stored");
                    stat = Some(store.stat().expect("readable"));
                    took
                })
                .sum()
        });
    });
    group.finish();
    if let Some(stat) = stat {
        println!("{}: {} bytes for {} events in {} segments", series.label, stat.bytes(), stat.events, stat.segments);
        println!(
            "bytes per event: {}.{:02}",
            stat.bytes() / stat.events,
            stat.bytes() % stat.events * 100 / stat.events
        );
        for file in &stat.files {
            println!("  {:<12} {:>10} bytes in {} files", file.kind.label(), file.bytes, file.files);
        }
    }
    if let Some(bytes) = peak_memory_bytes() {
        println!("peak resident memory: {} MiB", bytes >> 20);
    }
}

criterion_group!(benches, import);
criterion_main!(benches);
