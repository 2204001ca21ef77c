"""SQLite: a write-ahead log, memory-mapped, indexes for every question that one can help; loaded with synchronous=OFF,
which only a load that can be repeated may do."""

import datetime
import json
import sqlite3
import time

import pyarrow as pa
import pyarrow.parquet as pq

from ..workload import COLUMNS, IDS, METERS, PRICE_COLUMNS, TEXTS
from . import Peer
from .sql import Sql

INDEXES = ["(job_id)", "(trace_id)", "(organization, job_type, ts)", "(ts)", "(team, ts)", "(feature)"]
SECONDS = {"day": 86_400, "hour": 3_600}


class Sqlite(Sql, Peer):
    def time(self, text):
        return str(int(datetime.datetime.fromisoformat(text + "+00:00").timestamp()) * 1_000_000)

    def truncate(self, unit, column):
        if unit == "month":
            second = f"strftime('%s', {column} / 1000000, 'unixepoch', 'start of month')"
            return f"CAST({second} AS INTEGER) * 1000000"
        micros = SECONDS[unit] * 1_000_000
        return f"({column} / {micros} * {micros})"

    def shown(self, time):
        return f"{time} / 1000000"

    def micros(self, column):
        return column

    def real(self, value):
        return f"CAST({value} AS REAL)"

    def in_production(self):
        return "json_extract(e.tags, '$.environment') = 'prod'"

    def percentiles(self):
        """Interpolated between the two nearest ranks, as the others do."""

        def percentile(p):
            at, rank = f"{p} * (n - 1)", f"CAST({p} * (n - 1) AS INTEGER)"
            return (
                f"sum(CASE WHEN rank = {rank} THEN d * (1 - ({at} - {rank}))"
                f" WHEN rank = {rank} + 1 THEN d * ({at} - {rank}) ELSE 0 END)"
            )

        within = "PARTITION BY model, task_type"
        return f"""
            WITH ranked AS (SELECT model, task_type, duration_ms AS d, count(*) OVER ({within}) AS n,
                row_number() OVER ({within} ORDER BY duration_ms) - 1 AS rank FROM events)
            SELECT model, task_type, max(n), {", ".join(percentile(p) for p in (0.5, 0.95, 0.99))}
            FROM ranked GROUP BY model, task_type"""

    def open(self):
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        cached = self.settings.memory // 4
        pragmas = ["journal_mode = WAL", f"cache_size = -{cached >> 10}", f"mmap_size = {self.settings.memory}"]
        for pragma in [*pragmas, f"threads = {self.threads}", "temp_store = MEMORY"]:
            self.connection.execute(f"PRAGMA {pragma}")

    def load(self):
        self.open()
        self.connection.execute("PRAGMA synchronous = OFF")
        types = dict.fromkeys(IDS, "BLOB") | dict.fromkeys(TEXTS, "TEXT")
        columns = [f"{column} {types.get(column, 'INTEGER')}" for column in COLUMNS]
        self.connection.execute(f"CREATE TABLE events ({', '.join(columns)}, tags TEXT)")
        converting = 0.0
        for file in self.events():
            for batch in pq.ParquetFile(file).iter_batches(50_000):
                start = time.perf_counter()
                rows = rows_of(pa.table(batch))
                converting += time.perf_counter() - start
                self._insert("events", rows)
        self._load_outcomes_and_prices()
        for at, columns in enumerate(INDEXES):
            self.connection.execute(f"CREATE INDEX index_{at} ON events {columns}")
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()
        return converting

    def _load_outcomes_and_prices(self):
        self.connection.execute(
            "CREATE TABLE outcomes (job_id TEXT PRIMARY KEY, reported_at INTEGER, execution_status TEXT,"
            " outcome_type TEXT, outcome_value_nanos INTEGER) WITHOUT ROWID"
        )
        self._insert("outcomes", plain(pq.read_table(f"{self.data}/outcomes.parquet")))
        prices = ", ".join(f"p_{meter} INTEGER" for meter in METERS)
        for book in ("prices", "prices_new"):
            self.connection.execute(
                f"CREATE TABLE {book} (provider TEXT, model TEXT, effective_from INTEGER, effective_to INTEGER,"
                f" {prices}, PRIMARY KEY (provider, model, effective_from)) WITHOUT ROWID"
            )
            self._insert(book, plain(pq.read_table(f"{self.data}/{book}.parquet").select(PRICE_COLUMNS)))

    def _insert(self, table, rows):
        places = ", ".join("?" * len(rows[0]))
        self.connection.execute("BEGIN")
        self.connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        self.connection.execute("COMMIT")

    def trace(self, trace):
        return self.connection.execute(self.trace_sql("?"), [bytes.fromhex(trace)]).fetchall()


def plain(table):
    """Rows, with times as microseconds."""
    times = pa.timestamp("us")
    columns = [c.cast(pa.int64()) if c.type == times else c for c in table.columns]
    return list(zip(*(column.to_pylist() for column in columns)))


def rows_of(calls):
    tags = [json.dumps(dict(tags), separators=(",", ":")) for tags in calls["tags"].to_pylist()]
    return [(*row, tag) for row, tag in zip(plain(calls.select(COLUMNS)), tags)]


BY_NAME = {"sqlite": Sqlite}
