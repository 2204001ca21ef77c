//! SQLite, tuned as its documentation advises: a write-ahead log, full durability, prepared statements, one
//! transaction per commit; ids as blobs, tags as JSON, indexes on the job and on the trace.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ToSql};

use crate::calls::{Call, NUMBERS, TEXTS, USAGE};
use crate::{Measured, Outcome};

pub fn commits(scratch: &Path, calls: &[Call], size: usize, budget: Duration) -> Outcome<Measured> {
    let dir = tempfile::tempdir_in(scratch)?;
    let connection = create(dir.path())?;
    let begun = Instant::now();
    let mut took = Vec::new();
    for batch in calls.chunks_exact(size) {
        let start = Instant::now();
        insert(&connection, batch)?;
        took.push(start.elapsed());
        if begun.elapsed() > budget {
            break;
        }
    }
    Ok(Measured::new(took.len() * size, took))
}

/// One transaction of everything.
pub fn bulk(scratch: &Path, calls: &[Call]) -> Outcome<Measured> {
    let dir = tempfile::tempdir_in(scratch)?;
    let connection = create(dir.path())?;
    let start = Instant::now();
    insert(&connection, calls)?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(Measured::new(calls.len(), vec![start.elapsed()]))
}

fn create(dir: &Path) -> Outcome<Connection> {
    let connection = Connection::open(dir.join("calls.db"))?;
    let texts = TEXTS.map(|(name, _)| name).join(", ");
    let numbers = NUMBERS.map(|(name, _)| name).join(" INTEGER, ");
    let usage = USAGE.map(|(name, _)| name).join(" INTEGER, ");
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1048576; PRAGMA mmap_size = 17179869184;
         CREATE TABLE events (ts INTEGER, {texts}, {numbers} INTEGER, {usage} INTEGER, tags TEXT);
         CREATE INDEX by_job ON events (job_id);
         CREATE INDEX by_trace ON events (trace_id);"
    ))?;
    Ok(connection)
}

fn insert(connection: &Connection, calls: &[Call]) -> Outcome<()> {
    connection.execute_batch("BEGIN")?;
    let places = vec!["?"; 2 + TEXTS.len() + NUMBERS.len() + USAGE.len()].join(",");
    let mut insert = connection.prepare_cached(&format!("INSERT INTO events VALUES ({places})"))?;
    for call in calls {
        let tags = serde_json::to_string(&call.tags.iter().map(|(k, v)| (k, v)).collect::<std::collections::BTreeMap<_, _>>())?;
        let ids = [0, 1, TEXTS.len() - 1].map(|at| call.texts[at].as_deref().map(blob));
        let mut values: Vec<&dyn ToSql> = vec![&call.at_micros];
        for (at, text) in call.texts.iter().enumerate() {
            match at {
                0 | 1 => values.push(&ids[at]),
                _ if at == TEXTS.len() - 1 => values.push(&ids[2]),
                _ => values.push(text),
            }
        }
        values.extend(call.numbers.iter().map(|number| number as &dyn ToSql));
        values.extend(call.usage.iter().map(|tokens| tokens as &dyn ToSql));
        values.push(&tags);
        insert.execute(values.as_slice())?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// The bytes of an id of hexadecimal digits.
fn blob(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()).collect()
}
