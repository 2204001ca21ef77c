//! Quipu beside SQLite (WAL, synchronous=FULL, prepared statements): the same rows, the same
//! durability, the same run, one table of ratios. The answers are compared too.

mod peer;

use std::error::Error;
use std::time::{Duration, Instant};

use quipu::store::{Options, Store};
use quipu::{Dimension, Event, Measure, PathChoice, Query, Scope, Timestamp, TokenMeter, View};
use quipu_benches::series::{ROWS, series};
use quipu_benches::store::load;

use peer::{Row, Sqlite};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let series = series(scratch.path())?;
    let rows = peer::read(&series.path)?;
    println!("{} rows, {}\n", rows.len(), series.label);
    println!("{:<38} {:>12} {:>12} {:>8}", "", "Quipu", "SQLite", "ratio");

    let dir = tempfile::tempdir()?;
    let start = Instant::now();
    let (store, _) = load(dir.path(), &series)?;
    let quipu = start.elapsed();
    let start = Instant::now();
    let sqlite = Sqlite::create(&scratch.path().join("bulk.db"))?;
    // The peer gets its rows parsed already; Quipu's figure includes unpacking and parsing.
    sqlite.insert(&rows, 10_000)?;
    report("durable bulk load, commits of 10,000", quipu, start.elapsed());

    for commit in [1, 100, 1_000, 10_000] {
        let part = &rows[..(commit * 200).min(200_000)];
        let dir = tempfile::tempdir()?;
        let fresh = Store::open(dir.path(), Options::default())?;
        let batches: Vec<Vec<Event>> = part.chunks(commit).map(|chunk| chunk.iter().map(event).collect()).collect();
        let start = Instant::now();
        for batch in batches {
            fresh.append(batch)?;
        }
        let quipu = start.elapsed();
        let sqlite = Sqlite::create(&scratch.path().join(format!("{commit}.db")))?;
        let start = Instant::now();
        sqlite.insert(part, commit)?;
        report(&format!("durable commits of {commit}"), quipu, start.elapsed());
    }

    let snapshot = store.snapshot();
    let view = View::new(&snapshot, Scope::default());
    let measures = ["input_tokens", "output_tokens", "reasoning"];
    let query = measures.iter().try_fold(Query::new(), |query, name| Measure::parse(name).map(|m| query.measure(m)))?;
    let query = query.by(Dimension::Tenant).limit(1_000);
    let expected = sqlite.tokens_by_tenant()?;
    for (name, path) in
        [("tokens by tenant, from rows", PathChoice::Scan), ("tokens by tenant, as planned", PathChoice::Auto)]
    {
        let query = query.clone().path(path);
        let answer = view.query(&query)?;
        assert_eq!(answer.rows.len(), expected.len(), "both know the same tenants");
        for row in &answer.rows {
            let texts: Vec<String> = row.iter().map(ToString::to_string).collect();
            assert!(expected.contains(&texts), "{texts:?} is not what the peer says");
        }
        report(name, median(|| view.query(&query).map(drop))?, median(|| sqlite.tokens_by_tenant().map(drop))?);
    }
    println!("\nbytes per event: Quipu {}, SQLite {}", store.stat()?.bytes() / ROWS, sqlite.bytes()? / ROWS);
    Ok(())
}

fn event(row: &Row) -> Event {
    Event::new(row.id.as_str(), Timestamp::from_micros(row.at_micros))
        .with(Dimension::Tenant, row.tenant.as_str())
        .with(Dimension::Provider, "alibaba")
        .with(Dimension::Model, "deepseek-r1")
        .used(TokenMeter::Input, row.input)
        .used(TokenMeter::Output, row.output - row.reasoning)
        .used(TokenMeter::Reasoning, row.reasoning)
}

fn report(what: &str, quipu: Duration, peer: Duration) {
    let ratio = peer.as_micros() * 10 / quipu.as_micros().max(1);
    let millis = |took: Duration| format!("{}.{:02} ms", took.as_millis(), took.as_micros() % 1_000 / 10);
    println!("{what:<38} {:>12} {:>12} {:>6}.{}×", millis(quipu), millis(peer), ratio / 10, ratio % 10);
}

fn median<E>(mut run: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut times = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
