//! Decoding blocks of numbers: values/s per scheme, to hold against the bandwidth of memory.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quipu::codec::vector;
use quipu::limits::BLOCK_ROWS;

/// Columns that each scheme suits.
fn columns() -> Vec<(&'static str, Vec<u64>)> {
    let noise = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let column = |value: &dyn Fn(u64) -> u64| (0..BLOCK_ROWS as u64).map(value).collect::<Vec<_>>();
    vec![
        ("constant vectors", column(&|n| n / 1024)),
        ("frame of reference, 6 bits", column(&|n| noise(n) % 64)),
        ("frame of reference, 12 bits", column(&|n| noise(n) % 4096)),
        ("frame of reference, 20 bits", column(&|n| noise(n) % (1 << 20))),
        ("frame of reference, 44 bits", column(&|n| noise(n))),
        ("patched, 3 % exceptions", column(&|n| if n % 33 == 0 { noise(n) % (1 << 20) } else { noise(n) % 256 })),
        ("delta", column(&|n| n * 10_000_000 + noise(n) % 50_000)),
        ("runs of 7", column(&|n| noise(n / 7) % 300)),
        ("runs of 2 to 3", column(&|n| noise(n * 2 / 5) % (1 << 18))),
        ("sparse, 3 %", column(&|n| if n % 33 == 0 { noise(n) % 512 } else { 1 })),
        ("sparse, 30 %", column(&|n| if noise(n) % 10 < 3 { noise(n) % 4096 } else { 1 })),
        ("dictionary, 20 values", column(&|n| noise(noise(n) % 20))),
    ]
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(BLOCK_ROWS as u64));
    for (name, values) in columns() {
        let mut block = Vec::new();
        let summary = vector::encode(&values, &mut block);
        let name = format!("{name}, {} bits each", block.len() * 8 / BLOCK_ROWS);
        let mut out: Vec<u64> = Vec::with_capacity(BLOCK_ROWS);
        group.bench_function(format!("{name}, to u64"), |bencher| {
            bencher.iter(|| {
                out.clear();
                vector::decode(&block, BLOCK_ROWS, &summary, &mut out).expect("sound");
                out.len()
            });
        });
        let mut out: Vec<u32> = Vec::with_capacity(BLOCK_ROWS);
        group.bench_function(format!("{name}, to u32"), |bencher| {
            bencher.iter(|| {
                out.clear();
                vector::decode(&block, BLOCK_ROWS, &summary, &mut out).expect("sound");
                out.len()
            });
        });
    }
    let source = vec![7_u8; 64 << 20];
    let mut copy = vec![0_u8; 64 << 20];
    group.throughput(Throughput::Bytes(source.len() as u64));
    group.bench_function("memory copy, for comparison", |bencher| bencher.iter(|| copy.copy_from_slice(&source)));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
