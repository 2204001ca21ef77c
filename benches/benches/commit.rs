//! One durable commit of n events, one sync each; and several producers that share syncs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quipu::store::{Options, Store};
use quipu::{Dimension, Event, Timestamp, TokenMeter};

static NEXT: AtomicU64 = AtomicU64::new(0);

fn batch(events: u64) -> Vec<Event> {
    let first = NEXT.fetch_add(events, Ordering::Relaxed);
    let event = |n: u64| {
        Event::new(format!("call-{n}"), Timestamp::from_micros(1_767_225_600_000_000 + n.cast_signed() * 1_000))
            .with(Dimension::Tenant, format!("tenant-{}", n % 50))
            .with(Dimension::JobId, format!("ticket-{}", n / 8))
            .with(Dimension::Provider, "openai")
            .with(Dimension::Model, "gpt-4o")
            .used(TokenMeter::Input, n % 5_000)
            .used(TokenMeter::Output, n % 700)
    };
    (first..first + events).map(event).collect()
}

fn commit(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(dir.path(), Options::default()).expect("a store");
    let mut group = criterion.benchmark_group("commit");
    for events in [1, 100, 1_000, 10_000] {
        group.throughput(Throughput::Elements(events));
        group.bench_with_input(BenchmarkId::new("one producer", events), &events, |bencher, events| {
            bencher.iter_batched(
                || batch(*events),
                |batch| store.append(batch).expect("stored"),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    for producers in [1, 4, 16] {
        group.throughput(Throughput::Elements(producers));
        group.bench_with_input(
            BenchmarkId::new("producers of single events", producers),
            &producers,
            |bencher, producers| {
                bencher.iter_custom(|rounds| {
                    let start = Instant::now();
                    std::thread::scope(|scope| {
                        for _ in 0..*producers {
                            scope.spawn(|| (0..rounds).for_each(|_| drop(store.append(batch(1)).expect("stored"))));
                        }
                    });
                    start.elapsed()
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, commit);
criterion_main!(benches);
