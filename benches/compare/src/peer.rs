//! SQLite, tuned as its documentation advises: a write-ahead log, full durability, prepared
//! statements, one transaction per commit, the same unique identity.

use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use rusqlite::{Connection, params};

use crate::Outcome;

/// A row of the series.
pub struct Row {
    pub id: String,
    pub at_micros: i64,
    pub tenant: String,
    pub input: u64,
    pub output: u64,
    pub reasoning: u64,
}

pub fn read(path: &Path) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(path)?));
    for (n, record) in reader.records().enumerate() {
        let record = record?;
        let number = |at: usize| -> Outcome<u64> { Ok(record[at].parse()?) };
        rows.push(Row {
            id: format!("servegen/servegen_r1_expanded/{}", n + 1),
            at_micros: 1_738_368_000_000_000 + number(0)?.cast_signed() * 1_000,
            tenant: format!("client-{}", &record[1]),
            input: number(2)?,
            output: number(3)?,
            reasoning: number(4)?,
        });
    }
    Ok(rows)
}

pub struct Sqlite(Connection);

impl Sqlite {
    pub fn create(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144; PRAGMA mmap_size = 1073741824;
             CREATE TABLE event (id TEXT PRIMARY KEY, at INTEGER, tenant TEXT, provider TEXT, model TEXT,
                                 input INTEGER, output INTEGER, reasoning INTEGER) WITHOUT ROWID;",
        )?;
        Ok(Self(connection))
    }

    pub fn insert(&self, rows: &[Row], commit: usize) -> Outcome<()> {
        for batch in rows.chunks(commit) {
            self.0.execute_batch("BEGIN")?;
            let mut insert = self
                .0
                .prepare_cached("INSERT OR IGNORE INTO event VALUES (?, ?, ?, 'alibaba', 'deepseek-r1', ?, ?, ?)")?;
            for row in batch {
                insert.execute(params![
                    row.id,
                    row.at_micros,
                    row.tenant,
                    row.input.cast_signed(),
                    row.output.cast_signed(),
                    row.reasoning.cast_signed()
                ])?;
            }
            self.0.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    /// Tenant, input, output and reasoning tokens, as texts.
    pub fn tokens_by_tenant(&self) -> Outcome<Vec<Vec<String>>> {
        let mut query = self
            .0
            .prepare_cached("SELECT tenant, sum(input), sum(output), sum(reasoning) FROM event GROUP BY tenant")?;
        let rows = query.query_map([], |row| {
            Ok(vec![
                row.get(0)?,
                row.get::<_, i64>(1)?.to_string(),
                row.get::<_, i64>(2)?.to_string(),
                row.get::<_, i64>(3)?.to_string(),
            ])
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn bytes(&self) -> Outcome<u64> {
        let pages: i64 = self.0.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let size: i64 = self.0.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        Ok((pages * size).cast_unsigned())
    }
}
