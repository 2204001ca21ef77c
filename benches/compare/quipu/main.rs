//! Quipu's part of the comparison: a store loaded from a directory of the workload's generator answers its
//! 14 questions in this process.
//!
//! ```sh
//! quipu import --store STORE --as parquet --map yardstick DATA/events-*.parquet
//! quipu import --store STORE --map yardstick-outcomes DATA/outcomes.parquet
//! quipu prices import --store STORE --map yardstick-prices DATA/prices.parquet
//! cargo run --release -p quipu-benches --bin yardstick -- STORE DATA --answers DIR
//! ```
//! One JSON line per question says how long it took: after the store was opened anew (`cold_ms`; with the page
//! cache dropped where this process may do so), and then again and again. With `--answers`, each answer is
//! written to `DIR/Q.quipu.json` in the form of the peers, rows in the order of their JSON texts.

mod clock;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use quipu::store::read_only;
use quipu::{PathChoice, Scope, View};
use quipu_benches::yardstick::{Outcome, Params, Question, Rows, Setting, to_json};
use serde_json::{Map, Value as Json, json};

use clock::{Clock, Took, millis, percentile};

/// What is printed of a question.
type Line = Map<String, Json>;

/// What to ask of which store.
#[derive(Debug, Parser)]
struct Args {
    /// The store.
    store: PathBuf,
    /// The directory that the generator wrote.
    data: PathBuf,
    /// Some of the questions: Q1,Q13a; all when absent.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Question>,
    /// Threads per question.
    #[arg(long, default_value = "2")]
    threads: NonZeroUsize,
    /// Warm runs, unless the budget ends them.
    #[arg(long, default_value_t = 5)]
    reps: u32,
    /// Seconds that the warm runs of a question may take together.
    #[arg(long, default_value_t = 30)]
    budget: u64,
    /// Which rows are read: auto, rollup, counters, index or scan.
    #[arg(long, default_value = "auto", value_parser = PathChoice::parse)]
    path: PathChoice,
    /// Where answers are written to.
    #[arg(long)]
    answers: Option<PathBuf>,
    /// Drop the page cache before each question; needs the right to.
    #[arg(long)]
    drop_caches: bool,
}

fn main() -> Outcome<()> {
    let args = Args::parse();
    let params = Params::read(&args.data)?;
    let asked = if args.only.is_empty() { Question::ALL.to_vec() } else { args.only.clone() };
    for question in asked {
        let (line, answer) = measure(&args, &params, question)?;
        println!("{}", Json::Object(line));
        if let Some(dir) = &args.answers {
            std::fs::create_dir_all(dir)?;
            std::fs::write(dir.join(format!("{}.quipu.json", question.name())), to_json(&answer))?;
        }
    }
    Ok(())
}

fn measure(args: &Args, params: &Params, question: Question) -> Outcome<(Line, Rows)> {
    if args.drop_caches {
        clock::drop_caches()?;
    }
    let opened = Instant::now();
    let snapshot = read_only(&args.store)?;
    let opened = opened.elapsed();
    let mut line = Line::new();
    let data = args.data.file_name().unwrap_or_default().to_string_lossy();
    for (key, value) in [
        ("op", json!("query")),
        ("peer", json!("quipu")),
        ("data", json!(data)),
        ("threads", json!(args.threads)),
        ("q", json!(question.name())),
        ("open_ms", millis(opened)),
    ] {
        line.insert(key.into(), value);
    }
    let view = View::new(&snapshot, Scope::default());
    let setting = Setting { view: &view, params, threads: args.threads, path: args.path };
    let answer = match question.keys(params) {
        Some(keys) => look_up(args, &setting, question, keys, &mut line)?,
        None => repeat(args, &setting, question, &mut line)?,
    };
    line.insert("rss_mb".into(), json!(quipu_benches::store::peak_memory_bytes().map(|bytes| bytes >> 20)));
    line.insert("dropped".into(), json!(args.drop_caches));
    Ok((line, answer))
}

/// Asks one question again and again.
fn repeat(args: &Args, setting: &Setting<'_>, question: Question, line: &mut Line) -> Outcome<Rows> {
    let clock = Clock::start();
    let mut rows = question.ask(setting)?;
    line.insert("cold_ms".into(), millis(clock.stop().wall));
    let mut runs: Vec<Took> = Vec::new();
    let budget = Duration::from_secs(args.budget);
    while runs.len() < args.reps as usize && runs.iter().map(|run| run.wall).sum::<Duration>() < budget {
        let clock = Clock::start();
        rows = question.ask(setting)?;
        runs.push(clock.stop());
    }
    let walls = || runs.iter().map(|run| run.wall).collect::<Vec<_>>();
    line.insert("med_ms".into(), millis(percentile(walls(), 50)));
    line.insert("min_ms".into(), millis(percentile(walls(), 0)));
    line.insert("max_ms".into(), millis(percentile(walls(), 100)));
    clock::add_cpu(&runs, line);
    line.insert("warm".into(), json!(runs.len()));
    line.insert("rows".into(), json!(rows.len()));
    Ok(rows)
}

/// Looks many keys up, one after the other.
fn look_up(args: &Args, setting: &Setting<'_>, question: Question, keys: &[String], line: &mut Line) -> Outcome<Rows> {
    let timed = |key: &String| {
        let start = Instant::now();
        let row = question.look_up(setting, key)?;
        Outcome::Ok((start.elapsed(), row))
    };
    let Some(first) = keys.first() else { return Ok(Vec::new()) };
    line.insert("cold_ms".into(), millis(timed(first)?.0));
    let first_pass = keys.iter().map(timed).collect::<Outcome<Vec<_>>>()?;
    let (times, rows): (Vec<_>, Vec<_>) = first_pass.into_iter().unzip();
    line.insert("first_pass_p50_ms".into(), millis(percentile(times, 50)));
    line.insert("first_pass_n".into(), json!(rows.len()));
    let (mut medians, mut tails, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let (start, budget, clock) = (Instant::now(), Duration::from_secs(args.budget), Clock::start());
    while medians.len() < args.reps as usize && start.elapsed() < budget {
        let pass = keys.iter().map(|key| Ok(timed(key)?.0)).collect::<Outcome<Vec<_>>>()?;
        medians.push(percentile(pass.clone(), 50));
        tails.push(percentile(pass.clone(), 99));
        all.extend(pass);
    }
    clock::add_cpu(&[clock.stop()], line);
    let median = millis(percentile(medians.clone(), 50));
    line.insert("med_ms".into(), median.clone());
    line.insert("p50_ms".into(), median);
    line.insert("p99_ms".into(), millis(percentile(tails, 50)));
    line.insert("min_ms".into(), millis(percentile(all.clone(), 0)));
    line.insert("n_lookups".into(), json!(all.len()));
    line.insert("warm".into(), json!(medians.len()));
    Ok(rows)
}
