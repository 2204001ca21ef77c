//! Quipu: rows become events, are checked against every id stored, logged, synced and visible.

use std::path::Path;
use std::time::{Duration, Instant};

use quipu::Event;
use quipu::store::{Options, Store};

use crate::calls::Call;
use crate::{Measured, Outcome};

pub fn commits(scratch: &Path, calls: &[Call], size: usize, budget: Duration) -> Outcome<Measured> {
    let dir = tempfile::tempdir_in(scratch)?;
    let store = Store::open(dir.path(), Options::default())?;
    let begun = Instant::now();
    let (mut stored, mut took) = (0, Vec::new());
    for batch in calls.chunks_exact(size) {
        let start = Instant::now();
        stored += append(&store, batch)?;
        took.push(start.elapsed());
        if begun.elapsed() > budget {
            break;
        }
    }
    assert_eq!(stored, took.len() * size, "every call is new");
    Ok(Measured::new(stored, took))
}

/// Everything, until it lies in sealed, indexed segments.
pub fn bulk(scratch: &Path, calls: &[Call]) -> Outcome<Measured> {
    let dir = tempfile::tempdir_in(scratch)?;
    let store = Store::open(dir.path(), Options::default())?;
    let start = Instant::now();
    let mut stored = 0;
    for batch in calls.chunks(10_000) {
        stored += append(&store, batch)?;
    }
    store.seal()?;
    let took = start.elapsed();
    println!("quipu: {} bytes per event on disk", store.stat()?.bytes() / stored as u64);
    Ok(Measured::new(stored, vec![took]))
}

fn append(store: &Store, calls: &[Call]) -> Outcome<usize> {
    let events: Vec<Event> = calls.iter().map(Call::event).collect();
    Ok(store.append(events)?.stored())
}
