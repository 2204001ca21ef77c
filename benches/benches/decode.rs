//! Decoding blocks of numbers: values/s per scheme, to hold against the bandwidth of memory.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quipu::codec::vector;
use quipu::limits::BLOCK_ROWS;

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(BLOCK_ROWS as u64));
    for width in [6, 12, 20, 32, 44] {
        let mask = (1_u64 << width) - 1;
        let values: Vec<u64> =
            (0..BLOCK_ROWS as u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7 & mask).collect();
        let mut block = Vec::new();
        let summary = vector::encode(&values, &mut block);
        let mut out: Vec<u64> = Vec::with_capacity(BLOCK_ROWS);
        group.bench_function(format!("frame of reference, {width} bits"), |bencher| {
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
