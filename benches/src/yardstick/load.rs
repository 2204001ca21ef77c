//! A store with what the generator wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quipu::store::Store;
use quipu_server::import::{Input, Map, Options, import};
use quipu_server::prices::{ReadOptions, read_table};

use super::Outcome;

/// Imports the events, outcomes and prices of `data` as the command line does, and seals what came in.
///
/// # Errors
/// When anything cannot be read, or anything is refused.
pub fn load(store: &Store, data: &Path) -> Outcome<()> {
    let mut events = Vec::new();
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("events-") && name.ends_with(".parquet") {
            events.push(path);
        }
    }
    events.sort();
    take(store, "yardstick", events)?;
    take(store, "yardstick-outcomes", vec![data.join("outcomes.parquet")])?;
    let prices = Input::File(data.join("prices.parquet"));
    let options = ReadOptions { source: "prices.parquet".into(), ..ReadOptions::default() };
    store.add_price_book(read_table(&prices, &Map::load("yardstick-prices")?, &options)?.0)?;
    store.seal()?;
    Ok(())
}

fn take(store: &Store, map: &str, files: Vec<PathBuf>) -> Outcome<()> {
    let inputs: Vec<Input> = files.into_iter().map(Input::File).collect();
    let options = Options { map: Some(Arc::new(Map::load(map)?)), ..Options::default() };
    let summary = import(&inputs, &options, &mut &*store, |_| {});
    match summary.is_clean() {
        true => Ok(()),
        false => Err(format!("{map}: {summary:?}").into()),
    }
}
