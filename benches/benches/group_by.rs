//! Questions over 1.38 million events in memory-mapped segments. Goal: a group-by in at most 30 ms.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quipu::{Bucket, Dimension, Filter, Measure, PathChoice, Query, Scope, View};
use quipu_benches::series::{ROWS, series};
use quipu_benches::store::load;

fn group_by(criterion: &mut Criterion) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let series = series(scratch.path()).expect("the series");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (store, _) = load(dir.path(), &series).expect("imported");
    let snapshot = store.snapshot();
    let view = View::new(&snapshot, Scope::new("default").expect("a workspace"));
    let tokens = ["input_tokens", "output_tokens", "reasoning"].map(|name| Measure::parse(name).expect("a measure"));
    let by_tenant = tokens.into_iter().fold(Query::new(), Query::measure).by(Dimension::Tenant);
    let mut group = criterion.benchmark_group("group_by");
    group.throughput(Throughput::Elements(ROWS));
    let mut question = |name: &str, query: Query| {
        group.bench_function(name, |bencher| bencher.iter(|| view.query(&query).expect("answered")));
    };
    question("tokens by tenant, rows", by_tenant.clone().path(PathChoice::Scan));
    question("tokens by tenant, counters", by_tenant.clone());
    question("tokens by tenant and hour", by_tenant.clone().by(Bucket::Hour));
    let filter = Filter::parse("tenant in (client-35, client-15) and output > 1000").expect("a filter");
    question("tokens by tenant of long answers of two clients", by_tenant.filter(filter));
    group.finish();
}

criterion_group!(benches, group_by);
criterion_main!(benches);
