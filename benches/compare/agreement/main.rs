//! The answers to the workload's questions beside DuckDB's: over a few thousand events whose answers lie beside this
//! file, and over events generated now where Python with `duckdb`, `numpy` and `pyarrow` is at hand.

#![expect(clippy::float_arithmetic, reason = "quotients are compared as far as floats tell them apart")]

mod python;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;

use quipu::store::{Options, Snapshot, Store, read_only};
use quipu::{ErrorKind, PathChoice, Scope, View};
use quipu_benches::yardstick::{Outcome, Params, Question, Rows, Setting, load, to_json};
use serde_json::Value as Json;

/// Written by `python -m yardstick.answers --events 6000 --out benches/compare/agreement/fixture` of `benches/compare`,
/// with DuckDB 2.0.1.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/agreement/fixture");

/// Quotients are written with some fifteen digits.
const TOLERANCE: f64 = 1e-9;

#[test]
fn answers_equal_those_of_duckdb_however_they_are_found() -> Outcome<()> {
    agree(Path::new(FIXTURE))
}

#[test]
fn answers_about_generated_events_equal_those_of_duckdb() -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    // A seed of its own, so that nothing is true of one data set only.
    if python::generate(20_000, 20_251_125, dir.path())? {
        agree(dir.path())?;
    }
    Ok(())
}

/// Loads a directory, and holds every answer against the peer's: as sealed, compacted, and opened again for reading.
fn agree(data: &Path) -> Outcome<()> {
    let (dir, params) = (tempfile::tempdir()?, Params::read(data)?);
    let store = Store::open(dir.path(), Options::default())?;
    load(&store, data)?;
    compare(&store.snapshot(), &params, data)?;
    store.compact()?;
    compare(&store.snapshot(), &params, data)?;
    drop(store);
    compare(&read_only(dir.path())?, &params, data)
}

fn compare(snapshot: &Snapshot, params: &Params, data: &Path) -> Outcome<()> {
    let view = View::new(snapshot, Scope::default());
    for question in Question::ALL {
        let expected: Rows = read(data, &format!("{}.duckdb.json", question.name()))?;
        for &path in PathChoice::ALL {
            for threads in [1, 2] {
                let threads = NonZeroUsize::new(threads).ok_or("some threads")?;
                let setting = Setting { view: &view, params, threads, path };
                let rows = match question.keys(params) {
                    Some(keys) => keys.iter().map(|key| question.look_up(&setting, key)).collect(),
                    None => question.ask(&setting),
                };
                let found: Rows = match rows {
                    Err(error) if may_refuse(path) && is_refusal(&*error) => continue,
                    rows => serde_json::from_str(&to_json(&rows?))?,
                };
                let name = format!("{} by {path:?} with {threads} threads", question.name());
                assert_eq!(found.len(), expected.len(), "{name}: as many rows");
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(same_row(found, expected), "{name}: {found:?} in place of {expected:?}");
                }
            }
        }
    }
    Ok(())
}

/// Neither rollups nor counters can answer everything, and say so when they alone are to be read.
fn may_refuse(path: PathChoice) -> bool {
    matches!(path, PathChoice::Rollup | PathChoice::Counters)
}

fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<quipu::Error>().is_some_and(|error| error.kind() == ErrorKind::Invalid)
}

/// An answer of the peer, in the order in which Quipu's are written.
fn read(data: &Path, name: &str) -> Outcome<Rows> {
    let rows: Rows = serde_json::from_slice(&std::fs::read(data.join(name))?)?;
    Ok(serde_json::from_str(&to_json(&rows))?)
}

fn same_row(found: &[Json], expected: &[Json]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| same(found, expected))
}

/// Whole numbers and texts to the last digit, quotients as far as a binary float tells them apart.
fn same(found: &Json, expected: &Json) -> bool {
    let quotient = |json: &Json| json.to_string().contains(['.', 'e']) && json.is_number();
    match (found.as_f64(), expected.as_f64()) {
        (Some(a), Some(b)) if quotient(found) || quotient(expected) => {
            (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
        }
        _ => found == expected,
    }
}
