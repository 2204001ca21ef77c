//! The demo: real data that others recorded, from files to answers.

mod next;
mod sections;

use std::path::Path;
use std::time::{Duration, Instant};

use quipu::store::Snapshot;
use quipu::{Error, PriceBook, Result, Store, Value};

use crate::demo_data;
use crate::import::{Summary, import};
use crate::ingest::{Admission, StoreSink};
use crate::prices::{self, ReadOptions};
use crate::render::{Document, Sheet, grouped};

pub use next::next_steps;

/// The name under which the price list of the demo is kept.
const PRICES_NAME: &str = "LiteLLM's model price map (the models of the demo)";

/// The same of the list that goes on top of it.
const RETIRED_PRICES_NAME: &str = "prices of models no longer listed (genai-prices, 2026-08-21)";

/// What the import did.
#[derive(Debug)]
pub struct Loaded {
    /// Each source by its title.
    pub sources: Vec<(&'static str, Summary)>,
    /// How long everything took, to the last byte on disk.
    pub elapsed: Duration,
}

/// Imports the demo's data and prices. Done again, it stores nothing twice.
///
/// # Errors
/// When the store cannot take them.
pub fn load(store: &Store) -> Result<Loaded> {
    let started = Instant::now();
    let book = price_book()?;
    if store.snapshot().price_book(None)?.rules() != book.rules() {
        store.add_price_book(book)?;
    }
    let mut sources = Vec::new();
    for source in demo_data::sources()? {
        let mut sink = StoreSink { store, admission: Admission::anywhere() };
        let mut summary = import(&source.inputs, &source.options, &mut sink, |_| {});
        if let Some(error) = summary.stopped.take() {
            return Err(error);
        }
        sources.push((source.title, summary));
    }
    store.seal()?;
    Ok(Loaded { sources, elapsed: started.elapsed() })
}

fn price_book() -> Result<PriceBook> {
    let read = |list: &[u8], source: &str| {
        prices::read(list, &ReadOptions { source: source.into(), ..ReadOptions::default() }).map(|(book, _)| book)
    };
    read(demo_data::PRICES, PRICES_NAME)?.overlaid_by(&read(demo_data::RETIRED_PRICES, RETIRED_PRICES_NAME)?)
}

/// The answers, each under its heading.
///
/// # Errors
/// As [`quipu::View::query`].
pub fn answers(snapshot: &Snapshot) -> Result<Document> {
    sections::all(snapshot).map(Document)
}

/// What was loaded: where from, how much, how fast, how small.
///
/// # Errors
/// When the store cannot be read.
pub fn loaded_lines(loaded: &Loaded, snapshot: &Snapshot) -> Result<Vec<String>> {
    let stat = snapshot.stat()?;
    let sum = |count: fn(&Summary) -> u64| loaded.sources.iter().map(|(_, summary)| count(summary)).sum::<u64>();
    let (stored, before) = (sum(|summary| summary.stored), sum(|summary| summary.duplicates));
    let outcomes = sum(|summary| summary.outcomes_stored);
    let millis = loaded.elapsed.as_millis().max(1);
    let count = |count: u64| grouped(&count.to_string());
    let mut lines: Vec<String> = loaded
        .sources
        .iter()
        .map(|(title, summary)| format!("{:>9}  {title}", count(summary.stored + summary.duplicates)))
        .collect();
    let sealed = i128::from(stat.events.saturating_sub(stat.head_events));
    let per_event = Value::ratio(stat.bytes().into(), sealed, 1);
    lines.push(match stored {
        0 => format!("All {} events were there already; nothing was stored twice.", count(before)),
        _ => format!(
            "{} events and {} outcomes, durable in {} ms: {} events/s, {per_event} bytes per event.",
            count(stored),
            count(outcomes),
            grouped(&millis.to_string()),
            grouped(&(u128::from(stored) * 1000 / millis).to_string()),
        ),
    });
    Ok(lines)
}

/// The sentence with the exact numbers: jobs, resolved jobs, cost, cost per resolved job, unknown costs.
///
/// # Errors
/// When the first of the answers is not about jobs.
pub fn in_short(answers: &Document) -> Result<Vec<String>> {
    let totals = answers.0.first().and_then(|(_, sheet)| total(sheet));
    let [jobs, converted, cost, unknown, each] = totals.ok_or_else(|| Error::invalid("the demo has no totals"))?;
    let count = |value: &Value| grouped(&value.to_string());
    let dollars = |value: &Value| format!("${}", grouped(&value.to_string()));
    Ok(vec![
        format!(
            "{} jobs cost {}; {} were resolved, at {} each.",
            count(&jobs),
            dollars(&cost),
            count(&converted),
            dollars(&each)
        ),
        format!("{} jobs report no cost: they are unknown, not free, and stand beside the sums.", count(&unknown)),
    ])
}

fn total<const N: usize>(sheet: &Sheet) -> Option<[Value; N]> {
    sheet.totals.as_ref()?.get(1..)?.to_vec().try_into().ok()
}

/// The directory as the shell takes it.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
